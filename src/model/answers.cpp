#include "model/answers.hpp"

#include <cstdint>
#include <numeric>

#include "core/number.hpp"
#include "model/length_cost.hpp"
#include "sharcs/model.hpp"

namespace sharcs {
using namespace internal;
namespace {

/// The layers begin .. end − 1.
std::vector<int> layers_from(int begin, int end) {
  std::vector<int> layers(static_cast<std::size_t>(end - begin));
  std::iota(layers.begin(), layers.end(), begin);
  return layers;
}

}  // namespace

LengthCost internal::stem_multiply_adds_by_length(const ModelConfig& config) {
  const int stem = config.sharcs ? config.sharcs->adaptive_layer_idx : config.num_hidden_layers;
  return sum_of(layers_by_length(config, layers_from(0, stem), Width()), router_by_length(config));
}

LengthCost internal::multiply_adds_by_length(const ModelConfig& config, const Width& width) {
  const LengthCost stem = stem_multiply_adds_by_length(config);
  return config.sharcs ? sum_of(stem, layers_by_length(config, width.layers(), width)) : stem;
}

bool internal::ends_at_full_width(const ModelConfig& config) {
  return !config.sharcs || config.sharcs->width_mult_list.back() == 1;
}

std::vector<Answer> answers_of(const ModelConfig& config) {
  const WidthSet widths(config);
  // The head that fills masks has as much to do as a layer, and is paid for each answer.
  const LengthCost mask_head = mask_head_by_length(config);
  if (!config.sharcs) return {{.name = "1", .path = stem_multiply_adds_by_length(config), .own = mask_head}};
  const int stem = config.sharcs->adaptive_layer_idx;
  int reached = 0;  // exits ascend
  LengthCost path;
  const auto path_to = [&](int layer) {
    path = sum_of(path, layers_by_length(config, layers_from(reached, layer), widths.full()));
    reached = layer;
    return layer > stem ? sum_of(path, router_by_length(config)) : path;
  };
  const std::int64_t hidden = config.hidden_size;
  const std::int64_t head = hidden * (hidden + config.num_labels() + (config.sharcs->exit_scores ? 1 : 0));
  // Of tokens each costs a classifier, as if all were words' first ones.
  const LengthCost exit = config.fills_masks ? mask_head
                          : config.per_token ? LengthCost{.linear = static_cast<double>(hidden * config.num_labels())}
                                             : LengthCost{.constant = static_cast<double>(head)};

  std::vector<Answer> answers;
  const auto add_exits = [&](int after, int last) {
    for (const int layer : config.sharcs->exits)
      if (layer > after && layer <= last)
        answers.push_back({.name = "exit " + std::to_string(layer),
                           .exit_layer = layer,
                           .width_index = widths.widest().index(),
                           .path = path_to(layer),
                           .own = exit});
  };
  add_exits(0, stem);
  for (const Width& width : widths) {
    const std::string name = short_number(width.fraction());
    if (width.is_full()) {
      add_exits(stem, config.num_hidden_layers);
      answers.push_back({.name = name,
                         .width_index = width.index(),
                         .path = multiply_adds_by_length(config, width),
                         .own = mask_head});
      continue;
    }
    answers.push_back({.name = name,
                       .width_index = width.index(),
                       .path = stem_multiply_adds_by_length(config),
                       .own = sum_of(layers_by_length(config, width.layers(), width), mask_head)});
  }
  return answers;
}

int internal::answer_of_width(const std::vector<Answer>& answers, int width_index) {
  for (std::size_t i = 0; i < answers.size(); ++i)
    if (!answers[i].is_exit() && answers[i].width_index == width_index) return static_cast<int>(i);
  return -1;
}

int internal::answer_of_exit(const std::vector<Answer>& answers, int layer) {
  for (std::size_t i = 0; i < answers.size(); ++i)
    if (layer > 0 && answers[i].exit_layer == layer) return static_cast<int>(i);
  return -1;
}

}  // namespace sharcs
