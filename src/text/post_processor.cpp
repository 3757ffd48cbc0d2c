#include "text/post_processor.hpp"

#include <algorithm>
#include <utility>

namespace sharcs::internal {

PostProcessor::PostProcessor(Template single, Template pair) : single_(std::move(single)), pair_(std::move(pair)) {}

PostProcessor PostProcessor::bert(std::int32_t cls, std::int32_t sep) {
  return {{{Part::token, 0, cls}, {Part::text, 0}, {Part::token, 0, sep}},
          {{Part::token, 0, cls}, {Part::text, 0}, {Part::token, 0, sep}, {Part::pair, 1}, {Part::token, 1, sep}}};
}

PostProcessor PostProcessor::roberta(std::int32_t cls, std::int32_t sep) {
  return {{{Part::token, 0, cls}, {Part::text, 0}, {Part::token, 0, sep}},
          {{Part::token, 0, cls},
           {Part::text, 0},
           {Part::token, 0, sep},
           {Part::token, 0, sep},
           {Part::pair, 0},
           {Part::token, 0, sep}}};
}

PostProcessor PostProcessor::none() { return {{{Part::text, 0}}, {{Part::text, 0}, {Part::pair, 1}}}; }

PostProcessor PostProcessor::without_types() const {
  PostProcessor plain = *this;
  for (Template* items : {&plain.single_, &plain.pair_})
    for (Item& item : *items) item.type = 0;
  return plain;
}

Encoding PostProcessor::operator()(const Template& items, std::span<const std::int32_t> text,
                                   std::span<const std::int32_t> pair) const {
  Encoding encoding;
  encoding.ids.reserve(text.size() + pair.size() + items.size());
  encoding.token_types.reserve(text.size() + pair.size() + items.size());
  for (const Item& item : items) {
    const std::span<const std::int32_t> ids = item.part == Part::token  ? std::span(&item.id, 1)
                                              : item.part == Part::text ? text
                                                                        : pair;
    encoding.ids.insert(encoding.ids.end(), ids.begin(), ids.end());
    encoding.token_types.insert(encoding.token_types.end(), ids.size(), item.type);
  }
  return encoding;
}

std::size_t special_token_count(const PostProcessor::Template& items) {
  return static_cast<std::size_t>(std::count_if(
      items.begin(), items.end(), [](const PostProcessor::Item& i) { return i.part == PostProcessor::Part::token; }));
}

}  // namespace sharcs::internal
