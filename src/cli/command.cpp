#include "cli/command.hpp"

#include <algorithm>
#include <iostream>

#include "cli/config_file.hpp"
#include "core/available_cores.hpp"
#include "core/quote.hpp"
#include "sharcs/error.hpp"
#include "train/training_folder.hpp"

namespace sharcs::internal {
namespace {

bool is_quiet = false;

/// A JSON value as the words that would stand on the command line.
std::vector<std::string> words_of(const nlohmann::ordered_json& value) {
  if (value.is_string()) return {value.get<std::string>()};
  if (!value.is_array()) return {value.dump()};
  std::vector<std::string> words;
  for (const auto& item : value)
    for (const std::string& word : words_of(item)) words.push_back(word);
  return words;
}

}  // namespace

std::ostream& notes() {
  static std::ostream nowhere(nullptr);
  return is_quiet ? nowhere : std::cerr;
}

void set_quiet(bool quiet) { is_quiet = quiet; }

std::string not_negative(const std::string& word) {
  // What reads unsigned numbers would take -1 for the largest of them.
  return word.find('-') == std::string::npos ? "" : "expected an integer ≥ 0, found " + word;
}

CLI::App* add_command(CLI::App& program, const std::string& name, const std::string& description,
                      const std::string& seed_meaning, CommonArguments& arguments) {
  CLI::App* command = program.add_subcommand(name, description);
  command->set_help_flag("-h,--help", "Print the options, with their defaults, and exit");
  command->add_option("--config", arguments.config, "JSON file with settings; options given here override it");
  command->add_option("--seed", arguments.seed, "Seed of random numbers: " + seed_meaning)
      ->check(not_negative)
      ->default_str("1");
  command->add_option("--threads", arguments.threads, "Threads; 0: as OMP_NUM_THREADS says, or all cores")
      ->check(CLI::Range(0, 4096))
      ->default_str("0");
  command->add_flag("--json", arguments.json, "Write results as JSON");
  command->add_flag("--quiet", arguments.quiet, "Say nothing but results and errors");
  return command;
}

void take_from_config(CLI::App& command, const CommonArguments& arguments) {
  if (arguments.config.empty()) return;
  const ConfigFile file = ConfigFile::read(arguments.config);
  for (const auto& [key, value] : file.section(command.get_name()).items()) {
    const std::string place = arguments.config + ": \"" + command.get_name() + "." + key + "\"";
    std::string name = key;
    std::replace(name.begin(), name.end(), '_', '-');
    CLI::Option* option = command.get_option_no_throw("--" + name);
    if (option == nullptr || key == "config" || key == "help")
      throw ConfigError(place + " is not an option of sharcs " + command.get_name());
    if (option->count() > 0) continue;
    try {
      for (const std::string& word : words_of(value)) option->add_result(word);
      option->run_callback();
    } catch (const CLI::ParseError& error) {
      throw ConfigError(place + " is " + quote(value.dump()) + ": " + error.what());
    }
  }
}

void warn_of_more_threads_than_cores(int threads) {
  const int cores = available_cores();
  if (threads > cores)
    std::cerr << "sharcs: --threads " << threads << " is more than the " << cores << (cores == 1 ? " core" : " cores")
              << " that this process may use: no more than " << cores << " run at once\n";
}

void usage_error(const std::string& message) { throw UsageError(message); }

void require(const std::string& value, const std::string& option) {
  if (value.empty()) usage_error(option + " is required");
}

void refuse_input_as_output(const std::string& option, const std::filesystem::path& output,
                            const std::vector<std::filesystem::path>& read) {
  std::error_code error;
  const std::filesystem::path name = output.filename();
  const bool may_be_of_model = is_model_file(name);
  for (const std::filesystem::path& input : read)
    if (!output.empty() && (std::filesystem::equivalent(output, input, error) ||
                            (may_be_of_model && std::filesystem::equivalent(output, input / name, error))))
      usage_error(option + " " + output.string() + ": is what the command reads; expected another place");
}

}  // namespace sharcs::internal
