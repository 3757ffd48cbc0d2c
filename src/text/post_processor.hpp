#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "sharcs/tokenizer.hpp"

namespace sharcs::internal {

/// Puts the special tokens around the texts.
class PostProcessor {
 public:
  enum class Part { token, text, pair };
  struct Item {
    Part part;
    std::int32_t type;
    std::int32_t id = 0;  // of a token
    friend bool operator==(const Item&, const Item&) = default;
  };
  using Template = std::vector<Item>;

  PostProcessor(Template single, Template pair);
  /// [CLS] text [SEP] pair [SEP], types 0 and 1.
  static PostProcessor bert(std::int32_t cls, std::int32_t sep);
  /// <s> text </s></s> pair </s>, types 0.
  static PostProcessor roberta(std::int32_t cls, std::int32_t sep);
  /// text pair, types 0 and 1.
  static PostProcessor none();

  /// The same with all types 0.
  PostProcessor without_types() const;

  const Template& single() const { return single_; }
  const Template& pair() const { return pair_; }

  /// Fills the template. The ids of a text are cut to its length.
  Encoding operator()(const Template& items, std::span<const std::int32_t> text,
                      std::span<const std::int32_t> pair) const;

 private:
  Template single_, pair_;
};

/// Tokens that the template adds.
std::size_t special_token_count(const PostProcessor::Template& items);

}  // namespace sharcs::internal
