#pragma once

#include <functional>
#include <vector>

#include "model/encoder.hpp"

namespace sharcs::internal {

/// What comes out of a routed batch, in the batch's order.
template <class T>
struct RoutedOutput {
  std::vector<T> logits;         ///< [samples, labels]
  std::vector<T> router_logits;  ///< [samples, widths]; empty without a router
  std::vector<int> widths;       ///< [samples], the index of the width that each sample ran at (last, if several)
};

/// Chooses a width's index for a sample from the router's logits [widths] (empty without a router) and the sample's
/// number.
template <class T>
using RouteChoice = std::function<int(std::span<const T> router_logits, Index sample)>;

/// Asked when a sample was run at `width` and answered `logits` [labels]: a wider width's index to run it again at, or
/// `width` to keep the answer.
template <class T>
using RouteEscalation =
    std::function<int(std::span<const T> router_logits, std::span<const T> logits, int width, Index sample)>;

/// Inference: the stem for all samples, the router's choice, then each group of samples at its width
/// (arXiv:2310.12126, section 3.3). With `escalate` (which may be empty) the samples that it asks for run again from
/// the stem's output, and so on. A sample's result does not depend on the others, in any bit.
template <class T>
void run_routed(const Encoder<T>& encoder, const RaggedBatch& batch, const RouteChoice<T>& choose,
                const RouteEscalation<T>& escalate, Workspace& workspace, RoutedOutput<T>& output);

}  // namespace sharcs::internal
