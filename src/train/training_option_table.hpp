#pragma once

#include "io/option_table.hpp"
#include "sharcs/training_options.hpp"

namespace sharcs::internal {

template <>
struct EnumNames<StepMode> {
  static constexpr const char* what = "the step mode";
  static constexpr EnumName<StepMode> all[] = {{StepMode::joint, "joint"}, {StepMode::alternate, "alternate"}};
};

template <>
struct EnumNames<Sharding> {
  static constexpr const char* what = "the sharding";
  static constexpr EnumName<Sharding> all[] = {{Sharding::samples, "samples"},
                                               {Sharding::micro_batches, "micro_batches"}};
};

template <>
struct EnumNames<ScheduleShape> {
  static constexpr const char* what = "the schedule";
  static constexpr EnumName<ScheduleShape> all[] = {{ScheduleShape::linear, "linear"},
                                                    {ScheduleShape::constant, "constant"}};
};

template <>
struct EnumNames<HardnessMeasure> {
  static constexpr const char* what = "the hardness measure";
  static constexpr EnumName<HardnessMeasure> all[] = {{HardnessMeasure::confidence, "confidence"},
                                                      {HardnessMeasure::entropy, "entropy"}};
};

/// Every training option: what TrainingOptions reads, writes and checks, what `sharcs train` has flags for, and what
/// docs/options.md lists. To add one, add a member to TrainingOptions and a row here.
const OptionTable<TrainingOptions>& training_option_table();

}  // namespace sharcs::internal
