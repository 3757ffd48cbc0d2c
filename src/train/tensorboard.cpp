#include "train/tensorboard.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <bit>
#include <chrono>
#include <cmath>
#include <initializer_list>
#include <string>
#include <system_error>
#include <utility>

#include "core/number.hpp"
#include "io/checksum.hpp"
#include "io/file.hpp"
#include "sharcs/error.hpp"
#include "sharcs/trainer.hpp"

namespace sharcs::internal {
namespace {

// Field numbers of event.proto and summary.proto.
constexpr int event_wall_time = 1, event_step = 2, event_file_version = 3, event_summary = 5, event_session_log = 7;
constexpr int summary_value = 1, value_tag = 1, value_simple = 2, session_status = 1, session_start = 1;

enum WireType { varint_type = 0, fixed64_type = 1, bytes_type = 2, fixed32_type = 5 };

template <class Unsigned>
void put_little_endian(std::string& out, Unsigned value) {
  for (std::size_t i = 0; i < sizeof value; ++i) out += static_cast<char>(static_cast<unsigned char>(value >> (8 * i)));
}

void put_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(static_cast<unsigned char>(value | 0x80));
  out += static_cast<char>(value);
}

void put_key(std::string& out, int field, WireType type) {
  put_varint(out, static_cast<std::uint64_t>(field) << 3 | static_cast<std::uint64_t>(type));
}

std::string varint_field(int field, std::int64_t value) {
  std::string out;
  put_key(out, field, varint_type);
  put_varint(out, static_cast<std::uint64_t>(value));
  return out;
}

std::string bytes_field(int field, std::string_view bytes) {
  std::string out;
  put_key(out, field, bytes_type);
  put_varint(out, bytes.size());
  return out.append(bytes);
}

std::string double_field(int field, double value) {
  std::string out;
  put_key(out, field, fixed64_type);
  put_little_endian(out, std::bit_cast<std::uint64_t>(value));
  return out;
}

std::string float_field(int field, float value) {
  std::string out;
  put_key(out, field, fixed32_type);
  put_little_endian(out, std::bit_cast<std::uint32_t>(value));
  return out;
}

/// A CRC of bytes that hold CRCs would be weak, so TFRecord stores it rotated and shifted.
std::uint32_t masked_crc(std::string_view bytes) {
  return std::rotr(crc32c(std::as_bytes(std::span(bytes))), 15) + 0xa282ead8u;
}

std::string framed(std::string_view message) {
  std::string out;
  put_little_endian(out, std::uint64_t{message.size()});
  put_little_endian(out, masked_crc(out));
  out.append(message);
  put_little_endian(out, masked_crc(message));
  return out;
}

double system_seconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string file_name(double now) {
  static std::atomic<int> count{0};
  char host[256] = "";
  const bool known = ::gethostname(host, sizeof host - 1) == 0 && host[0] != '\0';
  return fmt::format("events.out.tfevents.{:010}.{}.{}.{}", static_cast<long long>(now), known ? host : "localhost",
                     ::getpid(), count++);
}

}  // namespace

TensorboardWriter::TensorboardWriter(const std::filesystem::path& folder, TensorboardOptions options)
    : clock_(options.clock ? std::move(options.clock) : system_seconds) {
  make_folder(folder);
  file_ = std::make_unique<AppendFile>(folder / file_name(clock_()));
  add_event(bytes_field(event_file_version, "brain.Event:2"));
  if (options.resumed_at_step >= 0)
    add_event(varint_field(event_step, options.resumed_at_step) +
              bytes_field(event_session_log, varint_field(session_status, session_start)));
}

void TensorboardWriter::add_event(std::string_view fields) {
  file_->append(framed(double_field(event_wall_time, clock_()).append(fields)));
}

void TensorboardWriter::add_scalar(std::string_view tag, double value, std::int64_t step) {
  const std::string point = bytes_field(value_tag, tag) + float_field(value_simple, static_cast<float>(value));
  add_event(varint_field(event_step, step) + bytes_field(event_summary, bytes_field(summary_value, point)));
}

void TensorboardWriter::add_epoch(const EpochRecord& record) {
  const auto add = [&](std::initializer_list<std::string_view> parts, double value) {
    if (!std::isfinite(value)) return;
    std::string tag;
    for (const std::string_view part : parts) tag.append(tag.empty() ? "" : "/").append(part);
    add_scalar(tag, value, record.total_steps);
  };
  const auto share = [](std::int64_t samples, std::int64_t of) {
    return static_cast<double>(samples) / static_cast<double>(of);
  };
  add({"train", "loss_task"}, record.loss_task);
  add({"train", "loss_router"}, record.loss_router);
  add({"train", "learning_rate"}, record.learning_rate);
  add({"train", "samples_per_second"}, record.samples_per_second());
  std::int64_t trained = 0;
  for (const WidthTraining& width : record.widths) trained += width.samples;
  for (const WidthTraining& width : record.widths) {
    const std::string at = short_number(width.width);
    add({"train", "share", at}, share(width.samples, trained));
    add({"train", "loss_task", at}, width.loss_task);
    add({"train", "loss_router", at}, width.loss_router);
  }
  for (const Evaluation& evaluation : record.evaluations) {
    for (const auto& [metric, value] : evaluation.routed) add({evaluation.name, "routed", metric}, value);
    for (const auto& [metric, value] : evaluation.full) add({evaluation.name, "full", metric}, value);
    add({evaluation.name, "cost_fraction"}, evaluation.cost_fraction);
    for (const AnswerMetrics& answer : evaluation.answers) {
      const std::string& at = answer.name;
      add({evaluation.name, "share", at}, share(answer.samples, evaluation.samples));
      for (const auto& [metric, value] : answer.all) add({evaluation.name, "all", at, metric}, value);
    }
  }
}

}  // namespace sharcs::internal
