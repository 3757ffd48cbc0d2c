#include "train/prepared_data.hpp"

#include <utility>

namespace sharcs::internal {

PreparedData prepare(const TrainingInputs& inputs, const TrainingOptions& options, const ModelConfig& config) {
  const auto tokenized = [&](const Dataset& dataset, WindowRows rows) {
    TokenizedDataset result =
        tokenize(dataset, inputs.task, inputs.tokenizer, static_cast<std::size_t>(options.max_length), rows);
    require_embeddings(config, result, dataset);
    return result;
  };
  PreparedData data;
  RunIdentity::Data train_identity;
  {
    // In a block of its own, so that the tokens are gone before dev is tokenized.
    TokenizedDataset train = tokenized(inputs.train, WindowRows::all);
    train_identity = identify(inputs.train, train);
    data.train = std::move(train);
  }
  data.dev = tokenized(inputs.dev, WindowRows::answers);
  data.identity = identify(options, config, std::move(train_identity), identify(inputs.dev, data.dev));
  return data;
}

}  // namespace sharcs::internal
