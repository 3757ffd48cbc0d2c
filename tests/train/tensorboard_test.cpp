#include "train/tensorboard.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "expect_error.hpp"
#include "io/file.hpp"
#include "sharcs/error.hpp"
#include "sharcs/trainer.hpp"
#include "temporary_folder.hpp"

namespace sharcs::internal::tensorboard_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// A reader of its own: CRC-32C bit by bit, Protocol Buffers' wire format, nothing shared with the writer.

std::uint32_t plain_crc32c(std::string_view bytes) {
  std::uint32_t crc = 0xFFFFFFFF;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = crc & 1 ? (crc >> 1) ^ 0x82F63B78u : crc >> 1;
  }
  return crc ^ 0xFFFFFFFF;
}

std::uint32_t masked(std::uint32_t crc) { return ((crc >> 15) | (crc << 17)) + 0xa282ead8u; }

template <class T>
T take(std::string_view& bytes) {
  if (bytes.size() < sizeof(T)) throw std::runtime_error("cut off");
  T value;
  std::memcpy(&value, bytes.data(), sizeof(T));
  bytes.remove_prefix(sizeof(T));
  return value;
}

std::string_view take_bytes(std::string_view& bytes, std::uint64_t count) {
  if (bytes.size() < count) throw std::runtime_error("cut off");
  const std::string_view part = bytes.substr(0, count);
  bytes.remove_prefix(count);
  return part;
}

std::uint64_t take_varint(std::string_view& bytes) {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    const auto byte = take<unsigned char>(bytes);
    value |= static_cast<std::uint64_t>(byte & 127) << shift;
    if (byte < 128) return value;
  }
  throw std::runtime_error("varint too long");
}

/// The messages of a file, their lengths and checksums checked.
std::vector<std::string_view> records_of(std::string_view file) {
  std::vector<std::string_view> records;
  while (!file.empty()) {
    const std::string_view length_bytes = file.substr(0, 8);
    const auto length = take<std::uint64_t>(file);
    if (take<std::uint32_t>(file) != masked(plain_crc32c(length_bytes))) throw std::runtime_error("length checksum");
    records.push_back(take_bytes(file, length));
    if (take<std::uint32_t>(file) != masked(plain_crc32c(records.back()))) throw std::runtime_error("data checksum");
  }
  return records;
}

struct Field {
  std::uint64_t varint = 0;
  std::string_view bytes;
  double real = 0;
};

std::map<int, Field> fields_of(std::string_view message) {
  std::map<int, Field> fields;
  while (!message.empty()) {
    const std::uint64_t key = take_varint(message);
    Field field;
    switch (key & 7) {
      case 0:
        field.varint = take_varint(message);
        break;
      case 1:
        field.real = take<double>(message);
        break;
      case 2:
        field.bytes = take_bytes(message, take_varint(message));
        break;
      case 5:
        field.real = take<float>(message);
        break;
      default:
        throw std::runtime_error("wire type");
    }
    if (!fields.emplace(static_cast<int>(key >> 3), field).second) throw std::runtime_error("field twice");
  }
  return fields;
}

struct Event {
  double wall_time = 0;
  std::int64_t step = 0;
  std::string file_version;
  std::optional<std::uint64_t> session_status;
  std::string tag;
  double value = 0;
};

Event event_of(std::string_view message) {
  Event event;
  for (const auto& [number, field] : fields_of(message)) {
    switch (number) {
      case 1:
        event.wall_time = field.real;
        break;
      case 2:
        event.step = static_cast<std::int64_t>(field.varint);
        break;
      case 3:
        event.file_version = field.bytes;
        break;
      case 5: {
        auto value = fields_of(fields_of(field.bytes).at(1).bytes);
        event.tag = value.at(1).bytes;
        event.value = value.at(2).real;
        break;
      }
      case 7:
        event.session_status = fields_of(field.bytes).at(1).varint;
        break;
      default:
        throw std::runtime_error("unknown field of Event");
    }
  }
  return event;
}

std::vector<Event> events_in(const std::filesystem::path& path) {
  const std::string file = read_text_file(path);
  std::vector<Event> events;
  for (const std::string_view record : records_of(file)) events.push_back(event_of(record));
  return events;
}

