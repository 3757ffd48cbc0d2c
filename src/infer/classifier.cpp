#include "sharcs/classifier.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string_view>

#include "core/threads.hpp"
#include "data/context_windows.hpp"
#include "data/token_masking.hpp"
#include "data/tokenized_dataset.hpp"
#include "infer/encoded_text.hpp"
#include "infer/long_text.hpp"
#include "io/utf8.hpp"
#include "model/predicted_label.hpp"
#include "model/stopping.hpp"
#include "model/window_answer.hpp"
#include "sharcs/error.hpp"

namespace sharcs {
using namespace internal;
namespace {

/// Tokenizes on all threads. `text_of`, `pair_of`: of input i; the pair may be null.
template <class TextOf, class PairOf>
std::vector<EncodedText> encode_all(const Classifier& classifier, std::size_t count, const std::stop_token& stop,
                                    const TextOf& text_of, const PairOf& pair_of) {
  const int threads = classifier.engine().options().threads;
  std::vector<EncodedText> texts(count);
  const ThreadScope scope(threads > 0 ? threads : thread_count());
  parallel_for(static_cast<Index>(count), [&](Index index) {
    throw_if_stopped(stop);
    const auto i = static_cast<std::size_t>(index);
    texts[i] = encode_text(classifier, text_of(i), pair_of(i));
  });
  return texts;
}

std::vector<EncodedText> encode_all(const Classifier& classifier, std::span<const std::string> texts,
                                    const std::stop_token& stop) {
  return encode_all(
      classifier, texts.size(), stop, [&](std::size_t i) -> const std::string& { return texts[i]; },
      [](std::size_t) -> const std::string* { return nullptr; });
}

std::vector<EncodedText> encode_all(const Classifier& classifier, std::span<const TextPair> pairs,
                                    const std::stop_token& stop) {
  return encode_all(
      classifier, pairs.size(), stop, [&](std::size_t i) -> const std::string& { return pairs[i].text; },
      [&](std::size_t i) { return &pairs[i].pair; });
}

/// The inputs of all texts.
std::vector<TokenSequence> inputs_of(std::span<const EncodedText> texts) {
  std::vector<TokenSequence> inputs;
  inputs.reserve(texts.size());
  for (const EncodedText& text : texts)
    for (const Encoding& piece : text.pieces) inputs.push_back({piece.ids, piece.token_types});
  return inputs;
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

void require_labels_of_texts(const ModelConfig& config) {
  if (config.finds_answers) throw ConfigError("the model finds answers to questions; expected Classifier::answer()");
  if (config.fills_masks) throw ConfigError("the model tells masked tokens; expected one that labels texts");
  if (config.per_token)
    throw ConfigError("the model labels the words of a text, not the text; expected Classifier::tag()");
}

}  // namespace

EncodedText internal::encode_text(const Classifier& classifier, const std::string& text, const std::string* pair) {
  const EngineOptions& options = classifier.engine().options();
  constexpr std::string_view white_space = " \t\n\v\f\r";
  const auto is_blank = [&](std::string_view part) { return part.find_first_not_of(white_space) == part.npos; };
  if (is_blank(text) && (pair == nullptr || is_blank(*pair)))
    throw DataError(pair == nullptr ? "a text is empty; expected a sentence"
                                    : "both texts of a pair are empty; expected a pair of sentences");
  EncodedText encoded;
  encoded.pieces = encode_long(
      classifier.tokenizer(), text, pair,
      {.kind = options.long_text, .max_tokens = classifier.max_tokens(), .stride = options.stride}, encoded.is_longer);
  return encoded;
}

std::vector<Prediction> internal::classify_encoded(const Classifier& classifier, std::span<const EncodedText> texts,
                                                   const CallOptions& options) {
  const std::vector<TokenSequence> inputs = inputs_of(texts);
  const bool has_windows = inputs.size() > texts.size();
  CallOptions of_inputs = options;
  std::vector<Policy> policies;  // one an input
  if (has_windows && options.policies.size() == texts.size()) {
    for (std::size_t i = 0; i < texts.size(); ++i)
      policies.insert(policies.end(), texts[i].pieces.size(), options.policies[i]);
    of_inputs.policies = policies;
  }
  std::vector<Prediction> predictions = classifier.engine().run(inputs, of_inputs);
  if (has_windows) {
    std::vector<Prediction> means;
    std::span<const Prediction> rest = predictions;
    for (const EncodedText& text : texts) {
      means.push_back(average(rest.first(text.pieces.size()), classifier.engine().config()));
      rest = rest.subspan(text.pieces.size());
    }
    predictions = std::move(means);
  }
  for (std::size_t i = 0; i < texts.size(); ++i) predictions[i].truncated = texts[i].is_longer;
  return predictions;
}

void internal::scale_to_length_one(std::vector<float>& vector) {
  double squares = 0;
  for (const float x : vector) squares += static_cast<double>(x) * static_cast<double>(x);
  if (!(squares > 0)) return;
  for (float& x : vector) x = static_cast<float>(static_cast<double>(x) / std::sqrt(squares));
}

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
  return classify_encoded(*this, encode_all(*this, texts, options.stop), options);
}

std::vector<Prediction> Classifier::classify(std::span<const TextPair> pairs, const CallOptions& options) const {
  require_labels_of_texts(engine_.config());
  return classify_encoded(*this, encode_all(*this, pairs, options.stop), options);
}

Prediction Classifier::classify(const std::string& text, const CallOptions& options) const {
  return std::move(classify(std::span<const std::string>(&text, 1), options).front());
}

std::vector<Prediction> Classifier::tag(std::span<const std::vector<std::string>> texts,
                                        const CallOptions& options) const {
  if (!engine_.config().labels_tokens() || engine_.config().fills_masks)
    throw ConfigError(
        engine_.config().finds_answers ? "the model finds answers to questions; expected Classifier::answer()"
        : engine_.config().fills_masks ? "the model tells masked tokens; expected one that labels words"
                                       : "the model labels texts, not their words; expected one that labels tokens");
  struct Words {
    Encoding encoding;
    std::vector<std::int32_t> firsts;  // the first token of each word that is read
    bool is_longer = false;
  };
  std::vector<Words> all(texts.size());
  {
    const int threads = engine_.options().threads;
    const ThreadScope scope(threads > 0 ? threads : thread_count());
    parallel_for(static_cast<Index>(texts.size()), [&](Index index) {
      throw_if_stopped(options.stop);
      const auto i = static_cast<std::size_t>(index);
      if (texts[i].empty()) throw DataError("a text has no words; expected at least one");
      Words& words = all[i];
      words.encoding = tokenizer_.encode_words(texts[i], max_tokens() + 1);  // one more tells whether something is cut
      words.is_longer = words.encoding.ids.size() > max_tokens();
      if (words.is_longer) words.encoding = tokenizer_.encode_words(texts[i], max_tokens());
      words.firsts = first_pieces(words.encoding);
    });
  }
  std::vector<TokenSequence> inputs;
  for (const Words& words : all) inputs.push_back({words.encoding.ids, words.encoding.token_types, words.firsts});
  std::vector<Prediction> predictions = engine_.run(inputs, options);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    Prediction& prediction = predictions[i];
    const Words& words = all[i];
    std::vector<int> labels(texts[i].size(), -1);
    for (std::size_t w = 0; w < words.firsts.size(); ++w)
      labels[static_cast<std::size_t>(words.encoding.words[static_cast<std::size_t>(words.firsts[w])])] =
          prediction.labels[w];
    if (words.firsts.empty()) prediction.logits.clear(), prediction.probabilities.clear();  // of its special tokens
    prediction.labels = std::move(labels);
    prediction.truncated = words.is_longer;
  }
  return predictions;
}

