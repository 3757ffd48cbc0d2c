#include "formats/checkpoint.hpp"

#include <algorithm>
#include <utility>

#include "core/quote.hpp"
#include "formats/safetensors.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {
namespace {

/// Buffers of Hugging Face's embeddings, no parameters: 0, 1, 2, …, and zeros.
bool is_buffer(const std::string& name) {
  return name.ends_with("embeddings.position_ids") || name.ends_with("embeddings.token_type_ids");
}

/// The bias that belongs to a weight, the weight that belongs to a bias; empty for other names.
std::string partner(const std::string& name) {
  for (const auto& [part, other] : {std::pair(".weight", ".bias"), std::pair(".bias", ".weight")})
    if (name.ends_with(part)) return name.substr(0, name.rfind('.')) + other;
  return {};
}

}  // namespace

CheckpointReader::CheckpointReader(const std::filesystem::path& directory, const ModelConfig& config,
                                   const Options& options)
    : backbone_(find_backbone(config.model_type)), options_(options), source_(open_checkpoint(directory)) {
  for (const TensorInfo& tensor : source_.tensors()) {
    if (is_buffer(tensor.name)) continue;
    const std::string name = backbone_.canonical_name(tensor.name);
    const bool of_router = name.find(".router.") != std::string::npos;
    has_router_ = has_router_ || of_router;
    if (options.new_widths && (of_router || name.find(".dim_reduction_weights.") != std::string::npos)) continue;
    const bool classifies = name.starts_with(backbone_.head.output + ".") ||
                            (name.starts_with("exits.") && name.find(".output.") != std::string::npos);
    if (options.new_labels && classifies) continue;
    const auto [other, fresh] = on_disk_.emplace(name, tensor.name);
    if (!fresh)
      throw CheckpointError(source_.path().string() + ": tensors " + quote(other->second) + " and " +
                            quote(tensor.name) + " are the same parameter");
  }
}

std::string CheckpointReader::name_on_disk(const ParameterSpec& spec) const {
  if (const auto found = on_disk_.find(spec.name); found != on_disk_.end()) return found->second;
  if (options_.layer_norm_from_scratch) return {};
  const auto plain = on_disk_.find(spec.starts_from);
  return plain == on_disk_.end() ? std::string() : plain->second;
}

bool CheckpointReader::may_lack(const ParameterSpec& spec) const {
  if (on_disk_.contains(partner(spec.name))) return false;
  const bool classifier = spec.name.starts_with(backbone_.head.output + ".");
  if (classifier || spec.name.starts_with(backbone_.head.dense + "."))
    return !has_router_ || (classifier && options_.new_labels);
  if (spec.component == Component::exit) return true;
  if (spec.component == Component::encoder && spec.width < 0) return false;
  if (has_router_) return options_.new_widths;
  const bool router_or_reduction = spec.component == Component::router || spec.initial == Initial::constant;
  return router_or_reduction || options_.layer_norm_from_scratch;  // else a LayerNorm that the encoder itself lacks
}

void CheckpointReader::fail_missing(const ParameterSpec& spec) const {
  const bool is_plain = !has_router_ && !spec.starts_from.empty();
  const std::string name = backbone_.saved_name(is_plain ? spec.starts_from : spec.name);
  throw CheckpointError(source_.path().string() + ": tensor " + quote(name) + " is missing; expected one" +
                        (is_plain ? "" : " of shape " + shape_text(spec.shape)) + " from config.json");
}

template <class T>
void CheckpointReader::read(const ParameterSpec& spec, std::span<T> values) {
  const std::string name = name_on_disk(spec);
  const TensorInfo& tensor = *source_.find(name);
  read_.insert(name);
  // The plain copy of a private LayerNorm is there for other programs.
  if (const auto twin = on_disk_.find(spec.starts_from); twin != on_disk_.end()) read_.insert(twin->second);
  const auto wrong_shape = [&] {
    throw CheckpointError(source_.path().string() + ": tensor " + quote(name) + " has shape " +
                          shape_text(tensor.shape) + "; expected " + shape_text(spec.shape) + " from config.json");
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
      if (!reader.may_lack(spec)) reader.fail_missing(spec);
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
  const Width& widest = network.widths().widest();
  std::vector<NamedTensor> tensors;
  for (std::size_t i = 0; i < network.layout().specs().size(); ++i) {
    const ParameterSpec& spec = network.layout().specs()[i];
    tensors.push_back({backbone.saved_name(spec.name), spec.shape, network.values().values(i)});
    const bool full = spec.width == widest.index() && widest.hidden() == network.config().hidden_size;
    if (full && !spec.starts_from.empty() && network.layout().find(spec.starts_from) < 0)
      tensors.push_back({backbone.saved_name(spec.starts_from), spec.shape, network.values().values(i)});
  }
  write_safetensors(file, tensors);
}

}  // namespace sharcs::internal
