#pragma once

#include <gtest/gtest.h>

#include "core/random.hpp"
#include "model/network.hpp"

namespace sharcs::internal::testing {

/// A BERT small enough for finite differences: 3 layers of 12, widths 1/3, 2/3 and 1.
inline ModelConfig small_config() {
  ModelConfig config;
  config.vocab_size = 17;
  config.hidden_size = 12;
  config.num_hidden_layers = 3;
  config.num_attention_heads = 3;
  config.intermediate_size = 15;
  config.max_position_embeddings = 9;
  config.initializer_range = 0.4;
  config.hidden_dropout_prob = 0;
  config.attention_probs_dropout_prob = 0;
  config.labels = {"a", "b", "c"};
  config.sharcs =
      SharcsConfig{.width_mult_list = {1.0 / 3, 2.0 / 3, 1.0}, .adaptive_layer_idx = 1, .hidden_size_router = 5};
  return config;
}

/// The same of another family; embeddings have five dimensions where they are projected.
inline ModelConfig small_config_of(const std::string& model_type) {
  ModelConfig config = small_config();
  config.model_type = model_type;
  if (find_backbone(model_type).projection != EmbeddingProjection::never) config.embedding_size = 5;
  return config;
}

/// For tests that every backbone has to pass, a new one included.
inline std::vector<std::string> every_model_type() {
  std::vector<std::string> types;
  for (const Backbone& backbone : backbones::all()) types.push_back(backbone.model_type);
  return types;
}
inline std::string test_name_of(const ::testing::TestParamInfo<std::string>& type) {
  std::string name = type.param;
  std::erase(name, '-');
  return name;
}

/// Random parameters everywhere, LayerNorms and biases included, so that no gradient is zero by accident.
template <class T>
void randomise(Network<T>& network, std::uint64_t seed = 1) {
  for (std::size_t i = 0; i < network.layout().specs().size(); ++i) {
    Random random(derive_key(seed, network.layout().specs()[i].name));
    const bool norm_weight = network.layout().specs()[i].initial == Initial::ones;
    for (T& value : network.values().values(i)) value = static_cast<T>((norm_weight ? 1 : 0) + 0.3 * random.normal());
  }
  network.pack();
}

inline RaggedBatch random_batch(const ModelConfig& config, std::vector<Index> lengths, std::uint64_t seed = 2) {
  RaggedBatch batch;
  Random random(seed);
  for (const Index length : lengths) {
    std::vector<std::int32_t> ids, types;
    for (Index t = 0; t < length; ++t) {
      ids.push_back(static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(config.vocab_size))));
      types.push_back(static_cast<std::int32_t>(t > length / 2 && config.type_vocab_size > 1));
    }
    std::vector<std::int32_t> head_tokens;  // not all, but at least one
    for (Index t = 0; t < length && config.per_token; ++t)
      if (t == length / 2 || random.below(2) == 0) head_tokens.push_back(static_cast<std::int32_t>(t));
    batch.add(ids, types, head_tokens);
  }
  return batch;
}

}  // namespace sharcs::internal::testing
