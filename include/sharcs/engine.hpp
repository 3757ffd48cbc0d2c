#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "sharcs/model.hpp"
#include "sharcs/policy.hpp"
#include "sharcs/tokenizer.hpp"

namespace sharcs::internal {
struct EngineAccess;
}

namespace [[gnu::visibility("default")]] sharcs {

/// One input of an encoder: token ids, special tokens included. The memory stays with the caller.
struct TokenSequence {
  std::span<const std::int32_t> ids;
  std::span<const std::int32_t> token_types = {};  ///< as many as ids, or none: all 0
  /// For a model that labels tokens: those that it shall label, by their places, ascending; none: all.
  std::span<const std::int32_t> labelled = {};
};

/// What a model says of one input. A model that labels tokens gives logits and probabilities one token after the other.
struct Prediction {
  int label = 0;              ///< the class with the largest logit; 0 for a regression, and for tokens
  std::vector<int> labels;    ///< multi-label: all whose probability is above the threshold; of tokens each one's
  std::vector<float> logits;  ///< one a class; for a regression the values
  std::vector<float> probabilities;  ///< softmax of the logits, multi-label: sigmoid of each; empty for a regression
  std::string answer;                ///< which of the model's answers this is: "exit 2", "0.25", "1"
  double width = 1;                  ///< of the layers after the router, where they gave the answer; an exit has 1
  int asked = 1;                     ///< how many answers the policy asked for, this one included
  std::vector<float> router_logits;  ///< one a width, ascending; empty where the sample did not come to the router
  std::int64_t multiply_adds = 0;    ///< of all that ran, by the paper's counting (see Answer); exits' heads included
  std::int64_t full_multiply_adds = 0;  ///< of full width alone for the same tokens
  bool truncated = false;               ///< by a Classifier: the text was longer than max_tokens(); see LongText
};

/// How the weights of the large products and the word embeddings are kept.
enum class Precision { fp32, bf16, int8 };

struct EngineOptions {
  /// Threads of all calls together; 0: OMP_NUM_THREADS, or the number of cores. No more than the cores that the process
  /// may use are taken. Calls that run at the same time share them, each keeping at least the thread that it came on.
  int threads = 0;
  /// A call has at most so many tokens under way, which bounds its memory; larger batches run in pieces, side by side.
  std::int64_t micro_batch_tokens = 4096;
  /// Which answers each input is asked for; absent: as the model's configuration says (Policy::of_model).
  std::optional<Policy> policy = {};
  /// bf16 takes half of the memory, int8 a quarter (docs/models.md). Absent: as the weights are stored.
  std::optional<Precision> precision = {};
  /// Of a Classifier: how long an input may be, special tokens included; 0: as in training, or what the model can read.
  std::size_t max_length = 0;
  LongText long_text = LongText::first;
  std::optional<double> label_threshold = {};  ///< in place of ModelConfig's
  std::size_t stride = 0;  ///< tokens from the beginning of a window to that of the next; 0: half a window
};

/// How one call differs from others.
struct CallOptions {
  /// In place of the engine's.
  std::optional<Policy> policy = {};
  /// A policy for each input, in place of one for all. The inputs share one batch all the same.
  std::span<const Policy> policies = {};
  /// When stop is requested the call throws Cancelled before its next layer.
  std::stop_token stop = {};
  /// When the call should be over. It then runs under the first policy of `times` that is expected to be in time, or
  /// else the quickest; it does not fail when it takes longer. Needs `times`, and excludes the two above.
  std::optional<std::chrono::steady_clock::time_point> deadline = {};
  const PolicyTimes* times = nullptr;
};

/// What becomes of an input's token vectors: their mean, special tokens included, or the first one's ([CLS], <s>).
enum class Pooling { mean, cls };

struct EmbedOptions {
  std::optional<int> layer = {};  ///< after which one: 0: the embeddings; absent: the last
  Pooling pooling = Pooling::mean;
  bool normalize = false;  ///< to length 1
  std::stop_token stop = {};
};

/// A model that is ready to run and never changes: weights packed once so that every width runs at full speed from one
/// buffer. Safe to call from many threads at once; each call has a workspace of its own, kept for later calls.
///
/// Batches are ragged: there is no padding, so none is computed. The layers before the router run for all inputs; the
/// policy then decides which answers each one is asked for. The stem runs once for all; full width goes on where the
/// stem or the last exit stopped; inputs whose answer is kept leave the batch. Results return in the caller's order. An
/// input's result does not depend on the others, on their order or on the number of threads, in any bit
/// (arXiv:2310.12126, section 3.3).
class Engine {
 public:
  /// Reads a model directory (see Model::load), packing each weight as it is read, so that the weights are in memory
  /// once. Throws IoError, ConfigError or CheckpointError; the last also when weights are missing, since an engine does
  /// not guess, or are stored as int8 where another precision is asked for.
  static Engine load(const std::filesystem::path& directory, const EngineOptions& options = {});
  /// Packs a copy of the model's weights.
  explicit Engine(const Model& model, const EngineOptions& options = {});

  Engine(Engine&&) noexcept;
  Engine& operator=(Engine&&) noexcept;
  ~Engine();

  /// One prediction an input, in order. Throws ShapeError when an input is empty, longer than the model's positions,
  /// or has a token id or type that the model has no embedding for; ConfigError as the policy.
  std::vector<Prediction> run(std::span<const TokenSequence> inputs) const;
  /// The same under another policy. Throws ConfigError, too, when the policy chooses a width that the model does not
  /// have, or asks a regression for probabilities.
  std::vector<Prediction> run(std::span<const TokenSequence> inputs, const Policy& policy) const;
  /// The same as the options say. Throws Cancelled, ShapeError when there are not as many policies as inputs, and
  /// ConfigError when options exclude each other.
  std::vector<Prediction> run(std::span<const TokenSequence> inputs, const CallOptions& options) const;

  /// A vector of hidden_size numbers for each input, of the full-width path; layers behind the one that is asked for do
  /// not run. Throws Cancelled, ShapeError as run(), and ConfigError when there is no such layer.
  std::vector<std::vector<float>> embed(std::span<const TokenSequence> inputs, const EmbedOptions& options = {}) const;

  /// Of the model.
  const ModelConfig& config() const;
  /// At which it can run, ascending.
  const WidthSet& widths() const;
  /// As they were given.
  const EngineOptions& options() const;
  /// The precision in force: that of the options, or the stored one.
  Precision precision() const;
  /// The policy in force: that of the options, or the model's own.
  const Policy& policy() const;
  std::size_t max_tokens() const;    ///< the greatest number of tokens of an input
  std::size_t weight_bytes() const;  ///< packed and plain
  /// Bytes of the workspaces that wait for the next call.
  std::size_t workspace_bytes() const;

 private:
  friend struct internal::EngineAccess;
  struct [[gnu::visibility("hidden")]] State;
  explicit Engine(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace sharcs
