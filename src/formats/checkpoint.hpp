#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <unordered_map>

#include "formats/tensor_source.hpp"
#include "model/backbone.hpp"
#include "model/network.hpp"
#include "sharcs/model.hpp"

namespace sharcs::internal {

/// The weight NAME is stored as int8 in two tensors: NAME.int8 (I8, the weight's shape) and NAME.scale (F32, a number
/// an output, or an entry of a table). Element (o, i) stands for scale[o] · int8[o, i].
inline const std::string int8_suffix = ".int8", scale_suffix = ".scale";

/// Finds a model's parameters in the weights of a model directory, whatever spelling the checkpoint uses.
class CheckpointReader {
 public:
  struct Options {
    /// Private LayerNorms that the checkpoint lacks start anew, not from the leading entries of the plain ones.
    bool layer_norm_from_scratch = false;
    /// The model has other widths than the checkpoint, whose router and reduction weights are then not read.
    bool new_widths = false;
    /// The model has other labels than the checkpoint, whose classifier is then not read.
    bool new_labels = false;
    /// The model labels tokens and the checkpoint texts, or the other way round: the whole head is another.
    bool new_head = false;
    /// One of the two fills masks, so that their exits have other heads.
    bool new_exits = false;
  };

  /// Throws IoError or CheckpointError; ConfigError for a head that fills masks in a way that is not to be had.
  CheckpointReader(const std::filesystem::path& directory, const ModelConfig& config, const Options& options);

  const std::filesystem::path& path() const { return source_.path(); }
  /// Whether the checkpoint gives the parameter, itself or by the plain LayerNorm that a private one starts from.
  bool has(const ParameterSpec& spec) const { return is_int8(spec) || !name_on_disk(spec).empty(); }
  /// Whether the checkpoint may be without the parameter: a plain encoder has neither router nor private LayerNorms,
  /// and perhaps no head. But a checkpoint with one tensor of a router needs all of them, and so for the other parts.
  bool may_lack(const ParameterSpec& spec) const;
  /// The parameters of the model. Compares every shape with the checkpoint's before memory is taken for it. What the
  /// checkpoint lacks must not take much more than what it has. Throws CheckpointError.
  std::vector<ParameterSpec> checked_specs(const ModelConfig& config) const;
  /// The same for a model that is to be run as it is stored: nothing may be missing, and int8 is only what can be.
  /// config_file: for messages.
  std::vector<ParameterSpec> complete_specs(const ModelConfig& config, const std::filesystem::path& config_file) const;
  /// Reads it. Throws CheckpointError when the shape is not the model's or a number is not finite.
  template <class T>
  void read(const ParameterSpec& spec, std::span<T> values);
  /// Whether weights are stored as int8 (see save_int8_parameters()).
  bool holds_int8() const { return holds_int8_; }
  /// Whether this weight is.
  bool is_int8(const ParameterSpec& spec) const { return on_disk_.contains(spec.name + int8_suffix); }
  /// Whether the parameter is stored as bf16.
  bool is_bf16(const ParameterSpec& spec) const;
  /// Reads an int8 weight's scales, [outputs]. Returns its values, [outputs, inputs], where they lie in the mapped
  /// file: until the next call. Throws CheckpointError when one of the two tensors is missing or has another shape or
  /// type, or a scale is not a number from 0 on.
  MatrixView<const std::int8_t> read_int8(const ParameterSpec& spec, std::span<float> scales);
  /// Throws the CheckpointError for a parameter that the checkpoint ought to have.
  [[noreturn]] void fail_missing(const ParameterSpec& spec) const;
  /// Tensors that read() was never asked for, except the plain copies of private LayerNorms (see save_parameters()) and
  /// buffers that hold no parameters.
  std::vector<std::string> unread() const;

 private:
  /// The checkpoint's name of the parameter itself; null where it lacks it, or has it in the size of other widths.
  const std::string* own_name(const ParameterSpec& spec) const;
  std::string name_on_disk(const ParameterSpec& spec) const;
  /// Throws when the tensor on disk has a shape that the parameter cannot be read from.
  void require_shape(const ParameterSpec& spec, const TensorInfo& tensor) const;
  /// Throws when the tensor has another shape than `expected`.
  const TensorInfo& require(const std::string& name, std::span<const Index> expected) const;

  const Backbone& backbone_;
  HeadNames head_;
  Options options_;
  TensorSource source_;
  bool has_router_ = false, holds_int8_ = false;
  std::unordered_map<std::string, std::string> on_disk_;  // canonical name to the checkpoint's
  std::set<std::string> read_;
  std::string mapped_;  // the tensor that read_int8() returned last; empty before
};

/// Fills a network from a checkpoint. A parameter that is not there, and may be absent, is initialised from `seed` and
/// listed in the report.
/// Throws CheckpointError.
template <class T>
LoadReport read_parameters(Network<T>& network, CheckpointReader& reader, std::uint64_t seed);

/// Writes model.safetensors atomically, under Hugging Face's names and, for what SHARCS adds, the authors'.
///
/// The LayerNorms of full width are written twice: under their own names, and under those that a plain encoder has. So
/// Hugging Face's loader finds every parameter of the full-width sub-network.
void save_parameters(const Network<float>& network, const std::filesystem::path& file);

/// The same with the weights for which becomes_bf16() as BF16, rounded to the nearest. Every program that reads the
/// format takes them for floats.
void save_bf16_parameters(const Network<float>& network, const std::filesystem::path& file,
                          std::span<const std::string> keep_fp32);

/// The same with the weights for which becomes_int8() as int8 (see int8_suffix). Writes
/// `directory`/model.int8.safetensors.
void save_int8_parameters(const Network<float>& network, const std::filesystem::path& directory,
                          std::span<const std::string> keep_fp32);

}  // namespace sharcs::internal
