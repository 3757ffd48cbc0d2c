#include "model/checkpoint.hpp"

#include <algorithm>

#include "model/safetensors.hpp"
#include "sharcs/error.hpp"

namespace sharcs {
namespace {

/// "….LayerNorm_025.weight" → "….LayerNorm.weight": where a private LayerNorm's values come from. Empty for other
/// names.
std::string plain_layer_norm(const ParameterSpec& spec) {
  const std::size_t dot = spec.name.rfind('.');
  const std::size_t underscore = spec.name.rfind('_', dot);
  if (spec.width < 0 || dot == std::string::npos || underscore == std::string::npos) return {};
  const std::string plain = spec.name.substr(0, underscore);
  if (!plain.ends_with("orm")) return {};  // LayerNorm, layer_norm
  return plain + spec.name.substr(dot);
}

}  // namespace

CheckpointReader::CheckpointReader(const std::filesystem::path& directory, const ModelConfig& config,
                                   const Options& options)
    : options_(options), source_(open_checkpoint(directory)) {
  const Backbone& backbone = find_backbone(config.model_type);
  for (const TensorInfo& tensor : source_.tensors())
    on_disk_.emplace(backbone.canonical_name(tensor.name), tensor.name);
}

std::string CheckpointReader::name_on_disk(const ParameterSpec& spec) const {
  if (const auto found = on_disk_.find(spec.name); found != on_disk_.end()) return found->second;
  if (options_.layer_norm_from_scratch) return {};
  const auto plain = on_disk_.find(plain_layer_norm(spec));
  return plain == on_disk_.end() ? std::string() : plain->second;
}

template <class T>
void CheckpointReader::read(const ParameterSpec& spec, std::span<T> values) {
  const std::string name = name_on_disk(spec);
  const TensorInfo& tensor = *source_.find(name);
  read_.insert(name);
  const auto wrong_shape = [&] {
    throw CheckpointError(source_.path().string() + ": tensor \"" + name + "\" has shape " + shape_text(tensor.shape) +
                          "; expected " + shape_text(spec.shape) + " from config.json");
  };
  const bool from_plain = !on_disk_.contains(spec.name);
  if (from_plain) {
    // The leading entries of the pretrained LayerNorm (arXiv:2310.12126, section 3.2).
    if (tensor.shape.size() != 1 || tensor.shape[0] < spec.size()) wrong_shape();
    std::vector<T> whole(static_cast<std::size_t>(tensor.shape[0]));
    source_.read<T>(name, whole);
    std::copy_n(whole.begin(), spec.size(), values.begin());
  } else {
    if (tensor.shape != spec.shape) wrong_shape();
    source_.read<T>(name, values);
  }
}

template void CheckpointReader::read(const ParameterSpec&, std::span<float>);
template void CheckpointReader::read(const ParameterSpec&, std::span<double>);

void CheckpointReader::ignore(const std::string& linear) {
  for (const char* part : {".weight", ".bias"}) on_disk_.erase(linear + part);
}

std::vector<std::string> CheckpointReader::unread() const {
  std::vector<std::string> names;
  for (const auto& [canonical, name] : on_disk_)
    if (!read_.contains(name)) names.push_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

template <class T>
LoadReport read_parameters(Network<T>& network, CheckpointReader& reader, std::uint64_t seed) {
  LoadReport report;
  for (std::size_t i = 0; i < network.layout().specs().size(); ++i) {
    const ParameterSpec& spec = network.layout().specs()[i];
    if (reader.has(spec)) {
      reader.read(spec, network.values().values(i));
    } else {
      network.initialise(i, seed);
      report.initialised.push_back(spec.name);
    }
  }
  report.unexpected = reader.unread();
  return report;
}

template LoadReport read_parameters(Network<float>&, CheckpointReader&, std::uint64_t);
template LoadReport read_parameters(Network<double>&, CheckpointReader&, std::uint64_t);

void save_parameters(const Network<float>& network, const std::filesystem::path& file) {
  const Backbone& backbone = find_backbone(network.config().model_type);
  std::vector<NamedTensor> tensors;
  for (std::size_t i = 0; i < network.layout().specs().size(); ++i) {
    const ParameterSpec& spec = network.layout().specs()[i];
    tensors.push_back({backbone.saved_name(spec.name), spec.shape, network.values().values(i)});
  }
  write_safetensors(file, tensors);
}

}  // namespace sharcs
