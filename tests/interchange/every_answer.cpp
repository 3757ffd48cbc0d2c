// Makes a routed model of a plain one and prints what the engine says: what compare_onnx.py holds against ONNX Runtime.
//
//     every_answer make MODEL SHARCS.json SAVED    SHARCS.json: the "sharcs" section of a config.json
//     every_answer run MODEL INPUTS.json           INPUTS.json: a list of {"ids": [...], "types": [...]}
//
// `run` prints, for fp32 and int8, {"answers": {name: [[logits]]}, "routed": {"answers": [names], "logits":
// [[logits]]}}: of each answer by itself, and by the model's own policy.
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "sharcs/classifier.hpp"
#include "sharcs/routing.hpp"

namespace {

using sharcs::Precision;
using Json = nlohmann::ordered_json;  // answers in the order in which they can be asked

void make(const std::string& model, const std::string& settings, const std::string& saved) {
  sharcs::ModelConfig config = sharcs::ModelConfig::load(model + "/config.json");
  Json json = Json::parse(config.to_json());
  json["sharcs"] = Json::parse(std::ifstream(settings));
  config = sharcs::ModelConfig::parse(json.dump(), settings);
  sharcs::Model made = sharcs::Model::load(model, {.sharcs = config.sharcs});
  made.save(saved);
}

Json logits_of(const std::vector<sharcs::Prediction>& predictions) {
  Json list = Json::array();
  for (const sharcs::Prediction& prediction : predictions) list.push_back(prediction.logits);
  return list;
}

Json run(const std::string& model, Precision precision, const Json& inputs) {
  const sharcs::Engine engine = sharcs::Engine::load(model, {.precision = precision});
  std::vector<std::vector<std::int32_t>> ids, types;
  for (const Json& input : inputs) {
    ids.push_back(input.at("ids").get<std::vector<std::int32_t>>());
    types.push_back(input.at("types").get<std::vector<std::int32_t>>());
  }
  std::vector<sharcs::TokenSequence> sequences;
  for (std::size_t i = 0; i < ids.size(); ++i) sequences.push_back({ids[i], types[i]});
  Json result;
  for (const sharcs::Answer& answer : sharcs::answers_of(engine.config())) {
    const sharcs::Policy policy = answer.is_exit()
                                      ? sharcs::Policy::fixed_exit(answer.exit_layer)
                                      : sharcs::Policy::fixed(engine.widths()[answer.width_index].fraction());
    result["answers"][answer.name] = logits_of(engine.run(sequences, policy));
  }
  const std::vector<sharcs::Prediction> routed = engine.run(sequences);
  result["routed"]["logits"] = logits_of(routed);
  for (const sharcs::Prediction& prediction : routed) result["routed"]["answers"].push_back(prediction.answer);
  return result;
}

}  // namespace

int main(int count, char** arguments) {
  try {
    const std::vector<std::string> words(arguments, arguments + count);
    if (count == 5 && words[1] == "make") {
      make(words[2], words[3], words[4]);
      return 0;
    }
    if (count != 4 || words[1] != "run") return 1;
    const Json inputs = Json::parse(std::ifstream(words[3]));
    std::cout << Json{{"fp32", run(words[2], Precision::fp32, inputs)},
                      {"int8", run(words[2], Precision::int8, inputs)}}
              << '\n';
    return 0;
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 2;
  }
}
