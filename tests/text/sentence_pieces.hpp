#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

/// Files of SentencePiece, and tokenizers on its pieces, put together by hand.
namespace sharcs::internal {

using ScoredTokens = std::vector<std::pair<std::string, double>>;

/// A tokenizer.json with the shape of ALBERT's: <pad>, <unk>, [CLS], [SEP], [MASK], then `tokens`.
inline nlohmann::json unigram_json(const ScoredTokens& tokens) {
  using nlohmann::json;
  json vocabulary = json::array();
  for (const char* special : {"<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"})
    vocabulary.push_back(json::array({special, 0.0}));
  for (const auto& [token, score] : tokens) vocabulary.push_back(json::array({token, score}));
  return {
      {"version", "1.0"},
      {"added_tokens", json::array({{{"id", 4}, {"content", "[MASK]"}, {"special", true}, {"lstrip", true}}})},
      {"normalizer", nullptr},
      {"pre_tokenizer",
       {{"type", "Sequence"},
        {"pretokenizers",
         {{{"type", "WhitespaceSplit"}}, {{"type", "Metaspace"}, {"replacement", "▁"}, {"add_prefix_space", true}}}}}},
      {"post_processor", {{"type", "BertProcessing"}, {"sep", {"[SEP]", 3}}, {"cls", {"[CLS]", 2}}}},
      {"model", {{"type", "Unigram"}, {"unk_id", 1}, {"vocab", vocabulary}}}};
}

/// Makes a charsmap as SentencePiece stores it: a double array in Darts-clone's format, then the replacements.
class CharsmapMaker {
 public:
  explicit CharsmapMaker(const std::map<std::string, std::string>& replacements) {
    std::string texts;
    std::map<std::string, std::uint32_t> values;
    for (const auto& [from, to] : replacements) {
      values[from] = static_cast<std::uint32_t>(texts.size());
      texts += to + '\0';
    }
    units_ = {0};
    used_ = {0};
    place("", 0, values);
    const auto size = static_cast<std::uint32_t>(4 * units_.size());
    bytes_.append(reinterpret_cast<const char*>(&size), 4);
    bytes_.append(reinterpret_cast<const char*>(units_.data()), size);
    bytes_ += texts;
  }

  const std::string& bytes() const { return bytes_; }

 private:
  void place(const std::string& prefix, std::uint32_t at, const std::map<std::string, std::uint32_t>& values) {
    std::set<unsigned char> labels;  // 0: a value ends here
    for (const auto& [key, value] : values)
      if (key.starts_with(prefix))
        labels.insert(key.size() == prefix.size() ? 0 : static_cast<unsigned char>(key[prefix.size()]));
    std::uint32_t offset = 1;
    const auto taken = [&](unsigned char label) { return used_.contains(at ^ offset ^ label); };
    while (std::any_of(labels.begin(), labels.end(), taken)) ++offset;
    units_[at] |= offset << 10 | (labels.contains(0) ? 1u << 8 : 0u);
    for (const unsigned char label : labels) {
      const std::uint32_t child = at ^ offset ^ label;
      used_.insert(child);
      if (units_.size() <= child) units_.resize(child + 1);
      units_[child] = label == 0 ? values.at(prefix) | 1u << 31 : label;
    }
    for (const unsigned char label : labels)
      if (label != 0) place(prefix + static_cast<char>(label), at ^ offset ^ label, values);
  }

  std::vector<std::uint32_t> units_;
  std::set<std::uint32_t> used_;
  std::string bytes_;
};

inline std::string base64(const std::string& bytes) {
  const char* digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t bits = 0;
    for (std::size_t k = 0; k < 3; ++k)
      bits = bits << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    for (std::size_t k = 0; k < 4; ++k) text += i + k > bytes.size() ? '=' : digits[bits >> (18 - 6 * k) & 63];
  }
  return text;
}

// SentencePiece's own file.

using SentencePiece =
    std::tuple<std::string, float, int>;  // text, score, kind (1: normal, 2: unknown, 3: control, 4: the user's)

inline std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
  return bytes + static_cast<char>(value);
}
inline std::string field(int id, const std::string& bytes) {
  return varint(static_cast<std::uint64_t>(id) << 3 | 2) + varint(bytes.size()) + bytes;
}
inline std::string field(int id, std::uint64_t value) {
  return varint(static_cast<std::uint64_t>(id) << 3) + varint(value);
}
inline std::string field(int id, float value) {
  std::string bytes(4, '\0');
  std::memcpy(bytes.data(), &value, 4);
  return varint(static_cast<std::uint64_t>(id) << 3 | 5) + bytes;
}
inline std::string model_file(const std::vector<SentencePiece>& pieces, int model_type = 1) {
  std::string bytes;
  for (const auto& [text, score, kind] : pieces)
    bytes += field(1, field(1, text) + field(2, score) + field(3, static_cast<std::uint64_t>(kind)));
  bytes += field(2, field(3, static_cast<std::uint64_t>(model_type)) + field(40, std::uint64_t{0}));
  return bytes + field(3, field(1, "identity"));
}

}  // namespace sharcs::internal
