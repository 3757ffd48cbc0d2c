#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sharcs/dataset.hpp"
#include "sharcs/model_config.hpp"
#include "sharcs/routing.hpp"
#include "sharcs/task.hpp"

namespace [[gnu::visibility("default")]] sharcs {

class Classifier;
class Policy;

struct Interval {
  double low;
  double high;
};

struct BootstrapOptions {
  double confidence = 0.95;
  int resamples = 2000;
  std::uint64_t seed = 1;
};

/// A value with the percentile interval of its bootstrap distribution.
struct Estimate {
  double value;
  Interval interval;
};

/// One of the answers that a model can give, for every sample of a data set.
struct RecordedAnswer {
  std::string name = "1";          ///< "exit 2", "0.25", "1"
  double width = 1;                ///< as a fraction; an exit belongs to full width
  int exit_layer = 0;              ///< of an exit, from 1; 0: a sub-network
  LengthCost cost = {};            ///< multiply-adds of a sample that gets this answer alone
  LengthCost path = {};            ///< the part of `cost` that it shares with other answers (see Answer)
  std::vector<float> logits = {};  ///< [samples, outputs]; of a regression the values
  std::vector<float> scores = {};  ///< [samples], of an exit: the logits of its being right; empty where it has none
  double seconds = 0;              ///< that the whole data set took at full width; 0 for the others
  std::vector<std::string> texts = {};     ///< [samples], of windows: the best answer; of masked tokens: those it names
  std::vector<float> exact = {}, f1 = {};  ///< [samples], of these texts, as SQuAD's scripts measure them
};

/// All that a model can answer to each sample of a data set, and what its router said. Any policy can be tried on a
/// recording without running the model again: see route(), evaluate(), compare() and calibrate(). Where words are
/// labelled, logits and labels stand for the words that the model reads, sample after sample. Where questions are
/// answered, the samples are the windows of their contexts. Their logits are five numbers: the rows of the best
/// answer's ends, its score, that of "none", and the logarithm of the sum that they are shares of. Their labels: 2: the
/// answer is there; 1: it is in another window; 0: the question has none. Where masked tokens are told, the samples are
/// blocks of text, labels the true tokens, and logits three numbers a masked token: the likeliest one, and the
/// logarithms of its probability and of the true one's.
struct Recording {
  std::string model = {};  ///< its folder
  ModelConfig config = {};
  std::string task = {};                      ///< "sst-2"
  std::vector<std::string> classes = {};      ///< their names; of a regression those of several numbers, or none
  std::vector<Metric> metrics = {};           ///< of the task, the main one first
  std::string data = {};                      ///< the data file
  std::size_t outputs = 0;                    ///< the number of classes; of a regression that of its numbers
  std::vector<RecordedAnswer> answers = {};   ///< as answers_of(); the last one is full width's
  std::vector<float> router_logits = {};      ///< [samples, widths]; empty without a router
  std::vector<std::int32_t> tokens = {};      ///< [samples], special tokens included
  std::vector<int> labels = {};               ///< [samples], the true classes; multi-label: a bit each; else empty
  std::vector<double> targets = {};           ///< [samples, outputs], the true values of a regression; else empty
  std::vector<std::size_t> first_words = {};  ///< [samples + 1], where each sample's words begin; else empty
  std::vector<std::size_t> questions = {};    ///< [samples], of windows: the number of their question; else empty
  std::vector<Sample> samples = {};           ///< with their texts; empty where only numbers were recorded

  /// Reads a recording.json. Throws IoError; DataError naming the key.
  static Recording load(const std::filesystem::path& file);
  std::size_t size() const { return tokens.size(); }
  bool is_regression() const { return (outputs == 1 && !config.per_token) || config.multi_output; }
  std::vector<double> widths() const;                                      ///< of the sub-networks, ascending
  int full_width() const { return static_cast<int>(answers.size()) - 1; }  ///< the index of its answer
  std::span<const float> logits_of(std::size_t sample, int answer) const;  ///< one a class, or a word and class
  std::span<const float> router_logits_of(std::size_t sample) const;       ///< one a width, ascending
  bool is_multi_label() const { return config.multi_label; }
  bool labels_words() const { return config.per_token; }  ///< or finds answers, or fills masks
  bool finds_answers() const { return config.finds_answers; }
  bool fills_masks() const { return config.fills_masks; }
  std::vector<int> tags_of(std::size_t sample, int answer) const;  ///< where words are labelled: what the answer says
  std::span<const int> true_tags_of(std::size_t sample) const;     ///< the same of the file
  int label_of(std::size_t sample, int answer) const;  ///< of the largest logit; multi-label: bit i is label i
  std::span<const double> targets_of(std::size_t sample) const;  ///< of a regression, one an output
};

/// Runs the model on a labelled data set, for all of its answers. Throws DataError when a sample has no label,
/// ConfigError when the task does not fit the model.
Recording record(const Classifier& classifier, const Task& task, const Dataset& dataset);

/// What a policy does with each sample of a recording.
struct Routing {
  std::vector<int> answer_of_sample = {};   ///< the index of the answer that is kept
  std::vector<double> cost_of_sample = {};  ///< multiply-adds of all that ran
  std::vector<std::uint64_t> asked = {};    ///< for each sample a bit for each answer that it was asked for
  std::int64_t runs(int answer) const;      ///< how many samples were asked for this answer
};

/// What the policy does; everything at full width when the model has no router. Throws ConfigError as the policy.
Routing route(const Recording& recording, const Policy& policy);
/// Each sample gets the answer with this index. Throws ShapeError when sizes differ or an answer does not exist.
Routing route(const Recording& recording, std::vector<int> answer_of_sample);

/// Samples to which the router gave similar probabilities. The two means agree when the router is reliable.
struct ReliabilityBin {
  double low = 0, high = 1;  ///< of the probabilities, [low, high); the last bin includes 1
  std::int64_t samples = 0;
  double predicted = 0;  ///< the mean probability; NaN without samples
  double right = 0;      ///< the share of the samples that this width answers right; NaN without samples
};

/// How one answer does.
struct AnswerMetrics {
  std::string name = "1";
  double width = 1;                              ///< as a fraction
  std::int64_t samples = 0;                      ///< that the policy gives this answer
  double cost_fraction = 1;                      ///< of this answer for everything: multiply-adds over full width's
  MetricMap routed = {};                         ///< over the samples that the policy gives this answer
  MetricMap all = {};                            ///< over all samples, this answer for everything
  std::vector<ReliabilityBin> reliability = {};  ///< of the router's probability for this width; empty for an exit
};

/// The metrics that follow from a recording and a policy.
struct Evaluation {
  std::string name = "dev";  ///< of the data
  std::int64_t samples = 0;
  MetricMap routed = {};                    ///< by the policy
  MetricMap full = {};                      ///< everything at full width
  double cost_fraction = 1;                 ///< by the policy: multiply-adds over full width's
  double seconds_routed = 0;                ///< that the data set took by the policy; 0: not measured
  double seconds_full = 0;                  ///< that it took at full width
  std::vector<AnswerMetrics> answers = {};  ///< in the model's order
};

/// From the recording alone; `name` and the policy's time are left to the caller. Throws ShapeError when sizes differ.
Evaluation evaluate(const Recording& recording, const Routing& routing);
/// Records, and evaluates the engine's policy. The policy and full width are timed in turn, `timing_rounds` times each;
/// the medians count. Throws as record().
Evaluation evaluate(const Classifier& classifier, const Task& task, const Dataset& dataset, int timing_rounds = 1);

}  // namespace sharcs
