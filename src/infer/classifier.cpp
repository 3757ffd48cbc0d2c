#include "sharcs/classifier.hpp"

#include <algorithm>

#include "core/threads.hpp"
#include "data/tokenized_dataset.hpp"
#include "infer/encoded_text.hpp"
#include "model/stopping.hpp"
#include "sharcs/error.hpp"

namespace sharcs {
using namespace internal;
namespace {

/// encode(input i) of all inputs, on all threads.
template <class Encode>
std::vector<EncodedText> encode_all(const Engine& engine, std::size_t count, const std::stop_token& stop,
                                    const Encode& encode) {
  std::vector<EncodedText> texts(count);
  const int threads = engine.options().threads;
  const ThreadScope scope(threads > 0 ? threads : thread_count());
  parallel_for(static_cast<Index>(count), [&](Index index) {
    throw_if_stopped(stop);
    const auto i = static_cast<std::size_t>(index);
    texts[i] = encode(i);
  });
  return texts;
}

std::vector<EncodedText> encode_all(const Classifier& classifier, std::span<const std::string> texts,
                                    const std::stop_token& stop) {
  return encode_all(classifier.engine(), texts.size(), stop,
                    [&](std::size_t i) { return encode_text(classifier, texts[i], nullptr); });
}

std::vector<EncodedText> encode_all(const Classifier& classifier, std::span<const TextPair> pairs,
                                    const std::stop_token& stop) {
  return encode_all(classifier.engine(), pairs.size(), stop,
                    [&](std::size_t i) { return encode_text(classifier, pairs[i].text, &pairs[i].pair); });
}

std::vector<Prediction> predict(const Classifier& classifier, std::span<const EncodedText> texts,
                                const CallOptions& options) {
  return run_each(classifier, texts, options, [&](std::size_t i, std::span<Prediction> of_pieces) {
    return prediction_of(classifier, texts[i], of_pieces);
  });
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

std::vector<std::vector<float>> embed_encoded(const Engine& engine, std::span<const EncodedText> texts,
                                              const EmbedOptions& options) {
  const std::vector<TokenSequence> inputs = inputs_of(texts);
  if (inputs.size() == texts.size()) return engine.embed(inputs, options);
  EmbedOptions of_windows = options;
  of_windows.normalize = false;
  const std::vector<std::vector<float>> vectors = engine.embed(inputs, of_windows);
  std::vector<std::vector<float>> means;
  std::span<const std::vector<float>> rest = vectors;
  for (const EncodedText& text : texts) {
    std::vector<float> mean = rest.front();
    for (std::size_t w = 1; w < text.pieces.size(); ++w)
      for (std::size_t i = 0; i < mean.size(); ++i) mean[i] += rest[w][i];
    for (float& x : mean) x /= static_cast<float>(text.pieces.size());
    if (options.normalize) scale_to_length_one(mean);
    means.push_back(std::move(mean));
    rest = rest.subspan(text.pieces.size());
  }
  return means;
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
  if (engine_.config().finds_answers) {
    if (engine_.options().long_text == LongText::head_tail)
      throw ConfigError(
          "the model finds answers in a text, which is read in windows where it is long; found \"head-tail\"");
    tokenizer_.encode_windows("", "", max_tokens());
  }
  if (engine_.config().labels_tokens()) {
    if (!engine_.config().fills_masks) tokenizer_.encode_words({}, max_tokens());
    if (engine_.options().long_text != LongText::first)
      throw ConfigError(
          "the model labels tokens, for which a long text is read at its beginning only; expected \"first\"");
  }
  // Throws here when the special tokens alone do not fit, and not on the threads that tokenize later.
  tokenizer_.encode("", "", max_tokens());
}

std::vector<Prediction> Classifier::classify(std::span<const std::string> texts, const CallOptions& options) const {
  require_labels_of_texts(engine_.config());
  return predict(*this, encode_all(*this, texts, options.stop), options);
}

std::vector<Prediction> Classifier::classify(std::span<const TextPair> pairs, const CallOptions& options) const {
  require_labels_of_texts(engine_.config());
  return predict(*this, encode_all(*this, pairs, options.stop), options);
}

Prediction Classifier::classify(const std::string& text, const CallOptions& options) const {
  return std::move(classify(std::span<const std::string>(&text, 1), options).front());
}

std::vector<Prediction> Classifier::tag(std::span<const std::vector<std::string>> texts,
                                        const CallOptions& options) const {
  require_labels_of_words(engine_.config());
  const auto encode = [&](std::size_t i) { return encode_words(*this, texts[i]); };
  return predict(*this, encode_all(engine_, texts.size(), options.stop, encode), options);
}

std::vector<FoundAnswer> Classifier::answer(std::span<const TextPair> questions, const CallOptions& options,
                                            std::optional<double> no_answer_above) const {
  require_answers(engine_.config());
  const auto encode = [&](std::size_t i) { return encode_question(*this, questions[i]); };
  const std::vector<EncodedText> encoded = encode_all(engine_, questions.size(), options.stop, encode);
  return run_each(*this, encoded, options, [&](std::size_t i, std::span<Prediction> of_pieces) {
    return answer_of(*this, encoded[i], of_pieces, no_answer_above);
  });
}

std::vector<FilledText> Classifier::fill(std::span<const std::string> texts, std::size_t most,
                                         const CallOptions& options) const {
  require_masks(engine_.config());
  const auto encode = [&](std::size_t i) { return encode_masks(*this, texts[i], "text " + std::to_string(i + 1)); };
  const std::vector<EncodedText> encoded = encode_all(engine_, texts.size(), options.stop, encode);
  return run_each(*this, encoded, options, [&](std::size_t i, std::span<Prediction> of_pieces) {
    return filling_of(*this, encoded[i], of_pieces, most);
  });
}

std::vector<std::vector<float>> Classifier::embed(std::span<const std::string> texts,
                                                  const EmbedOptions& options) const {
  return embed_encoded(engine_, encode_all(*this, texts, options.stop), options);
}

std::vector<std::vector<float>> Classifier::embed(std::span<const TextPair> pairs, const EmbedOptions& options) const {
  return embed_encoded(engine_, encode_all(*this, pairs, options.stop), options);
}

const std::string& Classifier::label_name(int label) const {
  const std::vector<std::string>& names = engine_.config().labels;
  if (label < 0 || static_cast<std::size_t>(label) >= names.size())
    throw ShapeError("label " + std::to_string(label) + "; expected 0 to " + std::to_string(names.size() - 1));
  return names[static_cast<std::size_t>(label)];
}

}  // namespace sharcs
