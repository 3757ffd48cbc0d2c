#pragma once

#include <sharcs/model_config.hpp>
#include <utility>
#include <vector>

namespace sharcs::internal::bench {

/// BERT-base with a router after layer 3.
inline ModelConfig bert_base(std::vector<double> widths) {
  ModelConfig config;
  config.sharcs = SharcsConfig{.width_mult_list = std::move(widths), .adaptive_layer_idx = 3};
  return config;
}

}  // namespace sharcs::internal::bench
