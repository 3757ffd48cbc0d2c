#include "text/pipeline.hpp"

#include <string>

#include "core/utf8.hpp"

namespace sharcs {

std::vector<std::int32_t> Tokenizer::Pipeline::ids(std::string_view text, std::size_t limit) const {
  std::string repaired;
  if (find_invalid_utf8(text) != std::string_view::npos) {
    repaired = text;
    replace_invalid_utf8(repaired);
    text = repaired;
  }

  std::vector<std::int32_t> ids;
  std::string normalized;
  const auto take_word = [&](std::string_view word) {
    model.encode(word, ids);
    return ids.size() < limit;
  };
  const auto take_token = [&](std::int32_t id) {
    ids.push_back(id);
    return ids.size() < limit;
  };
  const auto take_normalized = [&](std::string_view part) {
    pre_tokenizer.for_each_word(part, take_word);
    return ids.size() < limit;
  };
  const auto take_text = [&](std::string_view part) {
    return added_tokens.in_normalized_text().split(normalizer(part, normalized), take_normalized, take_token);
  };
  added_tokens.in_text().split(text, take_text, take_token);
  if (ids.size() > limit) ids.resize(limit);
  return ids;
}

}  // namespace sharcs
