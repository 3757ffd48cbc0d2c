#include "infer/encoded_text.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string_view>

#include "data/context_windows.hpp"
#include "data/token_masking.hpp"
#include "data/tokenized_dataset.hpp"
#include "infer/long_text.hpp"
#include "io/utf8.hpp"
#include "model/predicted_label.hpp"
#include "model/window_answer.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {
namespace {

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\n\v\f\r") == text.npos; }

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

/// Where a window of a question's context has its answer, and how good it is.
struct BestWindow {
  WindowAnswer answer;
  std::size_t window = 0;
};

}  // namespace

void require_labels_of_texts(const ModelConfig& config) {
  if (config.finds_answers) throw ConfigError("the model finds answers to questions; expected Classifier::answer()");
  if (config.fills_masks) throw ConfigError("the model tells masked tokens; expected Classifier::fill()");
  if (config.per_token)
    throw ConfigError("the model labels the words of a text, not the text; expected Classifier::tag()");
}

void require_labels_of_words(const ModelConfig& config) {
  if (config.finds_answers) throw ConfigError("the model finds answers to questions; expected Classifier::answer()");
  if (config.fills_masks) throw ConfigError("the model tells masked tokens; expected Classifier::fill()");
  if (!config.per_token) throw ConfigError("the model labels texts, not their words; expected one that labels tokens");
}

void require_masks(const ModelConfig& config) {
  if (!config.fills_masks)
    throw ConfigError(std::string("the model labels ") + what_is_labelled(config) +
                      "; expected one that fills masks (…ForMaskedLM)");
}

void require_answers(const ModelConfig& config) {
  if (!config.finds_answers)
    throw ConfigError(std::string("the model labels ") + what_is_labelled(config) +
                      "; expected one that finds answers (…ForQuestionAnswering)");
}

EncodedText encode_text(const Classifier& classifier, const std::string& text, const std::string* pair) {
  const EngineOptions& options = classifier.engine().options();
  if (is_blank(text) && (pair == nullptr || is_blank(*pair)))
    throw DataError(pair == nullptr ? "a text is empty; expected a sentence"
                                    : "both texts of a pair are empty; expected a pair of sentences");
  EncodedText encoded;
  encoded.pieces = encode_long(
      classifier.tokenizer(), text, pair,
      {.kind = options.long_text, .max_tokens = classifier.max_tokens(), .stride = options.stride}, encoded.is_longer);
  return encoded;
}

EncodedText encode_words(const Classifier& classifier, const std::vector<std::string>& words) {
  if (words.empty()) throw DataError("a text has no words; expected at least one");
  const std::size_t most = classifier.max_tokens();
  EncodedText encoded = {.pieces = {}, .words = words.size()};
  // One more tells whether something is cut.
  Encoding& encoding = encoded.pieces.emplace_back(classifier.tokenizer().encode_words(words, most + 1));
  encoded.is_longer = encoding.ids.size() > most;
  if (encoded.is_longer) encoding = classifier.tokenizer().encode_words(words, most);
  encoded.places.push_back(first_pieces(encoding));
  return encoded;
}

EncodedText encode_question(const Classifier& classifier, const TextPair& question) {
  if (is_blank(question.text)) throw DataError("a question is empty; expected a text");
  if (is_blank(question.pair)) throw DataError("a question's context is empty; expected a text");
  EncodedText encoded = {.pieces = {}, .context = question.pair};
  replace_invalid_utf8(encoded.context);
  encoded.pieces = classifier.tokenizer().encode_windows(question.text, encoded.context, classifier.max_tokens(),
                                                         classifier.engine().options().stride);
  for (const Encoding& window : encoded.pieces) encoded.places.push_back(answer_places(window));
  return encoded;
}

EncodedText encode_masks(const Classifier& classifier, const std::string& text, const std::string& name) {
  EncodedText encoded = encode_text(classifier, text, nullptr);
  const std::int32_t mask = mask_id_of(classifier.tokenizer());
  const std::vector<std::int32_t>& ids = encoded.pieces.front().ids;
  std::vector<std::int32_t>& masks = encoded.places.emplace_back();
  for (std::size_t t = 0; t < ids.size(); ++t)
    if (ids[t] == mask) masks.push_back(static_cast<std::int32_t>(t));
  if (masks.empty())
    throw DataError(name + " has no mask among the tokens that are read; expected " +
                    classifier.tokenizer().token(mask));
  return encoded;
}

std::vector<TokenSequence> inputs_of(std::span<const EncodedText> texts) {
  std::vector<TokenSequence> inputs;
  inputs.reserve(texts.size());
  for (const EncodedText& text : texts)
    for (std::size_t p = 0; p < text.pieces.size(); ++p) {
      TokenSequence& input = inputs.emplace_back(TokenSequence{text.pieces[p].ids, text.pieces[p].token_types});
      if (!text.places.empty()) input.labelled = text.places[p];
    }
  return inputs;
}

std::size_t texts_at_once(const Classifier& classifier, std::span<const EncodedText> texts) {
  const ModelConfig& config = classifier.engine().config();
  if (!config.fills_masks) return texts.size();
  constexpr std::size_t most = std::size_t{1} << 24;  // probabilities, unless one text has more
  std::size_t count = 0, sum = 0;
  for (; count < texts.size(); ++count) {
    sum += texts[count].places.front().size() * static_cast<std::size_t>(config.vocab_size);
    if (count > 0 && sum > most) break;
  }
  return count;
}

