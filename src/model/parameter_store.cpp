#include "model/parameter_store.hpp"

#include "core/rounding.hpp"

namespace sharcs::internal {

Index ParameterSpec::size() const {
  Index size = 1;
  for (const Index extent : shape) size *= extent;
  return size;
}

bool ParameterSpec::decays() const {
  return initial != Initial::ones && name.find("bias") == std::string::npos &&
         name.find("LayerNorm") == std::string::npos && name.find("layer_norm") == std::string::npos;
}

ParameterLayout::ParameterLayout(std::vector<ParameterSpec> specs) : specs_(std::move(specs)) {
  for (const ParameterSpec& spec : specs_) {
    by_name_.emplace(spec.name, static_cast<int>(offsets_.size()));
    if (spec.name.ends_with("word_embeddings.weight")) word_embeddings_ = offsets_.size();
    offsets_.push_back(buffer_size_);
    buffer_size_ += round_up(spec.size(), line_floats);
    parameter_count_ += spec.size();
  }
}

int ParameterLayout::find(const std::string& name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? -1 : found->second;
}

}  // namespace sharcs::internal
