#include "train/training_checkpoint.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <system_error>

#include "eval/evaluation_json.hpp"
#include "formats/safetensors.hpp"
#include "io/checksum.hpp"
#include "io/file.hpp"
#include "io/json_cursor.hpp"
#include "sharcs/error.hpp"
#include "train/metrics_log.hpp"

namespace sharcs::internal {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr const char* format_name = "sharcs training checkpoint 1";
constexpr const char* extension = ".checkpoint";

ordered_json record_json(const std::optional<EpochRecord>& record) {
  return record ? ordered_json::parse(to_json_line(*record)) : ordered_json();
}

std::optional<EpochRecord> record_from(const JsonCursor& object) {
  if (!object.present()) return std::nullopt;
  return parse_epoch_record(object.object().dump(), object.file());
}

ordered_json state_json(const TrainingState& state) {
  ordered_json widths = ordered_json::array();
  for (const EpochTally::OfWidth& width : state.tally.widths)
    widths.push_back({width.samples, width.task_loss, width.router_loss});
  return {{"epoch", state.epoch},
          {"step", state.step},
          {"total_steps", state.total_steps},
          {"tally",
           {{"widths", std::move(widths)},
            {"tokens", state.tally.tokens},
            {"seconds", state.tally.seconds},
            {"learning_rate", state.tally.learning_rate}}},
          {"best", record_json(state.best)},
          {"last", record_json(state.last)}};
}

TrainingState state_from(const JsonCursor& object) {
  TrainingState state = {.epoch = object["epoch"].get<int>({.least = 1, .greatest = 1 << 30}),
                         .step = read_count(object["step"]),
                         .total_steps = read_count(object["total_steps"])};
  const JsonCursor tally = object["tally"];
  state.tally.widths = tally["widths"].each([](const JsonCursor& width) {
    width.of_size(3);
    return EpochTally::OfWidth{.samples = read_count(width.element(0)),
                               .task_loss = width.element(1).get<double>(),
                               .router_loss = width.element(2).get<double>()};
  });
  state.tally.tokens = read_count(tally["tokens"]);
  state.tally.seconds = tally["seconds"].get<double>();
  state.tally.learning_rate = tally["learning_rate"].get<double>();
  state.best = record_from(object["best"]);
  state.last = record_from(object["last"]);
  return state;
}

/// Calls body(prefix of the tensors' names, store) for each parameter store that a checkpoint holds.
template <class Body>
void for_each_store(auto& values, Adamw<float>& optimizer, const Body& body) {
  body("values.", values);
  body("first_moments.", optimizer.first_moments());
  body("second_moments.", optimizer.second_moments());
}

/// Compares the checksum at the file's end and opens what comes before it.
TensorSource open_verified(const std::filesystem::path& path) {
  const auto file = std::make_shared<const MappedFile>(path);
  std::uint64_t stored = 0;
  if (file->size() < sizeof stored)
    throw CheckpointError(path.string() + ": found " + std::to_string(file->size()) +
                          " bytes; expected a training checkpoint");
  const std::size_t size = file->size() - sizeof stored;
  std::memcpy(&stored, file->bytes().data() + size, sizeof stored);
  file->expect_sequential_reading();
  if (checksum(file->bytes().first(size)) != stored)
    throw CheckpointError(path.string() + ": is damaged: its checksum is not that of its content");
  return open_embedded_safetensors(file, size);
}

template <class T>
std::vector<T> read_if_there(const TensorSource& source, const char* name) {
  if (source.find(name) == nullptr) return {};
  return source.read<T>(name, NonFinite::accept);
}

}  // namespace

void TrainingCheckpoint::write(const std::filesystem::path& file, const TrainingSnapshot& snapshot) {
  std::vector<NamedTensor> tensors;
  for_each_store(snapshot.values, snapshot.optimizer, [&](const std::string& prefix, const auto& store) {
    const auto specs = store.layout().specs();
    for (std::size_t i = 0; i < specs.size(); ++i)
      tensors.push_back({prefix + specs[i].name, specs[i].shape, std::span<const float>(store.values(i))});
  });
  const auto add = [&](const char* name, const auto& values) {
    tensors.push_back({name, {static_cast<Index>(values.size())}, std::span(values)});
  };
  const std::vector<std::int64_t>& step_counts = snapshot.optimizer.step_counts();
  add("step_counts", step_counts);
  add("hardness.values", snapshot.hardness.values);
  add("hardness.current", snapshot.hardness.current);
  add("hardness.current_steps", snapshot.hardness.current_steps);
  if (!snapshot.answers.past.empty()) {
    add("answers.past", snapshot.answers.past);
    add("answers.current", snapshot.answers.current);
  }
  if (!snapshot.state.widths_before.empty()) add("widths_before", snapshot.state.widths_before);

  ordered_json run = snapshot.identity.to_json();
  run["state"] = state_json(snapshot.state);
  run["hardness_epochs"] = snapshot.hardness.epochs_seen;
  const SafetensorsOptions options = {
      .metadata = {{"format", format_name}, {"run", run.dump(-1, ' ', false, json::error_handler_t::replace)}}};
  write_file_atomically(file, [&](FileWriter& writer) {
    write_safetensors(writer, tensors, options);
    const std::uint64_t sum = writer.checksum();
    writer.write(std::as_bytes(std::span(&sum, 1)));
  });
}

