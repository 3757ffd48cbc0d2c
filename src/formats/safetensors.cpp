#include "formats/safetensors.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <set>

#include "core/half.hpp"
#include "core/quote.hpp"
#include "formats/checkpoint_file.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {
namespace {

using nlohmann::json;

constexpr std::uint64_t largest_header = 100'000'000;  // the limit of the reference implementation

/// One entry of the header. Its shape fits its offsets; whether these fit those of other entries is not checked yet.
struct Entry {
  TensorInfo info;
  std::uint64_t begin;
  std::uint64_t end;
};

const json& field(const json& entry, const char* key, const std::string& place) {
  const auto found = entry.find(key);
  if (found == entry.end()) throw CheckpointError(place + " has no \"" + key + "\"");
  return *found;
}

/// The JSON value as it may stand in a message.
std::string found_text(const json& value) { return quote(value.dump(-1, ' ', true, json::error_handler_t::replace)); }

Entry parse_entry(const std::string& name, const json& entry, const std::string& place) {
  if (!entry.is_object()) throw CheckpointError(place + " is a JSON " + entry.type_name() + "; expected an object");

  const json& dtype = field(entry, "dtype", place);
  const auto known = dtype.is_string() ? find_dtype(dtype.get_ref<const std::string&>()) : std::nullopt;
  if (!known) throw CheckpointError(place + ": dtype is " + found_text(dtype) + "; expected one of " + known_dtypes());

  Entry result = {.info = {.name = name, .dtype = *known, .shape = {}}, .begin = 0, .end = 0};
  const json& shape = field(entry, "shape", place);
  const bool counts =
      shape.is_array() && std::ranges::all_of(shape, [](const json& n) { return n.is_number_unsigned(); });
  if (!counts)
    throw CheckpointError(place + ": shape is " + found_text(shape) + "; expected a list of non-negative integers");
  std::uint64_t bytes = dtype_size(*known);
  bool fits = true, empty = false;
  for (const json& extent : shape) {
    const auto n = extent.get<std::uint64_t>();
    empty = empty || n == 0;
    fits = fits && n <= INT64_MAX && !(n != 0 && __builtin_mul_overflow(bytes, n, &bytes)) && bytes <= INT64_MAX;
    result.info.shape.push_back(static_cast<Index>(n));
  }
  if (!fits)
    throw CheckpointError(place + ": shape is " + found_text(shape) + ", which is more elements than can be addressed");
  if (empty) bytes = 0;

  const json& offsets = field(entry, "data_offsets", place);
  if (!offsets.is_array() || offsets.size() != 2 || !offsets[0].is_number_unsigned() ||
      !offsets[1].is_number_unsigned())
    throw CheckpointError(place + ": data_offsets is " + found_text(offsets) + "; expected [begin, end]");
  result.begin = offsets[0].get<std::uint64_t>();
  result.end = offsets[1].get<std::uint64_t>();
  if (result.begin > result.end || result.end - result.begin != bytes)
    throw CheckpointError(place + ": data_offsets is " + found_text(offsets) + "; expected " + std::to_string(bytes) +
                          " bytes for " + std::string(dtype_name(*known)) + " of shape " +
                          shape_text(result.info.shape));
  return result;
}

}  // namespace

TensorSource open_safetensors(const std::filesystem::path& path) {
  const auto file = std::make_shared<const MappedFile>(path);
  return open_embedded_safetensors(file, file->size());
}

TensorSource open_embedded_safetensors(const std::shared_ptr<const MappedFile>& file, std::size_t size) {
  const std::string name = file->path().string();
  const std::string_view text(reinterpret_cast<const char*>(file->bytes().data()), size);
  refuse_lfs_pointer(*file, "safetensors");
  std::uint64_t header_size = 0;
  if (text.size() < sizeof header_size)
    throw CheckpointError(name + ": found " + std::to_string(text.size()) +
                          " bytes; expected a safetensors file, which begins with 8 bytes of header length");
  std::memcpy(&header_size, text.data(), sizeof header_size);
  const std::uint64_t rest = text.size() - sizeof header_size;
  if (header_size > rest)
    throw CheckpointError(name + ": the header's length is " + std::to_string(header_size) + " but only " +
                          std::to_string(rest) + " bytes follow; expected a whole safetensors file");
  if (header_size > largest_header)
    throw CheckpointError(name + ": the header's length is " + std::to_string(header_size) + "; expected at most " +
                          std::to_string(largest_header));
  const json header = parse_checkpoint_json(text.substr(sizeof header_size, header_size), name + ": the header");

  TensorSource source(file->path());
  std::vector<Entry> entries;
  entries.reserve(header.size());
  for (const auto& [key, value] : header.items()) {
    if (key == "__metadata__") {
      const bool strings = value.is_object() && std::ranges::all_of(value, [](const json& v) { return v.is_string(); });
      if (!strings)
        throw CheckpointError(name + ": __metadata__ is " + found_text(value) + "; expected an object of strings");
      source.set_metadata(value.get<std::map<std::string, std::string>>());
    } else {
      entries.push_back(parse_entry(key, value, name + ": tensor " + quote(key)));
    }
  }

  // In the order of the data each tensor begins where the one before it ends, and the last ends with the file.
  std::ranges::stable_sort(entries, {}, [](const Entry& entry) { return std::pair(entry.begin, entry.end); });
  const std::uint64_t data_size = rest - header_size;
  std::uint64_t expected = 0;
  for (const Entry& entry : entries) {
    const std::string place = name + ": tensor " + quote(entry.info.name);
    if (entry.end > data_size)
      throw CheckpointError(place + " ends at byte " + std::to_string(entry.end) +
                            " of the data, but the file has only " + std::to_string(data_size) + " bytes of data");
    if (entry.begin != expected)
      throw CheckpointError(
          place + " begins at byte " + std::to_string(entry.begin) + " of the data, which " +
          (entry.begin < expected ? "overlaps the tensor before it" : "leaves bytes unused before it") + "; expected " +
          std::to_string(expected));
    expected = entry.end;
  }
  if (expected != data_size)
    throw CheckpointError(name + ": the tensors end at byte " + std::to_string(expected) +
                          " of the data, but the file has " + std::to_string(data_size) + " bytes of data");

  const auto data = file->bytes().first(size).subspan(sizeof header_size + header_size);
  for (Entry& entry : entries)
    source.add(std::move(entry.info), {.file = file, .bytes = data.subspan(entry.begin, entry.end - entry.begin)});
  return source;
}

