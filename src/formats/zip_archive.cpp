#include "formats/zip_archive.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <set>
#include <string_view>

#include "core/quote.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {
namespace {

constexpr std::uint32_t end_signature = 0x06054B50, end64_signature = 0x06064B50, locator_signature = 0x07064B50;
constexpr std::uint32_t directory_signature = 0x02014B50, local_signature = 0x04034B50;
constexpr std::uint32_t in_zip64 = 0xFFFFFFFF;  // a size or offset that stands in the zip64 field instead
constexpr std::size_t end_size = 22, end64_size = 56, locator_size = 20, directory_size = 46, local_size = 30;

/// A record of the archive, whose fields are at fixed places.
class Record {
 public:
  explicit Record(std::span<const std::byte> bytes) : bytes_(bytes) {}
  template <class T>
  T field(std::size_t offset) const {
    T value;
    std::memcpy(&value, bytes_.data() + offset, sizeof value);
    return value;
  }

 private:
  std::span<const std::byte> bytes_;
};

class DirectoryReader {
 public:
  DirectoryReader(std::span<const std::byte> archive, const std::string& place) : archive_(archive), place_(place) {}

  std::vector<ZipEntry> read() {
    find_directory();
    std::vector<Found> found;
    std::set<std::string> names;
    std::uint64_t at = directory_begin_;
    for (std::uint64_t i = 0; i < count_; ++i) {
      found.push_back(read_entry(at, i));
      if (!names.insert(found.back().entry.name).second) fail("lists " + quote(found.back().entry.name) + " twice");
    }
    if (at != directory_end_) fail("has a directory of another length than it says");
    std::ranges::stable_sort(found, {}, &Found::begin);
    for (std::size_t i = 1; i < found.size(); ++i)
      if (found[i].begin < found[i - 1].end)
        fail(quote(found[i].entry.name) + " overlaps " + quote(found[i - 1].entry.name));
    std::vector<ZipEntry> entries;
    for (Found& one : found) entries.push_back(std::move(one.entry));
    return entries;
  }

 private:
  struct Found {
    ZipEntry entry;
    std::uint64_t begin;  // of the local header
    std::uint64_t end;    // of the data
  };

  [[noreturn]] void fail(const std::string& message) const {
    throw CheckpointError(place_ + ": the zip archive " + message);
  }

  /// `size` bytes at `offset`, which must be there.
  Record record(std::uint64_t offset, std::uint64_t size, const char* what) const {
    if (offset > archive_.size() || size > archive_.size() - offset)
      fail(std::string("ends within ") + what + " (truncated?)");
    return Record(archive_.subspan(offset, size));
  }
  std::string text(std::uint64_t offset, std::uint64_t size) const {
    return {reinterpret_cast<const char*>(archive_.data()) + offset, size};
  }

  /// The end record is the last thing in the file but for a comment of at most 65535 bytes.
  std::uint64_t find_end() const {
    if (archive_.size() >= end_size) {
      const std::uint64_t last = archive_.size() - end_size, first = last - std::min<std::uint64_t>(last, 0xFFFF);
      for (std::uint64_t at = last + 1; at-- > first;) {
        const Record end(archive_.subspan(at, end_size));
        if (end.field<std::uint32_t>(0) == end_signature &&
            at + end_size + end.field<std::uint16_t>(20) == archive_.size())
          return at;
      }
    }
    fail("has no directory at its end (truncated?)");
  }

  void find_directory() {
    const std::uint64_t end_at = find_end();
    const Record end(archive_.subspan(end_at, end_size));
    std::uint64_t size = end.field<std::uint32_t>(12), limit = end_at;
    std::uint32_t disk = end.field<std::uint16_t>(4), directory_disk = end.field<std::uint16_t>(6);
    count_ = end.field<std::uint16_t>(10);
    directory_begin_ = end.field<std::uint32_t>(16);
    if (end_at >= locator_size) {
      const Record locator(archive_.subspan(end_at - locator_size, locator_size));
      if (locator.field<std::uint32_t>(0) == locator_signature) {
        const auto end64_at = locator.field<std::uint64_t>(8);
        const Record end64 = record(end64_at, end64_size, "its zip64 end record");
        if (end64.field<std::uint32_t>(0) != end64_signature) fail("has no zip64 end record where it says");
        limit = end64_at;
        disk = end64.field<std::uint32_t>(16);
        directory_disk = end64.field<std::uint32_t>(20);
        count_ = end64.field<std::uint64_t>(32);
        size = end64.field<std::uint64_t>(40);
        directory_begin_ = end64.field<std::uint64_t>(48);
      }
    }
    if (disk != 0 || directory_disk != 0) fail("is one of several parts; expected a whole one");
    if (directory_begin_ > limit || size > limit - directory_begin_) fail("has no directory where it says");
    directory_end_ = directory_begin_ + size;
    if (count_ > size / directory_size)
      fail("says that it has " + std::to_string(count_) + " files, more than its directory holds");
  }

