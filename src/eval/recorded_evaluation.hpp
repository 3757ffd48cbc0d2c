#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "eval/call_times.hpp"
#include "sharcs/calibration.hpp"

namespace sharcs::internal {

// recording.json, schema 3: what a trained model answered to every sample of a data set, and the evaluation that
// follows under one policy. Reports are drawn from it, and policies calibrated and compared, without the model and the
// data.
//
// clang-format off
// | key | type | meaning |
// |---|---|---|
// | `schema` | integer | 3. Keys may be added under the same number: a reader skips those it does not know |
// | `sharcs` | text | version of the library that wrote the file |
// | `model` | text | the model directory, as it was given |
// | `config` | object | the model's configuration, as in its config.json |
// | `task.name`, `.kind` | text | "sst-2"; "classification", "regression", "multi_label", "token_classification", "question_answering" or "masked_lm" |
// | `task.labels[]` | list | names of the classes; [] for a regression |
// | `task.metrics[]` | list | names of the task's metrics, the first is the main one |
// | `data` | text | the data file, as it was given |
// | `threads` | integer | of the engine; 0: all |
// | `answers[]` | list | what the model can answer, in the order in which it is asked; given by their place in it below |
// | – `.name` | text | "exit 2", "0.25" |
// | – `.width` | number | as a fraction |
// | – `.exit_layer` | integer | only of an exit: the layer after which it stands |
// | – `.cost` | list | [c, l, q]: a sample of n tokens costs c + l · n + q · n² multiply-adds |
// | – `.path` | list | the same of the part in layers at full width: a sample that gets several answers spends the longest of their paths once |
// | – `.seconds` | number | measured time of the whole data set; 0: not measured |
// | `policy` | text | how the answer of each sample was chosen: "router", … |
// | `evaluation` | object | of that policy, as evaluation_json.hpp says |
// | `points[]` | list | ways to choose widths, for accuracy against cost; [] when none were compared |
// | – `.name` | text | "routed", "fixed 0.25", "by length", "budget 0.5", "8 ms", … |
// | – `.series` | text | what belongs together: "routed", "fixed", "random", "oracle", "calibrated", … |
// | – `.shares[]` | list | share of the samples that get each answer |
// | – `.cost_fraction` | number | multiply-adds over full width's |
// | – `.time_fraction` | number | measured time over full width's; only where it was measured |
// | – `.metrics` | object | metric to value |
// | – `.score` | object | `value`, `low`, `high`: mean of the metrics with its 95 % bootstrap interval |
// | – `.lead` | object | the same: score of "routed" minus this one's, by paired bootstrap; only where it was measured |
// | `latency[]` | list | measured time of a call with everything at one width; [] when it was not measured |
// | – `.width` | number | as a fraction |
// | – `.tokens`, `.batch`, `.runs` | integer | of each input; inputs in a call; calls measured |
// | – `.seconds`, `.low`, `.high` | number | median and quartiles |
// | `calls[]` | list | measured time of calls of neighbouring samples, by the policy and at full width; absent in older files |
// | – `.batch`, `.calls` | integer | samples in a call; calls measured |
// | – `.policy`, `.full` | object | `p50`, `p95`, `p99`: seconds of a call that so many of a hundred did not exceed |
// | – `.time_fraction` | number | of all calls together: the policy's time over full width's |
// | `samples[]` | list | one entry a sample, in the data file's order; where questions are answered, one for each window of a context |
// | – `.text`, `.pair` | text | `pair` only for tasks of pairs |
// | – `.id`, `.line` | text, integer | where the data file has it; "" and 0 when it comes from no file |
// | – `.difficulty` | integer | only when it is known |
// | – `.tokens` | integer | special tokens included |
// | – `.labels[]` | list | in place of `.label`: the true labels of a multi_label task |
// | – `.words[]`, `.tags[]` | list | in place of `.label`: the words and, of those that the model reads, the true tags by their place in `task.labels` |
// | – `.question`, `.window` | integer | of a window: the number of its question, and its own in the context |
// | – `.answers[][]` | list | of a window: first byte of each true answer in `pair`, and the byte behind it; [] where there is none |
// | – `.texts[]` | list | of a window: the best answer in it by each answer of the model; of a block of plain text: the tokens that each names for the masked ones, whose true spellings are `.words[]` and numbers in the vocabulary `.tags[]` |
// | – `.label` or `.target` | integer or number | the true class, by its place in `task.labels`; or the true value |
// | – `.targets[]` | list | in place of `.target`: the true values of a regression with several numbers a text |
// | – `.answer` | integer | that the policy chose, by its place in `answers` |
// | – `.router_logits[]` | list | one a width; [] for a model without router |
// | – `.logits[][]` | list | for each answer one logit a class, or the values of a regression; of words with tags those of one word after the other; of a window five numbers: rows where the best answer begins and ends, its score, that of none, logarithm of the sum of all; of a masked token three: the likeliest token's number, the logarithms of its probability and of the true one's |
// | – `.scores[]` | list | only where exits have scores: for each exit the logit of its answer's being right |
// clang-format on
//
// A number that does not exist is null in the file and NaN in the structs. Logits come back bit for bit.
//
// Schema 2 had `shared_cost` in place of the answers' paths, and `evaluation.widths` for `evaluation.answers`.
//
// Schema 1 (evaluation.json) had the predicted class and two probabilities for each width in place of the logits, with
// six decimals. It is read, too: the logits are then logarithms of these probabilities; of the classes that are neither
// predicted nor true, each has an equal share of the rest.

/// A recording, and its evaluation under one policy: the content of a recording.json, as the table above explains it.
struct RecordedEvaluation {
  static constexpr int schema = 3;

  std::string version = {};  ///< of the library that wrote it; to_json() writes its own
  int threads = 0;
  Recording recording = {};
  std::string policy = "router";
  std::vector<int> answer_of_sample = {};
  Evaluation evaluation = {};
  std::vector<OperatingPoint> points = {};
  std::vector<Latency> latency = {};
  std::vector<CallTimes> calls = {};

  /// The text of the file, a sample a line.
  std::string to_json() const;
  /// Of either schema. `name` stands for the file in messages. Throws DataError when it is of neither, ConfigError when
  /// the model's configuration in it is none.
  static RecordedEvaluation parse(std::string_view json, const std::string& name);

  /// Throws IoError, and as parse(), naming the file, the key, what was found and what was expected.
  static RecordedEvaluation load(const std::filesystem::path& file);
  /// Writes atomically. Throws IoError; ShapeError when the recording has no texts.
  void save(const std::filesystem::path& file) const;
};

/// The file in a run's folder, and what it was called in schema 1.
constexpr const char* recording_file = "recording.json";
constexpr const char* earlier_recording_file = "evaluation.json";

/// The series of the points that `sharcs calibrate` adds.
constexpr const char* calibrated_series = "calibrated";

}  // namespace sharcs::internal
