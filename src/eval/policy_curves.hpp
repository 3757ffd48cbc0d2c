#pragma once

#include <vector>

#include "sharcs/calibration.hpp"

namespace sharcs::internal {

/// The kinds of policy and confidences that a model has answers for, as options of calibrate(): the others of `options`
/// are kept. Exits come twice, with a threshold each and with one for all, as published.
std::vector<CalibrationOptions> possible_calibrations(const Recording& recording, const CalibrationOptions& options);

/// "combined", "exits of entropy", "exits, one threshold".
std::string name_of_policy(const CalibrationOptions& options);

/// Score against cost of each kind of policy, by its own confidence where it needs one, at budgets from 0.2 to 1: what
/// cross-validation expects of new samples. The series are named as name_of_policy() says, after calibrated_series.
/// Budgets that a policy cannot meet are left out.
std::vector<OperatingPoint> policy_curves(const Recording& recording, const CalibrationOptions& options);

}  // namespace sharcs::internal
