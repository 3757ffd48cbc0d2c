#pragma once

#include <sys/types.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "sharcs/model.hpp"
#include "temporary_folder.hpp"

namespace sharcs::internal::testing {

/// What a run of the `sharcs` program left.
struct ProgramRun {
  int exit_code = 0;  ///< 128 + n when signal n ended it
  std::string output, errors;

  /// The output as JSON; a test failure when it is none.
  nlohmann::json json() const;
};

/// The program's file.
std::string program_file();

/// Runs the program to its end.
ProgramRun run_program(const std::vector<std::string>& arguments, const std::string& input = {});

/// A program that runs beside the test.
class RunningProgram {
 public:
  /// `launcher`: a command and its arguments that start the program, none for the program itself.
  explicit RunningProgram(const std::vector<std::string>& arguments, const std::string& input = {},
                          const std::vector<std::string>& launcher = {});
  ~RunningProgram();
  RunningProgram(const RunningProgram&) = delete;
  RunningProgram& operator=(const RunningProgram&) = delete;

  /// That of the launcher, if there is one.
  pid_t process() const { return process_; }
  void send(int signal);
  /// Waits until it has written `text` to standard error. A test failure when it ends without.
  void await(const std::string& text) const;
  /// The same for standard output.
  void await_output(const std::string& text) const { await_in("out", text); }
  /// Waits for the first line of standard output and returns it. A test failure when it ends without.
  std::string await_line() const;
  ProgramRun wait();

 private:
  /// What it has written to "out" or "err", once the text is in it.
  std::string await_in(const char* stream, const std::string& text) const;

  TemporaryFolder folder_;
  pid_t process_;
};

/// Expects one line "sharcs: …" on standard error, nothing on standard output and the exit code, and returns the line
/// without "sharcs: ".
std::string error_of(const ProgramRun& run, int exit_code = 1);

/// The message of a run that ended with exit code 1 and may have said other things before.
std::string last_error_of(const ProgramRun& run);

/// A configuration of `sharcs train` with which an epoch takes milliseconds; `training`: its section of that name, of
/// the paper's recipe unless it names another.
nlohmann::json tiny_training_config(nlohmann::json training);

/// A tiny untrained model with its tokenizer: three widths, labels "negative" and "positive", 16 positions.
/// `change` may change the configuration before the model is made.
void save_tiny_model(const std::filesystem::path& folder, void (*change)(ModelConfig&) = nullptr);
/// For save_tiny_model: a model that labels words as persons or others, one that finds answers, and one that fills
/// masks.
void label_words(ModelConfig& config);
void find_answers(ModelConfig& config);
void fill_masks(ModelConfig& config);
/// The same for SST-2, with 32 positions.
void save_tiny_sst2_model(const std::filesystem::path& folder);

}  // namespace sharcs::internal::testing
