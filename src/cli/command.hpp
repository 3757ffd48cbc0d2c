#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <ostream>
#include <stdexcept>
#include <string>
#include <vector>

namespace sharcs::internal {

/// A command of the program, such as `sharcs train`. Each has a file in cli/commands/.
struct Command {
  int place;                       ///< in the list of `sharcs --help`; the smallest is the first
  void (*add)(CLI::App& program);  ///< adds the command, with its options, to the program
};

namespace commands {
/// Those of every file in cli/commands/. Written by CMake.
std::vector<Command> all();
}  // namespace commands

/// What every command takes.
struct CommonArguments {
  std::string config;  ///< a ConfigFile
  std::optional<std::uint64_t> seed;
  std::optional<int> threads;
  bool json = false;
  bool quiet = false;

  std::uint64_t seed_or_default() const { return seed.value_or(1); }
  /// 0: as OMP_NUM_THREADS says, or all cores.
  int threads_or_default() const { return threads.value_or(0); }
};

/// Adds a command with the common options. `seed_meaning`: what the command draws random numbers for.
CLI::App* add_command(CLI::App& program, const std::string& name, const std::string& description,
                      const std::string& seed_meaning, CommonArguments& arguments);

/// Where a command says what a user may like to know: standard error, or nowhere with --quiet. Errors are no notes.
std::ostream& notes();
/// Whether there are notes; from now on, for the whole program.
void set_quiet(bool quiet);

/// What a run that ends without an exception tells the shell.
enum ExitCode { exit_fine = 0, exit_failed = 1, exit_wrong_usage = 2, exit_partly = 3 };

/// For CLI::Option::check of an unsigned number: empty, or what is wrong with the word.
std::string not_negative(const std::string& word);

/// Takes options that the command line does not have from the command's section of its config file. Throws IoError or
/// ConfigError.
void take_from_config(CLI::App& command, const CommonArguments& arguments);

/// Says on standard error when more threads are asked for than there are cores: one line.
void warn_of_more_threads_than_cores(int threads);

/// What the command does when it is called, once its options have their values.
template <class Arguments>
void on_call(CLI::App* command, std::shared_ptr<Arguments> arguments, void (*run)(const Arguments&)) {
  command->callback([=] {
    take_from_config(*command, *arguments);
    set_quiet(arguments->quiet);
    warn_of_more_threads_than_cores(arguments->threads_or_default());
    run(*arguments);
  });
}

/// The program was called wrongly.
struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};
[[noreturn]] void usage_error(const std::string& message);
/// Throws a usage error when the option has no value from anywhere.
void require(const std::string& value, const std::string& option);
/// Throws a usage error where the file or folder that the option names is one of those that are read, or a file of a
/// model in one of these folders.
void refuse_input_as_output(const std::string& option, const std::filesystem::path& output,
                            const std::vector<std::filesystem::path>& read);

}  // namespace sharcs::internal
