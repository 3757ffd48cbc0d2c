#include "sharcs/classifier.hpp"

#include "core/threads.hpp"
#include "data/tokenized_dataset.hpp"
#include "sharcs/error.hpp"

namespace sharcs {
using namespace internal;
namespace {

/// Tokenizes with `encode(i, max_length)` on all threads and runs the engine.
template <class Encode>
std::vector<Prediction> classify_all(const Engine& engine, std::size_t count, const Encode& encode) {
  const std::size_t longest = engine.max_tokens();
  std::vector<Encoding> encodings(count);
  std::vector<char> truncated(count, 0);  // not bool: threads write neighbours
  {
    const int threads = engine.options().threads;
    const ThreadScope scope(threads > 0 ? threads : thread_count());
    parallel_for(static_cast<Index>(count), [&](Index index) {
      const auto i = static_cast<std::size_t>(index);
      encodings[i] = encode(i, longest + 1);  // one more than fits tells whether something is cut
      if (encodings[i].ids.size() <= longest) return;
      truncated[i] = 1;
      encodings[i] = encode(i, longest);
    });
  }
  std::vector<TokenSequence> inputs;
  inputs.reserve(count);
  for (const Encoding& encoding : encodings) inputs.push_back({encoding.ids, encoding.token_types});
  std::vector<Prediction> predictions = engine.run(inputs);
  for (std::size_t i = 0; i < count; ++i) predictions[i].truncated = truncated[i] != 0;
  return predictions;
}

}  // namespace

Classifier Classifier::load(const std::filesystem::path& directory, const EngineOptions& options) {
  Engine engine = Engine::load(directory, options);
  Tokenizer tokenizer = Tokenizer::load(directory);
  require_vocabulary(engine.config(), tokenizer, directory.string());
  return Classifier(std::move(engine), std::move(tokenizer));
}

Classifier::Classifier(Engine engine, Tokenizer tokenizer)
    : engine_(std::move(engine)), tokenizer_(std::move(tokenizer)) {
  require_vocabulary(engine_.config(), tokenizer_, "");
  // Throws here when the special tokens alone do not fit, and not on the threads that tokenize later.
  tokenizer_.encode("", "", max_tokens());
}

std::vector<Prediction> Classifier::classify(std::span<const std::string> texts) const {
  return classify_all(engine_, texts.size(),
                      [&](std::size_t i, std::size_t length) { return tokenizer_.encode(texts[i], length); });
}

std::vector<Prediction> Classifier::classify(std::span<const TextPair> pairs) const {
  return classify_all(engine_, pairs.size(), [&](std::size_t i, std::size_t length) {
    return tokenizer_.encode(pairs[i].text, pairs[i].pair, length);
  });
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
