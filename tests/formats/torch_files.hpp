#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "io/checksum.hpp"

/// Files as torch.save writes them, put together by hand.
namespace sharcs::internal::torch_files {

using namespace std::string_literals;

template <class T>
inline std::string bytes_of(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}
template <class T>
inline std::string bytes_of(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

// Pickles, written by hand.

inline std::string text(const std::string& value) {
  return "X"s + bytes_of(static_cast<std::uint32_t>(value.size())) + value;
}
inline std::string integer(std::int64_t value) {
  if (value >= 0 && value < 256) return "K"s + bytes_of(static_cast<std::uint8_t>(value));
  if (value >= INT32_MIN && value <= INT32_MAX) return "J"s + bytes_of(static_cast<std::int32_t>(value));
  return "\x8a\x08"s + bytes_of(value);
}
inline std::string tuple(const std::vector<std::string>& values) {
  std::string pickle = "(";
  for (const std::string& value : values) pickle += value;
  return pickle + "t";
}
inline std::string integers(const std::vector<std::int64_t>& values) {
  std::vector<std::string> elements;
  for (const std::int64_t value : values) elements.push_back(integer(value));
  return tuple(elements);
}
inline std::string global(const std::string& module, const std::string& name) {
  return "c"s + module + "\n" + name + "\n";
}
inline std::string call(const std::string& function, const std::vector<std::string>& arguments) {
  return function + tuple(arguments) + "R";
}
inline const std::string ordered_dict = global("collections", "OrderedDict") + ")R";

/// A storage, and what follows its number of elements in the identifier: nothing in zip files.
inline std::string storage(const std::string& type, const std::string& key, std::int64_t count,
                           const std::string& view = "") {
  std::vector<std::string> id = {text("storage"), global("torch", type), text(key), text("cpu"), integer(count)};
  if (!view.empty()) id.push_back(view);
  return tuple(id) + "Q";
}
inline std::string tensor(const std::string& of, std::int64_t offset, const std::vector<std::int64_t>& shape,
                          const std::vector<std::int64_t>& strides) {
  return call(global("torch._utils", "_rebuild_tensor_v2"),
              {of, integer(offset), integers(shape), integers(strides), "\x89", ordered_dict});
}
inline std::string state_dict(const std::vector<std::pair<std::string, std::string>>& items) {
  std::string pickle = "\x80\x02"s + ordered_dict + "q\0("s;
  for (const auto& [name, value] : items) pickle += text(name) + value;
  // As a module's state_dict() has it: an attribute with the versions of its parts.
  return pickle + "u}" + text("_metadata") + ordered_dict + "sb.";
}

// Files around them.

struct File {
  std::string name, bytes;
};
struct ZipOptions {
  bool zip64 = false;
  /// Changes the archive's directory entry, local header and end record before they are written.
  std::function<void(std::string& entry, std::string& local)> change = [](std::string&, std::string&) {};
};

inline std::string zip(const std::vector<File>& files, const ZipOptions& options = {}) {
  std::string archive, directory;
  const auto size32 = [&](std::uint64_t size) {
    return bytes_of(options.zip64 ? 0xFFFFFFFFu : static_cast<std::uint32_t>(size));
  };
  for (const File& file : files) {
    const std::string crc = bytes_of(crc32(std::as_bytes(std::span(file.bytes))));
    const std::string name_size = bytes_of(static_cast<std::uint16_t>(file.name.size()));
    // torch.save leaves crc and sizes out of the local header and pads the data to 64 bytes by an extra field.
    std::string local = "PK\3\4" + std::string(10, '\0') + std::string(12, '\0') + name_size;
    const std::size_t padding = 64 - (archive.size() + 34 + file.name.size()) % 64;
    local += bytes_of(static_cast<std::uint16_t>(4 + padding)) + file.name + "FB" +
             bytes_of(static_cast<std::uint16_t>(padding)) + std::string(padding, 'Z');
    std::string extra;
    if (options.zip64)
      extra = bytes_of(std::uint16_t{1}) + bytes_of(std::uint16_t{24}) + bytes_of(file.bytes.size()) +
              bytes_of(file.bytes.size()) + bytes_of(archive.size());
    std::string entry = "PK\1\2" + std::string(12, '\0') + crc + size32(file.bytes.size()) + size32(file.bytes.size()) +
                        name_size + bytes_of(static_cast<std::uint16_t>(extra.size())) + std::string(10, '\0') +
                        size32(archive.size()) + file.name + extra;
    options.change(entry, local);
    archive += local + file.bytes;
    directory += entry;
  }
  const std::uint64_t begin = archive.size(), count = files.size();
  archive += directory;
  if (options.zip64) {
    const std::uint64_t end64 = archive.size();
    archive += "PK\6\6" + bytes_of(std::uint64_t{44}) + std::string(12, '\0') + bytes_of(count) + bytes_of(count) +
               bytes_of(directory.size()) + bytes_of(begin);
    archive += "PK\6\7" + std::string(4, '\0') + bytes_of(end64) + bytes_of(1u);
  }
  const auto short_count = bytes_of(options.zip64 ? std::uint16_t{0xFFFF} : static_cast<std::uint16_t>(count));
  return archive + "PK\5\6" + std::string(4, '\0') + short_count + short_count + size32(directory.size()) +
         size32(begin) + std::string(2, '\0');
}

/// What torch.save writes: the dictionary, and the bytes of each storage.
inline std::string saved(const std::string& pickle, const std::vector<std::string>& storages,
                         const ZipOptions& options = {}) {
  std::vector<File> files = {{"model/data.pkl", pickle}, {"model/byteorder", "little"}};
  for (std::size_t key = 0; key < storages.size(); ++key)
    files.push_back({"model/data/" + std::to_string(key), storages[key]});
  files.push_back({"model/version", "3\n"});
  return zip(files, options);
}

struct LegacyStorage {
  std::string key;
  std::uint64_t count;
  std::string bytes;
};
/// The same before PyTorch 1.6.
inline std::string saved_before_1_6(const std::string& pickle, const std::vector<LegacyStorage>& storages) {
  std::string bytes("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e", 15);
  bytes += "\x80\x02M" + bytes_of(std::uint16_t{1001}) + ".";
  bytes += "\x80\x02}(" + text("protocol_version") + "M" + bytes_of(std::uint16_t{1001}) + text("little_endian") +
           "\x88" + text("type_sizes") + "}" + text("int") + integer(4) + "su.";
  bytes += pickle + "\x80\x02](";
  for (const LegacyStorage& one : storages) bytes += text(one.key);
  bytes += "e.";
  for (const LegacyStorage& one : storages) bytes += bytes_of(one.count) + one.bytes;
  return bytes;
}

}  // namespace sharcs::internal::torch_files
