#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sharcs/classifier.hpp"

namespace sharcs::internal {

/// A text, a pair, the words of a text or a question, as the model reads it.
struct EncodedText {
  std::vector<Encoding> pieces;  ///< one input, or a window after the other
  /// Of each piece the tokens whose logits are wanted: the first of each word, those that an answer may consist of, or
  /// the masks. Empty where texts are labelled.
  std::vector<std::vector<std::int32_t>> places = {};
  bool is_longer = false;    ///< than the model reads
  std::size_t words = 0;     ///< of a text whose words are given
  std::string context = {};  ///< of a question, in UTF-8

  std::size_t tokens() const {
    std::size_t sum = 0;
    for (const Encoding& piece : pieces) sum += piece.ids.size();
    return sum;
  }
};

/// Throw ConfigError, which says what to call instead, for a model that does something else.
void require_labels_of_texts(const ModelConfig& config);
void require_labels_of_words(const ModelConfig& config);
void require_answers(const ModelConfig& config);
void require_masks(const ModelConfig& config);

/// Throws DataError when the text, of a pair both, is empty. pair: null for one text.
EncodedText encode_text(const Classifier& classifier, const std::string& text, const std::string* pair);

/// For a model that labels words. Throws DataError when there are none.
EncodedText encode_words(const Classifier& classifier, const std::vector<std::string>& words);

/// For a model that finds answers. Throws DataError when the question or its context is empty.
EncodedText encode_question(const Classifier& classifier, const TextPair& question);

/// For a model that fills masks. Throws DataError when the text is empty, or has no mask: then the message calls it
/// `name`.
EncodedText encode_masks(const Classifier& classifier, const std::string& text, const std::string& name);

/// The inputs of all texts. They look into the texts.
std::vector<TokenSequence> inputs_of(std::span<const EncodedText> texts);

/// What a text's pieces say together, as Classifier::classify gives, or Classifier::tag for given words.
Prediction prediction_of(const Classifier& classifier, const EncodedText& text, std::span<Prediction> of_pieces);

/// The same for a question, as Classifier::answer gives.
FoundAnswer answer_of(const Classifier& classifier, const EncodedText& question, std::span<Prediction> of_pieces,
                      std::optional<double> no_answer_above);

/// The same for a text with masks, as Classifier::fill gives.
FilledText filling_of(const Classifier& classifier, const EncodedText& text, std::span<Prediction> of_pieces,
                      std::size_t most);

/// How many of the texts, from the first on, the model runs together: all, but of a model that fills masks only so
/// many as their probabilities take little memory, since each mask has one for every word of the vocabulary.
std::size_t texts_at_once(const Classifier& classifier, std::span<const EncodedText> texts);

/// One prediction an input, in the order of inputs_of(). The options' policies are one a text.
std::vector<Prediction> run_encoded(const Classifier& classifier, std::span<const EncodedText> texts,
                                    const CallOptions& options);

/// Throws ShapeError when the options have policies, but not one for each of the call's inputs.
void require_policy_for_each(const CallOptions& options, std::size_t inputs);

/// Runs the texts and gives read(i, predictions of the pieces of text i) of each, in their order. The options' policies
/// are one a text.
template <class Read>
auto run_each(const Classifier& classifier, std::span<const EncodedText> texts, const CallOptions& options,
              const Read& read) {
  require_policy_for_each(options, texts.size());
  std::vector<decltype(read(std::size_t{0}, std::span<Prediction>()))> results;
  results.reserve(texts.size());
  do {
    const std::size_t first = results.size(), count = texts_at_once(classifier, texts.subspan(first));
    CallOptions of_group = options;
    if (!options.policies.empty()) of_group.policies = options.policies.subspan(first, count);
    std::vector<Prediction> of_pieces = run_encoded(classifier, texts.subspan(first, count), of_group);
    std::span<Prediction> rest = of_pieces;
    for (std::size_t i = first; i < first + count; ++i) {
      const std::size_t pieces = texts[i].pieces.size();
      results.push_back(read(i, rest.first(pieces)));
      rest = rest.subspan(pieces);
    }
  } while (results.size() < texts.size());
  return results;
}

/// Divides by the root of the sum of squares; zeros stay zeros.
void scale_to_length_one(std::vector<float>& vector);

}  // namespace sharcs::internal
