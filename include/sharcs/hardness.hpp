#pragma once

#include <string>
#include <string_view>

namespace [[gnu::visibility("default")]] sharcs {

/// What a sample's hardness is told from.
enum class HardnessMeasure {
  /// The probability of the true class (arXiv:2310.12126, section 3.1); for a regression exp(−|error| / scale). Easy
  /// samples have a high one.
  confidence,
  /// The entropy of the prediction in nats, from 0 to log(classes): the paper's ablation. Easy samples have a low one.
  entropy,
};

/// "confidence" or "entropy".
std::string to_string(HardnessMeasure measure);
/// The measure of that name. Throws ConfigError that lists the names.
HardnessMeasure hardness_measure_named(std::string_view name);

/// A width fits a sample when the least of its last `window` measures is ≥ low and the greatest is < high.
///
/// The upper end is open so that neighbours can share a border. A confidence of exactly 1, which float32 reaches, is
/// therefore outside [low, 1): give a `high` above 1 to keep such samples.
struct Threshold {
  double low = 0;
  double high = 1;
};

}  // namespace gnu::visibility("default")]]sharcs
