#pragma once

#include <span>
#include <string>

#include "sharcs/calibration.hpp"

namespace sharcs::internal {

/// The baselines of compare(): ways of choosing widths that a router has to beat, and one that none can.
enum class Baseline {
  /// A width drawn for each sample, in the routing's shares.
  random,
  /// The shortest samples to the narrowest width and so on, in the routing's shares; chance decides among samples of
  /// one length.
  by_length,
  /// Every sample at one width.
  fixed,
  /// A width drawn from the two fixed ones whose mix scores best at the routing's cost. In the plot of score against
  /// cost these mixes are the lines between the fixed widths; a router is worth having above them.
  mix_of_fixed,
  /// The narrowest width that is right, and the narrowest where none is: knows the labels. For a regression, the
  /// narrowest whose error is not larger than full width's.
  oracle,
};

/// "random", "by length", "fixed", "mix of fixed", "oracle": the series of its points.
std::string to_string(Baseline baseline);

/// The point of a baseline in what compare() returned; of the fixed widths full width's.
const OperatingPoint& point_of(std::span<const OperatingPoint> points, Baseline baseline);

}  // namespace sharcs::internal
