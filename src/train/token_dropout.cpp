#include "train/token_dropout.hpp"

#include <algorithm>
#include <cassert>

#include "core/random.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {

TokenDropout::TokenDropout(double probability, const Tokenizer& tokenizer) : probability_(probability) {
  if (probability == 0) return;
  const char* const names[] = {"[MASK]", "<mask>", "[UNK]", "<unk>"};
  const auto* const name =
      std::ranges::find_if(names, [&](const char* token) { return tokenizer.id(token).has_value(); });
  if (name == std::end(names))
    throw ConfigError(
        "training options: \"token_dropout\" needs a mask token; the vocabulary has none of [MASK], "
        "<mask>, [UNK], <unk>");
  replacement_ = *tokenizer.id(*name);
  constexpr std::size_t enough = 16;
  kept_ = tokenizer.encode("", "", enough).ids;  // special tokens only
}

void TokenDropout::apply(std::span<const Index> samples, std::uint64_t key, RaggedBatch& batch) const {
  assert(static_cast<Index>(samples.size()) == batch.samples());
  if (probability_ == 0) return;
  for (std::size_t s = 0; s < samples.size(); ++s) {
    Random random(derive_key(key, "tokens of sample", static_cast<std::uint64_t>(samples[s])));
    for (Index t = batch.offsets[s]; t < batch.offsets[s + 1]; ++t) {
      std::int32_t& id = batch.ids[static_cast<std::size_t>(t)];
      const bool drop = random.uniform() < probability_;
      if (drop && std::ranges::find(kept_, id) == kept_.end()) id = replacement_;
    }
  }
}

}  // namespace sharcs::internal
