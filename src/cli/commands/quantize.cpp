#include <algorithm>
#include <cmath>
#include <iostream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "cli/command.hpp"
#include "cli/policy_argument.hpp"
#include "cli/sentence_stream.hpp"
#include "core/number.hpp"
#include "core/threads.hpp"
#include "data/tokenized_dataset.hpp"
#include "formats/checkpoint.hpp"
#include "formats/model_access.hpp"
#include "infer/rounding_error.hpp"
#include "io/file.hpp"
#include "model/low_precision.hpp"
#include "report/terminal.hpp"
#include "sharcs/error.hpp"
#include "sharcs/model.hpp"
#include "sharcs/task.hpp"

namespace sharcs::internal {
namespace {

using Json = nlohmann::ordered_json;

struct QuantizeArguments : CommonArguments {
  std::string model, output, input;
  std::string precision = "int8";
  std::vector<std::string> keep_fp32;
  std::size_t worst = 8;
};

/// Sentences of several kinds and lengths, for models whose user gives none.
const char* const built_in_sentences[] = {
    "The film was superb.",
    "What is the capital of France?",
    "I waited two hours for my order, and when it came it was cold.",
    "The company said on Tuesday that profits rose by 12 % in the third quarter, to 4.1 million dollars.",
    "no",
    "A man is playing a guitar on the street.",
    "Although the plot is thin and the ending predictable, the two leads carry the story with great warmth.",
    "Please reset my password; the link that you sent me yesterday has expired.",
    "The committee did not reach a decision.",
    "Water boils at a lower temperature on a mountain because the pressure of the air is lower there.",
    "Worst purchase I have ever made, do not buy this!",
    "She sold the house that she had bought from her brother to a couple from Oslo.",
    "How many people live in a city depends on where one draws its border.",
    "The cat sat on the mat.",
    "In 1969, two astronauts walked on the moon while a third one stayed in orbit.",
    "It's not that I don't like it; I just expected more."};

std::vector<Sample> sentences_of(const QuantizeArguments& arguments, bool pairs) {
  std::vector<Sample> samples;
  if (arguments.input.empty()) {
    for (const char* sentence : built_in_sentences) samples.push_back({.text = sentence});
    if (pairs)
      for (std::size_t i = 0; i < samples.size(); ++i) samples[i].pair = samples[(i + 1) % samples.size()].text;
    return samples;
  }
  SentenceStream stream(arguments.input, pairs ? Pairs::yes : Pairs::no, {.on_error = OnError::stop});
  for (SentenceBatch some = stream.next(); !some.empty(); some = stream.next())
    samples.insert(samples.end(), some.samples.begin(), some.samples.end());
  return samples;
}

void check(const QuantizeArguments& arguments) {
  require(arguments.model, "--model");
  require(arguments.output, "--output");
  if (named<Precision>(arguments.precision) == Precision::fp32)
    usage_error("--precision fp32: a model is fp32 already; expected bf16 or int8");
  refuse_input_as_output("--output", arguments.output, {arguments.model});
  std::vector<std::string> weights = {"model.safetensors", "model.safetensors.index.json", "pytorch_model.bin",
                                      "pytorch_model.bin.index.json"};
  if (named<Precision>(arguments.precision) == Precision::bf16) weights.emplace_back(int8_file);
  for (const std::string& file : weights)
    if (std::filesystem::exists(std::filesystem::path(arguments.output) / file))
      usage_error("--output " + arguments.output + ": has another model's " + file + "; expected a new folder");
}

/// Writes config.json and the weights. Returns the file with the weights.
std::filesystem::path save(const Network<float>& network, Precision precision, std::span<const std::string> keep_fp32,
                           const std::filesystem::path& folder) {
  make_folder(folder);
  Json config = Json::parse(network.config().to_json());
  const std::filesystem::path file = folder / (precision == Precision::int8 ? int8_file : "model.safetensors");
  if (precision == Precision::int8) {
    save_int8_parameters(network, folder, keep_fp32);
  } else {
    save_bf16_parameters(network, file, keep_fp32);
    config["torch_dtype"] = "bfloat16";  // what transformers loads the weights as
  }
  write_file_atomically(folder / "config.json", config.dump(2) + "\n");
  return file;
}

/// What the stored model answers, beside the one that it was made of.
struct Agreement {
  std::size_t samples = 0, other_labels = 0;
  double squares = 0, reference = 0;  // of the logits

