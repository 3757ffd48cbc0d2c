#include "text/charsmap.hpp"

#include "fuzz/harness.hpp"
#include "fuzz/tiny_tokenizers.hpp"
#include "io/utf8.hpp"

namespace sharcs::internal::harnesses {
namespace {

std::vector<std::string> seeds() { return {charsmap_bytes(), charsmap_bytes().substr(0, 40)}; }

void read(std::string_view input, const Scratch&) {
  const std::optional<Charsmap> map = Charsmap::of_bytes(std::string(input));
  if (!map) return;
  std::string result;
  for (const std::string& text : hard_texts()) {
    if (find_invalid_utf8(text) != std::string::npos) continue;
    map->apply(text, 1 << 20, result);
    if (find_invalid_utf8(result) != std::string::npos) throw std::logic_error("the result is not UTF-8");
  }
  if (!Charsmap::parse(map->base64())) throw std::logic_error("what it writes in base64 is not read");
}

}  // namespace

std::vector<Harness> charsmap() {
  return {{.name = "charsmap", .file = "", .words = {}, .seeds = seeds, .read = read}};
}

}  // namespace sharcs::internal::harnesses
