#include <algorithm>
#include <cmath>

#include "core/number.hpp"
#include "sharcs/error.hpp"
#include "sharcs/model_config.hpp"

namespace sharcs {
using namespace internal;
namespace {

struct Sizes {
  int heads, hidden, ffn;
};

int round_half_to_even(double x) { return static_cast<int>(std::nearbyint(x)); }

Sizes sizes_at(const ModelConfig& config, double fraction) {
  const int heads = std::max(1, round_half_to_even(config.num_attention_heads * fraction));
  const double rounded = static_cast<double>(heads) / config.num_attention_heads;
  return {heads, std::max(1, static_cast<int>(rounded * config.hidden_size)),
          std::max(1, static_cast<int>(rounded * config.intermediate_size))};
}

int reduced_dims(const ModelConfig& config, double fraction) { return static_cast<int>(fraction * config.hidden_size); }

bool runs(const ModelConfig& config, double fraction) {
  return sizes_at(config, fraction).hidden == reduced_dims(config, fraction);
}

bool groups_evenly(double fraction) {
  const double group = 1 / fraction;
  return std::abs(group - std::round(group)) < 1e-9;
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

WidthSet::WidthSet(const ModelConfig& config, const std::string& name) {
  const auto make = [&](double fraction, int index) {
    const Sizes sizes = sizes_at(config, fraction);
    Width width;
    width.index_ = index;
    width.fraction_ = fraction;
    width.heads_ = sizes.heads;
    width.attention_ = sizes.heads * config.head_size();
    width.hidden_ = sizes.hidden;
    width.ffn_ = sizes.ffn;
    width.suffix_ = spelled(fraction);
    return width;
  };
  full_ = make(1.0, 0);
  if (!config.sharcs) {
    widths_ = {full_};
    return;
  }
  const std::string key = name + ": \"width_mult_list\" ";
  const auto& list = config.sharcs->width_mult_list;
  if (list.empty()) throw ConfigError(key + "is empty; expected ascending numbers in (0, 1]");
  for (std::size_t i = 0; i < list.size(); ++i) {
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
    widths_.push_back(make(fraction, static_cast<int>(i)));
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
