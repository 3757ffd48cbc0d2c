// Reads a model directory, prints its logits for some inputs, and saves it again as a routed model: what
// compare_with_transformers.py holds against transformers.
//
//     answer MODEL INPUTS.json SAVED    INPUTS.json: a list of {"ids": [...], "types": [...]}
//
// Prints {"plain": [[logits]], "full": [[logits]]}: of the model as it is, and of full width after it was made a routed
// model, saved to SAVED and read again.
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <vector>

#include "sharcs/classifier.hpp"

namespace {

struct Input {
  std::vector<std::int32_t> ids, types;
};

nlohmann::json logits_of(const sharcs::Engine& engine, const std::vector<Input>& inputs, const sharcs::Policy& policy) {
  std::vector<sharcs::TokenSequence> sequences;
  for (const Input& input : inputs) sequences.push_back({input.ids, input.types});
  nlohmann::json list = nlohmann::json::array();
  for (const sharcs::Prediction& prediction : engine.run(sequences, policy)) list.push_back(prediction.logits);
  return list;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 4) return 1;
  try {
    std::vector<Input> inputs;
    for (const auto& input : nlohmann::json::parse(std::ifstream(arguments[2])))
      inputs.push_back(
          {input.at("ids").get<std::vector<std::int32_t>>(), input.at("types").get<std::vector<std::int32_t>>()});
    const sharcs::Engine plain(sharcs::Model::load(arguments[1]));
    const sharcs::SharcsConfig routed = {
        .width_mult_list = {0.5, 1.0}, .adaptive_layer_idx = 1, .hidden_size_router = 8, .exits = {1, 2}};
    sharcs::Model::load(arguments[1], {.sharcs = routed}).save(arguments[3]);
    const sharcs::Engine full = sharcs::Engine::load(arguments[3]);
    std::cout << nlohmann::json({{"plain", logits_of(plain, inputs, sharcs::Policy::fixed(1))},
                                 {"full", logits_of(full, inputs, sharcs::Policy::fixed(1))}})
                     .dump()
              << '\n';
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 2;
  }
}
