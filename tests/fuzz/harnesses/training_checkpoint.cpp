#include "train/training_checkpoint.hpp"

#include <cstring>

#include "formats/safetensors.hpp"
#include "fuzz/harness.hpp"
#include "fuzz/tensor_files.hpp"
#include "io/checksum.hpp"
#include "sharcs/error.hpp"
#include "train/tiny_training.hpp"

namespace sharcs::internal::harnesses {
namespace {

using testing::TinyTraining;

const TinyTraining& training() {
  static const TinyTraining tiny = [] {
    TinyTraining one;
    // Small: all of it is made anew for each input.
    one.config.hidden_size = 4;
    one.config.intermediate_size = 4;
    one.config.sharcs->hidden_size_router = 2;
    one.train.samples.resize(8);
    one.dev.samples.resize(2);
    one.options.batch_size = 4;
    one.options.epochs = 2;
    one.options.window = 1;
    one.options.keep_checkpoints = 1;
    return one;
  }();
  return tiny;
}

/// A run that was stopped in its second epoch: the folder, and the bytes of its checkpoint.
struct StoppedRun {
  std::filesystem::path folder;
  std::string name, bytes;
};

StoppedRun stopped_run(const Scratch& scratch) {
  StoppedRun run = {.folder = scratch.path() / "run", .name = {}, .bytes = {}};
  int steps = 0;
  training().run(run.folder, {.should_stop = [&] { return ++steps == 3; }});
  const auto files = CheckpointFolder(run.folder / "checkpoints").files();
  run.name = files.front().string();
  run.bytes = read_text_file(files.front());
  return run;
}

/// The one that all inputs go on from, in a folder of its own.
const Scratch& scratch_of_run() {
  static const Scratch scratch;
  return scratch;
}
const StoppedRun& stopped() {
  static const StoppedRun run = stopped_run(scratch_of_run());
  return run;
}

/// The checkpoint without its checksum, which the harness puts behind what it is given.
std::string content(const StoppedRun& run) { return run.bytes.substr(0, run.bytes.size() - 8); }

std::vector<std::string> seeds() {
  const Scratch scratch;
  return {content(stopped_run(scratch))};
}

void read(std::string_view input, const Scratch&) {
  const StoppedRun& run = stopped();
  std::string bytes(input);
  const std::uint64_t sum = checksum(std::as_bytes(std::span(bytes)));
  bytes.append(reinterpret_cast<const char*>(&sum), sizeof sum);
  const Scratch& scratch = scratch_of_run();
  scratch.write(std::filesystem::path(run.name).lexically_relative(scratch.path()), bytes);
  static const TinyTraining resumed = [] {
    TinyTraining one = training();
    one.options.keep_checkpoints = 0;  // writing and flushing another one would take most of the time
    return one;
  }();
  try {
    resumed.resume(run.folder, {.should_stop = [] { return true; }});
  } catch (const DataError& error) {
    // Weights that are numbers, and too large to answer with: seen when dev is evaluated, which the message names.
    if (std::string_view(error.what()).find("is not a finite number") == std::string_view::npos) throw;
  } catch (const TrainingError& error) {
    // Or too large to train on: seen by the next step, which the message names.
    if (std::string_view(error.what()).find("'s loss is ") == std::string_view::npos) throw;
  }
  for (const auto& file : CheckpointFolder(run.folder / "checkpoints").files()) std::filesystem::remove(file);
}

/// How far the run has come, as JSON. The tensors are those of the run.
std::vector<std::string> state_seeds() {
  const Scratch scratch;
  const StoppedRun run = stopped_run(scratch);
  return {TensorSource(open_embedded_safetensors(std::make_shared<MappedFile>(run.name), run.bytes.size() - 8))
              .metadata()
              .at("run")};
}

/// The run's header around its state, and its tensors.
struct AroundState {
  std::string before, after, data;
};

AroundState around_state(const std::string& whole) {
  std::uint64_t size = 0;
  std::memcpy(&size, whole.data(), sizeof size);
  nlohmann::json header = nlohmann::json::parse(whole.substr(8, size));
  const std::string place = "the state";
  header["__metadata__"]["run"] = place;
  const std::string text = header.dump(), quoted = nlohmann::json(place).dump();
  const std::size_t at = text.find(quoted);
  return {text.substr(0, at), text.substr(at + quoted.size()), whole.substr(8 + size)};
}

void read_state(std::string_view input, const Scratch& scratch) {
  static const AroundState around = around_state(content(stopped()));
  const std::string state = nlohmann::json(input).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  read(safetensors_of(around.before + state + around.after, around.data), scratch);
}

const std::vector<std::string> words = {"\"state\"",   "\"tally\"",     "\"widths\"", "\"hardness_epochs\"", "\"best\"",
                                        "step_counts", "widths_before", "\"epoch\"",  "\"total_steps\""};

}  // namespace

std::vector<Harness> training_checkpoint() {
  return {{.name = "training_checkpoint", .file = "run", .words = words, .seeds = seeds, .read = read},
          {.name = "training_state",
           .file = "run",
           .is_json = true,
           .words = words,
           .seeds = state_seeds,
           .read = read_state}};
}

}  // namespace sharcs::internal::harnesses
