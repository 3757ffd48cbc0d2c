#pragma once

#include <nlohmann/json.hpp>

#include "core/json_fields.hpp"
#include "sharcs/evaluation_record.hpp"
#include "sharcs/metrics.hpp"

namespace sharcs::internal {

/// The object that evaluation_record.hpp describes, and back. Reading throws DataError when it is not of the schema.
nlohmann::ordered_json evaluation_record_json(const EvaluationRecord& evaluation);
EvaluationRecord read_evaluation_record(const JsonFields& fields);

nlohmann::ordered_json metric_map_json(const MetricMap& metrics);
MetricMap read_metric_map(const JsonFields& fields);

/// {"value", "low", "high"}, null where a number is not finite.
nlohmann::ordered_json estimate_record_json(const Estimate& estimate);
Estimate read_estimate(const JsonFields& fields);

/// samples / of, NaN of none.
double share_of(std::int64_t samples, std::int64_t of);

}  // namespace sharcs::internal
