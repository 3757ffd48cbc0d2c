#include "routing/length_cost.hpp"

#include <cstdint>

#include "sharcs/model.hpp"

namespace sharcs::internal {
namespace {

/// The polynomial of degree two through its values at 0, 1 and 2 tokens.
template <class MultiplyAdds>
LengthCost polynomial(const MultiplyAdds& multiply_adds_of) {
  const auto at = [&](std::int64_t tokens) { return static_cast<double>(multiply_adds_of(tokens)); };
  const double quadratic = (at(2) - 2 * at(1) + at(0)) / 2;
  return {.constant = at(0), .linear = at(1) - at(0) - quadratic, .quadratic = quadratic};
}

}  // namespace

LengthCost multiply_adds_by_length(const ModelConfig& config, const Width& width) {
  return polynomial([&](std::int64_t tokens) { return multiply_adds(config, width, tokens); });
}

LengthCost stem_multiply_adds_by_length(const ModelConfig& config) {
  return polynomial([&](std::int64_t tokens) { return stem_multiply_adds(config, tokens); });
}

}  // namespace sharcs::internal
