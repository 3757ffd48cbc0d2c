#pragma once

#include <filesystem>
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

/// Text in, label out: an engine with its tokenizer. Safe to call from many threads at once.
class Classifier {
 public:
  /// Reads a model directory with the tokenizer's files. Throws as Engine::load and Tokenizer::load.
  static Classifier load(const std::filesystem::path& directory, const EngineOptions& options = {});
  /// Throws ConfigError when the tokenizer has ids that the engine's vocabulary does not.
  Classifier(Engine engine, Tokenizer tokenizer);

  /// One prediction a text, in order. Tokenizes on all threads; longer texts are cut to max_tokens(), and
  /// their predictions say so.
  std::vector<Prediction> classify(std::span<const std::string> texts) const;
  /// The same for pairs, of which the longer text is cut first.
  std::vector<Prediction> classify(std::span<const TextPair> pairs) const;
  /// One text.
  Prediction classify(const std::string& text) const;

  /// The name of a class, from the model's configuration. Throws ShapeError when there is no such class.
  const std::string& label_name(int label) const;
  /// The greatest number of tokens of an input, special tokens included.
  std::size_t max_tokens() const { return engine_.max_tokens(); }
  const Engine& engine() const { return engine_; }
  const Tokenizer& tokenizer() const { return tokenizer_; }

 private:
  Engine engine_;
  Tokenizer tokenizer_;
};

}  // namespace sharcs
