#include "serve/served_model.hpp"

#include "data/token_masking.hpp"
#include "routing/policy_kind.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {
namespace {

std::shared_ptr<const Classifier> load(const ModelSource& source, const ServedModelOptions& options) {
  EngineOptions engine = options.engine;
  const ModelConfig config = ModelConfig::load(source.folder / "config.json");
  engine.policy = policy_named(options.policy, config);
  auto classifier = std::make_shared<const Classifier>(Classifier::load(source.folder, engine));
  // Throws where the policy does not fit; and takes the memory of a call.
  if (config.finds_answers)
    classifier->answer(std::vector<TextPair>{{"a question", "its context"}});
  else if (config.fills_masks)
    classifier->fill(std::vector{classifier->tokenizer().token(mask_id_of(classifier->tokenizer()))});
  else if (config.per_token)
    classifier->tag(std::vector<std::vector<std::string>>{{"words"}});
  else
    classifier->classify("one text");
  return classifier;
}

}  // namespace

LoadedModel::LoadedModel(const ModelSource& source, const ServedModelOptions& options)
    : classifier(load(source, options)),
      budgets(BudgetTable::of(source.folder, classifier->engine().config())),
      queue(classifier, {.max_queue = options.max_queue, .when_full = WhenFull::refuse}) {}

ServedModel::ServedModel(ModelSource source, const ServedModelOptions& options)
    : source_(std::move(source)), options_(options), current_(std::make_shared<LoadedModel>(source_, options_)) {}

std::shared_ptr<LoadedModel> ServedModel::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

void ServedModel::reload() {
  auto loaded = std::make_shared<LoadedModel>(source_, options_);
  const std::lock_guard lock(mutex_);
  current_.swap(loaded);
  // Requests may hold the old one; where none does, its end must not keep others waiting for the lock.
  waiter_.post([old = std::move(loaded)] {});
}

}  // namespace sharcs::internal