std::vector<FoundAnswer> Classifier::answer(std::span<const TextPair> questions, const CallOptions& options,
                                            std::optional<double> no_answer_above) const {
  const ModelConfig& config = engine_.config();
  if (!config.finds_answers)
    throw ConfigError(std::string("the model labels ") + what_is_labelled(config) +
                      "; expected one that finds answers (…ForQuestionAnswering)");
  if (!no_answer_above && config.task) no_answer_above = config.task->no_answer_above;
  struct Asked {
    std::string context;  // as it is read: in UTF-8
    std::vector<Encoding> windows;
    std::vector<std::vector<std::int32_t>> places;
  };
  std::vector<Asked> all(questions.size());
  {
    const int threads = engine_.options().threads;
    const ThreadScope scope(threads > 0 ? threads : thread_count());
    parallel_for(static_cast<Index>(questions.size()), [&](Index index) {
      throw_if_stopped(options.stop);
      const auto i = static_cast<std::size_t>(index);
      constexpr std::string_view white_space = " \t\n\v\f\r";
      for (const std::string* text : {&questions[i].text, &questions[i].pair})
        if (text->find_first_not_of(white_space) == text->npos)
          throw DataError(text == &questions[i].text ? "a question is empty; expected a text"
                                                     : "a question's context is empty; expected a text");
      Asked& asked = all[i];
      asked.context = questions[i].pair;
      replace_invalid_utf8(asked.context);
      asked.windows =
          tokenizer_.encode_windows(questions[i].text, asked.context, max_tokens(), engine_.options().stride);
      for (const Encoding& window : asked.windows) asked.places.push_back(answer_places(window));
    });
  }
  std::vector<TokenSequence> inputs;
  std::vector<Policy> policies;  // one an input
  for (std::size_t i = 0; i < all.size(); ++i)
    for (std::size_t w = 0; w < all[i].windows.size(); ++w) {
      inputs.push_back({all[i].windows[w].ids, all[i].windows[w].token_types, all[i].places[w]});
      if (options.policies.size() == questions.size()) policies.push_back(options.policies[i]);
    }
  CallOptions of_inputs = options;
  if (!policies.empty()) of_inputs.policies = policies;
  std::vector<Prediction> predictions = engine_.run(inputs, of_inputs);

  std::vector<FoundAnswer> found;
  auto next = predictions.begin();
  for (const Asked& asked : all) {
    FoundAnswer& answer = found.emplace_back();
    answer.windows = asked.windows.size();
    WindowAnswer best, least;  // with the best answer, and with the least score of "none"
    std::size_t place_of_best = 0, place_of_least = 0;
    std::int64_t spent = 0, of_full = 0;
    const auto first = next;
    for (std::size_t w = 0; w < asked.windows.size(); ++w, ++next) {
      const WindowAnswer window = WindowAnswer::of(next->logits);
      if (w == 0 || window.none < least.none) least = window, place_of_least = w;
      if (window.last > 0 && (best.last == 0 || window.score > best.score)) best = window, place_of_best = w;
      spent += next->multiply_adds;
      of_full += next->full_multiply_adds;
    }
    answer.none = static_cast<double>(least.none);
    answer.score = static_cast<double>(best.last > 0 ? best.score : least.none);
    const bool has_none = best.last == 0 || (no_answer_above && answer.none - answer.score > *no_answer_above);
    const std::size_t w = has_none ? place_of_least : place_of_best;
    const WindowAnswer& decided = has_none ? least : best;
    answer.probability = has_none ? decided.probability_of_none() : decided.probability_of_answer();
    if (!has_none) {
      const auto range_of = [&](std::int32_t row) {
        return asked.windows[w].ranges[static_cast<std::size_t>(asked.places[w][static_cast<std::size_t>(row)])];
      };
      answer.range = answer_range(asked.context, range_of(best.first), range_of(best.last));
      answer.text = asked.context.substr(answer.range.begin, answer.range.end - answer.range.begin);
    }
    answer.prediction = std::move(first[static_cast<std::ptrdiff_t>(w)]);
    answer.prediction.logits.clear();
    answer.prediction.probabilities.clear();
    answer.prediction.labels.clear();
    answer.prediction.multiply_adds = spent;
    answer.prediction.full_multiply_adds = of_full;
  }
  return found;
}

