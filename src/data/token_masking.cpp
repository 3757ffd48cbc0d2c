#include "data/token_masking.hpp"

#include <algorithm>
#include <cassert>

#include "core/random.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {

std::int32_t mask_id_of(const Tokenizer& tokenizer, const std::string& place) {
  for (const char* name : {"[MASK]", "<mask>"})
    if (const auto id = tokenizer.id(name)) return *id;
  throw ConfigError((place.empty() ? "" : place + ": ") +
                    "the vocabulary has no mask token; expected [MASK] or <mask>");
}

std::uint64_t masking_key_of_evaluation() { return derive_key(0, "masks of evaluation"); }

TokenMasking::TokenMasking(const Tokenizer& tokenizer, const MaskingShares& shares)
    : shares_(shares), mask_(mask_id_of(tokenizer)), vocabulary_(tokenizer.vocab_size()) {
  constexpr std::size_t enough = 16;
  special_ = tokenizer.encode("", "", enough).ids;
  special_.push_back(tokenizer.pad_id());
  special_.push_back(mask_);
  for (const char* name : {"[UNK]", "<unk>"})
    if (const auto id = tokenizer.id(name)) special_.push_back(*id);
}

void TokenMasking::apply(std::span<const Index> samples, std::uint64_t key, RaggedBatch& batch) const {
  assert(static_cast<Index>(samples.size()) == batch.samples());
  batch.head_tokens.clear();
  batch.head_offsets.assign(1, 0);
  batch.truths.clear();
  for (Index s = 0; s < batch.samples(); ++s) {
    Random random(derive_key(key, "masks of sample", static_cast<std::uint64_t>(samples[static_cast<std::size_t>(s)])));
    const auto first = static_cast<std::size_t>(batch.offsets[s]);
    const std::span<std::int32_t> ids = std::span(batch.ids).subspan(first, static_cast<std::size_t>(batch.tokens(s)));
    std::vector<std::int32_t> candidates, chosen;
    for (std::size_t t = 0; t < ids.size(); ++t)
      if (std::ranges::find(special_, ids[t]) == special_.end()) candidates.push_back(static_cast<std::int32_t>(t));
    if (candidates.empty())  // nothing but special tokens: the middle one, which is none of those around the text
      candidates.push_back(static_cast<std::int32_t>(ids.size() / 2));
    for (const std::int32_t token : candidates)
      if (random.uniform() < shares_.chosen) chosen.push_back(token);
    if (chosen.empty()) chosen.push_back(candidates[random.below(candidates.size())]);
    for (const std::int32_t token : chosen) {
      std::int32_t& id = ids[static_cast<std::size_t>(token)];
      batch.head_tokens.push_back(token);
      batch.truths.push_back(id);
      const double draw = random.uniform();
      if (draw < shares_.masks)
        id = mask_;
      else if (draw < shares_.masks + shares_.random)
        id = static_cast<std::int32_t>(random.below(vocabulary_));
    }
    batch.head_offsets.push_back(std::ssize(batch.head_tokens));
  }
}

}  // namespace sharcs::internal