TrainingCheckpoint::TrainingCheckpoint(const std::filesystem::path& file) : source_(open_verified(file)) {
  const auto& metadata = source_.metadata();
  const auto format = metadata.find("format"), run = metadata.find("run");
  if (format == metadata.end() || format->second != format_name || run == metadata.end())
    throw CheckpointError(file.string() + ": expected a \"" + format_name + "\"");
  try {
    const auto parsed = JsonCursor::parse(run->second, file.string(), JsonKind::data);
    identity_ = RunIdentity::from_json(parsed);
    epochs_ = JsonCursor(identity_.options, file.string(), JsonKind::data, "options")["epochs"].get<int>({.least = 0});
    state_ = state_from(parsed["state"]);
    hardness_epochs_ = read_count(parsed["hardness_epochs"]);
  } catch (const json::exception& error) {
    throw CheckpointError(file.string() + ": cannot be understood: " + error.what());
  } catch (const DataError& error) {
    throw CheckpointError(error.what());
  }
  state_.widths_before = read_if_there<std::int32_t>(source_, "widths_before");
}

bool TrainingCheckpoint::is_finished() const { return state_.epoch > epochs_; }

HardnessState TrainingCheckpoint::hardness() const {
  return {.epochs_seen = hardness_epochs_,
          .values = source_.read<float>("hardness.values", NonFinite::accept),
          .current = source_.read<float>("hardness.current", NonFinite::accept),
          .current_steps = source_.read<std::int64_t>("hardness.current_steps")};
}

std::optional<AnswerHistory::State> TrainingCheckpoint::answers() const {
  if (source_.find("answers.past") == nullptr) return std::nullopt;
  return AnswerHistory::State{.past = source_.read<float>("answers.past", NonFinite::accept),
                              .current = source_.read<float>("answers.current", NonFinite::accept)};
}

void TrainingCheckpoint::read(ParameterStore<float>& values, Adamw<float>& optimizer) const {
  for_each_store(values, optimizer, [&](const std::string& prefix, ParameterStore<float>& store) {
    const auto specs = store.layout().specs();
    for (std::size_t i = 0; i < specs.size(); ++i) {
      source_.require(prefix + specs[i].name, specs[i].shape);
      source_.read<float>(prefix + specs[i].name, store.values(i));
    }
  });
  source_.read<std::int64_t>("step_counts", optimizer.step_counts());
  for (const std::int64_t steps : optimizer.step_counts())
    if (steps < 0 || steps > state_.total_steps)
      throw CheckpointError(file().string() + ": tensor \"step_counts\" has " + std::to_string(steps) +
                            "; expected 0 to the " + std::to_string(state_.total_steps) + " steps that were done");
}

std::vector<std::filesystem::path> CheckpointFolder::files() const {
  std::vector<std::filesystem::path> found;
  std::error_code none;  // a folder that is not there has no checkpoints
  for (const auto& entry : std::filesystem::directory_iterator(folder_, none))
    if (entry.path().extension() == extension) found.push_back(entry.path());
  std::sort(found.rbegin(), found.rend());
  return found;
}

void CheckpointFolder::write(const TrainingSnapshot& snapshot, int keep) const {
  make_folder(folder_);
  TrainingCheckpoint::write(folder_ / fmt::format("step-{:012}{}", snapshot.state.total_steps, extension), snapshot);
  const auto all = files();
  std::error_code ignored;
  for (std::size_t i = static_cast<std::size_t>(keep); i < all.size(); ++i) std::filesystem::remove(all[i], ignored);
}

std::optional<TrainingCheckpoint> CheckpointFolder::newest(const std::function<void(std::string_view)>& note) const {
  const auto all = files();
  std::string first_problem;
  for (const std::filesystem::path& file : all) {
    try {
      return TrainingCheckpoint(file);
    } catch (const Error& error) {
      if (first_problem.empty()) first_problem = error.what();
      if (&file != &all.back()) note(std::string(error.what()) + "; trying the one before");
    }
  }
  if (all.empty()) return std::nullopt;
  throw CheckpointError(first_problem + (all.size() > 1 ? "; nor is any of the " + std::to_string(all.size() - 1) +
                                                              " older checkpoints whole"
                                                        : "; there is no older checkpoint"));
}

void CheckpointFolder::remove_half_written() const {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder_, ignored))
    if (entry.path().extension() == ".tmp") std::filesystem::remove(entry.path(), ignored);
}

void CheckpointFolder::clear() const {
  std::error_code ignored;
  for (const std::filesystem::path& file : files()) std::filesystem::remove(file, ignored);
  remove_half_written();
}

}  // namespace sharcs::internal
