#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iomanip>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "cli/program.hpp"
#include "core/available_cores.hpp"
#include "io/file.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal::usage_test {
namespace {

using testing::error_of;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::run_program;
using ::testing::StartsWith;

const std::vector<std::string>& commands() {
  static const std::vector<std::string> all = {"train",   "sweep",   "eval",    "calibrate",
                                               "predict", "reorder", "inspect", "synth"};
  return all;
}

TEST(Usage, HelpListsTheCommandsInTheirOrder) {
  const auto help = run_program({"--help"});
  EXPECT_EQ(help.exit_code, 0);
  EXPECT_EQ(help.errors, "");
  std::size_t before = 0;
  for (const std::string& command : commands()) {
    const std::size_t place = help.output.find("\n  " + command + " ");
    ASSERT_NE(place, std::string::npos) << command;
    EXPECT_GT(place, before) << command;
    before = place;
  }
}

TEST(Usage, EveryCommandHasHelpWithItsDefaults) {
  for (const std::string& command : commands()) {
    const auto help = run_program({command, "--help"});
    EXPECT_EQ(help.exit_code, 0);
    EXPECT_EQ(help.errors, "");
    for (const char* text : {"--config", "--seed", "--threads", "--json", "[1]", "[0]"})
      EXPECT_THAT(help.output, HasSubstr(text)) << command;
    std::istringstream lines(help.output);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 112u) << command << ": " << line;
  }
}

TEST(Usage, VersionIsThatOfTheLibrary) {
  const auto run = run_program({"--version"});
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_EQ(run.output, "sharcs " + std::string(version()) + "\n");
}

TEST(Usage, WrongCallsAreOneLineAndExitCodeTwo) {
  EXPECT_EQ(error_of(run_program({}), 2), "A subcommand is required (sharcs --help tells more)");
  EXPECT_EQ(error_of(run_program({"frobnicate"}), 2), "there is no command \"frobnicate\" (sharcs --help tells more)");
  for (const std::string& command : commands()) {
    EXPECT_THAT(error_of(run_program({command, "--no-such-option"}), 2),
                HasSubstr("--no-such-option (sharcs " + command + " --help tells more)"));
    EXPECT_THAT(error_of(run_program({command, "--threads", "-1"}), 2), StartsWith("--threads: "));
    EXPECT_THAT(error_of(run_program({command, "--seed", "x"}), 2), HasSubstr("--seed"));
    EXPECT_THAT(error_of(run_program({command, "--seed", "-1"}), 2),
                StartsWith("--seed: expected an integer ≥ 0, found -1"));
  }
  EXPECT_EQ(error_of(run_program({"predict"}), 2), "--model is required (sharcs predict --help tells more)");
  EXPECT_EQ(error_of(run_program({"eval", "--model", "m"}), 2),
            "give --data FOLDER or --file FILE, or --recording FILE (sharcs eval --help tells more)");
  EXPECT_EQ(error_of(run_program({"eval", "--model", "m", "--data", "d", "--file", "f"}), 2),
            "--data and --file exclude each other (sharcs eval --help tells more)");
  EXPECT_THAT(error_of(run_program({"predict", "--model", "m", "--policy", "often"}), 2),
              StartsWith("--policy often: expected one of model, router, cascade[:P[:CONFIDENCE]], "));
}

TEST(Usage, MoreThreadsThanCoresAreOneLineOfWarning) {
  const TemporaryFolder folder;
  const auto synth = [&](int threads) {
    return run_program({"synth", "--output", folder / "data", "--train", "4", "--dev", "2", "--test", "2", "--threads",
                        std::to_string(threads)});
  };
  const int cores = available_cores();
  EXPECT_EQ(synth(cores).errors, "");
  const auto more = synth(cores + 1);
  EXPECT_EQ(more.exit_code, 0);
  EXPECT_THAT(more.errors, StartsWith("sharcs: --threads " + std::to_string(cores + 1) + " is more than the "));
  EXPECT_EQ(std::ranges::count(more.errors, '\n'), 1) << more.errors;
}

