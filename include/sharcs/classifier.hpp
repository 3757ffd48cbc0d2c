#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sharcs/engine.hpp"
#include "sharcs/tokenizer.hpp"

namespace [[gnu::visibility("default")]] sharcs {

/// Two texts that are judged together.
struct TextPair {
  std::string text;
  std::string pair;
};

/// An answer that a model has found in the context of a question.
struct FoundAnswer {
  std::string text;         ///< empty: the context has none
  TextRange range = {};     ///< its bytes of the context
  double probability = 0;   ///< of this answer in its window, or of none
  double score = 0;         ///< of the best answer: the sum of the logits of its ends
  double none = 0;          ///< the same of "none", where a window says it least
  std::size_t windows = 1;  ///< that the context was read in
  Prediction prediction;    ///< of the window that decided, without logits; multiply-adds are those of all windows
};

/// A token of the vocabulary in the place of a mask.
struct MaskFilling {
  std::int32_t id = 0;
  std::string token;  ///< as the vocabulary spells it: "film", "##ing", "Ġthe"
  double probability = 0;
};

/// A text whose masks a model has filled.
struct FilledText {
  std::vector<std::vector<MaskFilling>>
      masks;              ///< for each mask that was read, in the text's order: the likeliest first
  Prediction prediction;  ///< without labels, logits and probabilities
};

/// Text in, label out: an engine with its tokenizer. Safe to call from many threads at once. A model that labels tokens
/// has tag() in place of classify(), one that finds answers has answer(), one that fills masks fill().
class Classifier {
 public:
  /// Reads a model directory with the tokenizer's files. Throws as Engine::load and Tokenizer::load.
  static Classifier load(const std::filesystem::path& directory, const EngineOptions& options = {});
  /// Throws ConfigError when the tokenizer has ids that the engine's vocabulary does not; for a model that labels
  /// tokens also when it cannot take words by themselves, or long texts are to be read in another way than by their
  /// beginning.
  Classifier(Engine engine, Tokenizer tokenizer);

  /// One prediction a text, in order. Tokenizes on all threads. Predictions of texts that are longer than max_tokens()
  /// say so. Throws as Engine::run, and DataError when a text is empty: when it has nothing but white space. `sharcs
  /// predict` refuses such a line, too.
  std::vector<Prediction> classify(std::span<const std::string> texts, const CallOptions& options = {}) const;
  /// The same for pairs, of which the longer text is cut first. One of the two may be empty.
  std::vector<Prediction> classify(std::span<const TextPair> pairs, const CallOptions& options = {}) const;
  /// One text.
  Prediction classify(const std::string& text, const CallOptions& options = {}) const;

  /// One prediction a text whose words are given, for a model that labels tokens. `labels` has a label for each word,
  /// that of its first token; −1 where the model did not read the word: the text is too long, or the word has no token.
  /// Logits and probabilities are those of the words that were read, one after the other. Throws as Engine::run, and
  /// DataError for a text without words.
  std::vector<Prediction> tag(std::span<const std::vector<std::string>> texts, const CallOptions& options = {}) const;

  /// One answer a question, for a model that finds answers: `text` is the question, `pair` its context. A context that
  /// is too long is read in windows (EngineOptions::stride), whatever EngineOptions::long_text says. Some questions
  /// have no answer where the model's task says so, or `no_answer_above` does (see TaskSpec). Throws as Engine::run,
  /// and DataError for an empty question or context.
  std::vector<FoundAnswer> answer(std::span<const TextPair> questions, const CallOptions& options = {},
                                  std::optional<double> no_answer_above = {}) const;

  /// The `most` likeliest tokens for each mask of the texts ("[MASK]" or "<mask>", as the vocabulary spells it), for a
  /// model that fills masks; each mask by itself, as the fill-mask pipeline of transformers. Throws as Engine::run, and
  /// DataError for a text without a mask.
  std::vector<FilledText> fill(std::span<const std::string> texts, std::size_t most = 5,
                               const CallOptions& options = {}) const;

  /// A vector a text, as Engine::embed gives; of a text that is read in windows, the mean of theirs.
  std::vector<std::vector<float>> embed(std::span<const std::string> texts, const EmbedOptions& options = {}) const;
  /// The same for pairs.
  std::vector<std::vector<float>> embed(std::span<const TextPair> pairs, const EmbedOptions& options = {}) const;

  /// The name of a class, from the model's configuration. Throws ShapeError when there is no such class.
  const std::string& label_name(int label) const;
  /// The greatest number of tokens of an input, special tokens included.
  std::size_t max_tokens() const { return max_tokens_; }
  const Engine& engine() const { return engine_; }
  const Tokenizer& tokenizer() const { return tokenizer_; }

 private:
  Engine engine_;
  Tokenizer tokenizer_;
  std::size_t max_tokens_;
};

struct PolicyTimesOptions {
  int rounds = 5;              ///< how often each call is timed
  std::size_t group = 8;       ///< texts are timed one by one, and so many in a call
  std::size_t max_texts = 64;  ///< so many texts at most, from the first on
};

/// Times a classifier's calls under each policy, for CallOptions::deadline: `texts` should be like those that will
/// come. `policies` in the order in which you prefer them, the most accurate first. Of each call the slowest time
/// counts but for one of ten; then a line, time of a call + time of a token · tokens, is fitted to these times by their
/// smallest relative errors. Throws as classify(), and ConfigError when there is no policy or text or an option is 0.
PolicyTimes measure_policies(const Classifier& classifier, std::span<const Policy> policies,
                             std::span<const std::string> texts, const PolicyTimesOptions& options = {});

}  // namespace sharcs
