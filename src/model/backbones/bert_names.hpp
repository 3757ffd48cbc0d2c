#pragma once

#include "model/backbone.hpp"

namespace sharcs::internal::backbones {

/// A layer whose names are BERT's below `prefix` ("bert.encoder.layer.").
LayerNames bert_layer(const std::string& prefix, int index);
/// The full name of a tensor whose checkpoint was saved without a head, hence without `prefix` ("bert."); LayerNorm's
/// gamma and beta, as TensorFlow spells them, become weight and bias.
std::string bert_canonical_name(const std::string& prefix, const std::string& name);

}  // namespace sharcs::internal::backbones
