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

/// For a model that fills masks. Throws DataError when the text, which is number `number`, is empty or has no mask.
EncodedText encode_masks(const Classifier& classifier, const std::string& text, std::size_t number);

/// The inputs of all texts. They look into the texts.
std::vector<TokenSequence> inputs_of(std::span<const EncodedText> texts);

/// One prediction an input, in the order of inputs_of(). The options' policies are one a text.
std::vector<Prediction> run_encoded(const Classifier& classifier, std::span<const EncodedText> texts,
                                    const CallOptions& options);

/// What a text's pieces say together, as Classifier::classify gives, or Classifier::tag for given words.
Prediction prediction_of(const Classifier& classifier, const EncodedText& text, std::span<Prediction> of_pieces);

/// The same for a question, as Classifier::answer gives.
FoundAnswer answer_of(const Classifier& classifier, const EncodedText& question, std::span<Prediction> of_pieces,
                      std::optional<double> no_answer_above);

/// The same for a text with masks, as Classifier::fill gives.
FilledText filling_of(const Classifier& classifier, const EncodedText& text, Prediction& prediction, std::size_t most);

/// read(text, predictions of its pieces) of each text, in their order.
template <class Read>
auto read_each(std::span<const EncodedText> texts, std::span<Prediction> predictions, const Read& read) {
  std::vector<decltype(read(texts.front(), predictions))> results;
  results.reserve(texts.size());
  for (const EncodedText& text : texts) {
    results.push_back(read(text, predictions.first(text.pieces.size())));
    predictions = predictions.subspan(text.pieces.size());
  }
  return results;
}

/// Divides by the root of the sum of squares; zeros stay zeros.
void scale_to_length_one(std::vector<float>& vector);

}  // namespace sharcs::internal
