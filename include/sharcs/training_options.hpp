#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "sharcs/model_config.hpp"

namespace [[gnu::visibility("default")]] sharcs {

/// How full width, narrow widths, exits and router learn together.
enum class Recipe {
  /// Full width learns first, alone. Then every micro-batch runs all widths on the same samples; a narrow width's
  /// teacher is full width (DynaBERT, arXiv:2004.04037). Between the two, what matters most is moved to the front.
  distilled,
  /// The paper's: each sample trains the widths of its hardness label (arXiv:2310.12126).
  sharcs,
};

/// What `distilled` moves to the front, where narrow widths have it.
enum class Reordering { none, heads_and_neurons, all };  // all: the dimensions of the token vectors, too

/// How exits are trained by `distilled`.
enum class ExitTraining {
  joint,           ///< with everything else, an exit's loss weighted by its depth
  alternating,     ///< in every second step (BERxiT)
  two_stage,       ///< at the end, on the frozen encoder (DeeBERT)
  self_distilled,  ///< the same, with full width's answers in place of the labels (FastBERT)
};

/// What the router learns by `distilled`: how often each width was right on the sample before, or its hardness label.
enum class RouterTarget { past_answers, hardness };

/// balanced: all classes weigh the same in the loss, and samples of rare ones come up to ten times an epoch; automatic:
/// balanced where the rarest class has less than a twentieth of the samples.
enum class ClassWeights { automatic, none, balanced };

enum class TrainingPrecision { fp32, bf16 };  ///< what large products' operands are rounded to (docs/training.md)

enum class StepMode {  ///< which widths an optimizer step trains
  joint,               ///< all: one micro-batch of each width, gradients averaged (the authors train one width per GPU)
  alternate,           ///< one: a micro-batch of one width, the widths in turn (the authors' code on a single device)
};

/// How several ranks share an optimizer step. The result is the same but for rounding.
enum class Sharding {
  samples,        ///< every rank takes a part of the samples of every micro-batch
  micro_batches,  ///< every rank takes whole micro-batches; with more ranks, several share one by its samples
};

enum class ScheduleShape {  ///< the learning rate after the warm-up
  linear,                   ///< falls to 0 at the end of training
  constant,                 ///< stays where it is
};

/// What tells how hard a sample is.
enum class HardnessMeasure {
  /// The probability of the true class (arXiv:2310.12126, section 3.1); for a regression exp(−|error| / scale). High
  /// for easy samples.
  confidence,
  entropy,  ///< of the prediction, in nats, from 0 to log(classes): the paper's ablation. Low for easy samples
};

/// A width fits a sample whose last `window` measures are all in [low, high). `high` itself is outside, so that
/// neighbours can share a border: for a confidence of 1 give a `high` above 1.
struct Threshold {
  double low = 0;
  double high = 1;
};

/// How to train. docs/options.md has the range and the meaning of every option, and how it is written in JSON: the keys
/// are the names of the fields. An absent key keeps its default, an unknown one is an error.
struct TrainingOptions {
  Recipe recipe = Recipe::distilled;
  int epochs = 0;          ///< 0: as many as show 120,000 samples, from 4 to 30
  int early_stopping = 0;  ///< epochs without a better one after which training ends; 0: never
  int batch_size = 32;     ///< samples in a micro-batch of one width
  int accumulation = 1;    ///< rounds (joint) or micro-batches (alternate) that share an optimizer step
  StepMode step_mode = StepMode::joint;
  bool repeat_smaller_buckets = true;  ///< so that every step of an epoch has all widths
  double full_width_share = 0;         ///< of the easier samples, trained at full width instead; the paper has 0
  int shuffle_window = 50;             ///< batches within which samples are sorted by length; 1: none
  std::uint64_t seed = 1;

