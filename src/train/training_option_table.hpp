#pragma once

#include "io/option_table.hpp"
#include "sharcs/training_options.hpp"

namespace sharcs::internal {

template <>
struct EnumNames<Recipe> {
  static constexpr const char* what = "the recipe";
  static constexpr EnumName<Recipe> all[] = {{Recipe::distilled, "distilled"}, {Recipe::sharcs, "sharcs"}};
};

template <>
struct EnumNames<Reordering> {
  static constexpr const char* what = "the reordering";
  static constexpr EnumName<Reordering> all[] = {
      {Reordering::none, "none"}, {Reordering::heads_and_neurons, "heads_and_neurons"}, {Reordering::all, "all"}};
};

template <>
struct EnumNames<ExitTraining> {
  static constexpr const char* what = "the training of exits";
  static constexpr EnumName<ExitTraining> all[] = {{ExitTraining::joint, "joint"},
                                                   {ExitTraining::alternating, "alternating"},
                                                   {ExitTraining::two_stage, "two_stage"},
                                                   {ExitTraining::self_distilled, "self_distilled"}};
};

template <>
struct EnumNames<RouterTarget> {
  static constexpr const char* what = "the router's target";
  static constexpr EnumName<RouterTarget> all[] = {{RouterTarget::past_answers, "past_answers"},
                                                   {RouterTarget::hardness, "hardness"}};
};

template <>
struct EnumNames<ClassWeights> {
  static constexpr const char* what = "the class weights";
  static constexpr EnumName<ClassWeights> all[] = {
      {ClassWeights::automatic, "automatic"}, {ClassWeights::none, "none"}, {ClassWeights::balanced, "balanced"}};
};

template <>
struct EnumNames<TrainingPrecision> {
  static constexpr const char* what = "the precision";
  static constexpr EnumName<TrainingPrecision> all[] = {{TrainingPrecision::fp32, "fp32"},
                                                        {TrainingPrecision::bf16, "bf16"}};
};

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
