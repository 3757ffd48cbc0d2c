#pragma once

#include <deque>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/encoder_tree.hpp"
#include "sharcs/engine.hpp"

namespace sharcs::internal::onnx {

/// A weight as int8: element (o, i) stands for scales[o] · values(o, i).
struct Int8Values {
  MatrixView<const std::int8_t> values;
  const float* scales = nullptr;

  explicit operator bool() const { return scales != nullptr; }
};

/// A linear layer as it is written: as floats, or as int8.
struct LinearWeight {
  std::string name;
  MatrixView<const float> weight = {};  ///< [outputs, inputs]
  Int8Values int8 = {};                 ///< in place of `weight`
  const float* bias = nullptr;          ///< or none
  std::string tied_to = {};             ///< the table that the weight is; empty: it is its own

  Index outputs() const { return int8 ? int8.values.rows : weight.rows; }
};

/// A model's folder, read to be written in another form.
class StoredModel {
 public:
  using Tree = EncoderTree<LinearWeight, const float>;

  /// precision: fp32 or int8; none: int8 where the folder holds int8 weights, else fp32. What `sharcs quantize` kept as
  /// fp32 stays so. Throws IoError, ConfigError or CheckpointError, as Engine::load() does.
  StoredModel(const std::filesystem::path& folder, std::optional<Precision> precision);
  StoredModel(const StoredModel&) = delete;
  StoredModel& operator=(const StoredModel&) = delete;

  const ModelConfig& config() const { return config_; }
  const WidthSet& widths() const { return widths_; }
  const Backbone& backbone() const { return find_backbone(config_.model_type); }
  Precision precision() const { return precision_; }
  const Tree& tree() const { return tree_; }
  /// The word embeddings of an int8 model, in place of the tree's.
  const Int8Values& int8_words() const { return int8_words_; }
  /// The name of the parameter that begins there, which is none of int8.
  const std::string& name_of(const float* values) const { return names_.at(values); }

  Index stem_layers() const { return config_.sharcs ? config_.sharcs->adaptive_layer_idx : config_.num_hidden_layers; }
  /// As Encoder::is_plain().
  bool is_plain(const Width& width) const {
    return config_.sharcs && config_.sharcs->full_width_norm == FullWidthNorm::plain &&
           width.index() == widths_.widest().index();
  }

 private:
  struct Int8Memory {
    std::vector<std::int8_t> values;
    std::vector<float> scales;
  };

  ModelConfig config_;
  WidthSet widths_;
  Precision precision_ = Precision::fp32;
  std::optional<ParameterLayout> layout_;
  std::optional<ParameterStore<float>> floats_;
  std::deque<Int8Memory> int8_;
  std::map<const float*, std::string> names_;
  Int8Values int8_words_;
  Tree tree_;
};

}  // namespace sharcs::internal::onnx
