#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "sharcs/hardness.hpp"
#include "sharcs/model_config.hpp"
#include "sharcs/schedule_shape.hpp"
#include "sharcs/sharding.hpp"
#include "sharcs/step_mode.hpp"

namespace [[gnu::visibility("default")]] sharcs {

/// How to train. In a JSON file the keys are the names of the fields; an enum is its name in quotes, a threshold a pair
/// [low, high]. A key that is absent keeps its default; an unknown one is an error.
struct TrainingOptions {
  int epochs = 10;
  /// Samples in a micro-batch of one width.
  int batch_size = 32;
  /// Rounds (joint) or micro-batches (alternate) that share one optimizer step.
  int accumulation = 1;
  StepMode step_mode = StepMode::joint;
  /// Train the samples of the smaller width buckets several times an epoch, so that every step has all widths.
  bool repeat_smaller_buckets = true;
  /// Share of the samples fit for a smaller width that are trained at full width instead, drawn anew in each epoch;
  /// their label for the router stays. 0 is the paper's way: full width then sees hard samples only and forgets the
  /// easy ones, which a budget or a fixed width may give it later.
  double full_width_share = 0;
  /// Samples of a batch are of similar length: they are sorted within this many batches of shuffled samples. 1: not at
  /// all.
  int shuffle_window = 50;

  /// The greatest learning rate, at the end of the warm-up.
  double learning_rate = 2e-5;
  ScheduleShape schedule = ScheduleShape::linear;
  /// Share of the training over which the learning rate rises from 0.
  double warmup_ratio = 0.06;
  /// Decoupled; biases and LayerNorms do not decay.
  double weight_decay = 0.01;
  double adam_beta1 = 0.9;
  double adam_beta2 = 0.999;
  double adam_epsilon = 1e-8;
  /// A longer gradient is scaled down to this length; 0: never.
  double max_grad_norm = 1;

  /// Epochs whose measures decide a sample's hardness label. The first `window` epochs train the largest width only.
  int window = 3;
  HardnessMeasure hardness_measure = HardnessMeasure::confidence;
  /// One pair a width, ascending by width. Empty: default_thresholds().
  std::vector<Threshold> thresholds = {};
  /// Regression: the error at which the confidence exp(−|error| / scale) has come down to 1/e. 0: twice the standard
  /// deviation of the training targets, so that the default threshold 0.8 lies at 0.45 of a standard deviation.
  double regression_scale = 0;
  /// λ of the task's loss and of the router's.
  double task_loss_weight = 1;
  double router_loss_weight = 1;
  /// Factors of both losses by width, ascending by width. Empty: 1 for each.
  std::vector<double> width_loss_weights = {};

  /// Tokens that a sample is cut to, special tokens included; at least 3.
  int max_length = 128;
  /// Share of the words that are hidden from the model behind the mask token while it trains, others in each step. 0.1
  /// helps small models that learn from scratch; the paper has none.
  double token_dropout = 0;
  /// Bounds the memory of the activations: a micro-batch of more tokens runs in pieces. Does not change the result
  /// beyond rounding.
  int micro_batch_tokens = 4096;
  /// Keep only the layers' inputs for the backward pass and compute the rest again: about a third more time, a
  /// fraction of the memory, the same bits.
  bool recompute_activations = false;

  /// How several ranks share a step (see Trainer).
  Sharding sharding = Sharding::samples;

  std::uint64_t seed = 1;
  /// Of each rank. 0: OMP_NUM_THREADS, or all cores.
  int threads = 0;

  /// Training checkpoints are written after every epoch, after this many optimizer steps (0: not by steps) and after
  /// this many minutes (0: not by time).
  int checkpoint_every_steps = 0;
  double checkpoint_every_minutes = 10;
  /// How many of them are kept, the newest; 0: none are written, and a run that is stopped cannot be resumed.
  int keep_checkpoints = 2;
  /// Write event files for TensorBoard into the folder "tensorboard" of the output.
  bool tensorboard = false;

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

/// The thresholds of a model of so many widths whose options give none.
///
/// Confidence: the narrowest width takes the samples from 0.8 on, and the others divide what is below evenly:
/// {[0.8, 1.01), [0, 0.8)} for two. For three and four widths neighbours overlap as in the authors' configurations:
/// {[0.7, 1.01), [0.4, 0.9), [0, 0.5)} and {[0.7, 1.01), [0.5, 0.9), [0.2, 0.7), [0, 0.5)}. Entropy: the narrowest
/// takes what is below 0.7 · log(classes), and the others divide the rest evenly.
std::vector<Threshold> default_thresholds(int widths, HardnessMeasure measure, int classes);

}  // namespace gnu::visibility("default")]]sharcs
