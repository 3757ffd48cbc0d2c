#include "formats/pytorch_file.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <map>
#include <string_view>

#include "core/number.hpp"
#include "core/quote.hpp"
#include "core/threads.hpp"
#include "formats/checkpoint_file.hpp"
#include "formats/torch_pickle.hpp"
#include "formats/zip_archive.hpp"
#include "io/checksum.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {
namespace {

/// The pickled integer 0x1950a86a20f9469cfc6c, with which files of PyTorch before 1.6 begin.
constexpr std::string_view legacy_magic("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e", 15);
/// A state dict takes less than 200 bytes a tensor; beyond this it is not one.
constexpr std::size_t largest_pickle = 8 << 20;

/// Elements of all tensors together, for each byte of the file, and beside that.
constexpr double most_views = 4, views_for_free = 1 << 20;

using Value = TorchPickle::Value;
using Sequence = TorchPickle::Sequence;

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

const Sequence* sequence_of(const Value& value, Sequence::Kind kind) {
  const auto* const sequence = std::get_if<Sequence*>(&value);
  return sequence != nullptr && (*sequence)->kind == kind ? *sequence : nullptr;
}

/// The bytes of each storage, by its key.
using Storages = std::map<std::string, std::span<const std::byte>, std::less<>>;

/// How many elements lie from the tensor's first to its last, both counted. −1 when the tensor has more elements than
/// its storage: with a stride of 0 it can repeat them.
Index reach(const TorchTensor& tensor) {
  Index last = 0, count = 1;
  const bool is_empty = std::ranges::find(tensor.shape, 0) != tensor.shape.end();
  for (std::size_t d = 0; d < tensor.shape.size(); ++d) {
    Index step = 0;
    if (tensor.shape[d] == 0) continue;
    if (__builtin_mul_overflow(tensor.shape[d] - 1, tensor.strides[d], &step) ||
        __builtin_add_overflow(last, step, &last) || __builtin_mul_overflow(count, tensor.shape[d], &count))
      return -1;
  }
  if (is_empty) return 0;
  return count > tensor.storage->count || last >= tensor.storage->count ? -1 : last + 1;
}

/// Of a tensor with a reach.
Index element_count(const TorchTensor& tensor) {
  Index count = 1;
  for (const Index extent : tensor.shape) count *= extent;
  return count;
}

/// The strides along which the tensor has more than one element; 0 for the others, whose strides may be anything.
std::vector<Index> used_strides(const TorchTensor& tensor) {
  std::vector<Index> strides = tensor.strides;
  for (std::size_t d = 0; d < strides.size(); ++d)
    if (tensor.shape[d] <= 1) strides[d] = 0;
  return strides;
}

void add_tensors(TensorSource& source, const std::shared_ptr<const MappedFile>& file, const Value& value,
                 const Storages& storages) {
  const std::string name = file->path().string();
  double elements = 0;
  const Sequence* const dictionary = sequence_of(value, Sequence::Kind::dictionary);
  if (dictionary == nullptr)
    throw CheckpointError(name + ": holds " + TorchPickle::type_name(value) + "; expected a dictionary of tensors");
  for (std::size_t i = 0; i + 1 < dictionary->values.size(); i += 2) {
    const auto* const key = std::get_if<std::string_view>(&dictionary->values[i]);
    const auto* const found = std::get_if<const TorchTensor*>(&dictionary->values[i + 1]);
    if (key == nullptr)
      throw CheckpointError(name + ": has " + TorchPickle::type_name(dictionary->values[i]) +
                            " for a key; expected the name of a tensor");
    const std::string place = name + ": tensor " + quote(*key);
    if (found == nullptr)
      throw CheckpointError(place + " is " + TorchPickle::type_name(dictionary->values[i + 1]) + "; expected a tensor");
    const TorchTensor& tensor = **found;
    const TorchStorage& storage = *tensor.storage;
    const auto size = static_cast<Index>(dtype_size(storage.dtype));
    const auto bytes = storages.find(storage.key);
    if (bytes == storages.end()) throw CheckpointError(place + ": there is no storage " + quote(storage.key));
    if (std::ssize(bytes->second) / size != storage.total || std::ssize(bytes->second) % size != 0)
      throw CheckpointError(place + ": storage " + quote(storage.key) + " has " + std::to_string(bytes->second.size()) +
                            " bytes; expected " + std::to_string(storage.total) + " elements of " +
                            std::string(dtype_name(storage.dtype)));
    const Index reached = reach(tensor);
    if (reached < 0 || tensor.offset > storage.count - reached)
      throw CheckpointError(place + " of shape " + shape_text(tensor.shape) + ", strides " +
                            shape_text(tensor.strides) + " from element " + std::to_string(tensor.offset) +
                            " reaches beyond storage " + quote(storage.key) + " of " + std::to_string(storage.count) +
                            " elements");
    // Tensors may share a storage. Some do, where weights are tied; were it all, a small file would fill the memory.
    elements += static_cast<double>(reached == 0 ? 0 : element_count(tensor));
    if (elements > views_for_free + most_views * static_cast<double>(file->size()))
      throw CheckpointError(place + ": the tensors up to here have more than " + short_number(elements) +
                            " elements, in a file of " + std::to_string(file->size()) +
                            " bytes; expected tensors that do not all share the same storages");
    source.add({.name = std::string(*key), .dtype = storage.dtype, .shape = tensor.shape},
               {.file = file,
                .bytes = bytes->second.subspan(static_cast<std::size_t>((storage.first + tensor.offset) * size),
                                               static_cast<std::size_t>(reached * size)),
                .strides = used_strides(tensor)});
  }
}

/// Checks the CRC-32 of every file of the archive, which means to read all of it once.
void check_crc(std::span<const ZipEntry> entries, const MappedFile& file) {
  std::atomic<std::size_t> bad = entries.size();
  parallel_for(std::ssize(entries), [&](Index i) {
    const ZipEntry& entry = entries[static_cast<std::size_t>(i)];
    if (crc32(entry.bytes) != entry.crc) bad = static_cast<std::size_t>(i);
    file.drop(entry.bytes);
  });
  if (bad != entries.size())
    throw CheckpointError(file.path().string() + ": " + quote(entries[bad].name) +
                          " is damaged: its CRC-32 is not the one that the archive says");
}

/// <name>/data.pkl, the dictionary; <name>/data/<key>, the storages; <name>/byteorder.
TensorSource open_zip(const std::shared_ptr<const MappedFile>& file) {
  const std::string name = file->path().string();
  const std::vector<ZipEntry> entries = read_zip_directory(file->bytes(), name);
  constexpr std::string_view pickle_name = "/data.pkl";
  const auto pickle = std::ranges::find_if(entries, [&](const ZipEntry& e) { return e.name.ends_with(pickle_name); });
  if (pickle == entries.end())
    throw CheckpointError(name + ": the zip archive has no data.pkl; expected what torch.save writes");
  const std::string folder = pickle->name.substr(0, pickle->name.size() - pickle_name.size()) + "/";
  if (pickle->bytes.size() > largest_pickle)
    throw CheckpointError(name + ": data.pkl has " + std::to_string(pickle->bytes.size()) +
                          " bytes; expected at most " + std::to_string(largest_pickle));
  check_crc(entries, *file);

  Storages storages;
  for (const ZipEntry& entry : entries) {
    if (entry.name.starts_with(folder + "data/")) storages.emplace(entry.name.substr(folder.size() + 5), entry.bytes);
    if (entry.name == folder + "byteorder" && text_of(entry.bytes) != "little")
      throw CheckpointError(name + ": the byte order is " + quote(text_of(entry.bytes)) + "; expected \"little\"");
  }
  TorchPickle objects(name + ": data.pkl");
  std::span<const std::byte> rest = pickle->bytes;
  const Value dictionary = objects.run(rest);
  TensorSource source(file->path());
  add_tensors(source, file, dictionary, storages);
  return source;
}

/// Five pickles (a magic number, the protocol, the machine, the dictionary, the storages' keys), then for each key the
/// number of elements and the elements.
TensorSource open_legacy(const std::shared_ptr<const MappedFile>& file) {
  const std::string name = file->path().string();
  TorchPickle objects(name);
  std::span<const std::byte> rest = file->bytes().subspan(legacy_magic.size());
  const auto run = [&] {
    std::span<const std::byte> front = rest.first(std::min(rest.size(), largest_pickle));
    const std::size_t before = front.size();
    const Value value = objects.run(front);
    rest = rest.subspan(before - front.size());
    return value;
  };
  const Value protocol = run(), machine = run(), dictionary = run(), keys = run();
  if (const auto* const number = std::get_if<std::int64_t>(&protocol); number == nullptr || *number != 1001)
    throw CheckpointError(name + ": is of another protocol than 1001 of torch.save");
  if (const Sequence* const facts = sequence_of(machine, Sequence::Kind::dictionary))
    for (std::size_t i = 0; i + 1 < facts->values.size(); i += 2) {
      const auto* const fact = std::get_if<std::string_view>(&facts->values[i]);
      const auto* const yes = std::get_if<bool>(&facts->values[i + 1]);
      if (fact != nullptr && *fact == "little_endian" && (yes == nullptr || !*yes))
        throw CheckpointError(name + ": the byte order is big-endian; expected little-endian");
    }

  std::map<std::string_view, DType> dtypes;
  for (const TorchStorage& storage : objects.storages()) dtypes.emplace(storage.key, storage.dtype);
  const Sequence* const list = sequence_of(keys, Sequence::Kind::list);
  if (list == nullptr)
    throw CheckpointError(name + ": holds " + TorchPickle::type_name(keys) + " where the storages are listed");
  Storages storages;
  for (const Value& value : list->values) {
    const auto* const key = std::get_if<std::string_view>(&value);
    const auto dtype = key == nullptr ? dtypes.end() : dtypes.find(*key);
    if (dtype == dtypes.end())
      throw CheckpointError(name + ": lists the storage " +
                            (key == nullptr ? TorchPickle::type_name(value) : quote(*key)) + ", which no tensor has");
    std::uint64_t count = 0;
    if (rest.size() < sizeof count)
      throw CheckpointError(name + ": ends before storage " + quote(*key) + " (truncated?)");
    std::memcpy(&count, rest.data(), sizeof count);
    rest = rest.subspan(sizeof count);
    const std::size_t size = dtype_size(dtype->second);
    if (count > rest.size() / size)
      throw CheckpointError(name + ": storage " + quote(*key) + " has " + std::to_string(count) + " elements of " +
                            std::string(dtype_name(dtype->second)) + ", but only " + std::to_string(rest.size()) +
                            " bytes follow (truncated?)");
    if (!storages.emplace(std::string(*key), rest.first(count * size)).second)
      throw CheckpointError(name + ": lists the storage " + quote(*key) + " twice");
    rest = rest.subspan(count * size);
  }
  TensorSource source(file->path());
  add_tensors(source, file, dictionary, storages);
  return source;
}

}  // namespace

TensorSource open_pytorch(const std::filesystem::path& path) {
  const auto file = std::make_shared<const MappedFile>(path);
  refuse_lfs_pointer(*file, "a file of torch.save");
  const std::string_view text = text_of(file->bytes());
  if (text.starts_with("PK")) return open_zip(file);
  if (text.starts_with(legacy_magic)) return open_legacy(file);
  throw CheckpointError(path.string() + ": begins with " + quote(text.substr(0, 8)) +
                        "; expected a file of torch.save (load it with torch.load and save its state_dict() anew)");
}

}  // namespace sharcs::internal