TEST(TensorboardWriter, WritesEventsThatTheFormatsRulesReadBack) {
  const TemporaryFolder folder;
  double now = 1700000000.25;
  TensorboardWriter writer(folder / "a/b", {.clock = [&] { return now; }});
  EXPECT_THAT(writer.path().filename().string(), StartsWith("events.out.tfevents.1700000000."));
  now += 1;
  writer.add_scalar("train/loss", 0.5, 0);
  writer.add_scalar("train/loss", -3.25, 300);
  writer.add_scalar(std::string(1000, 'x'), std::numeric_limits<double>::infinity(),
                    std::numeric_limits<std::int64_t>::max());
  const auto events = events_in(writer.path());
  ASSERT_EQ(events.size(), 4u);
  EXPECT_EQ(events[0].file_version, "brain.Event:2");
  EXPECT_EQ(events[0].wall_time, 1700000000.25);
  EXPECT_EQ(events[1].wall_time, 1700000001.25);
  EXPECT_EQ(events[1].step, 0);
  EXPECT_EQ(events[1].tag, "train/loss");
  EXPECT_EQ(events[1].value, 0.5);
  EXPECT_EQ(events[2].step, 300);
  EXPECT_EQ(events[2].value, -3.25);
  EXPECT_EQ(events[3].step, std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(events[3].tag.size(), 1000u);
  EXPECT_EQ(events[3].value, std::numeric_limits<double>::infinity());
}

// The first record of a file as TensorFlow 2 writes it at 1 second after 1970.
TEST(TensorboardWriter, BeginsWithTheKnownBytes) {
  const TemporaryFolder folder;
  const TensorboardWriter writer(folder.path(), {.clock = [] { return 1.0; }});
  const std::string file = read_text_file(writer.path());
  const std::string message = std::string("\x09\0\0\0\0\0\0\xf0\x3f\x1a\x0d", 11).append("brain.Event:2");
  ASSERT_EQ(file.size(), 8 + 4 + message.size() + 4);
  EXPECT_EQ(file.substr(0, 12), std::string("\x18\0\0\0\0\0\0\0\xa3\x7f\x4b\x22", 12));
  EXPECT_EQ(file.substr(12, message.size()), message);
}

TEST(TensorboardWriter, AResumedRunSaysFromWhichStepItReplacesTheOther) {
  const TemporaryFolder folder;
  const TensorboardWriter writer(folder.path(), {.resumed_at_step = 120});
  const auto events = events_in(writer.path());
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[1].step, 120);
  EXPECT_EQ(events[1].session_status, 1u);
}

TEST(TensorboardWriter, EachWriterHasAFileOfItsOwn) {
  const TemporaryFolder folder;
  const TensorboardWriter first(folder.path()), second(folder.path());
  EXPECT_NE(first.path(), second.path());
  EXPECT_EQ(events_in(first.path()).size(), 1u);
}

TEST(TensorboardWriter, WritesTheNumbersOfAnEpochAtItsLastStep) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  EpochRecord record;
  record.total_steps = 77;
  record.samples = 100;
  record.seconds = 4;
  record.learning_rate = 0.5;
  record.loss_task = 0.25;
  record.loss_router = nan;
  record.widths = {{.width = 0.25, .samples = 1, .loss_task = nan, .loss_router = nan},
                   {.width = 1.0, .samples = 3, .loss_task = 0.5, .loss_router = nan}};
  record.evaluations = {{.name = "dev",
                         .samples = 4,
                         .routed = {{"accuracy", 0.5}},
                         .full = {{"accuracy", 1}},
                         .cost_fraction = 0.75,
                         .answers = {{.name = "0.25", .width = 0.25, .samples = 4, .all = {{"accuracy", 0.125}}}}}};
  const TemporaryFolder folder;
  TensorboardWriter writer(folder.path());
  writer.add_epoch(record);
  std::map<std::string, double> scalars;
  for (const Event& event : events_in(writer.path())) {
    if (event.tag.empty()) continue;
    EXPECT_EQ(event.step, 77) << event.tag;
    scalars[event.tag] = event.value;
  }
  EXPECT_THAT(scalars,
              ElementsAre(::testing::Pair("dev/all/0.25/accuracy", 0.125), ::testing::Pair("dev/cost_fraction", 0.75),
                          ::testing::Pair("dev/full/accuracy", 1), ::testing::Pair("dev/routed/accuracy", 0.5),
                          ::testing::Pair("dev/share/0.25", 1), ::testing::Pair("train/learning_rate", 0.5),
                          ::testing::Pair("train/loss_task", 0.25), ::testing::Pair("train/loss_task/1", 0.5),
                          ::testing::Pair("train/samples_per_second", 25), ::testing::Pair("train/share/0.25", 0.25),
                          ::testing::Pair("train/share/1", 0.75)));
}

TEST(TensorboardWriter, NamesTheFolderThatCannotBeMade) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "file", "x");
  EXPECT_THAT(message_of<IoError>([&] { TensorboardWriter(folder / "file/sub"); }),
              HasSubstr("file/sub: cannot make the folder"));
}

}  // namespace
}  // namespace sharcs::internal::tensorboard_test
