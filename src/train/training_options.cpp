#include "sharcs/training_options.hpp"

#include <cmath>
#include <nlohmann/json.hpp>
#include <tuple>

#include "io/file.hpp"
#include "model/backbone.hpp"
#include "sharcs/error.hpp"
#include "sharcs/model_config.hpp"
#include "train/hardness_history.hpp"
#include "train/training_option_table.hpp"

namespace sharcs {
using namespace internal;

using nlohmann::ordered_json;

namespace internal {
/// In JSON a list of pairs: [[0.8, 1.01], [0, 0.8]].
template <>
struct OptionType<std::vector<Threshold>> {
  static std::string expected(NumberRange) { return "a list of pairs of numbers, [[low, high], ...]"; }
  static std::vector<Threshold> read(const JsonCursor& place, NumberRange range) {
    const auto is_pair = [](const nlohmann::json& pair) {
      return pair.is_array() && pair.size() == 2 && pair[0].is_number() && pair[1].is_number();
    };
    std::vector<Threshold> thresholds;
    for (const nlohmann::json& pair : place.list()) {
      if (!is_pair(pair)) place.fail(expected(range));
      thresholds.push_back({pair[0].get<double>(), pair[1].get<double>()});
    }
    return thresholds;
  }
  static ordered_json write(const std::vector<Threshold>& thresholds) {
    ordered_json list = ordered_json::array();
    for (const Threshold& pair : thresholds) list.push_back({pair.low, pair.high});
    return list;
  }
  /// Whether they are in order is for HardnessOptions::check(), which knows the widths.
  static std::string problem(const std::vector<Threshold>&, NumberRange) { return {}; }
};
}  // namespace internal

const OptionTable<TrainingOptions>& internal::training_option_table() {
  using O = TrainingOptions;
  constexpr NumberRange from_zero = {.least = 0}, from_one = {.least = 1}, share = {.least = 0, .greatest = 1};
  constexpr NumberRange decay = {.least = 0, .greatest = 0.999999};
  static const OptionTable<O> table = {
      {"Epochs and steps",
       {
           {"recipe", &O::recipe,
            "How widths, exits and router learn together. distilled: narrow widths learn from full width, on all "
            "samples; sharcs: each sample trains the widths of its hardness label, as in the paper."},
           {"epochs", &O::epochs, from_zero,
            "Passes over the training data. 0: as many as show 120,000 samples, from 4 (sharcs: 10) to 30."},
           {"early_stopping", &O::early_stopping, from_zero,
            "Training ends when so many epochs have passed without a better one. 0: never."},
           {"batch_size", &O::batch_size, from_one, "Samples in a micro-batch. All of them run at one width."},
           {"accumulation", &O::accumulation, from_one,
            "Rounds that share one optimizer step. With 2 and the step mode joint, a step has two micro-batches of "
            "every width."},
           {"step_mode", &O::step_mode,
            "Which widths an optimizer step trains. joint: all, with a micro-batch of each; alternate: one, the widths "
            "in turn."},
           {"repeat_smaller_buckets", &O::repeat_smaller_buckets,
            "Train the samples of widths that have few of them several times an epoch, so that every step has all "
            "widths."},
           {"full_width_share", &O::full_width_share, share,
            "Share of the easier samples that train full width instead, drawn anew in each epoch. Their label for the "
            "router stays. With 0, the paper's way, full width sees hard samples only and forgets easy ones."},
           {"shuffle_window", &O::shuffle_window, from_one,
            "Shuffled samples are sorted by length within so many batches, so that a batch needs little padding. 1: "
            "not sorted."},
           {"seed", &O::seed, from_zero, "Seed of everything that is drawn at random."},
       }},
      {"Learning rate and AdamW",
       {
           {"learning_rate", &O::learning_rate, from_zero, "Greatest learning rate, at the end of the warm-up."},
           {"schedule", &O::schedule,
            "The learning rate after the warm-up. linear: falls to 0 at the end of training; constant: stays."},
           {"warmup_ratio", &O::warmup_ratio, share,
            "Share of the training over which the learning rate rises from 0."},
           {"weight_decay", &O::weight_decay, from_zero, "Decoupled weight decay. Biases and LayerNorms have none."},
           {"adam_beta1", &O::adam_beta1, decay, "Decay of the mean of the gradients."},
           {"adam_beta2", &O::adam_beta2, decay, "Decay of the mean of the squared gradients."},
           {"adam_epsilon", &O::adam_epsilon, {.least = 1e-30}, "Keeps AdamW from dividing by 0."},
           {"max_grad_norm", &O::max_grad_norm, from_zero,
            "A gradient longer than this is scaled down to this length. 0: never."},
           {"precision", &O::precision,
            "What the operands of the large products are rounded to, forward and backward. bf16: about half the time "
            "where the processor multiplies bf16. Parameters, optimizer, sums and all else stay fp32."},
       }},
      {"Hardness labels and losses",
       {
           {"window", &O::window, from_one,
            "Past epochs that decide a sample's hardness label. The first epochs, as many as this, train full width "
            "only."},
           {"hardness_measure", &O::hardness_measure,
            "What tells how hard a sample is. confidence: the probability of its true class; entropy: that of the "
            "prediction."},
           {"thresholds", &O::thresholds,
            "For each width, narrowest first, the interval [low, high) that a sample's measures must stay in: "
            "[[0.8, 1.01], [0, 0.8]]. []: default thresholds for the number of widths."},
           {"regression_scale", &O::regression_scale, from_zero,
            "For a regression: the error at which the confidence is 1/e. 0: twice the standard deviation of the "
            "targets."},
           {"task_loss_weight", &O::task_loss_weight, from_zero, "Factor of the task's loss."},
           {"router_loss_weight", &O::router_loss_weight, from_zero, "Factor of the router's loss."},
           {"width_loss_weights", &O::width_loss_weights, from_zero,
            "A factor of both losses for each width, narrowest first: [1, 2]. []: 1 for each."},
       }},
      {"Distillation",
       {
           {"warmup_epochs", &O::warmup_epochs, from_zero,
            "Epochs at the beginning that train full width without narrow widths. 0: a quarter of all epochs."},
           {"reordering", &O::reordering,
            "What is moved to the front after the warm-up, most important first, so that narrow widths have it. all: "
            "heads, neurons and the dimensions of the token vectors."},
           {"distillation_temperature",
            &O::distillation_temperature,
            {.least = 0.01, .greatest = 100},
            "Full width's and a narrow width's logits are divided by this before they are compared."},
           {"distillation_weight", &O::distillation_weight, share,
            "How much a narrow width learns from full width's answers; from the labels it learns the rest."},
           {"hidden_loss_weight", &O::hidden_loss_weight, from_zero,
            "Factor of the squared distance between a narrow width's last token vectors and full width's."},
           {"exit_training", &O::exit_training,
            "joint: with everything else; alternating: in every second step (BERxiT); two_stage: at the end, on the "
            "frozen encoder (DeeBERT); self_distilled: the same, from full width's answers (FastBERT)."},
           {"exit_epochs", &O::exit_epochs, from_zero,
            "Epochs at the end of two_stage and self_distilled that train the exits. 0: a quarter of all epochs."},
           {"router_target", &O::router_target,
            "What the router learns. past_answers: how often each width was right on the sample in past epochs; "
            "hardness: the sample's hardness label, as with the recipe sharcs."},
           {"class_weights", &O::class_weights,
            "What is done for rare classes. balanced: all classes weigh the same in the loss, and the samples of rare "
            "ones come up to ten times an epoch; automatic: balanced where the rarest class has less than a twentieth "
            "of the samples."},
       }},
      {"Texts",
       {
           // Less holds special tokens only.
           {"max_length",
            &O::max_length,
            {.least = 3},
            "Tokens of a sample, special tokens included. Longer ones are cut."},
           {"token_dropout", &O::token_dropout, share,
            "Share of the words that a mask token hides while the model trains, others in each step. 0.1 helps small "
            "models that learn from scratch."},
           {"masked_share", &O::masked_share, share,
            "masked-lm: share of the tokens that the model learns to tell, others in each step; at least one of a "
            "block. Evaluations have 0.15, always the same ones."},
           {"mask_token_share", &O::mask_token_share, share,
            "masked-lm: share of these in whose place the mask token stands."},
           {"random_token_share", &O::random_token_share, share,
            "masked-lm: share of these in whose place a token stands that is drawn at random. The rest stays as it "
            "is."},
       }},
      {"Memory and machines",
       {
           {"micro_batch_tokens", &O::micro_batch_tokens, from_one,
            "A micro-batch of more tokens than this runs in pieces, which bounds the memory."},
           {"recompute_activations", &O::recompute_activations,
            "Keep only the layers' inputs for the backward pass and compute the rest again: a fraction of the memory, "
            "a third more time."},
           {"sharding", &O::sharding,
            "What each of several ranks takes of a step. samples: a part of every micro-batch; micro_batches: whole "
            "ones."},
           {"threads", &O::threads, from_zero, "Threads of each rank. 0: as OMP_NUM_THREADS says, or all cores."},
       },
       false},
      {"Checkpoints and logs",
       {
           {"checkpoint_every_steps", &O::checkpoint_every_steps, from_zero,
            "Write a checkpoint after so many optimizer steps, besides that of every epoch. 0: not by steps."},
           {"checkpoint_every_minutes", &O::checkpoint_every_minutes, from_zero,
            "Write a checkpoint after so many minutes. 0: not by time."},
           {"keep_checkpoints", &O::keep_checkpoints, from_zero,
            "How many checkpoints are kept, the newest. 0: none are written, and a stopped run cannot be resumed."},
           {"tensorboard", &O::tensorboard, "Write event files for TensorBoard into the folder \"tensorboard\"."},
       },
       false},
  };
  return table;
}

TrainingOptions TrainingOptions::load(const std::filesystem::path& file) {
  return parse(read_text_file(file), file.string());
}

TrainingOptions TrainingOptions::parse(std::string_view text, const std::string& name) {
  const JsonCursor object = JsonCursor::parse(text, name, JsonKind::config);
  TrainingOptions options;
  read_options(training_option_table(), object, options);
  object.refuse_unread("is not a known training option");
  options.check(name);
  return options;
}

std::string TrainingOptions::to_json() const { return options_json(training_option_table(), *this).dump(2) + "\n"; }

void TrainingOptions::check(const std::string& name) const {
  check_options(training_option_table(), *this, name);
  // What is counted has an upper bound, so that sums and products of two fit into an integer. A window takes four bytes
  // a sample for each of its epochs.
  constexpr int many = 1 << 20;
  for (const auto& [key, value, most] : {std::tuple("epochs", epochs, many),
                                         {"early_stopping", early_stopping, many},
                                         {"batch_size", batch_size, many},
                                         {"accumulation", accumulation, many},
                                         {"shuffle_window", shuffle_window, many},
                                         {"window", window, 1000},
                                         {"warmup_epochs", warmup_epochs, many},
                                         {"exit_epochs", exit_epochs, many},
                                         {"max_length", max_length, many},
                                         {"micro_batch_tokens", micro_batch_tokens, 1 << 30},
                                         {"threads", threads, 4096},
                                         {"checkpoint_every_steps", checkpoint_every_steps, 1 << 30},
                                         {"keep_checkpoints", keep_checkpoints, many}})
    if (value > most)
      throw ConfigError(name + ": \"" + key + "\" is " + std::to_string(value) + "; expected at most " +
                        std::to_string(most));
}

void TrainingOptions::check(const ModelConfig& model, const std::string& name) const {
  check(name);
  const WidthSet widths(model);
  if (!thresholds.empty()) {
    HardnessOptions hardness = {.measure = hardness_measure, .window = window, .widths = {}, .thresholds = thresholds};
    for (const Width& width : widths) hardness.widths.push_back(width.fraction());
    try {
      hardness.check();
    } catch (const ConfigError& error) {
      throw ConfigError(name + ": \"thresholds\": " + error.what());
    }
  }
  if (!width_loss_weights.empty() && static_cast<int>(width_loss_weights.size()) != widths.size())
    throw ConfigError(name + ": \"width_loss_weights\" has " + std::to_string(width_loss_weights.size()) +
                      " numbers; expected one for each of the model's " + std::to_string(widths.size()) + " widths");
  const int positions = find_backbone(model.model_type).max_tokens(model);
  if (max_length > positions)
    throw ConfigError(name + ": \"max_length\" is " + std::to_string(max_length) + ", but the model has only " +
                      std::to_string(positions) + " positions");
}

std::vector<Threshold> default_thresholds(int widths, HardnessMeasure measure, int classes) {
  // What is just above every measure: the largest has to be inside, and the upper end is open.
  const double margin = 0.01;
  std::vector<Threshold> thresholds;
  if (measure == HardnessMeasure::entropy) {
    const double most_uncertain = std::log(static_cast<double>(classes));
    const auto border = [&](int i) {
      if (i == 0) return 0.0;
      if (i == widths) return most_uncertain + margin;
      return most_uncertain * (0.7 + 0.3 * (i - 1) / (widths - 1));
    };
    for (int i = 0; i < widths; ++i) thresholds.push_back({border(i), border(i + 1)});
  } else if (widths == 3) {
    thresholds = {{0.7, 1 + margin}, {0.4, 0.9}, {0, 0.5}};
  } else if (widths == 4) {
    thresholds = {{0.7, 1 + margin}, {0.5, 0.9}, {0.2, 0.7}, {0, 0.5}};
  } else {
    const auto border = [&](int i) {
      if (i == 0) return 1 + margin;
      if (i == widths) return 0.0;
      return 0.8 * (widths - i) / (widths - 1);
    };
    for (int i = 0; i < widths; ++i) thresholds.push_back({border(i + 1), border(i)});
  }
  return thresholds;
}

}  // namespace sharcs