TEST(Usage, ConfigFileGivesOptionsThatFlagsOverride) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "config.json",
                        R"({"synth": {"train": 30, "dev": 8, "test": 0, "levels": [1, 1, 0, 0, 0], "json": true}})");
  const auto run =
      run_program({"synth", "--config", folder / "config.json", "--output", folder / "data", "--dev", "6"});
  EXPECT_EQ(run.errors, "");
  const auto files = run.json()["files"];
  EXPECT_EQ(files.size(), 2u);
  EXPECT_EQ(files["train.tsv"]["sentences"], 30);
  EXPECT_EQ(files["train.tsv"]["negation"], 15);
  EXPECT_EQ(files["dev.tsv"]["sentences"], 6);
}

TEST(Usage, ConfigFileMayHaveASectionForEveryCommand) {
  const TemporaryFolder folder;
  nlohmann::json sections = {{"model", nlohmann::json::object()}};
  for (const std::string& command : commands()) sections[command] = nlohmann::json::object();
  write_file_atomically(folder / "config.json", sections.dump());
  for (const std::string& command : commands())
    EXPECT_EQ(run_program({command, "--config", folder / "config.json"}).errors.find("is not a section"),
              std::string::npos)
        << command;
}

TEST(Usage, ConfigFilesThatCannotBeUsedAreNamed) {
  const TemporaryFolder folder;
  const auto error_with = [&](const std::string& config) {
    write_file_atomically(folder / "c.json", config);
    const std::string message =
        error_of(run_program({"synth", "--config", folder / "c.json", "--output", folder / "data"}));
    EXPECT_THAT(message, StartsWith((folder / "c.json").string()));
    return message.substr((folder / "c.json").string().size());
  };
  EXPECT_THAT(error_with("{"), StartsWith(":1: not valid JSON at byte 2"));
  EXPECT_EQ(error_with("[]"), ": found [], expected an object");
  EXPECT_THAT(error_with(R"({"modle": {}})"), StartsWith(": \"modle\" is not a section; expected one of model, "));
  EXPECT_EQ(error_with(R"({"model": 3})"), ": \"model\" is 3; expected an object");
  EXPECT_EQ(error_with(R"({"synth": {"trian": 3}})"), ": \"synth.trian\" is not an option of sharcs synth");
  EXPECT_THAT(error_with(R"({"synth": {"train": "many"}})"), StartsWith(": \"synth.train\" is \"\\\"many\\\"\": "));
  EXPECT_EQ(error_of(run_program({"synth", "--config", folder / "none.json", "--output", folder / "data"})),
            (folder / "none.json").string() + ": cannot open: No such file or directory");
}

TEST(Usage, OutputThatCannotBeWrittenIsAnError) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "file", "");
  const auto run = run_program({"synth", "--output", folder / "file" / "x"});
  EXPECT_THAT(error_of(run), HasSubstr("cannot make the folder"));
}

TEST(Usage, NearlyRightWordsAreCorrected) {
  EXPECT_EQ(error_of(run_program({"predcit"}), 2),
            "there is no command \"predcit\"; did you mean predict? (sharcs --help tells more)");
  for (const auto& [word, meant] : std::vector<std::pair<std::string, std::string>>{
           {"trian", "train"}, {"tarin", "train"}, {"evla", "eval"}, {"evaluate", "eval"}, {"pred", "predict"}})
    EXPECT_THAT(error_of(run_program({word}), 2), HasSubstr("; did you mean " + meant + "?")) << word;
  EXPECT_THAT(error_of(run_program({"tv"}), 2), Not(HasSubstr("did you mean")));
  EXPECT_THAT(error_of(run_program({"train", "--epoch", "3"}), 2), HasSubstr("; did you mean --epochs?"));
  EXPECT_THAT(error_of(run_program({"predict", "--model", "m", "--longs=first"}), 2),
              HasSubstr("; did you mean --long?"));
}

TEST(Usage, TheLastOfRepeatedOptionsCounts) {
  const TemporaryFolder folder;
  const auto run = run_program({"synth", "--output", folder / "a", "--train", "50", "--train", "30", "--dev", "8",
                                "--test", "0", "--output", folder / "b", "--json", "--json"});
  EXPECT_EQ(run.errors, "");
  EXPECT_EQ(run.json()["files"]["train.tsv"]["sentences"], 30);
  EXPECT_FALSE(std::filesystem::exists(folder / "a"));
  EXPECT_THAT(error_of(run_program({"synth", "--output", folder / "b", "--seed", "1", "--seed", "x"}), 2),
              HasSubstr("--seed"));
}

