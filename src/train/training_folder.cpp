#include "train/training_folder.hpp"

#include <utility>

#include "io/file.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {
namespace {

const std::filesystem::path& made(const std::filesystem::path& folder) {
  make_folder(folder);
  return folder;
}

}  // namespace

std::vector<EpochRecord> TrainingFolder::logged_epochs() const {
  return std::filesystem::exists(metrics_file()) ? read_metrics(metrics_file()) : std::vector<EpochRecord>();
}

TrainingOutput::TrainingOutput(TrainingFolder folder) : folder_(std::move(folder)), lock_(made(folder_.path())) {}

void TrainingOutput::clear_checkpoints() {
  const CheckpointFolder checkpoints = folder_.checkpoints();
  const auto is_finished = [&] {
    try {
      return checkpoints.newest([](std::string_view) {})->is_finished();
    } catch (const CheckpointError&) {
      return false;
    }
  };
  if (folder_.has_checkpoints() && !is_finished())
    throw ConfigError(folder_.path().string() +
                      ": holds the checkpoints of a training that was not finished; resume it, " +
                      "remove its checkpoints, or train into another folder");
  checkpoints.clear();
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