namespace {

DType stored_dtype(const NamedTensor& tensor, DType float_dtype) {
  const std::array by_alternative = {
      tensor.float_dtype.value_or(float_dtype), DType::f64, DType::i64, DType::i32, DType::u64, DType::u8, DType::i8};
  return by_alternative[tensor.values.index()];
}

/// Writes floats as 16-bit ones, a piece at a time.
template <class Convert, class Back>
void write_converted(FileWriter& writer, const NamedTensor& tensor, DType dtype, Convert convert, Back back) {
  const auto values = std::get<std::span<const float>>(tensor.values);
  std::array<std::uint16_t, 1 << 14> piece;
  for (std::size_t at = 0; at < values.size(); at += piece.size()) {
    const auto part = values.subspan(at, std::min(piece.size(), values.size() - at));
    std::ranges::transform(part, piece.begin(), convert);
    for (std::size_t i = 0; i < part.size(); ++i)
      if (!std::isfinite(back(piece[i])) && std::isfinite(part[i]))
        throw CheckpointError(writer.path().string() + ": tensor " + quote(tensor.name) + ": element " +
                              std::to_string(at + i) + " is " + std::to_string(part[i]) + ", too large for " +
                              std::string(dtype_name(dtype)));
    writer.write(std::as_bytes(std::span(piece).first(part.size())));
  }
}

}  // namespace

void write_safetensors(FileWriter& writer, std::span<const NamedTensor> tensors, const SafetensorsOptions& options) {
  const std::string name = writer.path().string();
  if (options.float_dtype != DType::f32 && options.float_dtype != DType::f16 && options.float_dtype != DType::bf16)
    throw ConfigError(name + ": cannot store weights as " + std::string(dtype_name(options.float_dtype)) +
                      "; expected F32, F16 or BF16");

  // Wide elements first, so that each tensor is aligned to its element when the data is.
  std::vector<const NamedTensor*> order;
  for (const NamedTensor& tensor : tensors) order.push_back(&tensor);
  const auto element_size = [&](const NamedTensor* tensor) {
    return dtype_size(stored_dtype(*tensor, options.float_dtype));
  };
  std::ranges::stable_sort(order, std::greater{}, element_size);

  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  std::set<std::string_view> names;
  if (!options.metadata.empty()) header["__metadata__"] = options.metadata;
  std::uint64_t offset = 0;
  for (const NamedTensor* tensor : order) {
    const std::string place = name + ": tensor " + quote(tensor->name);
    const TensorInfo info = {
        .name = tensor->name, .dtype = stored_dtype(*tensor, options.float_dtype), .shape = tensor->shape};
    const auto count = std::visit([](const auto& values) { return std::ssize(values); }, tensor->values);
    if (count != info.size())
      throw ShapeError(place + " has " + std::to_string(count) + " values; expected " + std::to_string(info.size()) +
                       " for shape " + shape_text(info.shape));
    if (!names.insert(tensor->name).second) throw CheckpointError(place + " is to be written twice");
    if (tensor->name == "__metadata__") throw CheckpointError(place + " has a name that the format reserves");
    const std::uint64_t end = offset + static_cast<std::uint64_t>(count) * dtype_size(info.dtype);
    header[tensor->name] = {{"dtype", dtype_name(info.dtype)}, {"shape", info.shape}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const nlohmann::json::exception&) {
    throw CheckpointError(name + ": a tensor's name or the metadata is not UTF-8");
  }
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const std::uint64_t header_size = text.size();
  writer.write(std::as_bytes(std::span(&header_size, 1)));
  writer.write(text);

  for (const NamedTensor* tensor : order) {
    const DType dtype = stored_dtype(*tensor, options.float_dtype);
    if (dtype == DType::f16)
      write_converted(
          writer, *tensor, dtype, [](float x) { return f16_of_float(x); }, float_of_f16);
    else if (dtype == DType::bf16)
      write_converted(
          writer, *tensor, dtype, [](float x) { return bf16_of_float(x); }, float_of_bf16);
    else
      std::visit([&](const auto& values) { writer.write(std::as_bytes(values)); }, tensor->values);
  }
}

WrittenFile write_safetensors(const std::filesystem::path& path, std::span<const NamedTensor> tensors,
                              const SafetensorsOptions& options) {
  return write_file_atomically(path, [&](FileWriter& writer) { write_safetensors(writer, tensors, options); });
}

}  // namespace sharcs::internal
