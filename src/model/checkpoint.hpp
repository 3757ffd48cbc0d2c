#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <unordered_map>

#include "model/backbone.hpp"
#include "model/network.hpp"
#include "model/tensor_source.hpp"
#include "sharcs/model.hpp"

namespace sharcs {

/// Finds a model's parameters in the weights of a model directory, whatever spelling the checkpoint uses.
class CheckpointReader {
 public:
  struct Options {
    /// Private LayerNorms that the checkpoint lacks are not taken from the leading entries of the plain ones.
    bool layer_norm_from_scratch = false;
  };

  /// Throws IoError or CheckpointError.
  CheckpointReader(const std::filesystem::path& directory, const ModelConfig& config, const Options& options);

  const std::filesystem::path& path() const { return source_.path(); }
  /// Whether the checkpoint gives the parameter, itself or by the plain LayerNorm that a private one starts from.
  bool has(const ParameterSpec& spec) const { return !name_on_disk(spec).empty(); }
  /// Reads it. Throws CheckpointError when the shape is not the model's or a number is not finite.
  template <class T>
  void read(const ParameterSpec& spec, std::span<T> values);
  /// Behaves as if the checkpoint did not have the linear layer of this name.
  void ignore(const std::string& linear);
  /// Tensors that read() was never asked for.
  std::vector<std::string> unread() const;

 private:
  std::string name_on_disk(const ParameterSpec& spec) const;

  Options options_;
  TensorSource source_;
  std::unordered_map<std::string, std::string> on_disk_;  // canonical name to the checkpoint's
  std::set<std::string> read_;
};

/// Fills a network from a checkpoint; what it lacks is initialised from `seed` and listed in the report.
template <class T>
LoadReport read_parameters(Network<T>& network, CheckpointReader& reader, std::uint64_t seed);

/// Writes model.safetensors atomically.
void save_parameters(const Network<float>& network, const std::filesystem::path& file);

}  // namespace sharcs
