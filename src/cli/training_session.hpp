#pragma once

#include <string>

#include "cli/training_setup.hpp"
#include "sharcs/calibration.hpp"
#include "sharcs/communicator.hpp"
#include "sharcs/trainer.hpp"

namespace sharcs::internal {

/// One training, run by the program for a user at the terminal.
struct TrainingSession {
  std::string output;
  bool resume = false;
  /// How the user goes on with a stopped training; completes "stopped; … goes on from here". Example: "the same command
  /// with --resume".
  std::string how_to_go_on;
};

/// Trains or resumes, and shows the progress and a line for each epoch on standard error.
///
/// The first SIGINT (Ctrl-C) or SIGTERM ends the training after the running step: a checkpoint is saved, a line says
/// so, and the program ends with 128 and the signal's number, by a CLI::RuntimeError. Throws what Trainer throws.
TrainingOutcome run_training(const TrainingSession& session, TrainingSetup& setup, const TrainingData& data,
                             Communicator& ranks = Communicator::alone());

/// How long to measure the latency of a freshly trained model: about a twentieth of the time that its training took,
/// and never longer than usual. So a training of a few seconds is not followed by a minute of measuring.
LatencyOptions latency_options(double training_seconds);

}  // namespace sharcs::internal