void require_policy_for_each(const CallOptions& options, std::size_t inputs) {
  if (!options.policies.empty() && options.policies.size() != inputs)
    throw ShapeError("a call has " + std::to_string(options.policies.size()) + " policies for " +
                     std::to_string(inputs) + " inputs; expected one for each");
}

std::vector<Prediction> run_encoded(const Classifier& classifier, std::span<const EncodedText> texts,
                                    const CallOptions& options) {
  const std::vector<TokenSequence> inputs = inputs_of(texts);
  CallOptions of_inputs = options;
  std::vector<Policy> policies;  // one an input
  if (inputs.size() > texts.size() && !options.policies.empty()) {
    for (std::size_t i = 0; i < texts.size(); ++i)
      policies.insert(policies.end(), texts[i].pieces.size(), options.policies[i]);
    of_inputs.policies = policies;
  }
  return classifier.engine().run(inputs, of_inputs);
}

Prediction prediction_of(const Classifier& classifier, const EncodedText& text, std::span<Prediction> of_pieces) {
  Prediction prediction =
      of_pieces.size() == 1 ? std::move(of_pieces.front()) : average(of_pieces, classifier.engine().config());
  prediction.truncated = text.is_longer;
  if (text.places.empty()) return prediction;
  const std::vector<std::int32_t>& firsts = text.places.front();
  const std::vector<std::int32_t>& word_of_token = text.pieces.front().words;
  std::vector<int> labels(text.words, -1);
  for (std::size_t w = 0; w < firsts.size(); ++w)
    labels[static_cast<std::size_t>(word_of_token[static_cast<std::size_t>(firsts[w])])] = prediction.labels[w];
  if (firsts.empty()) prediction.logits.clear(), prediction.probabilities.clear();  // of its special tokens
  prediction.labels = std::move(labels);
  return prediction;
}

FoundAnswer answer_of(const Classifier& classifier, const EncodedText& question, std::span<Prediction> of_pieces,
                      std::optional<double> no_answer_above) {
  const std::optional<TaskSpec>& task = classifier.engine().config().task;
  if (!no_answer_above && task) no_answer_above = task->no_answer_above;
  BestWindow best, least;  // with the best answer, and with the least score of "none"
  FoundAnswer found;
  found.windows = of_pieces.size();
  std::int64_t spent = 0, of_full = 0;
  for (std::size_t w = 0; w < of_pieces.size(); ++w) {
    const WindowAnswer window = WindowAnswer::of(of_pieces[w].logits);
    if (w == 0 || window.none < least.answer.none) least = {window, w};
    if (window.last > 0 && (best.answer.last == 0 || window.score > best.answer.score)) best = {window, w};
    spent += of_pieces[w].multiply_adds;
    of_full += of_pieces[w].full_multiply_adds;
  }
  const bool has_answer = best.answer.last > 0;
  found.none = static_cast<double>(least.answer.none);
  found.score = static_cast<double>(has_answer ? best.answer.score : least.answer.none);
  const bool has_none = !has_answer || (no_answer_above && found.none - found.score > *no_answer_above);
  const auto& [decided, w] = has_none ? least : best;
  found.probability = has_none ? decided.probability_of_none() : decided.probability_of_answer();
  if (!has_none) {
    const auto range_of = [&, w = w](std::int32_t row) {
      return question.pieces[w].ranges[static_cast<std::size_t>(question.places[w][static_cast<std::size_t>(row)])];
    };
    found.range = answer_range(question.context, range_of(decided.first), range_of(decided.last));
    found.text = question.context.substr(found.range.begin, found.range.end - found.range.begin);
  }
  found.prediction = std::move(of_pieces[w]);
  found.prediction.logits.clear();
  found.prediction.probabilities.clear();
  found.prediction.labels.clear();
  found.prediction.multiply_adds = spent;
  found.prediction.full_multiply_adds = of_full;
  return found;
}

FilledText filling_of(const Classifier& classifier, const EncodedText& text, std::span<Prediction> of_pieces,
                      std::size_t most) {
  FilledText filled;
  Prediction& prediction = of_pieces.front();
  const std::span<const float> all = prediction.probabilities;
  const auto vocabulary = static_cast<std::size_t>(classifier.engine().config().vocab_size);
  for (std::size_t m = 0; m < text.places.front().size(); ++m)
    filled.masks.push_back(likeliest(all.subspan(m * vocabulary, vocabulary), most, classifier.tokenizer()));
  filled.prediction = std::move(prediction);
  filled.prediction.labels.clear();
  filled.prediction.logits.clear();
  filled.prediction.probabilities.clear();
  filled.prediction.truncated = text.is_longer;
  return filled;
}

void scale_to_length_one(std::vector<float>& vector) {
  double squares = 0;
  for (const float x : vector) squares += static_cast<double>(x) * static_cast<double>(x);
  if (!(squares > 0)) return;
  for (float& x : vector) x = static_cast<float>(static_cast<double>(x) / std::sqrt(squares));
}

}  // namespace sharcs::internal
