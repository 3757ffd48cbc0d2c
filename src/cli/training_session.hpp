#pragma once

#include <string>

#include "cli/training_setup.hpp"
#include "sharcs/communicator.hpp"
#include "sharcs/latency.hpp"
#include "sharcs/trainer.hpp"

namespace sharcs::internal {

/// A training in front of a person.
struct TrainingSession {
  std::string output;
  bool resume = false;
  std::string how_to_go_on;  ///< what takes up a stopped training: "the same command with --resume"
};

/// Trains or resumes, with a line an epoch and the progress on standard error. After the first SIGINT or SIGTERM it
/// saves a checkpoint, says so and ends the program with 128 and the signal's number, by a CLI::RuntimeError. Throws as
/// Trainer.
TrainingOutcome run_training(const TrainingSession& session, TrainingSetup& setup, const TrainingData& data,
                             Communicator& ranks = Communicator::alone());

/// With which measuring a model takes no longer than a twentieth of its training did, or what it takes anyway.
LatencyOptions latency_options(double training_seconds);

}  // namespace sharcs::internal
