#include "onnx/export.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/number.hpp"
#include "infer/precision_names.hpp"
#include "io/file.hpp"
#include "model/answers.hpp"
#include "model/policy_json.hpp"
#include "model/task_names.hpp"
#include "onnx/encoder_graph.hpp"

namespace sharcs::internal::onnx {
namespace {

using Outputs = EncoderGraph::Outputs;

const Exit<LinearWeight, const float>& exit_after(const StoredModel& model, int layer) {
  return *std::ranges::find(model.tree().exits, layer, &Exit<LinearWeight, const float>::layer);
}

/// Layers of the full-width path up to `end`, the stem's included, as far as they are not before `begin`.
Value full_path(const StoredModel& model, EncoderGraph& encoder, Value x, int begin, int end, Outputs of_last) {
  const Width& full = model.widths().full();
  const int stem = static_cast<int>(model.stem_layers());
  for (int i = begin; i < end; ++i) {
    const Outputs outputs = i + 1 == end ? of_last : Outputs::every_token;
    if (i == stem && !model.is_plain(full)) x = encoder.reduction(x, full);
    x = i < stem ? encoder.stem_layer(x, i, outputs) : encoder.adaptive_layer(x, i, full, outputs);
  }
  return x;
}

/// A narrow width from the stem's output on.
Value narrow_tail(const Width& width, EncoderGraph& encoder, Value x) {
  x = encoder.reduction(x, width);
  for (const int i : width.layers())
    x = encoder.adaptive_layer(x, i, width,
                               i == width.layers().back() ? encoder.outputs_for_head() : Outputs::every_token);
  return encoder.head(x, width);
}

WrittenGraph save(const StoredModel& model, const Graph& graph, const std::string& answer,
                  const std::filesystem::path& file) {
  const std::uint64_t bytes =
      graph.save(file, {{"sharcs_answer", answer}, {"sharcs_precision", name_of(model.precision())}});
  return {file, graph.inputs(), graph.outputs(), bytes};
}

using Json = nlohmann::ordered_json;

/// Writes the parts of a routed model one after the other and notes what each of them answers.
class RoutedExport {
 public:
  RoutedExport(const StoredModel& model, const std::filesystem::path& folder)
      : model_(model), config_(model.config()), stem_(static_cast<int>(model.stem_layers())), folder_(folder) {}

  std::vector<WrittenGraph> run() {
    write_stem();
    for (const Width& width : model_.widths())
      if (!width.is_full()) write_width(width);
    if (ends_at_full_width(config_)) write_full_path();
    write_routing();
    return std::move(written_);
  }

 private:
  void write_stem() {
    Graph graph(config_.model_type);
    EncoderGraph encoder(model_, graph);
    std::vector<std::pair<int, EncoderGraph::ExitValues>> exits;
    Value x = encoder.embed_inputs();
    for (int i = 0; i < stem_; ++i) {
      x = encoder.stem_layer(x, i, Outputs::every_token);
      if (has_exit(i + 1)) exits.emplace_back(i + 1, encoder.exit(x, exit_after(model_, i + 1)));
    }
    const Value router = encoder.router(x);
    encoder.output_hidden_states(x);
    encoder.output_router(router);
    for (const auto& [layer, values] : exits)
      output_exit(encoder, values, layer, "exit_" + std::to_string(layer) + "_", "stem.onnx");
    save_as(graph, "stem.onnx", "stem");
  }

  void write_width(const Width& width) {
    Graph graph(config_.model_type);
    EncoderGraph encoder(model_, graph);
    const Value logits = narrow_tail(width, encoder, encoder.hidden_state_inputs());
    const std::string name = short_number(width.fraction());
    output_width(encoder, logits, width, name, "width_" + name + ".onnx");
    save_as(graph, "width_" + name + ".onnx", name);
  }

  void write_full_path() {
    int begin = stem_;
    for (int layer = stem_ + 1; layer < config_.num_hidden_layers; ++layer) {
      if (!has_exit(layer)) continue;
      Graph graph(config_.model_type);
      EncoderGraph encoder(model_, graph);
      const Value x = full_path(model_, encoder, encoder.hidden_state_inputs(), begin, layer, Outputs::every_token);
      const EncoderGraph::ExitValues values = encoder.exit(x, exit_after(model_, layer));
      encoder.output_hidden_states(x);
      const std::string file = "full_to_" + std::to_string(layer) + ".onnx";
      output_exit(encoder, values, layer, "", file);
      save_as(graph, file, "exit " + std::to_string(layer));
      begin = layer;
    }
    Graph graph(config_.model_type);
    EncoderGraph encoder(model_, graph);
    const Value x = full_path(model_, encoder, encoder.hidden_state_inputs(), begin, config_.num_hidden_layers,
                              encoder.outputs_for_head());
    output_width(encoder, encoder.head(x, model_.widths().full()), model_.widths().widest(), "1", "full.onnx");
    save_as(graph, "full.onnx", "1");
  }

