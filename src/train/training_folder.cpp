#include "train/training_folder.hpp"

#include <fcntl.h>
#include <stdio.h>

#include <algorithm>
#include <set>
#include <system_error>
#include <utility>

#include "io/file.hpp"
#include "sharcs/error.hpp"
#include "text/tokenizer_folder.hpp"

namespace sharcs::internal {
namespace {

const std::filesystem::path& made(const std::filesystem::path& folder) {
  make_folder(folder);
  return folder;
}

/// Whether a training makes files of this name, or its model would be read from them.
bool is_of_training(const std::filesystem::path& name) {
  static const std::set<std::string> names = {TrainingFolder::settings_name, TrainingFolder::metrics_name,
                                              recording_file, "checkpoints", "tensorboard"};
  return names.contains(name.string()) || is_model_file(name) || name.extension() == ".tmp";
}

}  // namespace

bool is_model_file(const std::filesystem::path& name) {
  const std::string text = name.string();
  const auto begins = [&](std::string_view start) { return text.starts_with(start); };
  return text == "config.json" || begins("model.") || begins("model-") || begins("pytorch_model") ||
         std::ranges::find(tokenizer_files, text) != tokenizer_files.end();
}

std::vector<EpochRecord> TrainingFolder::logged_epochs() const {
  return is_there(metrics_file()) ? read_metrics(metrics_file()) : std::vector<EpochRecord>();
}

bool TrainingFolder::is_unfinished() const {
  if (!has_checkpoints()) return false;
  try {
    return !checkpoints().newest([](std::string_view) {})->is_finished();
  } catch (const CheckpointError&) {
    return true;
  }
}

bool TrainingFolder::has_model() const { return is_there(config_file()) && is_there(path_ / "model.safetensors"); }

TrainingFolder TrainingFolder::successor() const {
  std::filesystem::path path = path_.lexically_normal();
  if (!path.has_filename()) path = path.parent_path();  // "runs/a/"
  if (path.filename() == "." || path.filename() == "..") path = std::filesystem::absolute(path).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  return TrainingFolder(path += ".new");
}

void replace_by_successor(const TrainingFolder& folder) {
  const std::filesystem::path path = std::filesystem::canonical(folder.path());  // not a link to it
  const std::filesystem::path successor = folder.successor().path();
  const auto fail = [&](const std::string& what) {
    throw IoError(folder.path().string() + ": cannot be replaced by " + successor.string() + ": " + what);
  };
  std::filesystem::path old = successor;
  {
    const FolderLock lock(path);
    if (::renameat2(AT_FDCWD, successor.c_str(), AT_FDCWD, path.c_str(), RENAME_EXCHANGE) != 0) {
      // A file system that cannot exchange: for a moment there is no folder of this name, but two whole ones beside it.
      old += ".old";
      std::error_code error;
      std::filesystem::rename(path, old, error);
      if (!error) std::filesystem::rename(successor, path, error);
      if (error) fail(error.message());
    }
  }
  for (const auto& entry : std::filesystem::directory_iterator(old)) {
    const std::filesystem::path name = entry.path().filename();
    if (!is_of_training(name) && !is_there(path / name)) std::filesystem::rename(entry.path(), path / name);
  }
  std::filesystem::remove_all(old);
}

TrainingOutput::TrainingOutput(TrainingFolder folder) : folder_(std::move(folder)), lock_(made(folder_.path())) {}

void TrainingOutput::clear_checkpoints() {
  if (folder_.is_unfinished())
    throw ConfigError(folder_.path().string() +
                      ": holds the checkpoints of a training that was not finished; resume it, " +
                      "remove its checkpoints, or train into another folder");
  folder_.checkpoints().clear();
}

void TrainingOutput::write_settings(const nlohmann::ordered_json& settings) const {
  write_file_atomically(folder_.settings_file(),
                        settings.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

void TrainingOutput::open_logs(const LogOptions& options) {
  metrics_.emplace(folder_.metrics_file(), options.finished_epochs);
  if (!options.tensorboard) return;
  const bool is_resumed = options.finished_epochs > 0;
  tensorboard_.emplace(folder_.tensorboard(),
                       TensorboardOptions{.resumed_at_step = is_resumed ? options.finished_steps : -1});
}

void TrainingOutput::log(const EpochRecord& record) {
  metrics_->append(record);
  if (tensorboard_) tensorboard_->add_epoch(record);
}

void TrainingOutput::save_best(const Model& model, const Tokenizer& tokenizer) {
  model.save(folder_.path());
  if (!std::exchange(tokenizer_is_saved_, true)) tokenizer.save(folder_.path());  // looks at the model's config.json
}

void TrainingOutput::write_checkpoint(const TrainingSnapshot& snapshot, int keep) const {
  folder_.checkpoints().write(snapshot, keep);
}

}  // namespace sharcs::internal
