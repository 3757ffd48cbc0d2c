#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace sharcs::internal::onnx {

/// One message in protobuf's wire format (https://protobuf.dev/programming-guides/encoding): fields one after the
/// other, each with its number. Enough to write what onnx.proto describes; nothing is read.
class Message {
 public:
  Message& number(int field, std::uint64_t value) {
    tag(field, 0);
    variable(value);
    return *this;
  }
  Message& real(int field, float value) {
    tag(field, 5);
    const auto bits = std::bit_cast<std::uint32_t>(value);
    for (int shift = 0; shift < 32; shift += 8) bytes_ += static_cast<char>(bits >> shift);
    return *this;
  }
  Message& text(int field, std::string_view value) {
    begin(field, value.size());
    bytes_ += value;
    return *this;
  }
  Message& message(int field, const Message& value) { return text(field, value.bytes_); }
  /// Says that a field of so many bytes follows, which the caller writes after bytes().
  Message& begin(int field, std::uint64_t size) {
    tag(field, 2);
    variable(size);
    return *this;
  }

  const std::string& bytes() const { return bytes_; }

 private:
  void tag(int field, int wire_type) {
    variable(static_cast<std::uint64_t>(field) << 3 | static_cast<unsigned>(wire_type));
  }
  void variable(std::uint64_t value) {
    for (; value >= 128; value >>= 7) bytes_ += static_cast<char>(value | 128);
    bytes_ += static_cast<char>(value);
  }

  std::string bytes_;
};

}  // namespace sharcs::internal::onnx
