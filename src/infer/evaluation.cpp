#include "sharcs/evaluation.hpp"

#include "core/threads.hpp"
#include "eval/encoder_evaluation.hpp"
#include "infer/engine_access.hpp"
#include "sharcs/classifier.hpp"

namespace sharcs {
using namespace internal;

Evaluation evaluate(const Classifier& classifier, const Task& task, const Dataset& dataset,
                    const EvaluationOptions& options) {
  const Engine& engine = classifier.engine();
  const ThreadScope scope(engine.options().threads > 0 ? engine.options().threads : thread_count());
  const TokenizedDataset tokenized = tokenize(dataset, task, classifier.tokenizer(), engine.max_tokens());
  require_embeddings(engine.config(), tokenized, dataset);
  return evaluate(encoder_of(engine), task, tokenized, engine.policy(), engine.options().micro_batch_tokens, options);
}

}  // namespace sharcs
