#include "formats/checkpoint.hpp"

#include <algorithm>
#include <deque>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/number.hpp"
#include "core/quote.hpp"
#include "formats/safetensors.hpp"
#include "kernels/int8_rows.hpp"
#include "model/low_precision.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {
namespace {

/// Numbers that a checkpoint may lack whatever its own size: a head, a router, LayerNorms of the widths.
constexpr double fresh_for_free = 1 << 26;

/// Buffers of Hugging Face's embeddings, no parameters: 0, 1, 2, …, and zeros.
bool is_buffer(const std::string& name) {
  return name.ends_with("embeddings.position_ids") || name.ends_with("embeddings.token_type_ids");
}

/// What stands before the name of every tensor: PyTorch's wrappers for training on several devices ("module."), for
/// compiled models ("_orig_mod.") and many people's own modules ("model.") save their names.
std::size_t bytes_of_wrapper(const TensorSource& source) {
  std::size_t skipped = 0;
  for (bool found = !source.tensors().empty(); found;) {
    found = false;
    for (const std::string_view prefix : {"module.", "_orig_mod.", "model."})
      if (!found && std::ranges::all_of(source.tensors(), [&](const TensorInfo& tensor) {
            return std::string_view(tensor.name).substr(skipped).starts_with(prefix);
          })) {
        skipped += prefix.size();
        found = true;
      }
  }
  return skipped;
}

/// Whether a tensor of a head that fills masks is the word embeddings again, or its bias under another name. `output`
/// is the name of the bias without ".bias".
bool is_tied(const std::string& output, const std::string& name) {
  return name == output + ".weight" || name == output + ".decoder.weight" || name == output + ".decoder.bias" ||
         name == "lm_head.decoder.weight" || name == "lm_head.decoder.bias";
}

/// Throws ConfigError for keys that ask for another head than one that ends with the word embeddings.
void require_tied_head(const ModelConfig& config, const std::string& file) {
  const auto keys = nlohmann::json::parse(config.other_keys);
  for (const char* key : {"tie_word_embeddings", "legacy", "decoder_bias"})
    if (const auto found = keys.find(key); found != keys.end() && *found == false)
      throw ConfigError(file + ": \"" + key + "\" is false; expected true for a head that fills masks");
}

/// The bias that belongs to a weight, the weight that belongs to a bias; empty for other names.
std::string partner(const std::string& name) {
  for (const auto& [part, other] : {std::pair(".weight", ".bias"), std::pair(".bias", ".weight")})
    if (name.ends_with(part)) return name.substr(0, name.rfind('.')) + other;
  return {};
}

/// What the parts of an int8 weight are called follows from the name of the weight.
std::string canonical_name(const Backbone& backbone, const std::string& name) {
  for (const std::string& suffix : {int8_suffix, scale_suffix})
    if (name.ends_with(suffix)) return backbone.canonical_name(name.substr(0, name.size() - suffix.size())) + suffix;
  return backbone.canonical_name(name);
}

}  // namespace

CheckpointReader::CheckpointReader(const std::filesystem::path& directory, const ModelConfig& config,
                                   const Options& options)
    : backbone_(find_backbone(config.model_type)),
      head_(backbone_.head_of(config)),
      options_(options),
      source_(open_checkpoint(directory)) {
  if (config.fills_masks) require_tied_head(config, (directory / "config.json").string());
  const std::size_t wrapper = bytes_of_wrapper(source_);
  for (const TensorInfo& tensor : source_.tensors()) {
    if (is_buffer(tensor.name)) continue;
    const std::string name = canonical_name(backbone_, tensor.name.substr(wrapper));
    holds_int8_ = holds_int8_ || name.ends_with(int8_suffix);
    const bool of_router = name.find(".router.") != std::string::npos;
    has_router_ = has_router_ || of_router;
    if (options.new_widths && (of_router || name.find(".dim_reduction_weights.") != std::string::npos)) continue;
    const bool classifies = name.starts_with(head_.output + ".") ||
                            (name.starts_with("exits.") && name.find(".output.") != std::string::npos);
    if (options.new_labels && classifies && !config.fills_masks) continue;
    if (options.new_exits && name.starts_with("exits.")) continue;
    if (config.fills_masks && is_tied(head_.output, name)) continue;
    const auto [other, fresh] = on_disk_.emplace(name, tensor.name);
    if (on_disk_.contains(name + int8_suffix) ||
        (name.ends_with(int8_suffix) && on_disk_.contains(name.substr(0, name.size() - int8_suffix.size()))))
      throw CheckpointError(source_.path().string() + ": tensor " + quote(tensor.name) +
                            " is there as floats and as int8; expected one of the two");
    if (!fresh)
      throw CheckpointError(source_.path().string() + ": tensors " + quote(other->second) + " and " +
                            quote(tensor.name) + " are the same parameter");
  }
}

