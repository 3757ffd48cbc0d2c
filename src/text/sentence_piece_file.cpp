// The file is a protocol buffer, the message ModelProto of sentencepiece_model.proto. Six of its fields matter here, so
// they are read directly: the wire format of these is a tag (field number and type) before each value.
#include "text/sentence_piece_file.hpp"

#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "io/file.hpp"
#include "io/utf8.hpp"
#include "sharcs/error.hpp"
#include "text/vocabulary_files.hpp"

namespace sharcs::internal {
namespace {

/// A field of a message. `number` is of a varint or of a 32-bit value, `bytes` of a string or an inner message.
struct Field {
  enum class Type { varint = 0, eight_bytes = 1, bytes = 2, four_bytes = 5 };
  std::uint32_t id;
  Type type;
  std::uint64_t number = 0;
  std::string_view bytes = {};
};

class MessageReader {
 public:
  /// `whole` is the file, for the position in messages.
  MessageReader(std::string_view message, std::string_view whole, const std::string& place)
      : rest_(message), whole_(whole), place_(place) {}

  std::optional<Field> next() {
    if (rest_.empty()) return std::nullopt;
    const std::uint64_t tag = varint();
    Field field = {.id = static_cast<std::uint32_t>(tag >> 3), .type = static_cast<Field::Type>(tag & 7)};
    if (field.id == 0 || tag >> 32 != 0) fail();
    switch (field.type) {
      case Field::Type::varint:
        field.number = varint();
        return field;
      case Field::Type::eight_bytes:
        take(8);
        return field;
      case Field::Type::bytes:
        field.bytes = take(varint());
        return field;
      case Field::Type::four_bytes: {
        std::uint32_t bits = 0;
        std::memcpy(&bits, take(sizeof bits).data(), sizeof bits);
        field.number = bits;
        return field;
      }
    }
    fail();
  }

  /// The field's value, if it has the type that the format gives it.
  std::string_view bytes_of(const Field& field) const {
    require(field, Field::Type::bytes);
    return field.bytes;
  }
  std::uint64_t number_of(const Field& field) const {
    require(field, Field::Type::varint);
    return field.number;
  }
  float float_of(const Field& field) const {
    require(field, Field::Type::four_bytes);
    const auto bits = static_cast<std::uint32_t>(field.number);
    float value = 0;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }
  MessageReader inner(const Field& field) const { return {bytes_of(field), whole_, place_}; }

 private:
  void require(const Field& field, Field::Type type) const {
    if (field.type != type) fail();
  }
  [[noreturn]] void fail() const {
    throw TokenizerError(place_ + ": is damaged at byte " + std::to_string(rest_.data() - whole_.data() + 1) +
                         "; expected a model of SentencePiece");
  }
  std::string_view take(std::uint64_t count) {
    if (count > rest_.size()) fail();
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<unsigned char>(take(1).front());
      value |= std::uint64_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) return value;
    }
    fail();
  }

  std::string_view rest_, whole_;
  const std::string& place_;
};

SentencePieceFile::Piece piece_in(MessageReader message, const std::string& place) {
  SentencePieceFile::Piece piece;
  while (const auto field = message.next()) {
    if (field->id == 1) piece.text = message.bytes_of(*field);
    if (field->id == 2) piece.score = static_cast<double>(message.float_of(*field));
    if (field->id == 3) {
      const std::uint64_t kind = message.number_of(*field);
      if (kind < 1 || kind > 6)
        throw TokenizerError(place + " has the type " + std::to_string(kind) + "; expected 1 to 6");
      piece.kind = static_cast<SentencePieceFile::Kind>(kind);
    }
  }
  if (piece.text.empty() || find_invalid_utf8(piece.text) != std::string_view::npos)
    throw TokenizerError(place + " is no text in UTF-8");
  if (piece.text.size() > longest_token) throw TokenizerError(place + " " + too_long(piece.text));
  if (!(piece.score - piece.score == 0)) throw TokenizerError(place + " has no finite score");
  if (piece.kind == SentencePieceFile::Kind::byte)
    throw TokenizerError(place + " stands for a byte; unknown characters as bytes (byte_fallback) are not supported");
  return piece;
}

}  // namespace

SentencePieceFile SentencePieceFile::read(const std::filesystem::path& path) {
  const std::string bytes = read_text_file(path), name = path.string();
  SentencePieceFile file;
  MessageReader model(bytes, bytes, name);
  while (const auto field = model.next()) {
    if (field->id == 1) {  // pieces
      file.pieces.push_back(piece_in(model.inner(*field), name + ": piece " + std::to_string(file.pieces.size())));
    } else if (field->id == 2) {  // trainer_spec
      MessageReader spec = model.inner(*field);
      while (const auto setting = spec.next()) {
        static constexpr const char* kinds[] = {"", "Unigram", "BPE", "words", "characters"};
        if (setting->id != 3) continue;  // model_type
        const std::uint64_t kind = spec.number_of(*setting);
        if (kind != 1)
          throw TokenizerError(name + ": is a model of " + (kind < 5 ? kinds[kind] : std::to_string(kind)) +
                               "; expected Unigram");
      }
    } else if (field->id == 3) {  // normalizer_spec
      MessageReader spec = model.inner(*field);
      while (const auto setting = spec.next()) {
        if (setting->id != 2 || spec.bytes_of(*setting).empty()) continue;  // precompiled_charsmap
        std::optional<Charsmap> parsed = Charsmap::of_bytes(std::string(spec.bytes_of(*setting)));
        if (!parsed) throw TokenizerError(name + ": the table of characters is damaged");
        file.charsmap = std::make_shared<const Charsmap>(*std::move(parsed));
      }
    }
  }
  if (file.pieces.empty()) throw TokenizerError(name + ": has no pieces; expected a model of SentencePiece");
  return file;
}

}  // namespace sharcs::internal
