#pragma once

#include <string>
#include <vector>

#include "cli/config_file.hpp"
#include "io/option_table.hpp"
#include "sharcs/model.hpp"
#include "sharcs/task.hpp"
#include "sharcs/tokenizer.hpp"
#include "sharcs/training_options.hpp"

namespace sharcs::internal {

/// Model, tokenizer and options, ready for a trainer.
struct TrainingSetup {
  Model model;
  Tokenizer tokenizer;
  TrainingOptions options;
  std::vector<std::string> notes;  ///< a line each, for people
};

/// The settings of the section "tokenizer" for a vocabulary that is built.
const OptionTable<VocabularyOptions>& vocabulary_option_table();

/// Makes them from the sections "model", "tokenizer" and "training". `checkpoint`: a model directory to start from;
/// empty: from random parameters, with a vocabulary built from the training texts unless the config names one. Throws
/// what its parts throw; ConfigError naming the key that the file must not have, or that contradicts the checkpoint.
TrainingSetup set_up_training(const ConfigFile& config, const TrainingData& data, const std::string& checkpoint);

/// Throws what of that can be known before any data are read and any model is made.
void check_training(const ConfigFile& config, const std::string& checkpoint);

}  // namespace sharcs::internal
