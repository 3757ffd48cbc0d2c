#include <algorithm>
#include <cmath>
#include <cstdint>

#include "core/number.hpp"
#include "sharcs/error.hpp"
#include "sharcs/model_config.hpp"

namespace sharcs {
using namespace internal;
namespace {

constexpr std::size_t most_widths = 64;

struct Sizes {
  int heads, hidden, ffn;
};

int round_half_to_even(double x) { return static_cast<int>(std::nearbyint(x)); }

Sizes sizes_at(const ModelConfig& config, double fraction) {
  const int heads = std::max(1, round_half_to_even(config.num_attention_heads * fraction));
  const double rounded = static_cast<double>(heads) / config.num_attention_heads;
  const bool slices = !config.sharcs || config.sharcs->slice_hidden;
  return {heads, slices ? std::max(1, static_cast<int>(rounded * config.hidden_size)) : config.hidden_size,
          std::max(1, static_cast<int>(rounded * config.intermediate_size))};
}

int reduced_dims(const ModelConfig& config, double fraction) { return static_cast<int>(fraction * config.hidden_size); }

bool runs(const ModelConfig& config, double fraction) {
  return !config.sharcs->slice_hidden || sizes_at(config, fraction).hidden == reduced_dims(config, fraction);
}

bool groups_evenly(double fraction) {
  const double group = 1 / fraction;
  return std::abs(group - std::round(group)) < 1e-9;
}

/// The layers of a tail of `depth` of its layers: 2, 4, 6 of six by half (DynaBERT, section 3.2).
std::vector<int> layers_at(int first, int end, double depth) {
  const int all = end - first, kept = std::max(1, round_half_to_even(depth * all));
  std::vector<int> layers;
  for (int i = 1; i <= kept && all > 0; ++i)
    layers.push_back(first + static_cast<int>(std::int64_t{i} * all / kept) - 1);
  return layers;
}

std::string spelled(double fraction) {
  std::string text = short_number(fraction);
  if (text.find('.') == std::string::npos) text += ".0";
  std::erase(text, '.');
  return text;
}

/// The widths nearest to `fraction` that the model can run: those that keep a whole number of heads.
std::string nearest_that_run(const ModelConfig& config, double fraction) {
  double below = 0, above = 0;
  for (int heads = 1; heads <= config.num_attention_heads; ++heads) {
    const double candidate = static_cast<double>(heads) / config.num_attention_heads;
    if (!runs(config, candidate)) continue;
    if (config.sharcs->weighted_dim_reduction && !groups_evenly(candidate)) continue;
    if (candidate < fraction) below = candidate;
    if (candidate > fraction && above == 0) above = candidate;
  }
  if (below == 0) return short_number(above);
  if (above == 0) return short_number(below);
  return short_number(below) + " and " + short_number(above);
}

}  // namespace

bool SharcsConfig::same_network(const SharcsConfig& other) const {
  return width_mult_list == other.width_mult_list && adaptive_layer_idx == other.adaptive_layer_idx &&
         hidden_size_router == other.hidden_size_router && weighted_dim_reduction == other.weighted_dim_reduction &&
         slice_hidden == other.slice_hidden;
}

WidthSet::WidthSet(const ModelConfig& config, const std::string& name) {
  const int stem = config.sharcs ? config.sharcs->adaptive_layer_idx : config.num_hidden_layers;
  const auto make = [&](double fraction, int index, double depth) {
    const Sizes sizes = sizes_at(config, fraction);
    Width width;
    width.index_ = index;
    width.fraction_ = fraction;
    width.heads_ = sizes.heads;
    width.attention_ = sizes.heads * config.head_size();
    width.hidden_ = sizes.hidden;
    width.ffn_ = sizes.ffn;
    width.layers_ = layers_at(stem, config.num_hidden_layers, depth);
    width.suffix_ = spelled(fraction);
    return width;
  };
  full_ = make(1.0, 0, 1.0);
  if (!config.sharcs) {
    widths_ = {full_};
    return;
  }
  const std::string key = name + ": \"width_mult_list\" ";
  const auto& list = config.sharcs->width_mult_list;
  if (list.empty()) throw ConfigError(key + "is empty; expected ascending numbers in (0, 1]");
  if (list.size() > most_widths)
    throw ConfigError(key + "has " + std::to_string(list.size()) + " numbers; expected at most " +
                      std::to_string(most_widths));
  if (config.sharcs->weighted_dim_reduction && !config.sharcs->slice_hidden)
    throw ConfigError(name + ": \"weighted_dim_reduction\" is true where \"slice_hidden\" is false; expected one of " +
                      "them, since token vectors that stay whole are not reduced");
  const auto& depths = config.sharcs->depth_mult_list;
  const std::string depth_key = name + ": \"depth_mult_list\" ";
  if (!depths.empty() && depths.size() != list.size())
    throw ConfigError(depth_key + "has " + std::to_string(depths.size()) + " numbers; expected " +
                      std::to_string(list.size()) + ", one for each width, or none");
  for (std::size_t i = 0; i < list.size(); ++i) {
    const double depth = depths.empty() ? 1 : depths[i];
    if (!(depth > 0 && depth <= 1))
      throw ConfigError(depth_key + "has " + short_number(depth) + "; expected numbers in (0, 1]");
    if (list[i] == 1 && depth != 1)
      throw ConfigError(depth_key + "has " + short_number(depth) +
                        " for width 1; expected 1, since full width is the whole encoder");
    const double fraction = list[i];
    if (!(fraction > 0 && fraction <= 1))
      throw ConfigError(key + "has " + short_number(fraction) + "; expected ascending numbers in (0, 1]");
    if (i > 0 && fraction <= list[i - 1])
      throw ConfigError(key + "has " + short_number(fraction) + " after " + short_number(list[i - 1]) +
                        "; expected ascending numbers");
    if (!runs(config, fraction))
      throw ConfigError(
          key + "has " + short_number(fraction) + ", which keeps " + std::to_string(sizes_at(config, fraction).heads) +
          " of " + std::to_string(config.num_attention_heads) + " heads, so " +
          std::to_string(sizes_at(config, fraction).hidden) + " hidden dimensions, where the reduction takes " +
          std::to_string(reduced_dims(config, fraction)) + "; the nearest widths that run are " +
          nearest_that_run(config, fraction));
    if (config.sharcs->weighted_dim_reduction && !groups_evenly(fraction))
      throw ConfigError(
          key + "has " + short_number(fraction) +
          " with \"weighted_dim_reduction\", which needs 1/width to be whole; the nearest widths that run are " +
          nearest_that_run(config, fraction));
    widths_.push_back(make(fraction, static_cast<int>(i), depth));
  }
  full_.index_ = size() - 1;
}

const Width& WidthSet::at(double fraction) const {
  for (const Width& width : widths_)
    if (std::abs(width.fraction() - fraction) < 1e-9) return width;
  std::string known;
  for (const Width& width : widths_) known += (known.empty() ? "" : ", ") + short_number(width.fraction());
  throw ConfigError("width " + short_number(fraction) + " is not one of the model's: " + known);
}

}  // namespace sharcs
