#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "serve/budget_table.hpp"
#include "serve/worker_thread.hpp"
#include "sharcs/batch_queue.hpp"

namespace sharcs::internal {

/// A model's folder, and the name that requests call it by.
struct ModelSource {
  std::string name;
  std::filesystem::path folder;
};

struct ServedModelOptions {
  EngineOptions engine = {};
  std::string policy = "model";  ///< of requests that do not say one, as in --policy
  std::size_t max_queue = 1024;  ///< inputs that wait
};

/// A folder as it was when it was read. A request keeps the one that it began with, so that a label's name and the
/// budgets are always those of the model that answered.
struct LoadedModel {
  std::shared_ptr<const Classifier> classifier;
  BudgetTable budgets;
  BatchQueue queue;

  LoadedModel(const ModelSource& source, const ServedModelOptions& options);
};

/// A model of a server, which can be read again while requests come.
class ServedModel {
 public:
  /// Throws as Classifier::load; ConfigError when the policy does not fit.
  ServedModel(ModelSource source, const ServedModelOptions& options);

  const std::string& name() const { return source_.name; }
  std::size_t max_queue() const { return options_.max_queue; }
  std::shared_ptr<LoadedModel> current() const;
  /// Reads the folder again; from then on new requests get the new model, and the old one goes with its last request.
  /// Throws as the constructor; the old model stays then.
  void reload();

  /// Waits for predictions, in the order of the requests: the queue answers in this order.
  WorkerThread& waiter() { return waiter_; }
  /// Computes embeddings.
  WorkerThread& embedder() { return embedder_; }
  /// Inputs that wait for the embedder.
  std::atomic<std::size_t>& waiting_embeddings() { return waiting_embeddings_; }

 private:
  ModelSource source_;
  ServedModelOptions options_;
  mutable std::mutex mutex_;
  std::shared_ptr<LoadedModel> current_;
  std::atomic<std::size_t> waiting_embeddings_ = 0;
  WorkerThread waiter_, embedder_;  // last: their jobs use the others
};

}  // namespace sharcs::internal