bool CheckpointReader::is_bf16(const ParameterSpec& spec) const {
  const std::string name = name_on_disk(spec);
  return !name.empty() && source_.find(name)->dtype == DType::bf16;
}

const std::string* CheckpointReader::own_name(const ParameterSpec& spec) const {
  const auto found = on_disk_.find(spec.name);
  if (found == on_disk_.end()) return nullptr;
  // Of a width that kept another part of the token vectors, the LayerNorms are of another size.
  if (options_.new_widths && spec.width >= 0 && source_.find(found->second)->shape != spec.shape) return nullptr;
  return &found->second;
}

std::string CheckpointReader::name_on_disk(const ParameterSpec& spec) const {
  if (const std::string* own = own_name(spec)) return *own;
  if (options_.layer_norm_from_scratch) return {};
  const auto plain = on_disk_.find(spec.starts_from);
  return plain == on_disk_.end() ? std::string() : plain->second;
}

bool CheckpointReader::may_lack(const ParameterSpec& spec) const {
  if (on_disk_.contains(partner(spec.name))) return false;
  const bool classifier = spec.name.starts_with(head_.output + ".");
  const bool head_norm = !head_.norm.empty() && spec.name.starts_with(head_.norm + ".");
  const bool dense = !head_.dense.empty() && spec.name.starts_with(head_.dense + ".");
  if (classifier || head_norm || dense) return !has_router_ || options_.new_head || (classifier && options_.new_labels);
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

void CheckpointReader::require_shape(const ParameterSpec& spec, const TensorInfo& tensor) const {
  // A private LayerNorm that is not there takes the leading entries of the pretrained one (arXiv:2310.12126,
  // section 3.2).
  const bool from_plain = !is_int8(spec) && own_name(spec) == nullptr;
  if (from_plain ? tensor.shape.size() == 1 && tensor.shape[0] >= spec.size() : tensor.shape == spec.shape) return;
  throw CheckpointError(source_.path().string() + ": tensor " + quote(tensor.name) + " has shape " +
                        shape_text(tensor.shape) + "; expected " + shape_text(spec.shape) + " from config.json");
}

std::vector<ParameterSpec> CheckpointReader::checked_specs(const ModelConfig& config) const {
  // Even the names of the parameters of 65,536 layers take memory.
  constexpr std::size_t layers_for_free = 1024;
  const std::size_t layers = static_cast<std::size_t>(config.num_hidden_layers), tensors = source_.tensors().size();
  if (!backbone_.shares_layers && layers > std::max(layers_for_free, tensors))
    throw CheckpointError(source_.path().string() + ": has " + std::to_string(tensors) +
                          " tensors; expected those of the " + std::to_string(layers) + " layers of config.json");
  std::vector<ParameterSpec> specs = parameter_specs(config, WidthSet(config));
  double given = 0, fresh = 0;
  for (const TensorInfo& tensor : source_.tensors()) given += static_cast<double>(tensor.size());
  for (const ParameterSpec& spec : specs) {
    if (has(spec))
      require_shape(spec, *source_.find(is_int8(spec) ? on_disk_.at(spec.name + int8_suffix) : name_on_disk(spec)));
    else
      fresh += static_cast<double>(spec.size());
  }
  if (fresh > std::max(given, fresh_for_free))
    throw CheckpointError(source_.path().string() + ": has " + short_number(given) +
                          " numbers, and config.json asks for " + short_number(fresh) +
                          " more; expected no more than the checkpoint has");
  return specs;
}

std::vector<ParameterSpec> CheckpointReader::complete_specs(const ModelConfig& config,
                                                            const std::filesystem::path& config_file) const {
  std::vector<ParameterSpec> specs = checked_specs(config);
  std::vector<std::string> missing;
  for (const ParameterSpec& spec : specs) {
    if (!has(spec)) missing.push_back(spec.name);
    if (is_int8(spec) && !becomes_int8(config, spec))
      throw CheckpointError(path().string() + ": tensor \"" + spec.name +
                            "\" is stored as int8; expected floats, which this parameter always is");
  }
  if (!missing.empty())
    throw CheckpointError(path().string() + ": lacks " + missing.front() +
                          (missing.size() > 1 ? " and " + std::to_string(missing.size() - 1) + " more" : "") +
                          "; expected every parameter of " + config_file.string());
  return specs;
}

template <class T>
void CheckpointReader::read(const ParameterSpec& spec, std::span<T> values) {
  const std::string name = name_on_disk(spec);
  const TensorInfo& tensor = *source_.find(name);
  read_.insert(name);
  // The plain copy of a private LayerNorm is there for other programs.
  if (const auto twin = on_disk_.find(spec.starts_from); twin != on_disk_.end()) read_.insert(twin->second);
  require_shape(spec, tensor);
  if (own_name(spec) == nullptr) {
    std::vector<T> whole(static_cast<std::size_t>(tensor.shape[0]));
    source_.read<T>(name, whole);
    std::copy_n(whole.begin(), spec.size(), values.begin());
  } else {
    source_.read<T>(name, values);
  }
}

template void CheckpointReader::read(const ParameterSpec&, std::span<float>);
template void CheckpointReader::read(const ParameterSpec&, std::span<double>);

const TensorInfo& CheckpointReader::require(const std::string& name, std::span<const Index> expected) const {
  const TensorInfo& tensor = *source_.find(name);
  if (!std::ranges::equal(tensor.shape, expected))
    throw CheckpointError(source_.path().string() + ": tensor " + quote(name) + " has shape " +
                          shape_text(tensor.shape) + "; expected " + shape_text(expected) + " from config.json");
  return tensor;
}

MatrixView<const std::int8_t> CheckpointReader::read_int8(const ParameterSpec& spec, std::span<float> scales) {
  if (!mapped_.empty()) source_.drop(mapped_);
  const std::string name = on_disk_.at(spec.name + int8_suffix);
  require(name, spec.shape);
  const auto scale = on_disk_.find(spec.name + scale_suffix);
  const std::span<const Index> outputs(spec.shape.data(), 1);
  if (scale == on_disk_.end())
    throw CheckpointError(source_.path().string() + ": tensor " + quote(name) + " has no scales; expected the tensor " +
                          quote(backbone_.saved_name(spec.name) + scale_suffix) + " of shape " + shape_text(outputs));
  require(scale->second, outputs);
  source_.read<float>(scale->second, scales);
  const auto negative = std::ranges::find_if(scales, [](float x) { return x < 0; });
  if (negative != scales.end())
    throw CheckpointError(source_.path().string() + ": tensor " + quote(scale->second) + ": element " +
                          std::to_string(negative - scales.begin()) + " is " + std::to_string(*negative) +
                          "; expected a scale of 0 or more");
  read_.insert(name);
  read_.insert(scale->second);
  mapped_ = name;
  return {source_.mapped_int8(name).data(), spec.shape[0], spec.shape[1]};
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

namespace {

/// All parameters under their names in a file; those of full width's LayerNorms also under a plain encoder's.
/// `add(spec, name, values)` takes them.
template <class Add>
void for_each_saved(const Network<float>& network, const Add& add) {
  const Backbone& backbone = find_backbone(network.config().model_type);
  const Width& widest = network.widths().widest();
  for (std::size_t i = 0; i < network.layout().specs().size(); ++i) {
    const ParameterSpec& spec = network.layout().specs()[i];
    add(spec, backbone.saved_name(spec.name), network.values().values(i));
    const bool full = spec.width == widest.index() && widest.is_full();
    if (full && !spec.starts_from.empty() && network.layout().find(spec.starts_from) < 0)
      add(spec, backbone.saved_name(spec.starts_from), network.values().values(i));
  }
}

}  // namespace

void save_parameters(const Network<float>& network, const std::filesystem::path& file) {
  std::vector<NamedTensor> tensors;
  for_each_saved(network, [&](const ParameterSpec& spec, std::string name, std::span<const float> values) {
    tensors.push_back({std::move(name), spec.shape, values});
  });
  write_safetensors(file, tensors);
}

void save_bf16_parameters(const Network<float>& network, const std::filesystem::path& file,
                          std::span<const std::string> keep_fp32) {
  std::vector<NamedTensor> tensors;
  for_each_saved(network, [&](const ParameterSpec& spec, std::string name, std::span<const float> values) {
    tensors.push_back({std::move(name), spec.shape, values});
    if (becomes_bf16(network.config(), spec, keep_fp32)) tensors.back().float_dtype = DType::bf16;
  });
  write_safetensors(file, tensors);
}

void save_int8_parameters(const Network<float>& network, const std::filesystem::path& directory,
                          std::span<const std::string> keep_fp32) {
  std::vector<NamedTensor> tensors;
  std::deque<std::vector<std::int8_t>> all_values;
  std::deque<std::vector<float>> all_scales;
  for_each_saved(network, [&](const ParameterSpec& spec, const std::string& name, std::span<const float> floats) {
    if (!becomes_int8(network.config(), spec, keep_fp32)) {
      tensors.push_back({name, spec.shape, floats});
      return;
    }
    std::vector<std::int8_t>& values = all_values.emplace_back(floats.size());
    std::vector<float>& scales = all_scales.emplace_back(static_cast<std::size_t>(spec.shape[0]));
    kernels::quantize_weight(MatrixView<const float>(floats.data(), spec.shape[0], spec.shape[1]),
                             MatrixView<std::int8_t>(values.data(), spec.shape[0], spec.shape[1]), scales);
    tensors.push_back({name + int8_suffix, spec.shape, std::span<const std::int8_t>(values)});
    tensors.push_back({name + scale_suffix, {spec.shape[0]}, std::span<const float>(scales)});
  });
  write_safetensors(directory / int8_file, tensors);
}

}  // namespace sharcs::internal