  /// Where the model ends at a narrow width, there are no exits behind the stem.
  bool has_exit(int layer) const {
    return std::ranges::find(config_.sharcs->exits, layer) != config_.sharcs->exits.end();
  }

  void output_width(EncoderGraph& encoder, const Value& logits, const Width& width, const std::string& name,
                    const std::string& file) {
    Json answer = {{"name", name}, {"width", width.index()}, {"file", file}};
    output_logits(encoder, logits, "", answer);
    answers_.push_back(std::move(answer));
  }

  void output_exit(EncoderGraph& encoder, const EncoderGraph::ExitValues& values, int layer, const std::string& prefix,
                   const std::string& file) {
    Json answer = {{"name", "exit " + std::to_string(layer)}, {"exit", layer}, {"file", file}};
    output_logits(encoder, values.logits, prefix, answer);
    if (!values.score.empty()) {
      encoder.output_score(values.score, prefix + "score");
      answer["score"] = prefix + "score";
    }
    answers_.push_back(std::move(answer));
  }

  void output_logits(EncoderGraph& encoder, const Value& logits, const std::string& prefix, Json& answer) {
    encoder.output_logits(logits, prefix);
    for (const std::string& name : EncoderGraph::names_of_logits(config_)) answer[name] = prefix + name;
  }

  void save_as(const Graph& graph, const std::string& file, const std::string& answer) {
    written_.push_back(save(model_, graph, answer, folder_ / file));
  }

  void write_routing() const {
    const std::optional<PolicyRule>& policy = config_.sharcs->policy;
    Json routing = {{"version", 1},
                    {"kind", kind()},
                    {"labels", config_.labels},
                    {"label_threshold", config_.label_threshold},
                    {"max_tokens", longest_text()},
                    {"pad_token_id", config_.pad_token_id},
                    {"widths", config_.sharcs->width_mult_list},
                    {"inputs", written_.front().inputs},
                    {"answers", answers_},
                    {"policy", policy ? to_json(*policy) : Json()}};
    if (config_.finds_answers && config_.task && config_.task->no_answer_above)
      routing["no_answer_above"] = *config_.task->no_answer_above;
    write_file_atomically(folder_ / routing_file, routing.dump(2) + "\n");
  }

  /// What the logits are of, as routing.json calls it.
  std::string kind() const {
    if (config_.fills_masks) return name_of(TaskKind::masked_lm);
    if (config_.finds_answers) return name_of(TaskKind::question_answering);
    if (config_.per_token) return name_of(TaskKind::token_classification);
    return config_.is_regression() ? "regression" : config_.multi_label ? "multi_label" : "single_label";
  }

  /// Tokens that a text is cut to: as many as in training, or as the model can read.
  int longest_text() const {
    const int most = model_.backbone().max_tokens(config_);
    return config_.max_length > 0 ? std::min(config_.max_length, most) : most;
  }

  const StoredModel& model_;
  const ModelConfig& config_;
  int stem_;
  std::filesystem::path folder_;
  std::vector<WrittenGraph> written_;
  Json answers_ = Json::array();
};

}  // namespace

Graph graph_of_answer(const StoredModel& model, int answer) {
  const ModelConfig& config = model.config();
  const Answer asked = answers_of(config)[static_cast<std::size_t>(answer)];
  const Width& width = model.widths()[asked.width_index];
  Graph graph(config.model_type);
  EncoderGraph encoder(model, graph);
  Value x = encoder.embed_inputs();
  if (asked.is_exit()) {
    x = full_path(model, encoder, x, 0, asked.exit_layer, encoder.outputs_for_exit());
    const auto [logits, score] = encoder.exit(x, exit_after(model, asked.exit_layer));
    encoder.output_logits(logits);
    if (!score.empty()) encoder.output_score(score, "score");
    return graph;
  }
  if (width.is_full()) {
    x = full_path(model, encoder, x, 0, config.num_hidden_layers, encoder.outputs_for_head());
    encoder.output_logits(encoder.head(x, width));
    return graph;
  }
  x = full_path(model, encoder, x, 0, static_cast<int>(model.stem_layers()), Outputs::every_token);
  encoder.output_logits(narrow_tail(width, encoder, x));
  return graph;
}

WrittenGraph export_answer(const StoredModel& model, int answer, const std::filesystem::path& file) {
  return save(model, graph_of_answer(model, answer), answers_of(model.config())[static_cast<std::size_t>(answer)].name,
              file);
}

std::vector<WrittenGraph> export_routed(const StoredModel& model, const std::filesystem::path& folder) {
  return RoutedExport(model, folder).run();
}

}  // namespace sharcs::internal::onnx
