#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "data/tokenized_dataset.hpp"
#include "io/json_cursor.hpp"
#include "sharcs/dataset.hpp"
#include "sharcs/model_config.hpp"
#include "sharcs/training_options.hpp"

namespace sharcs::internal {

/// Everything that decides the result of a training run. A run resumes from a checkpoint only if both have the same.
struct RunIdentity {
  struct Data {
    std::string file = {};  ///< for messages; not compared
    std::int64_t samples = 0;
    std::uint64_t content = 0;  ///< checksum of texts, labels and targets
    std::uint64_t tokens = 0;   ///< checksum of what the tokenizer made of them
  };

  nlohmann::json options;  ///< deciding_options()
  nlohmann::json config;
  Data train;
  Data dev;

  nlohmann::ordered_json to_json() const;
  /// Throws the error of the kind, or nlohmann::json::exception, when `object` is not what to_json() writes.
  static RunIdentity from_json(const JsonCursor& object);
};

/// `tokenized`: what tokenize() has made of `dataset`.
RunIdentity::Data identify(const Dataset& dataset, const TokenizedDataset& tokenized);
RunIdentity identify(const TrainingOptions& options, const ModelConfig& config, RunIdentity::Data train,
                     RunIdentity::Data dev);

/// The training options without those that change only time, memory or files: threads, sharding, checkpoints and so on.
nlohmann::json deciding_options(const TrainingOptions& options);

/// What differs between a run and an earlier one, as text for the user: `"batch_size" is 16; it was 32`. Empty when
/// nothing does.
std::vector<std::string> differences(const RunIdentity& now, const RunIdentity& before);

/// What differs between two JSON objects, for people: `"options.batch_size" is 16; it was 32`. `where` stands before
/// the keys. Empty when they are the same.
std::vector<std::string> json_differences(const nlohmann::json& now, const nlohmann::json& before,
                                          const std::string& where = "");

/// Several differences as one: "…; and …".
std::string joined_differences(const std::vector<std::string>& differences);

}  // namespace sharcs::internal
