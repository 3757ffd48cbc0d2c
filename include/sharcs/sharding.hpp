#pragma once

#include <string>
#include <string_view>

namespace [[gnu::visibility("default")]] sharcs {

/// How the ranks of a data-parallel run share an optimizer step. The result is the same but for rounding.
enum class Sharding {
  /// Each rank takes a part of the samples of every micro-batch: all ranks run all widths.
  samples,
  /// Each rank takes whole micro-batches, so that ranks run different widths, as the authors do with a GPU for every
  /// width. When there are more ranks than micro-batches, ranks share one by samples, and the largest width gets help
  /// first.
  micro_batches,
};

/// "samples" or "micro_batches".
std::string to_string(Sharding sharding);
/// The way of that name. Throws ConfigError that lists the names.
Sharding sharding_named(std::string_view name);

}  // namespace gnu::visibility("default")]]sharcs
