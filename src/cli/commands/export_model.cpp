#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/command.hpp"
#include "cli/program_tables.hpp"
#include "core/number.hpp"
#include "core/quote.hpp"
#include "infer/precision_names.hpp"
#include "io/file.hpp"
#include "model/answers.hpp"
#include "onnx/export.hpp"
#include "sharcs/error.hpp"
#include "text/tokenizer_folder.hpp"

namespace sharcs::internal {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

struct ExportArguments : CommonArguments {
  std::string model, output, precision;
  std::optional<double> width;
  std::optional<int> exit_layer;
  bool onnx = false, routed = false, overwrite = false;
};

bool is_onnx_file(const std::string& output) { return fs::path(output).extension() == ".onnx"; }

void check(const ExportArguments& arguments) {
  require(arguments.model, "--model");
  require(arguments.output, "--output");
  if (!arguments.onnx) usage_error("--onnx is missing: ONNX is the only form that models are exported to");
  if (int{arguments.width.has_value()} + int{arguments.exit_layer.has_value()} + int{arguments.routed} > 1)
    usage_error("--width, --exit and --routed: expected one of them");
  if (arguments.routed && is_onnx_file(arguments.output))
    usage_error("--output " + arguments.output + ": a routed model is several files; expected a folder");
}

/// The file that is there when the export is finished.
fs::path file_of(const ExportArguments& arguments) {
  if (is_onnx_file(arguments.output)) return arguments.output;
  return fs::path(arguments.output) / (arguments.routed ? onnx::routing_file : "model.onnx");
}

void refuse_existing(const fs::path& file, bool overwrite) {
  if (is_there(file) && !overwrite)
    usage_error("--output " + file.string() + ": is there already; --overwrite replaces it");
}

int asked_answer(const ModelConfig& config, const WidthSet& widths, const ExportArguments& arguments) {
  const std::vector<Answer> answers = answers_of(config);
  if (!arguments.exit_layer)
    return answer_of_width(answers, (arguments.width ? widths.at(*arguments.width) : widths.widest()).index());
  const int answer = answer_of_exit(answers, *arguments.exit_layer);
  if (answer >= 0) return answer;
  std::string known;
  for (const Answer& each : answers)
    if (each.is_exit()) known += (known.empty() ? "" : ", ") + std::to_string(each.exit_layer);
  throw ConfigError("exit " + std::to_string(*arguments.exit_layer) +
                    " is not one of the model's: " + (known.empty() ? "it has none" : known));
}

/// What a folder of a model needs beside its graphs: the configuration, and the tokenizer's files in every form.
void copy_companions(const fs::path& model, const fs::path& folder) {
  std::error_code error;
  if (fs::equivalent(model, folder, error)) return;
  const auto copy = [&](std::string_view name) {
    if (!is_there(model / name)) return false;
    write_file_atomically(folder / name, read_text_file(model / name));
    return true;
  };
  copy("config.json");
  const bool has_tokenizer = std::ranges::count_if(tokenizer_files, copy) > 0;
  if (!has_tokenizer)
    notes() << "note: " << model.string() << " has no tokenizer, so " << folder.string() << " has none\n";
}

void print(const std::vector<onnx::WrittenGraph>& graphs, const ExportArguments& arguments, Precision precision) {
  if (arguments.json) {
    Json json = {{"output", arguments.output},
                 {"opset", onnx::opset},
                 {"precision", name_of(precision)},
                 {"files", Json::array()}};
    for (const onnx::WrittenGraph& graph : graphs)
      json["files"].push_back({{"file", graph.file.string()},
                               {"bytes", graph.bytes},
                               {"inputs", graph.inputs},
                               {"outputs", graph.outputs}});
    std::cout << json.dump(2) << '\n';
    return;
  }
  for (const onnx::WrittenGraph& graph : graphs)
    std::cout << graph.file.string() << ": " << bytes_text(static_cast<double>(graph.bytes)) << ", "
              << name_of(precision) << ", opset " << onnx::opset << "; takes " << listed(graph.inputs) << "; gives "
              << listed(graph.outputs) << '\n';
}

void export_to_onnx(const ExportArguments& arguments) {
  check(arguments);
  const fs::path file = file_of(arguments);
  refuse_existing(file, arguments.overwrite);
  std::optional<Precision> precision;
  if (!arguments.precision.empty()) precision = named<Precision>(arguments.precision);
  const onnx::StoredModel model(arguments.model, precision);
  if (arguments.routed && !model.config().sharcs)
    throw ConfigError(arguments.model + ": a plain encoder has one answer only; --routed expects a model with widths");
  const int answer = arguments.routed ? -1 : asked_answer(model.config(), model.widths(), arguments);
  if (!is_onnx_file(arguments.output)) {
    make_folder(arguments.output);
    copy_companions(arguments.model, arguments.output);
  }
  const std::vector<onnx::WrittenGraph> graphs = arguments.routed
                                                     ? onnx::export_routed(model, arguments.output)
                                                     : std::vector{onnx::export_answer(model, answer, file)};
  print(graphs, arguments, model.precision());
}

void add_export(CLI::App& program) {
  const auto arguments = std::make_shared<ExportArguments>();
  CLI::App* command = add_command(program, "export",
                                  "Writes a model for ONNX Runtime: full width, another width, or an exit, as a graph "
                                  "from token ids to logits; or all answers in parts, to be routed.",
                                  "nothing, exporting draws none", *arguments);
  command->add_option("--model,model", arguments->model, "Model directory (required)");
  command->add_flag("--onnx", arguments->onnx, "Write ONNX, the only form there is so far (required)");
  command->add_option(
      "--output", arguments->output,
      "Folder for model.onnx, config.json and the tokenizer's files; or, with .onnx at its end, the file "
      "of the graph alone (required)");
  command->add_option("--width", arguments->width, "The width that answers")->default_str("the widest");
  command->add_option("--exit", arguments->exit_layer, "The layer of the exit that answers, in place of a width");
  command->add_flag("--routed", arguments->routed,
                    "Write every answer, in parts that a program runs by the model's policy; routing.json in --output "
                    "says how");
  command
      ->add_option("--precision", arguments->precision,
                   "Of the weights: fp32, or int8, with the arithmetic of sharcs' own int8")
      ->check(CLI::IsMember({"fp32", "int8"}))
      ->default_str("int8 where the folder holds int8 weights, else fp32");
  command->add_flag("--overwrite", arguments->overwrite, "Replace an export that is there");
  command->footer(examples({R"(sharcs export runs/sst2 --onnx --output runs/sst2-onnx)",
                            R"(sharcs export runs/sst2 --onnx --width 0.25 --precision int8 --output narrow.onnx)",
                            R"(sharcs export runs/sst2 --onnx --routed --output runs/sst2-routed)"}));
  on_call(command, arguments, export_to_onnx);
}

}  // namespace

namespace commands {
std::vector<Command> export_model() { return {{.place = 67, .add = add_export}}; }
}  // namespace commands

}  // namespace sharcs::internal