namespace {

/// The likeliest tokens, the first of equals first.
std::vector<MaskFilling> likeliest(std::span<const float> probabilities, std::size_t most, const Tokenizer& tokenizer) {
  std::vector<std::int32_t> ids(probabilities.size());
  std::iota(ids.begin(), ids.end(), 0);
  const auto count = static_cast<std::ptrdiff_t>(std::min(most, ids.size()));
  const auto of = [&](std::int32_t id) { return probabilities[static_cast<std::size_t>(id)]; };
  std::partial_sort(ids.begin(), ids.begin() + count, ids.end(),
                    [&](std::int32_t a, std::int32_t b) { return of(a) != of(b) ? of(a) > of(b) : a < b; });
  std::vector<MaskFilling> fillings;
  for (std::ptrdiff_t i = 0; i < count; ++i)
    fillings.push_back({ids[static_cast<std::size_t>(i)], tokenizer.token(ids[static_cast<std::size_t>(i)]),
                        static_cast<double>(of(ids[static_cast<std::size_t>(i)]))});
  return fillings;
}

}  // namespace

std::vector<FilledText> Classifier::fill(std::span<const std::string> texts, std::size_t most,
                                         const CallOptions& options) const {
  const ModelConfig& config = engine_.config();
  if (!config.fills_masks)
    throw ConfigError(std::string("the model labels ") + what_is_labelled(config) +
                      "; expected one that fills masks (…ForMaskedLM)");
  if (!options.policies.empty() && options.policies.size() != texts.size())
    throw ShapeError("a call has " + std::to_string(options.policies.size()) + " policies for " +
                     std::to_string(texts.size()) + " texts; expected one for each");
  const std::int32_t mask = mask_id_of(tokenizer_);
  // A row of probabilities for each mask has all words of the vocabulary, so few texts run together.
  constexpr std::size_t texts_at_once = 32;
  std::vector<FilledText> filled;
  for (std::size_t first = 0; first < texts.size(); first += texts_at_once) {
    const auto group = texts.subspan(first, std::min(texts_at_once, texts.size() - first));
    const std::vector<EncodedText> encoded = encode_all(*this, group, options.stop);
    std::vector<std::vector<std::int32_t>> places;
    for (std::size_t i = 0; i < group.size(); ++i) {
      const std::vector<std::int32_t>& ids = encoded[i].pieces.front().ids;
      auto& of_text = places.emplace_back();
      for (std::size_t t = 0; t < ids.size(); ++t)
        if (ids[t] == mask) of_text.push_back(static_cast<std::int32_t>(t));
      if (of_text.empty())
        throw DataError("text " + std::to_string(first + i + 1) +
                        " has no mask among the tokens that are read; expected " + tokenizer_.token(mask));
    }
    std::vector<TokenSequence> inputs = inputs_of(encoded);
    for (std::size_t i = 0; i < inputs.size(); ++i) inputs[i].labelled = places[i];
    CallOptions of_group = options;
    if (!options.policies.empty()) of_group.policies = options.policies.subspan(first, group.size());
    std::vector<Prediction> predictions = engine_.run(inputs, of_group);
    for (std::size_t i = 0; i < group.size(); ++i) {
      FilledText& text = filled.emplace_back();
      const std::span<const float> all = predictions[i].probabilities;
      const auto vocabulary = static_cast<std::size_t>(config.vocab_size);
      for (std::size_t m = 0; m < places[i].size(); ++m)
        text.masks.push_back(likeliest(all.subspan(m * vocabulary, vocabulary), most, tokenizer_));
      text.prediction = std::move(predictions[i]);
      text.prediction.labels.clear();
      text.prediction.logits.clear();
      text.prediction.probabilities.clear();
      text.prediction.truncated = encoded[i].is_longer;
    }
  }
  return filled;
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
