#include "sharcs/classifier.hpp"

#include <algorithm>

#include "core/threads.hpp"
#include "data/tokenized_dataset.hpp"
#include "infer/long_text.hpp"
#include "sharcs/error.hpp"

namespace sharcs {
using namespace internal;
namespace {

/// Tokenizes on all threads and runs the engine. `text_of`, `pair_of`: of input i; the pair may be null.
template <class TextOf, class PairOf>
std::vector<Prediction> classify_all(const Classifier& classifier, std::size_t count, const TextOf& text_of,
                                     const PairOf& pair_of) {
  const EngineOptions& options = classifier.engine().options();
  const LongTextRule rule = {
      .kind = options.long_text, .max_tokens = classifier.max_tokens(), .stride = options.stride};
  std::vector<std::vector<Encoding>> encodings(count);
  std::vector<char> longer(count, 0);  // not bool: threads write neighbours
  {
    const ThreadScope scope(options.threads > 0 ? options.threads : thread_count());
    parallel_for(static_cast<Index>(count), [&](Index index) {
      const auto i = static_cast<std::size_t>(index);
      bool is_longer = false;
      encodings[i] = encode_long(classifier.tokenizer(), text_of(i), pair_of(i), rule, is_longer);
      longer[i] = is_longer ? 1 : 0;
    });
  }
  std::vector<TokenSequence> inputs;
  inputs.reserve(count);
  for (const auto& pieces : encodings)
    for (const Encoding& piece : pieces) inputs.push_back({piece.ids, piece.token_types});
  std::vector<Prediction> of_inputs = classifier.engine().run(inputs);
  if (of_inputs.size() > count) {
    std::vector<Prediction> means;
    for (std::size_t i = 0, first = 0; i < count; first += encodings[i++].size())
      means.push_back(average(std::span(of_inputs).subspan(first, encodings[i].size()), classifier.engine().config()));
    of_inputs = std::move(means);
  }
  for (std::size_t i = 0; i < count; ++i) of_inputs[i].truncated = longer[i] != 0;
  return of_inputs;
}

/// As asked for, as in training, or what there are positions for.
std::size_t longest_input(const Engine& engine) {
  const std::size_t asked = engine.options().max_length, most = engine.max_tokens();
  if (asked > most)
    throw ConfigError("the length is " + std::to_string(asked) + " tokens; the model reads " + std::to_string(most) +
                      " at most");
  if (asked > 0) return asked;
  const int trained = engine.config().max_length;
  return trained > 0 ? std::min(most, static_cast<std::size_t>(trained)) : most;
}

}  // namespace

Classifier Classifier::load(const std::filesystem::path& directory, const EngineOptions& options) {
  Engine engine = Engine::load(directory, options);
  Tokenizer tokenizer = Tokenizer::load(directory);
  require_vocabulary(engine.config(), tokenizer, directory.string());
  return Classifier(std::move(engine), std::move(tokenizer));
}

Classifier::Classifier(Engine engine, Tokenizer tokenizer)
    : engine_(std::move(engine)), tokenizer_(std::move(tokenizer)), max_tokens_(longest_input(engine_)) {
  require_vocabulary(engine_.config(), tokenizer_, "");
  // Throws here when the special tokens alone do not fit, and not on the threads that tokenize later.
  tokenizer_.encode("", "", max_tokens());
}

std::vector<Prediction> Classifier::classify(std::span<const std::string> texts) const {
  return classify_all(
      *this, texts.size(), [&](std::size_t i) -> const std::string& { return texts[i]; },
      [](std::size_t) -> const std::string* { return nullptr; });
}

std::vector<Prediction> Classifier::classify(std::span<const TextPair> pairs) const {
  return classify_all(
      *this, pairs.size(), [&](std::size_t i) -> const std::string& { return pairs[i].text; },
      [&](std::size_t i) { return &pairs[i].pair; });
}

Prediction Classifier::classify(const std::string& text) const {
  return std::move(classify(std::span<const std::string>(&text, 1)).front());
}

const std::string& Classifier::label_name(int label) const {
  const std::vector<std::string>& names = engine_.config().labels;
  if (label < 0 || static_cast<std::size_t>(label) >= names.size())
    throw ShapeError("label " + std::to_string(label) + "; expected 0 to " + std::to_string(names.size() - 1));
  return names[static_cast<std::size_t>(label)];
}

}  // namespace sharcs
