#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/command.hpp"
#include "cli/program_tables.hpp"
#include "core/number.hpp"
#include "core/quote.hpp"
#include "formats/tensor_source.hpp"
#include "infer/precision_names.hpp"
#include "model/encoder_tree.hpp"
#include "model/sharcs_option_table.hpp"
#include "report/terminal.hpp"
#include "sharcs/classifier.hpp"
#include "sharcs/error.hpp"
#include "sharcs/model.hpp"
#include "sharcs/task.hpp"

namespace sharcs::internal {
namespace {

using Json = nlohmann::ordered_json;

struct InspectArguments : CommonArguments {
  std::string model;
  std::optional<int> tokens;
};

Json width_json(const ModelConfig& config, const Width& width, int tokens) {
  const std::int64_t cost = multiply_adds(config, width, tokens);
  const std::int64_t full = multiply_adds(config, WidthSet(config).widest(), tokens);
  return {{"width", width.fraction()},
          {"heads", width.heads()},
          {"hidden", width.hidden()},
          {"ffn", width.ffn()},
          {"parameters", parameters_used(config, width)},
          {"multiply_adds", cost},
          {"cost_fraction", static_cast<double>(cost) / static_cast<double>(full)}};
}

/// A model that can be run, as its folder stores it.
struct LoadedModel {
  LoadReport report = {};
  Engine engine;
};

/// int8 weights can only be run. Of others, those that a checkpoint lacks are made up, and named.
LoadedModel load(const InspectArguments& arguments) {
  std::error_code error;
  if (std::filesystem::exists(std::filesystem::path(arguments.model) / int8_file, error))
    return {.engine = Engine::load(arguments.model)};
  LoadReport report;
  const Model model = Model::load(arguments.model, {.seed = arguments.seed_or_default()}, &report);
  // Engine::load does not make up what is missing.
  Engine engine = report.initialised.empty() ? Engine::load(arguments.model) : Engine(model);
  return {.report = std::move(report), .engine = std::move(engine)};
}

Json describe(const LoadedModel& model, int tokens) {
  const auto& [report, engine] = model;
  const ModelConfig& config = engine.config();
  Json json = {{"model_type", config.model_type},
               {"layers", config.num_hidden_layers},
               {"hidden_size", config.hidden_size},
               {"attention_heads", config.num_attention_heads},
               {"head_size", config.head_size()},
               {"intermediate_size", config.intermediate_size},
               {"vocab_size", config.vocab_size},
               {"positions", config.max_position_embeddings},
               {"labels", config.labels}};
  const std::optional<Task> task = Task::of(config);
  json["task"] = task ? Json(task->name()) : Json();
  if (config.sharcs)
    json["sharcs"] = {{"width_mult_list", config.sharcs->width_mult_list},
                      {"adaptive_layer_idx", config.sharcs->adaptive_layer_idx},
                      {"hidden_size_router", config.sharcs->hidden_size_router},
                      {"weighted_dim_reduction", config.sharcs->weighted_dim_reduction},
                      {"slice_hidden", config.sharcs->slice_hidden},
                      {"full_width_norm", name_of(config.sharcs->full_width_norm)},
                      {"exits", config.sharcs->exits}};
  else
    json["sharcs"] = nullptr;
  json["policy"] = config.sharcs ? Json(Policy::of_model(config).name()) : Json();
  json["parameters"] = ParameterLayout(parameter_specs(config, engine.widths())).parameter_count();
  json["precision"] = name_of(engine.precision());
  json["weight_bytes"] = engine.weight_bytes();
  json["tokens"] = tokens;
  json["widths"] = Json::array();
  for (const Width& width : engine.widths()) json["widths"].push_back(width_json(config, width, tokens));
  json["answers"] = Json::array();
  const std::vector<Answer> answers = answers_of(config);
  const auto cost = [&](const Answer& answer) { return answer.path.of(tokens) + answer.own.of(tokens); };
  for (const Answer& answer : answers)
    json["answers"].push_back({{"name", answer.name},
                               {"multiply_adds", std::llround(cost(answer))},
                               {"cost_fraction", cost(answer) / cost(answers.back())}});
  json["missing"] = report.initialised;
  json["unexpected"] = report.unexpected;
  return json;
}

void print(const Json& model, const std::string& place, std::ostream& out) {
  const auto number = [&](const char* key) { return grouped(model[key].get<long long>()); };
  const auto names = [&](const char* key) { return listed(model[key].get<std::vector<std::string>>()); };
  out << place << ": " << model["model_type"].get<std::string>() << ", " << number("layers") << " layers of "
      << number("hidden_size") << ", " << number("attention_heads") << " heads of " << number("head_size")
      << ", feed-forward " << number("intermediate_size") << '\n'
      << "vocabulary " << number("vocab_size") << ", positions " << number("positions") << '\n'
      << "task " << (model["task"].is_null() ? "not known" : model["task"].get<std::string>())
      << (model["labels"].empty() ? "" : ", labels " + names("labels")) << '\n';
  const Json& sharcs = model["sharcs"];
  if (sharcs.is_null())
    out << "no router: a plain encoder\n";
  else
    out << "router of " << sharcs["hidden_size_router"] << " after layer " << sharcs["adaptive_layer_idx"] << ", "
        << (sharcs["weighted_dim_reduction"].get<bool>() ? "weighted"
            : sharcs["slice_hidden"].get<bool>()         ? "leading"
                                                         : "all")
        << " dimensions, policy " << model["policy"].get<std::string>() << '\n';
  out << "parameters " << number("parameters") << ", weights in memory "
      << bytes_text(model["weight_bytes"].get<double>()) << " (" << model["precision"].get<std::string>() << ")\n\n";
  TextTable table(
      {"width", "heads", "hidden", "ffn", "parameters", "multiply-adds (" + number("tokens") + " tokens)", "share"});
  for (const Json& width : model["widths"])
    table.add({short_number(width["width"]), width["heads"].dump(), width["hidden"].dump(), width["ffn"].dump(),
               grouped(width["parameters"]), grouped(width["multiply_adds"]), decimal(width["cost_fraction"], 3)});
  table.print(out);
  if (model["answers"].size() > model["widths"].size()) {
    TextTable answers({"answer", "multiply-adds", "share"});
    for (const Json& answer : model["answers"])
      answers.add({answer["name"], grouped(answer["multiply_adds"]), decimal(answer["cost_fraction"], 3)});
    out << '\n';
    answers.print(out);
  }
  if (!model["missing"].empty()) out << "\nmissing, and so not trained: " << names("missing") << '\n';
  if (!model["unexpected"].empty()) out << "\nnot used: " << names("unexpected") << '\n';
}

void inspect(const InspectArguments& arguments) {
  require(arguments.model, "--model");
  if (std::filesystem::is_regular_file(arguments.model))
    throw IoError(arguments.model + ": is a file; expected a model directory, with config.json and weights");
  const LoadedModel model = load(arguments);
  const int longest = static_cast<int>(model.engine.max_tokens());
  const int tokens = arguments.tokens.value_or(std::min(128, longest));
  if (tokens > longest)
    throw ConfigError("--tokens " + std::to_string(tokens) + ": the model in " + arguments.model + " takes at most " +
                      counted(static_cast<std::size_t>(longest), "token"));
  const Json json = describe(model, tokens);
  if (arguments.json)
    std::cout << json.dump(2) << '\n';
  else
    print(json, arguments.model, std::cout);
}

void add_inspect(CLI::App& program) {
  const auto arguments = std::make_shared<InspectArguments>();
  CLI::App* command =
      add_command(program, "inspect", "Shows what a model is, and what each of its widths and answers costs.",
                  "parameters that a checkpoint lacks", *arguments);
  command->add_option("--model,model", arguments->model, "Model directory (required)");
  command->add_option("--tokens", arguments->tokens, "Length of the input that costs are told for")
      ->check(CLI::Range(1, 1 << 20))
      ->default_str("128, or the model's positions where they are fewer");
  command->footer(examples({R"(sharcs inspect runs/sst2)", R"(sharcs inspect --model models/minilm --json)"}));
  on_call(command, arguments, inspect);
}

}  // namespace

namespace commands {
std::vector<Command> inspect() { return {{.place = 70, .add = add_inspect}}; }
}  // namespace commands

}  // namespace sharcs::internal