  double relative() const { return reference > 0 ? std::sqrt(squares / reference) : 0; }
};

Agreement compare(const Engine& before, const Engine& after, const RaggedBatch& batch) {
  std::vector<TokenSequence> inputs;
  for (Index s = 0; s < batch.samples(); ++s) {
    const auto first = static_cast<std::size_t>(batch.offsets[s]), count = static_cast<std::size_t>(batch.tokens(s));
    inputs.push_back({std::span(batch.ids).subspan(first, count), std::span(batch.token_types).subspan(first, count)});
  }
  const Policy full = Policy::fixed(before.widths().widest().fraction());
  const auto expected = before.run(inputs, full), found = after.run(inputs, full);
  Agreement agreement;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    ++agreement.samples;
    agreement.other_labels += found[i].label != expected[i].label || found[i].labels != expected[i].labels;
    for (std::size_t c = 0; c < expected[i].logits.size(); ++c) {
      const auto was = static_cast<double>(expected[i].logits[c]), is = static_cast<double>(found[i].logits[c]);
      agreement.squares += (is - was) * (is - was);
      agreement.reference += was * was;
    }
  }
  return agreement;
}

void quantize(const QuantizeArguments& arguments) {
  check(arguments);
  const ThreadScope scope(arguments.threads_or_default() > 0 ? arguments.threads_or_default() : thread_count());
  LoadReport report;
  const Model model = Model::load(arguments.model, {.seed = arguments.seed_or_default()}, &report);
  if (!report.initialised.empty())
    throw CheckpointError(arguments.model + ": lacks " + report.initialised.front() +
                          "; expected every parameter of a trained model");
  const Network<float>& network = network_of(model);
  const std::vector<ParameterSpec> specs(network.layout().specs().begin(), network.layout().specs().end());
  const auto precision = named<Precision>(arguments.precision);
  check_keep_fp32(model.config(), specs, arguments.keep_fp32,
                  precision == Precision::int8 ? becomes_int8 : becomes_bf16, arguments.precision, "--keep-fp32");
  const Tokenizer tokenizer = Tokenizer::load(arguments.model);
  require_vocabulary(model.config(), tokenizer, arguments.model);

  const std::optional<Task> task = Task::of(model.config());
  Dataset dataset;
  dataset.file = arguments.input.empty() ? "built-in sentences" : arguments.input;
  dataset.samples = sentences_of(arguments, task && task->is_pair());
  const Engine before(model);

  const std::filesystem::path folder = arguments.output;
  const std::filesystem::path file = save(network, precision, arguments.keep_fp32, folder);
  tokenizer.save(folder);

  const Engine after = Engine::load(folder);
  std::vector<RoundingError> errors;
  Agreement agreement;
  constexpr Index batch_size = 32;
  for (Index first = 0; first < std::ssize(dataset.samples); first += batch_size) {
    std::vector<Index> members(static_cast<std::size_t>(std::min(batch_size, std::ssize(dataset.samples) - first)));
    std::iota(members.begin(), members.end(), first);
    const RaggedBatch batch = tokenize(dataset, members, tokenizer, before.max_tokens());
    add_rounding_errors(network, precision, batch, arguments.keep_fp32, errors);
    const Agreement part = compare(before, after, batch);
    agreement.samples += part.samples;
    agreement.other_labels += part.other_labels;
    agreement.squares += part.squares;
    agreement.reference += part.reference;
  }
  std::ranges::stable_sort(errors, std::greater{}, &RoundingError::relative);

  const auto bytes = static_cast<double>(std::filesystem::file_size(file));
  const double was = 4.0 * static_cast<double>(model.parameter_count());
  if (arguments.json) {
    Json json = {{"output", arguments.output},
                 {"precision", arguments.precision},
                 {"bytes", bytes},
                 {"fp32_bytes", was},
                 {"samples", agreement.samples},
                 {"other_labels", agreement.other_labels},
                 {"logits_error", agreement.relative()},
                 {"kept_fp32", arguments.keep_fp32},
                 {"weights", Json::array()}};
    for (const RoundingError& error : errors)
      json["weights"].push_back({{"weight", error.weight}, {"error", error.relative()}});
    std::cout << json.dump(2) << '\n';
    return;
  }
  std::cout << arguments.output << ": " << bytes_text(bytes) << ", " << decimal(bytes / was, 2) << " of fp32's "
            << bytes_text(was) << "; " << counted(errors.size(), "weight") << " as " << arguments.precision << "\n\n";
  TextTable table({"largest errors", "of the layer's result"});
  for (std::size_t i = 0; i < std::min(arguments.worst, errors.size()); ++i)
    table.add({errors[i].weight, percent(errors[i].relative())});
  table.print(std::cout);
  if (!errors.empty())
    std::cout << "\nthe middle one of all: " << percent(errors[errors.size() / 2].relative()) << '\n';
  std::cout << "full width on " << counted(agreement.samples, "sentence") << " (" << dataset.file << "): logits "
            << percent(agreement.relative()) << " off";
  if (!model.config().is_regression()) std::cout << ", " << counted(agreement.other_labels, "label") << " changed";
  std::cout << "\n--keep-fp32 NAME keeps a weight, or a layer, as it was\n";
}

void add_quantize(CLI::App& program) {
  const auto arguments = std::make_shared<QuantizeArguments>();
  CLI::App* command = add_command(
      program, "quantize",
      "Stores a model with int8 weights, a quarter of the size, or with bf16 weights, half of it. Says how large the "
      "error of each layer is, on sentences of yours or a few that are built in. The new folder is for sharcs predict, "
      "eval and calibrate; an int8 one cannot be trained.",
      "nothing, quantizing draws none", *arguments);
  command->add_option("--model,model", arguments->model, "Model directory (required)");
  command->add_option("--output", arguments->output, "Folder for the new model (required)");
  command->add_option("--precision", arguments->precision, "What the weights become")
      ->check(CLI::IsMember(names_of<Precision>()))
      ->capture_default_str();
  command->add_option("--keep-fp32", arguments->keep_fp32,
                      "Weights that stay fp32, by name or by the beginning of their names up to a point, as in "
                      "bert.encoder.layer.5.output");
  command->add_option("--input", arguments->input,
                      "Sentences to measure errors on, one a line (pairs: with a TAB between); -: standard input");
  command->add_option("--worst", arguments->worst, "How many of the largest errors to show")
      ->check(not_negative)
      ->capture_default_str();
  command->footer(examples({R"(sharcs quantize runs/sst2 --output runs/sst2-int8)",
                            R"(sharcs quantize runs/sst2 --output runs/sst2-int8 --input reviews.txt --worst 10)",
                            R"(sharcs quantize runs/sst2 --output runs/sst2-bf16 --precision bf16)"}));
  on_call(command, arguments, quantize);
}

}  // namespace

namespace commands {
std::vector<Command> quantize() { return {{.place = 65, .add = add_quantize}}; }
}  // namespace commands

}  // namespace sharcs::internal
