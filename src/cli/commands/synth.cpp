#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/command.hpp"
#include "cli/program_tables.hpp"
#include "core/number.hpp"
#include "data/synthetic.hpp"
#include "report/terminal.hpp"

namespace sharcs::internal {
namespace {

struct SynthArguments : CommonArguments {
  std::string output;
  SyntheticOptions options;
  std::vector<double> levels = {options.level_shares.begin(), options.level_shares.end()};
};

void synth(const SynthArguments& arguments) {
  require(arguments.output, "--output");
  SyntheticOptions options = arguments.options;
  options.seed = arguments.seed_or_default();
  if (arguments.levels.size() != difficulty_levels)
    usage_error("--levels has " + counted(arguments.levels.size(), "number") + "; expected one for each of the " +
                std::to_string(difficulty_levels) + " levels");
  std::copy(arguments.levels.begin(), arguments.levels.end(), options.level_shares.begin());
  const SyntheticData data = SyntheticData::generate(options);
  data.save(arguments.output);

  nlohmann::ordered_json json = {{"output", arguments.output}, {"seed", options.seed}};
  TextTable table({"file", "sentences", "plain", "negation", "contrast", "distance", "noise"});
  for (const Dataset* dataset : {&data.train, &data.dev, &data.test}) {
    if (dataset->empty()) continue;
    std::array<long long, difficulty_levels> counts = {};
    for (const Sample& sample : dataset->samples) ++counts[static_cast<std::size_t>(*sample.difficulty)];
    std::vector<std::string> row = {arguments.output + "/" + dataset->file, grouped(std::ssize(dataset->samples))};
    auto& entry = json["files"][dataset->file];
    entry["sentences"] = dataset->size();
    for (std::size_t level = 0; level < difficulty_levels; ++level) {
      row.push_back(grouped(counts[level]));
      entry[difficulty_name(static_cast<int>(level))] = counts[level];
    }
    table.add(std::move(row));
  }
  if (arguments.json)
    std::cout << json.dump(2) << '\n';
  else
    table.print(std::cout);
}

void add_synth(CLI::App& program) {
  const auto arguments = std::make_shared<SynthArguments>();
  CLI::App* command = add_command(
      program, "synth",
      "Generates film reviews of known sentiment and difficulty, as GLUE's SST-2 with a column \"difficulty\".",
      "the sentences", *arguments);
  command->add_option("--output", arguments->output, "Folder for train.tsv, dev.tsv and test.tsv (required)");
  command->add_option("--train", arguments->options.train, "Training sentences")->capture_default_str();
  command->add_option("--dev", arguments->options.dev, "Dev sentences")->capture_default_str();
  command->add_option("--test", arguments->options.test, "Test sentences; 0: no file")->capture_default_str();
  command
      ->add_option("--levels", arguments->levels,
                   "Shares of the levels of difficulty: plain, negation, contrast, distance, noise")
      ->delimiter(',')
      ->default_str("75,10,6,5,4");
  command->footer(examples({R"(sharcs synth --output data/synthetic)",
                            R"(sharcs synth --output data/hard --train 2000 --levels 1,1,1,1,1 --seed 2)"}));
  on_call(command, arguments, synth);
}

}  // namespace

namespace commands {
std::vector<Command> synth() { return {{.place = 80, .add = add_synth}}; }
}  // namespace commands

}  // namespace sharcs::internal
