#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/command.hpp"
#include "cli/data_arguments.hpp"
#include "cli/program_tables.hpp"
#include "core/number.hpp"
#include "core/random.hpp"
#include "core/threads.hpp"
#include "data/tokenized_dataset.hpp"
#include "formats/model_access.hpp"
#include "model/backbone.hpp"
#include "report/terminal.hpp"
#include "sharcs/error.hpp"
#include "sharcs/model.hpp"
#include "sharcs/tokenizer.hpp"
#include "train/importance.hpp"
#include "train/training_option_table.hpp"

namespace sharcs::internal {
namespace {

struct ReorderArguments : CommonArguments {
  std::string model, output;
  DatasetArguments dataset;
  std::size_t samples = 0;
  std::size_t batch_size = 32;
  std::size_t max_length = 128;
  std::string what = name_of(Reordering::all);
};

/// The samples that the importance is measured on: all, or some drawn at random.
std::vector<Index> drawn(std::size_t total, std::size_t wanted, std::uint64_t seed) {
  std::vector<Index> order(total);
  std::iota(order.begin(), order.end(), Index{0});
  if (wanted == 0 || wanted >= total) return order;
  Random(derive_key(seed, "importance")).shuffle(order);
  order.resize(wanted);
  std::sort(order.begin(), order.end());
  return order;
}

void reorder_model(const ReorderArguments& arguments) {
  const auto what = named<Reordering>(arguments.what);
  require(arguments.model, "--model");
  require(arguments.output, "--output");
  if (!arguments.dataset.given()) usage_error("give --data FOLDER or --file FILE");
  refuse_input_as_output("--output", arguments.output, {arguments.model});
  const ThreadScope scope(arguments.threads_or_default() > 0 ? arguments.threads_or_default() : thread_count());

  const std::filesystem::path config_file = std::filesystem::path(arguments.model) / "config.json";
  const ModelConfig config = ModelConfig::load(config_file);
  const Task task = arguments.dataset.task_of(config, arguments.model);
  LoadReport report;
  Model model = Model::load(arguments.model,
                            {.labels = task.labels().empty() ? config.labels : task.labels(),
                             .multi_label = config.multi_label,
                             .multi_output = config.multi_output,
                             .per_token = config.per_token,
                             .finds_answers = config.finds_answers,
                             .fills_masks = config.fills_masks,
                             .label_threshold = config.label_threshold,
                             .seed = arguments.seed_or_default()},
                            &report);
  if (!report.summary().empty()) notes() << "sharcs: " << arguments.model << ": " << report.summary() << '\n';
  const Tokenizer tokenizer = Tokenizer::load(arguments.model);
  require_vocabulary(config, tokenizer, arguments.model);
  Dataset dataset = arguments.dataset.read(task);
  if (!dataset.labelled()) throw DataError(dataset.file + ": has samples without a label; the loss needs one for each");

  const auto positions = static_cast<std::size_t>(find_backbone(config.model_type).max_tokens(config));
  const std::size_t length = std::min(arguments.max_length, positions);
  if (reads_pieces(task.kind())) dataset = pieces_of(dataset, task.kind(), tokenizer, length);
  const TokenizedDataset tokens = tokenize(dataset, task, tokenizer, length);
  require_embeddings(config, tokens, dataset);
  const std::vector<Index> samples = drawn(dataset.size(), arguments.samples, arguments.seed_or_default());
  ImportanceMeter<float> meter(network_of(model));
  for (std::size_t first = 0; first < samples.size(); first += arguments.batch_size) {
    const std::span<const Index> batch =
        std::span(samples).subspan(first, std::min(arguments.batch_size, samples.size() - first));
    std::vector<std::int32_t> labels;
    std::vector<float> targets;
    for (const Index sample : batch) {
      if (task.kind() == TaskKind::regression)
        std::ranges::copy(tokens.targets_of(sample), std::back_inserter(targets));
      else
        std::ranges::copy(tokens.labels_of(sample), std::back_inserter(labels));
    }
    meter.add(tokens.gather(batch), labels, targets);
  }
  const NewOrder order = NewOrder::of(config, meter.importance(), what);
  reorder(network_of(model), order);
  model.save(arguments.output);
  tokenizer.save(arguments.output);

  const Importance& importance = meter.importance();
  nlohmann::ordered_json json = {{"output", arguments.output}, {"samples", samples.size()}};
  json["layers"] = nlohmann::ordered_json::array();
  TextTable table({"layer", "heads, most important first", "share of the first half of the neurons"});
  for (std::size_t layer = 0; layer < importance.heads.size(); ++layer) {
    const std::vector<Index>& heads = order.heads[layer];
    std::string numbers;
    for (const Index head : heads) numbers += (numbers.empty() ? "" : " ") + std::to_string(head + 1);
    std::vector<double> neurons = importance.neurons[layer];
    std::sort(neurons.begin(), neurons.end(), std::greater<>());
    const auto half = neurons.begin() + std::ssize(neurons) / 2;
    const double total = std::accumulate(neurons.begin(), neurons.end(), 0.0);
    const double share = total > 0 ? std::accumulate(neurons.begin(), half, 0.0) / total : 0;
    table.add({std::to_string(layer + 1), numbers, percent(share)});
    json["layers"].push_back(
        {{"head_importance", importance.heads[layer]}, {"head_order", heads}, {"neurons_first_half_share", share}});
  }
  if (arguments.json) {
    std::cout << json.dump(2) << '\n';
    return;
  }
  table.print(std::cout);
  std::cout << "\nmeasured on " << counted(samples.size(), "sample") << ", written to " << arguments.output
            << "; train it with --init " << arguments.output << '\n';
}

void add_reorder(CLI::App& program) {
  const auto arguments = std::make_shared<ReorderArguments>();
  CLI::App* command = add_command(program, "reorder",
                                  "Moves what matters most for a task to the front: heads, neurons and the dimensions "
                                  "of the token vectors, so that "
                                  "the leading slices hold them. The full-width model stays the same.",
                                  "the samples that are drawn", *arguments);
  command->add_option("--model", arguments->model, "Model directory, fine-tuned for the task (required)");
  command->add_option("--output", arguments->output, "Folder for the reordered model (required)");
  command->add_option("--what", arguments->what, "What is moved")
      ->check(CLI::IsMember(names_of<Reordering>()))
      ->capture_default_str();
  command->add_option("--samples", arguments->samples, "Samples to measure on; 0: all")
      ->check(not_negative)
      ->capture_default_str();
  command->add_option("--batch-size", arguments->batch_size, "Samples whose loss is one")
      ->check(CLI::Range(std::size_t{1}, std::size_t{1} << 20))
      ->capture_default_str();
  command->add_option("--max-length", arguments->max_length, "Tokens that a sample is cut to")
      ->check(CLI::Range(std::size_t{3}, std::size_t{1} << 20))
      ->capture_default_str();
  arguments->dataset.add_to(*command, "train");
  command->footer(
      examples({R"(sharcs reorder --model runs/sst2 --data path/to/SST-2 --output runs/sst2-reordered)",
                R"(sharcs reorder --model runs/reviews --file reviews.csv --output runs/reviews-reordered)"}));
  on_call(command, arguments, reorder_model);
}

}  // namespace

namespace commands {
std::vector<Command> reorder() { return {{.place = 60, .add = add_reorder}}; }
}  // namespace commands

}  // namespace sharcs::internal