TEST(Usage, HelpShowsTypesRangesAndExamples) {
  for (const std::string& command : commands()) {
    const std::string help = run_program({command, "--help"}).output;
    const std::size_t at = help.find("Examples:\n  ");
    ASSERT_NE(at, std::string::npos) << command;
    std::size_t calls = 0;
    for (std::size_t line = help.find("sharcs " + command + " ", at); line != std::string::npos;
         line = help.find("sharcs " + command + " ", line + 1))
      ++calls;
    EXPECT_EQ(calls, 2u) << command;
  }
  const std::string help = run_program({"train", "--help"}).output;
  for (const char* text : {"--epochs INT", "--learning-rate FLOAT", "--thresholds LIST", "(0 to 4096)"})
    EXPECT_THAT(help, HasSubstr(text));
}

TEST(Usage, ExamplesOfHelpAreCallsThatTheProgramUnderstands) {
  const TemporaryFolder folder;
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());  // one of the examples writes a folder
  for (const std::string& command : commands()) {
    std::istringstream help(run_program({command, "--help"}).output);
    for (std::string line; std::getline(help, line);) {
      const std::size_t at = line.find("sharcs " + command + " ");
      if (at == std::string::npos || !line.starts_with("  ") || line.find(" | ") > at) continue;
      std::istringstream words(line.substr(at + 7));
      std::vector<std::string> arguments;
      for (std::string word; words >> std::quoted(word);) arguments.push_back(word);
      const auto run = run_program(arguments);
      EXPECT_NE(run.exit_code, 2) << line << '\n' << run.errors;
    }
  }
  std::filesystem::current_path(before);
}

TEST(Usage, CompletionKnowsCommandsOptionsAndChoices) {
  const TemporaryFolder folder;
  const auto complete = [&](const std::string& words, int at) {
    write_file_atomically(folder / "sharcs.bash", run_program({"completion", "bash"}).output + "COMP_WORDS=(" + words +
                                                      ")\nCOMP_CWORD=" + std::to_string(at) +
                                                      "\n_sharcs\necho \"${COMPREPLY[@]}\" > " +
                                                      (folder / "reply").string() + "\n");
    EXPECT_EQ(std::system(("bash " + (folder / "sharcs.bash").string()).c_str()), 0);
    return read_text_file(folder / "reply");
  };
  EXPECT_EQ(complete("sharcs pre", 1), "predict\n");
  EXPECT_EQ(complete("sharcs predict --on-err", 2), "--on-error\n");
  EXPECT_EQ(complete("sharcs predict --on-error sk", 3), "skip\n");
  EXPECT_THAT(complete("sharcs train --early", 2), HasSubstr("--early-stopping"));
  for (const char* shell : {"zsh", "fish"}) {
    const std::string script = run_program({"completion", shell}).output;
    for (const std::string& command : commands()) EXPECT_THAT(script, HasSubstr(command));
    EXPECT_THAT(script, HasSubstr("stop skip empty"));
  }
  EXPECT_THAT(error_of(run_program({"completion", "tcsh"}), 2), HasSubstr("tcsh"));
}

TEST(Usage, EveryCommandHasAManualPage) {
  const TemporaryFolder folder;
  EXPECT_EQ(run_program({"man", folder.path()}).errors, "");
  EXPECT_THAT(read_text_file(folder / "sharcs.1"), HasSubstr(".SH EXIT STATUS"));
  for (const std::string& command : commands()) {
    const std::string page = read_text_file(folder / ("sharcs-" + command + ".1"));
    EXPECT_THAT(page, StartsWith(".TH \"sharcs-" + command + "\" 1"));
    EXPECT_THAT(page, HasSubstr("\\fB\\-\\-config\\fR"));
    EXPECT_THAT(page, HasSubstr(".SH EXAMPLES\n"));
  }
}

}  // namespace
}  // namespace sharcs::internal::usage_test
