#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace [[gnu::visibility("default")]] sharcs {

// How a model does on a data set, as a JSON object: in metrics.jsonl after every epoch, and in evaluation.json.
//
// clang-format off
// | key | type | meaning |
// |---|---|---|
// | `name` | text | "dev", "test", … |
// | `samples` | integer | |
// | `routed`, `full` | object | metric to value: with the router; everything at the largest width |
// | `cost_fraction` | number | multiply-adds with the router over those at the largest width |
// | `seconds_routed`, `seconds_full` | number | measured time of either |
// | `widths[].width` | number | as a fraction |
// | `widths[].samples`, `.share` | integer, number | samples that the router sends there; as a share of all |
// | `widths[].cost_fraction` | number | everything at this width over everything at the largest |
// | `widths[].routed`, `.all` | object | metrics over the samples sent there; over all samples at this width |
// | `widths[].calibration[]` | list | the router's probability for this width against being right there, in bins |
// | – `.low`, `.high` | number | bounds of the bin's probabilities, [low, high); the last bin is closed |
// | – `.samples` | integer | samples in the bin |
// | – `.predicted`, `.right` | number | their mean probability; the share of them that this width answers right |
// clang-format on
//
// A number that does not exist (a metric over no samples) is null in the file and NaN in the structs.

/// One bin of a reliability diagram.
struct CalibrationBin {
  double low = 0;
  double high = 1;
  std::int64_t samples = 0;
  double predicted = 0;
  double right = 0;
};

/// `bins` equal bins over [0, 1]. probabilities: predicted, one a sample. right: 1 where it came true, else 0. Empty
/// bins have NaN means. Throws ShapeError when the sizes differ, bins < 1 or a probability is outside [0, 1].
std::vector<CalibrationBin> calibration_bins(const std::vector<double>& probabilities, const std::vector<int>& right,
                                             int bins = 10);

/// The names of metrics and their values.
using MetricMap = std::map<std::string, double>;

/// One number: their mean, which is how GLUE scores a task with two of them. NaN when there are none.
double score_of(const MetricMap& metrics);

/// How one width does on a data set.
struct WidthEvaluation {
  double width = 1;
  std::int64_t samples = 0;
  double cost_fraction = 1;
  MetricMap routed = {};
  MetricMap all = {};
  std::vector<CalibrationBin> calibration = {};
};

/// How the model does on a data set.
struct EvaluationRecord {
  std::string name = "dev";
  std::int64_t samples = 0;
  MetricMap routed = {};
  MetricMap full = {};
  double cost_fraction = 1;
  double seconds_routed = 0;
  double seconds_full = 0;
  std::vector<WidthEvaluation> widths = {};
};

}  // namespace gnu::visibility("default")]]sharcs
