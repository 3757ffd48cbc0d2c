#include "eval/router_knowledge.hpp"

#include <algorithm>

#include "data/metrics.hpp"
#include "eval/bootstrap.hpp"
#include "eval/recording_metrics.hpp"
#include "model/predicted_label.hpp"

namespace sharcs::internal {
namespace {

Estimate auc_of(std::span<const int> right, std::span<const double> scores, const BootstrapOptions& options) {
  const auto of_draw = [&](const std::vector<std::size_t>& draw) {
    return auc(drawn(right, draw), drawn(scores, draw));
  };
  return {auc(right, scores), bootstrap_interval(right.size(), options, of_draw)};
}

}  // namespace

std::vector<RouterKnowledge> router_knowledge(const Recording& recording, const BootstrapOptions& options) {
  std::vector<RouterKnowledge> knowledge;
  if (recording.is_regression() || recording.router_logits.empty() || recording.labels.empty()) return knowledge;
  std::size_t width = 0;
  for (int a = 0; a < recording.full_width(); ++a) {
    const RecordedAnswer& answer = recording.answers[static_cast<std::size_t>(a)];
    if (answer.exit_layer > 0) continue;
    std::vector<int> right;
    std::vector<double> router, confidence, shortness;
    for (std::size_t i = 0; i < recording.size(); ++i) {
      const auto logits = recording.router_logits_of(i);
      right.push_back(is_right(recording, i, a));
      router.push_back(static_cast<double>(logits[width]) - static_cast<double>(logits.back()));
      confidence.push_back(surest(recording.config, probabilities_of(recording, i, a)));
      shortness.push_back(-recording.tokens[i]);
    }
    ++width;
    const auto count = std::ranges::count(right, 1);
    if (count == 0 || count == std::ssize(right)) continue;
    knowledge.push_back({.width = answer.width,
                         .right = static_cast<double>(count) / static_cast<double>(right.size()),
                         .router = auc_of(right, router, options),
                         .confidence = auc_of(right, confidence, options),
                         .length = auc(right, shortness)});
  }
  return knowledge;
}

}  // namespace sharcs::internal
