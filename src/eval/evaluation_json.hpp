#pragma once

#include <nlohmann/json.hpp>

#include "io/json_cursor.hpp"
#include "sharcs/evaluation.hpp"

namespace sharcs::internal {

/// A number of samples, steps or tokens in a result file. Sums of millions of them fit into 64 bits.
std::int64_t read_count(const JsonCursor& place);

// An evaluation as a JSON object. It stands in metrics.jsonl after every epoch, and in recording.json.
//
// clang-format off
// | key | type | meaning |
// |---|---|---|
// | `name` | text | "dev", "test", … |
// | `samples` | integer | |
// | `routed`, `full` | object | metric to value: by the policy; everything at full width |
// | `cost_fraction` | number | the policy's multiply-adds over full width's |
// | `seconds_routed`, `seconds_full` | number | measured time of either |
// | `answers[].name`, `.width` | text, number | "exit 2", "0.25"; the width as a fraction. Older files have `widths` |
// | `answers[].samples`, `.share` | integer, number | samples that the policy gives this answer; as a share of all |
// | `answers[].cost_fraction` | number | multiply-adds of this answer for everything over full width's |
// | `answers[].routed`, `.all` | object | metrics over the samples that get this answer; over all samples with it |
// | `answers[].reliability[]` | list | the router's probability for this width against being right there, in bins (`calibration` in older files) |
// | – `.low`, `.high` | number | bounds of the bin's probabilities, [low, high); the last bin includes 1 |
// | – `.samples` | integer | samples in the bin |
// | – `.predicted`, `.right` | number | their mean probability; the share of them that this width answers right |
// clang-format on
//
// A number that does not exist (a metric over no samples) is null in the file and NaN in the structs.

/// Reading throws DataError when the object is not of the schema.
nlohmann::ordered_json evaluation_json(const Evaluation& evaluation);
Evaluation read_evaluation(const JsonCursor& fields);

nlohmann::ordered_json metric_map_json(const MetricMap& metrics);
MetricMap read_metric_map(const JsonCursor& fields);

/// {"value": 0.871, "low": 0.85, "high": 0.891}; null where a number is not finite.
nlohmann::ordered_json estimate_json(const Estimate& estimate);
Estimate read_estimate(const JsonCursor& fields);

/// samples / of, NaN of none.
double share_of(std::int64_t samples, std::int64_t of);

}  // namespace sharcs::internal
