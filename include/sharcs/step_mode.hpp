#pragma once

namespace sharcs {

/// How an optimizer step meets the widths.
enum class StepMode {
  /// One micro-batch of each width, gradients averaged: the authors' one width per GPU, on one machine.
  joint,
  /// One micro-batch of one width, the widths taking turns from the narrowest to the largest: the authors'
  /// single-device behaviour.
  alternate,
};

}  // namespace sharcs
