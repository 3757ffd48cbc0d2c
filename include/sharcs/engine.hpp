#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "sharcs/model.hpp"
#include "sharcs/routing.hpp"

namespace sharcs::internal {
struct EngineAccess;
}

namespace [[gnu::visibility("default")]] sharcs {

/// One input of an encoder: token ids, special tokens included. The memory stays with the caller.
struct TokenSequence {
  std::span<const std::int32_t> ids;
  /// As many as ids, or none: all 0.
  std::span<const std::int32_t> token_types = {};
};

/// What a model says of one input.
struct Prediction {
  int label = 0;                     ///< the class with the largest logit; 0 for a regression
  std::vector<float> logits;         ///< one a class; for a regression the value
  std::vector<float> probabilities;  ///< softmax of the logits; empty for a regression
  double width = 1;                  ///< at which the adaptive layers ran, the last time
  int attempts = 1;                  ///< how often they ran: more than once in a cascade
  std::vector<float> router_logits;  ///< one a width, ascending; empty for a model without router
  std::int64_t multiply_adds = 0;    ///< of all attempts, by the paper's counting (see multiply_adds() in model.hpp)
  bool truncated = false;            ///< by a Classifier: the text was longer than the model reads, and was cut
};

struct EngineOptions {
  /// Threads of all calls together; 0: OMP_NUM_THREADS, or the number of cores. Calls that run at the same time share
  /// them, each keeping at least the thread that it came on.
  int threads = 0;
  /// Larger batches are run in pieces of at most this many tokens, which bounds the workspace.
  std::int64_t micro_batch_tokens = 4096;
  /// How the width of each input is chosen; absent: as the model's configuration says (RoutingPolicy::of_model).
  std::optional<RoutingPolicy> policy = {};
};

/// A model that is ready to run and never changes: weights packed once so that every width runs at full speed from one
/// buffer. Safe to call from many threads at once; each call has a workspace of its own, kept for later calls.
///
/// Batches are ragged: there is no padding, so none is computed. The layers before the router run for all inputs; the
/// policy then chooses each one's width, inputs of one width run together, and results return in the caller's order. An
/// input's result does not depend on the others, on their order or on the number of threads, in any bit
/// (arXiv:2310.12126, section 3.3).
class Engine {
 public:
  /// Reads a model directory (see Model::load), packing each weight as it is read, so that the weights are in memory
  /// once. Throws IoError, ConfigError or CheckpointError; the last also when weights are missing: an engine does not
  /// guess.
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
  std::vector<Prediction> run(std::span<const TokenSequence> inputs, const RoutingPolicy& policy) const;

  /// Of the model.
  const ModelConfig& config() const;
  /// At which it can run, ascending.
  const WidthSet& widths() const;
  /// As they were given.
  const EngineOptions& options() const;
  /// The policy in force: that of the options, or the model's own.
  const RoutingPolicy& policy() const;
  /// The greatest number of tokens of an input.
  std::size_t max_tokens() const;
  /// Bytes of the weights, packed and plain.
  std::size_t weight_bytes() const;
  /// Bytes of the workspaces that wait for the next call.
  std::size_t workspace_bytes() const;

 private:
  friend struct internal::EngineAccess;
  struct [[gnu::visibility("hidden")]] State;
  explicit Engine(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

/// How long a call of an engine takes when all of its inputs run at one width.
struct Latency {
  double width = 1;    ///< as a fraction
  int tokens = 0;      ///< of each input, special tokens included
  int batch = 1;       ///< inputs in a call
  int runs = 0;        ///< calls measured
  double seconds = 0;  ///< of a call: the median
  double low = 0;      ///< the first quartile
  double high = 0;     ///< the third quartile
};

struct LatencyOptions {
  /// Tokens of an input. Empty: 8, 16, 32, … up to 128, or as far as the model's positions go.
  std::vector<int> lengths = {};
  /// Inputs in a call.
  std::vector<int> batches = {1, 8};
  /// For each width, length and batch: at least so many calls, and at least so many seconds.
  int least_runs = 5;
  double seconds_each = 0.2;
};

/// Measures an engine at every width, length and batch. The widths take turns, so that whatever else the machine does
/// slows all of them alike. Ordered by batch, length, width. Throws ConfigError when a length is not from 1 to
/// engine.max_tokens(), or batches or runs are less than 1.
std::vector<Latency> measure_latency(const Engine& engine, const LatencyOptions& options = {});

}  // namespace sharcs
