#pragma once

#include <cstdint>
#include <sharcs/model_config.hpp>
#include <utility>
#include <vector>

#include "core/random.hpp"

namespace sharcs::internal::bench {

/// BERT-base with a router after layer 3.
inline ModelConfig bert_base(std::vector<double> widths) {
  ModelConfig config;
  config.sharcs = SharcsConfig{.width_mult_list = std::move(widths), .adaptive_layer_idx = 3};
  return config;
}

/// So many ids of a vocabulary.
inline std::vector<std::int32_t> random_words(Random& random, std::int64_t count, int vocab_size) {
  std::vector<std::int32_t> ids;
  for (std::int64_t i = 0; i < count; ++i)
    ids.push_back(static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(vocab_size))));
  return ids;
}

}  // namespace sharcs::internal::bench