  /// Returns the entry of the directory at `at`, and moves `at` behind it.
  Found read_entry(std::uint64_t& at, std::uint64_t index) const {
    const std::string what = "file " + std::to_string(index) + " of its directory";
    if (directory_end_ - at < directory_size) fail("has a directory that ends within " + what);
    const Record entry = record(at, directory_size, what.c_str());
    if (entry.field<std::uint32_t>(0) != directory_signature) fail("has no entry for " + what);
    const std::uint64_t name_size = entry.field<std::uint16_t>(28), extra_size = entry.field<std::uint16_t>(30),
                        comment_size = entry.field<std::uint16_t>(32);
    if (directory_end_ - at - directory_size < name_size + extra_size + comment_size)
      fail("has a directory that ends within " + what);
    const std::string name = text(at + directory_size, name_size);
    std::uint64_t stored = entry.field<std::uint32_t>(20), size = entry.field<std::uint32_t>(24),
                  begin = entry.field<std::uint32_t>(42);
    read_zip64(at + directory_size + name_size, extra_size, name, size, stored, begin);
    at += directory_size + name_size + extra_size + comment_size;

    if ((entry.field<std::uint16_t>(8) & 1) != 0) fail("has " + quote(name) + " encrypted");
    if (const auto method = entry.field<std::uint16_t>(10); method != 0)
      fail("has " + quote(name) + " compressed (method " + std::to_string(method) +
           "); expected it stored, as torch.save does");
    if (stored != size)
      fail("has " + quote(name) + " stored in " + std::to_string(stored) + " bytes but of size " +
           std::to_string(size));

    // The local header repeats the entry; only the lengths of its name and extra fields say something new.
    if (begin > directory_begin_ || directory_begin_ - begin < local_size)
      fail("has no data of " + quote(name) + " where it says");
    const Record local(archive_.subspan(begin, local_size));
    if (local.field<std::uint32_t>(0) != local_signature) fail("has no data of " + quote(name) + " where it says");
    const std::uint64_t local_name_size = local.field<std::uint16_t>(26),
                        local_extra_size = local.field<std::uint16_t>(28);
    const std::uint64_t room = directory_begin_ - begin - local_size;
    if (room < local_name_size + local_extra_size || room - local_name_size - local_extra_size < size)
      fail("has " + std::to_string(size) + " bytes of " + quote(name) + " reach beyond the data (truncated?)");
    if (text(begin + local_size, local_name_size) != name) fail("calls " + quote(name) + " otherwise beside its data");
    const std::uint64_t data = begin + local_size + local_name_size + local_extra_size;
    return {{name, archive_.subspan(data, size), entry.field<std::uint32_t>(16)}, begin, data + size};
  }

  /// Takes from the zip64 extra field what does not fit into 32 bits.
  void read_zip64(std::uint64_t at, std::uint64_t extra_size, const std::string& name, std::uint64_t& size,
                  std::uint64_t& stored, std::uint64_t& begin) const {
    const std::uint64_t end = at + extra_size;
    while (end - at >= 4) {
      const Record header(archive_.subspan(at, 4));
      const std::uint16_t id = header.field<std::uint16_t>(0), field_size = header.field<std::uint16_t>(2);
      at += 4;
      if (field_size > end - at) fail("has a damaged entry for " + quote(name));
      if (id == 1) {
        std::uint64_t left = field_size, from = at;
        for (std::uint64_t* value : {&size, &stored, &begin}) {
          if (*value != in_zip64) continue;
          if (left < 8) fail("has a damaged entry for " + quote(name));
          *value = Record(archive_.subspan(from, 8)).field<std::uint64_t>(0);
          from += 8;
          left -= 8;
        }
        return;
      }
      at += field_size;
    }
  }

  std::span<const std::byte> archive_;
  const std::string& place_;
  std::uint64_t directory_begin_ = 0, directory_end_ = 0, count_ = 0;
};

}  // namespace

std::vector<ZipEntry> read_zip_directory(std::span<const std::byte> archive, const std::string& place) {
  return DirectoryReader(archive, place).read();
}

}  // namespace sharcs::internal
