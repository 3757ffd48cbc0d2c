#pragma once

#include <CLI/CLI.hpp>

namespace sharcs::internal {

// Each adds one command to the program, from the file of its name.
void add_train(CLI::App& program);
void add_sweep(CLI::App& program);
void add_eval(CLI::App& program);
void add_calibrate(CLI::App& program);
void add_predict(CLI::App& program);
void add_reorder(CLI::App& program);
void add_inspect(CLI::App& program);
void add_synth(CLI::App& program);
void add_report(CLI::App& program);
void add_options(CLI::App& program);

}  // namespace sharcs::internal
