#pragma once

#include <cstdint>
#include <sharcs/classifier.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/random.hpp"
#include "report.hpp"

namespace sharcs::internal::bench {

/// So many ids of a vocabulary.
inline std::vector<std::int32_t> random_words(Random& random, std::int64_t count, int vocab_size) {
  std::vector<std::int32_t> ids;
  for (std::int64_t i = 0; i < count; ++i)
    ids.push_back(static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(vocab_size))));
  return ids;
}

/// Sentences and tokens of the batches that encoders are timed on.
struct BatchShape {
  int sentences;
  int tokens;

  std::string name() const { return format("%d x %d", sentences, tokens); }
};
inline constexpr BatchShape batch_shapes[] = {{1, 16}, {1, 32}, {1, 128}, {8, 128}, {32, 32}};

/// Sentences of random words, and what an engine is given of them. The same ones each time.
class RandomBatch {
 public:
  RandomBatch(BatchShape shape, int vocab_size)
      : RandomBatch(std::vector<int>(static_cast<std::size_t>(shape.sentences), shape.tokens), vocab_size) {}
  RandomBatch(std::span<const int> lengths, int vocab_size) {
    Random random(derive_key(1, "bench batch"));
    for (const int length : lengths) ids_.push_back(random_words(random, length, vocab_size));
    for (const auto& sentence : ids_) inputs_.push_back({sentence});
  }
  RandomBatch(const RandomBatch&) = delete;
  RandomBatch& operator=(const RandomBatch&) = delete;

  const std::vector<std::vector<std::int32_t>>& ids() const { return ids_; }
  const std::vector<TokenSequence>& inputs() const { return inputs_; }

 private:
  std::vector<std::vector<std::int32_t>> ids_;
  std::vector<TokenSequence> inputs_;
};

}  // namespace sharcs::internal::bench
