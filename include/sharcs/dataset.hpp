#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace [[gnu::visibility("default")]] sharcs {

/// One example of a task: a sentence or a pair, and what is known about it.
struct Sample {
  std::string text;
  std::optional<std::string> pair = {};  ///< the second sentence of a pair task
  std::optional<int> label = {};       ///< classification: index into the task's labels; none in an unlabelled test set
  std::optional<double> target = {};   ///< regression; finite
  std::optional<int> difficulty = {};  ///< the level of a graded sentence, from a column of that name
  std::string id = {};                 ///< the file's own index of the sample; empty when it has none
  std::size_t line = 0;                ///< where the sample starts in the file, from 1; 0 when it comes from no file
};

/// Samples of one file, in its order.
struct Dataset {
  std::string file;  ///< as it was given, for messages
  std::vector<Sample> samples;
  std::vector<std::string>
      notes;  ///< what the reader did that a user should know of (lines left out, bytes replaced), a line each

  std::size_t size() const { return samples.size(); }
  bool empty() const { return samples.empty(); }
  /// Whether every sample has a label or a target. False for no samples.
  bool labelled() const;
};

enum class Split { train, dev, test };

/// "train", "dev" or "test".
std::string to_string(Split split);

/// What to do with bytes that are not UTF-8, and with NUL bytes.
enum class InvalidText {
  refuse,   ///< DataError with the line
  replace,  ///< each ill-formed sequence becomes U+FFFD, and a note of the data set counts them
};

struct ReadOptions {
  InvalidText invalid_text = InvalidText::refuse;
};

/// How many samples have each of `labels` labels. Unlabelled samples are not counted.
std::vector<std::size_t> label_counts(const Dataset& dataset, std::size_t labels);

struct SplitOptions {
  double dev_share = 0.1;  ///< in (0, 1)
  std::uint64_t seed = 1;
};

struct TrainAndDev {
  Dataset train;
  Dataset dev;
};

/// Splits labelled samples into a training and a dev part with the same share of every label.
///
/// Of n samples of a label, round(n · dev_share) go to dev, at least 1 and at most n − 1; the only sample of a label
/// stays in train. For regression the strata are runs of about 1 / dev_share neighbours in the order of the targets,
/// and round(n · dev_share) of all n samples go to dev. The same samples and seed give the same split; both parts keep
/// the file's order. Throws DataError when a sample has no label, or when one of the parts would be empty; ConfigError
/// when dev_share is not in (0, 1).
TrainAndDev split_stratified(const Dataset& dataset, const SplitOptions& options = {});

}  // namespace gnu::visibility("default")]]sharcs
