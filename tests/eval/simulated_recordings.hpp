#pragma once

#include <cmath>

#include "core/random.hpp"
#include "eval/hand_made_recordings.hpp"
#include "model/length_cost.hpp"
#include "model/small_models.hpp"
#include "sharcs/calibration.hpp"

namespace sharcs::internal::testing {

/// As recording_of() counts.
inline CostModel costs_of(std::size_t widths) {
  CostModel costs;
  for (std::size_t w = 0; w < widths; ++w) {
    costs.answers.push_back({.linear = 100.0 * static_cast<double>(w + 1)});
    costs.paths.push_back({.linear = 50});
  }
  return costs;
}

inline double logistic(double x) { return 1 / (1 + std::exp(-x)); }

/// Samples of a hidden easiness, of which the router sees a noisy copy. Wider widths are right more often, most of all
/// where the easiness is middling.
inline Recording simulated(std::size_t samples, std::size_t widths, std::uint64_t seed = 3) {
  Random random(seed);
  std::vector<std::string> right(widths);
  std::vector<float> router_logits;
  for (std::size_t i = 0; i < samples; ++i) {
    const double easiness = 2 * random.normal(), seen = easiness + random.normal();
    for (std::size_t w = 0; w < widths; ++w) {
      right[w] += random.uniform() < logistic(easiness + 2 * static_cast<double>(w)) ? '1' : '0';
      router_logits.push_back(
          static_cast<float>(seen * (static_cast<double>(widths - 1) / 2 - static_cast<double>(w))));
    }
  }
  Recording recording = recording_of(right);
  recording.router_logits = router_logits;
  for (std::int32_t& tokens : recording.tokens) tokens = static_cast<std::int32_t>(3 + random.below(30));
  return recording;
}

inline double share_right(const Recording& recording, const Routing& routing) {
  double right = 0;
  for (std::size_t i = 0; i < recording.size(); ++i) right += is_right(recording, i, routing.answer_of_sample[i]);
  return right / static_cast<double>(recording.size());
}

/// A model of six layers with widths 1/3, 2/3 and 1 after the second, exits after layers 1, 3 and 4, and scores.
inline ModelConfig config_of_six_answers() {
  ModelConfig config = small_config();
  config.num_hidden_layers = 6;
  config.sharcs->adaptive_layer_idx = 2;
  config.sharcs->exits = {1, 3, 4};
  config.sharcs->exit_scores = true;
  return config;
}

/// What such a model could answer to so many samples. Every answer sees a noisy copy of a sample's truth, a later one
/// a less noisy copy, and knows how noisy; so does the router. Of a regression the truth is the target, else its sign
/// is the class, of two.
inline Recording simulated_answers(std::size_t samples, std::uint64_t seed = 5, bool regression = false) {
  ModelConfig config = config_of_six_answers();
  config.labels = regression ? std::vector<std::string>{"score"} : std::vector<std::string>{"no", "yes"};
  Recording recording = {.config = config, .task = "simulated", .data = "dev.tsv", .outputs = config.labels.size()};
  recording.metrics = {regression ? "pearson" : "accuracy"};
  if (!regression) recording.classes = config.labels;
  for (const Answer& answer : answers_of(config)) {
    RecordedAnswer& recorded = recording.answers.emplace_back();
    recorded.name = answer.name;
    recorded.exit_layer = answer.exit_layer;
    recorded.width =
        answer.is_exit() ? 1 : config.sharcs->width_mult_list[static_cast<std::size_t>(answer.width_index)];
    recorded.path = answer.path;
    recorded.cost = sum_of(answer.path, answer.own);
  }
  Random random(seed);
  for (std::size_t i = 0; i < samples; ++i) {
    const double truth = random.normal(), hardness = random.uniform();
    const int label = truth > 0;
    if (regression) {
      recording.targets.push_back(truth);
    } else {
      recording.labels.push_back(label);
    }
    recording.tokens.push_back(static_cast<std::int32_t>(3 + random.below(6)));
    double noise = 4 * hardness * hardness;
    for (RecordedAnswer& answer : recording.answers) {
      const double seen = truth + noise * random.normal();
      if (regression) {
        answer.logits.push_back(static_cast<float>(seen));
      } else {
        const double sure = seen / (0.3 + noise);
        answer.logits.insert(answer.logits.end(), {static_cast<float>(-sure), static_cast<float>(sure)});
      }
      if (answer.exit_layer > 0) answer.scores.push_back(static_cast<float>(2 - 2 * noise + 0.3 * random.normal()));
      noise *= 0.55;
    }
    const double seen = 0.5 - hardness + 0.2 * random.normal();
    for (const double logit : {seen, 0.1, -seen}) recording.router_logits.push_back(static_cast<float>(3 * logit));
  }
  return recording;
}

}  // namespace sharcs::internal::testing
