// The `sharcs` program.
//
// Exit codes: 0 done, 1 an error that the message names, 2 wrong usage, 3 done in part (predict left lines out),
// 128 + n stopped by signal n.

#include <algorithm>
#include <exception>
#include <iostream>
#include <new>
#include <stdexcept>
#include <vector>

#include "cli/command.hpp"
#include "cli/help_format.hpp"
#include "cli/program_tables.hpp"
#include "sharcs/error.hpp"

namespace {

int run(int argc, char** argv) {
  CLI::App program("Trains and runs width-adaptive transformers (SHARCS, arXiv:2310.12126) on CPUs.", "sharcs");
  program.set_version_flag("--version", "sharcs " + std::string(sharcs::version()), "Print the version and exit");
  program.set_help_flag("-h,--help", "Print what there is, with its defaults, and exit");
  program.require_subcommand(1);
  program.formatter(std::make_shared<sharcs::internal::HelpFormat>());  // of the commands below, too
  std::vector<sharcs::internal::Command> commands = sharcs::internal::commands::all();
  std::ranges::stable_sort(commands, {}, &sharcs::internal::Command::place);
  for (const sharcs::internal::Command& command : commands) command.add(program);
  sharcs::internal::let_last_value_win(program);
  const auto wrong_usage = [&](const std::exception& error) {
    std::string command = "sharcs";
    for (const CLI::App* subcommand : program.get_subcommands()) command += " " + subcommand->get_name();
    std::cerr << "sharcs: " << error.what() << " (" << command << " --help tells more)\n";
    return sharcs::internal::exit_wrong_usage;
  };
  int exit_code = sharcs::internal::exit_fine;
  try {
    const std::string first = argc > 1 ? argv[1] : "";
    const auto is_first = [&](const CLI::App* command) { return command->get_name() == first; };
    if (!first.empty() && !first.starts_with('-') && program.get_subcommands(is_first).empty())
      sharcs::internal::usage_error("there is no command \"" + first + "\"" +
                                    sharcs::internal::suggestion(program, first));
    program.parse(argc, argv);
  } catch (const CLI::Success& asked) {  // --help, --version
    program.exit(asked);
  } catch (const CLI::RuntimeError& status) {
    exit_code = status.get_exit_code();
  } catch (const CLI::ExtrasError& error) {
    const std::vector<std::string> unknown = program.remaining(true);
    const std::string asked = unknown.empty() ? "" : sharcs::internal::suggestion(program, unknown.front());
    return wrong_usage(std::runtime_error(error.what() + asked));
  } catch (const CLI::ParseError& error) {
    return wrong_usage(error);
  } catch (const sharcs::internal::UsageError& error) {
    return wrong_usage(error);
  }
  // What could not be written must not look like success.
  if (!std::cout.flush()) throw sharcs::IoError("standard output: cannot be written");
  return exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  try {
    return run(argc, argv);
  } catch (const std::bad_alloc&) {
    std::cerr << "sharcs: not enough memory\n";
  } catch (const std::exception& error) {
    std::cerr << "sharcs: " << error.what() << '\n';
  }
  return sharcs::internal::exit_failed;
}
