#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sharcs/model_config.hpp"

namespace sharcs::internal {
template <class T>
class Network;
struct ModelAccess;
}  // namespace sharcs::internal

namespace [[gnu::visibility("default")]] sharcs {

/// How a checkpoint that is not yet a SHARCS model becomes one.
struct LoadOptions {
  /// Replaces the checkpoint's widths and router settings, and where they differ its router; absent: those of its
  /// config.json, if any.
  std::optional<SharcsConfig> sharcs = {};
  /// Replaces the checkpoint's labels, and with another number of them its classifier.
  std::optional<std::vector<std::string>> labels = {};
  /// With `labels`: as ModelConfig has them.
  bool multi_label = false;
  bool multi_output = false;
  bool per_token = false;
  bool finds_answers = false;
  bool fills_masks = false;
  double label_threshold = 0.5;
  /// Leaves out all but the checkpoint's first so many layers; absent: none.
  std::optional<int> num_hidden_layers = {};
  /// Private LayerNorms start from weight 1 and bias 0 instead of the leading entries of the pretrained ones.
  bool layer_norm_from_scratch = false;
  /// For what has to be initialised.
  std::uint64_t seed = 1;
};

/// What loading a checkpoint came across.
struct LoadReport {
  std::vector<std::string> initialised;  ///< parameters that the checkpoint does not have
  std::vector<std::string> unexpected;   ///< tensors that the model does not use
  /// One line for people; empty when the checkpoint and the model agree.
  std::string summary() const;
};

/// A trainable width-adaptive encoder: configuration and parameters. Move-only.
class Model {
 public:
  /// A model with random parameters, as BERT initialises them. Throws ConfigError.
  static Model create(const ModelConfig& config, std::uint64_t seed = 1);

  /// Reads a model directory in Hugging Face's layout: config.json and model.safetensors (also sharded) or
  /// pytorch_model.bin. A plain checkpoint loads too: what it lacks (router, private LayerNorms, head) is initialised
  /// and listed in `report`. Of its encoder nothing may be missing. Throws IoError, ConfigError or CheckpointError.
  static Model load(const std::filesystem::path& directory, const LoadOptions& options = {},
                    LoadReport* report = nullptr);

  /// Writes config.json and model.safetensors, each atomically; makes the directory when it is absent. Throws IoError.
  ///
  /// Hugging Face's loader reads the directory as a plain model of every layer at full width. With full_width_norm
  /// `plain` that computes what full width computes. With `private` it does not: a plain encoder lacks the LayerNorm of
  /// the reduction, and full width's own LayerNorms where layers share their weights (ALBERT) or no width is 1. A head
  /// size of its own (attention_head_size) Hugging Face's encoders do not know.
  void save(const std::filesystem::path& directory) const;

  Model(Model&&) noexcept;
  Model& operator=(Model&&) noexcept;
  ~Model();

  const ModelConfig& config() const;
  /// Replaces ModelConfig::task: what the model is trained for. save() writes it.
  void set_task(const std::optional<TaskSpec>& task);
  /// Replaces the policy that engines follow by default; none: the router's choice. save() writes it. Throws
  /// ConfigError when the rule does not fit the model's answers, or the model is a plain encoder.
  void set_policy(std::optional<PolicyRule> rule);
  const WidthSet& widths() const;
  /// Trainable numbers.
  std::int64_t parameter_count() const;

 private:
  friend struct internal::ModelAccess;
  explicit Model(std::unique_ptr<internal::Network<float>> network);

  std::unique_ptr<internal::Network<float>> network_;
};

/// Multiply-adds of one sample of `tokens` tokens whose adaptive layers run at `width`, by the paper's counting: query,
/// key, value and output projections, query · key and probabilities · value, the feed-forward projections of every
/// layer, and the router's two linear layers. Embeddings, biases, LayerNorm, softmax, GELU, pooler and classifier are
/// not counted.
std::int64_t multiply_adds(const ModelConfig& config, const Width& width, std::int64_t tokens);

/// The part of multiply_adds() that every width shares: the layers before the router, and the router. Running a sample
/// again at another width costs the rest only. All of it for a plain encoder.
std::int64_t stem_multiply_adds(const ModelConfig& config, std::int64_t tokens);

/// Trainable numbers that a sample at `width` meets: all that every width shares, the slices of the adaptive layers and
/// of the head, and the width's own LayerNorms and reduction weights.
std::int64_t parameters_used(const ModelConfig& config, const Width& width);

}  // namespace sharcs
