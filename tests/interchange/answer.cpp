// Reads a model directory, prints its logits for some inputs, and saves it again as a routed model: what
// compare_with_transformers.py holds against transformers.
//
//     answer MODEL INPUTS.json SAVED    INPUTS.json: a list of {"ids": [...], "types": [...]}, or of {"text", "pair"},
//                                      or of {"words": [...]}, or of {"question", "context", "length"}
//
// Prints {"plain": [[logits]], "full": [[logits]]}: of the model as it is, and of full width after it was made a routed
// model, saved to SAVED and read again, whose "probabilities" and (of a multi-label model) "labels" follow, and the
// "mean" and "cls" vectors of each layer, the embeddings first: [[[numbers]]]. For texts
// the folder's tokenizer is read, and saved too; then "encoded" has
// {"ids", "types", "words", "logits"} of each, and "windows" of each question {"ids", "types", "ranges"} of its
// windows.
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "sharcs/classifier.hpp"
#include "sharcs/tokenizer.hpp"

namespace {

constexpr std::size_t longest = 100;  // tokens of a text

struct Input {
  std::vector<std::int32_t> ids, types, words = {};
};

std::vector<sharcs::Prediction> predict(const sharcs::Engine& engine, const std::vector<Input>& inputs) {
  std::vector<sharcs::TokenSequence> sequences;
  for (const Input& input : inputs) sequences.push_back({input.ids, input.types});
  return engine.run(sequences, sharcs::Policy::fixed(1));
}

nlohmann::json logits_of(const sharcs::Engine& engine, const std::vector<Input>& inputs) {
  nlohmann::json list = nlohmann::json::array();
  for (const sharcs::Prediction& prediction : predict(engine, inputs)) list.push_back(prediction.logits);
  return list;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 4) return 1;
  try {
    std::vector<Input> inputs;
    std::optional<sharcs::Tokenizer> tokenizer;
    nlohmann::json windows;
    for (const auto& input : nlohmann::json::parse(std::ifstream(arguments[2]))) {
      if (input.contains("ids")) {
        inputs.push_back(
            {input.at("ids").get<std::vector<std::int32_t>>(), input.at("types").get<std::vector<std::int32_t>>()});
        continue;
      }
      if (!tokenizer) tokenizer = sharcs::Tokenizer::load(arguments[1]);
      if (input.contains("question")) {
        nlohmann::json of_question = nlohmann::json::array();
        for (const sharcs::Encoding& window :
             tokenizer->encode_windows(input.at("question").get<std::string>(), input.at("context").get<std::string>(),
                                       input.at("length").get<std::size_t>())) {
          nlohmann::json ranges = nlohmann::json::array();
          for (const sharcs::TextRange& range : window.ranges) ranges.push_back({range.begin, range.end});
          of_question.push_back({{"ids", window.ids}, {"types", window.token_types}, {"ranges", ranges}});
        }
        windows.push_back(of_question);
        continue;
      }
      if (input.contains("words")) {
        sharcs::Encoding encoding = tokenizer->encode_words(input.at("words").get<std::vector<std::string>>(), longest);
        inputs.push_back({std::move(encoding.ids), std::move(encoding.token_types), std::move(encoding.words)});
        continue;
      }
      const auto text = input.at("text").get<std::string>();
      sharcs::Encoding encoding = input.contains("pair")
                                      ? tokenizer->encode(text, input.at("pair").get<std::string>(), longest)
                                      : tokenizer->encode(text, longest);
      inputs.push_back({std::move(encoding.ids), std::move(encoding.token_types)});
    }
    const sharcs::Engine plain(sharcs::Model::load(arguments[1]));
    const sharcs::SharcsConfig routed = {
        .width_mult_list = {0.5, 1.0}, .adaptive_layer_idx = 1, .hidden_size_router = 8, .exits = {1, 2}};
    sharcs::Model::load(arguments[1], {.sharcs = routed}).save(arguments[3]);
    const sharcs::Engine full = sharcs::Engine::load(arguments[3]);
    nlohmann::json result = {{"plain", logits_of(plain, inputs)}, {"full", logits_of(full, inputs)}};
    for (const sharcs::Prediction& prediction : predict(full, inputs)) {
      result["probabilities"].push_back(prediction.probabilities);
      result["labels"].push_back(prediction.labels);
    }
    std::vector<sharcs::TokenSequence> sequences;
    for (const Input& input : inputs) sequences.push_back({input.ids, input.types});
    for (int layer = 0; layer <= full.config().num_hidden_layers; ++layer) {
      result["mean"].push_back(full.embed(sequences, {.layer = layer}));
      result["cls"].push_back(full.embed(sequences, {.layer = layer, .pooling = sharcs::Pooling::cls}));
    }
    if (!windows.is_null()) result["windows"] = windows;
    if (tokenizer) {
      tokenizer->save(arguments[3]);
      for (std::size_t i = 0; i < inputs.size(); ++i)
        result["encoded"].push_back({{"ids", inputs[i].ids},
                                     {"types", inputs[i].types},
                                     {"words", inputs[i].words},
                                     {"logits", result["plain"][i]}});
    }
    std::cout << result.dump() << '\n';
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 2;
  }
}