  double learning_rate = 2e-5;  ///< the greatest, at the end of the warm-up
  ScheduleShape schedule = ScheduleShape::linear;
  TrainingPrecision precision = TrainingPrecision::fp32;
  double warmup_ratio = 0.06;  ///< share of the training over which the learning rate rises from 0
  double weight_decay = 0.01;  ///< decoupled; not for biases and LayerNorms
  double adam_beta1 = 0.9;
  double adam_beta2 = 0.999;
  double adam_epsilon = 1e-8;
  double max_grad_norm = 1;  ///< a longer gradient is scaled down to this length; 0: never

  int window = 3;  ///< epochs whose measures decide a sample's label; the first ones train the largest width only
  HardnessMeasure hardness_measure = HardnessMeasure::confidence;
  std::vector<Threshold> thresholds = {};  ///< one a width, ascending by width; empty: default_thresholds()
  double regression_scale = 0;             ///< error at which the confidence is 1/e; 0: twice the targets' deviation
  double task_loss_weight = 1;
  double router_loss_weight = 1;
  std::vector<double> width_loss_weights = {};  ///< factor of both losses for each width; empty: 1 for each

  int warmup_epochs = 0;  ///< distilled: at the beginning, of full width alone; 0: a quarter of them
  Reordering reordering = Reordering::all;
  double distillation_temperature = 2;
  double distillation_weight = 0.5;  ///< of the teacher's answers; the labels have the rest
  double hidden_loss_weight = 0;     ///< of the distance between narrow and full width's last token vectors
  ExitTraining exit_training = ExitTraining::joint;
  int exit_epochs = 0;  ///< two_stage and self_distilled: at the end, of the exits alone; 0: a quarter of them
  RouterTarget router_target = RouterTarget::past_answers;
  ClassWeights class_weights = ClassWeights::automatic;

  int max_length = 128;      ///< tokens of a sample, special tokens included; the rest is cut off
  double token_dropout = 0;  ///< share of the words that a mask token hides, others in each step; the paper has 0
  // masked_lm: of the tokens; and of these, how many a mask token hides, or one that is drawn; the others stay.
  double masked_share = 0.15, mask_token_share = 0.8, random_token_share = 0.1;

  int micro_batch_tokens = 4096;       ///< a micro-batch of more tokens runs in pieces, to save memory
  bool recompute_activations = false;  ///< a fraction of the memory for a third more time; the same bits
  Sharding sharding = Sharding::samples;
  int threads = 0;  ///< of each rank; 0: OMP_NUM_THREADS, or all cores

  int checkpoint_every_steps = 0;        ///< optimizer steps, besides every epoch; 0: not by steps
  double checkpoint_every_minutes = 10;  ///< 0: not by time
  int keep_checkpoints = 2;              ///< the newest; 0: none are written, and a stopped run cannot be resumed
  bool tensorboard = false;              ///< event files in the folder "tensorboard" of the output

  /// Reads a JSON file. Throws IoError, or ConfigError naming the file, the key, what was found and what was expected.
  static TrainingOptions load(const std::filesystem::path& file);
  /// The same from text; `name` stands for the file in messages.
  static TrainingOptions parse(std::string_view json, const std::string& name);
  /// All options, one a line; parse() reads it.
  std::string to_json() const;
  /// Throws ConfigError when an option is out of its range; `name` stands for the file in messages.
  void check(const std::string& name = "training options") const;
  /// The same, and whether thresholds, weights and lengths fit such a model.
  void check(const ModelConfig& model, const std::string& name = "training options") const;
};

/// The thresholds for a model of so many widths where the options give none. Confidence: two widths have {[0.8, 1.01),
/// [0, 0.8)}: the narrowest takes the samples from 0.8 on. Five widths and more divide the rest below 0.8 evenly. Three
/// and four overlap as in the authors' configurations:
/// {[0.7, 1.01), [0.4, 0.9), [0, 0.5)} and {[0.7, 1.01), [0.5, 0.9), [0.2, 0.7), [0, 0.5)}. Entropy: the narrowest
/// takes what is below 0.7 · log(classes); the others divide the rest evenly.
std::vector<Threshold> default_thresholds(int widths, HardnessMeasure measure, int classes);

}  // namespace sharcs
