#include "model/answers.hpp"

#include <cstdint>

#include "core/number.hpp"
#include "sharcs/model.hpp"

namespace sharcs {
using namespace internal;
namespace {

/// The polynomial of degree two through its values at 0, 1 and 2 tokens.
template <class MultiplyAdds>
LengthCost polynomial(const MultiplyAdds& multiply_adds_of) {
  const auto at = [&](std::int64_t tokens) { return static_cast<double>(multiply_adds_of(tokens)); };
  const double quadratic = (at(2) - 2 * at(1) + at(0)) / 2;
  return {.constant = at(0), .linear = at(1) - at(0) - quadratic, .quadratic = quadratic};
}

}  // namespace

LengthCost internal::multiply_adds_by_length(const ModelConfig& config, const Width& width) {
  return polynomial([&](std::int64_t tokens) { return multiply_adds(config, width, tokens); });
}

LengthCost internal::stem_multiply_adds_by_length(const ModelConfig& config) {
  return polynomial([&](std::int64_t tokens) { return stem_multiply_adds(config, tokens); });
}

bool internal::ends_at_full_width(const ModelConfig& config) {
  return !config.sharcs || config.sharcs->width_mult_list.back() == 1;
}

std::vector<Answer> answers_of(const ModelConfig& config) {
  const WidthSet widths(config);
  if (!config.sharcs) return {{.name = "1", .path = stem_multiply_adds_by_length(config)}};
  const std::int64_t stem = config.sharcs->adaptive_layer_idx, router = stem_multiply_adds(config, 0);
  const auto path_to = [&](std::int64_t layer) {
    return polynomial([&](std::int64_t tokens) {
      const std::int64_t a_layer = (stem_multiply_adds(config, tokens) - router) / stem;
      return layer * a_layer + (layer > stem ? router : 0);
    });
  };
  const std::int64_t hidden = config.hidden_size;
  const std::int64_t head = hidden * (hidden + config.num_labels() + (config.sharcs->exit_scores ? 1 : 0));

  std::vector<Answer> answers;
  const auto add_exits = [&](int after, int last) {
    for (const int layer : config.sharcs->exits)
      if (layer > after && layer <= last)
        answers.push_back({.name = "exit " + std::to_string(layer),
                           .exit_layer = layer,
                           .width_index = widths.widest().index(),
                           .path = path_to(layer),
                           .own = {.constant = static_cast<double>(head)}});
  };
  add_exits(0, static_cast<int>(stem));
  for (const Width& width : widths) {
    const std::string name = short_number(width.fraction());
    if (width.fraction() == 1) {
      add_exits(static_cast<int>(stem), config.num_hidden_layers);
      answers.push_back({.name = name, .width_index = width.index(), .path = multiply_adds_by_length(config, width)});
      continue;
    }
    const LengthCost own = polynomial(
        [&](std::int64_t tokens) { return multiply_adds(config, width, tokens) - stem_multiply_adds(config, tokens); });
    answers.push_back(
        {.name = name, .width_index = width.index(), .path = stem_multiply_adds_by_length(config), .own = own});
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
