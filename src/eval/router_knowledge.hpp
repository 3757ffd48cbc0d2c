#pragma once

#include <vector>

#include "sharcs/evaluation.hpp"

namespace sharcs::internal {

/// How well something tells which samples a narrow width answers right: the probability that it puts one that is
/// answered right before one that is answered wrong (the area under the ROC curve). 0.5 is chance.
struct RouterKnowledge {
  double width = 1;          ///< as a fraction
  double right = 0;          ///< the share of the samples that this width answers right
  Estimate router = {};      ///< by the router: its logit for this width minus full width's; a 95 % interval
  Estimate confidence = {};  ///< by the width's own largest probability, which a cascade asks
  double length = 0.5;       ///< by length, short ones first
};

/// One for each narrow width, ascending. Empty for a regression, without a router or labels, and for widths that answer
/// all or none right.
std::vector<RouterKnowledge> router_knowledge(const Recording& recording, const BootstrapOptions& options = {});

}  // namespace sharcs::internal
