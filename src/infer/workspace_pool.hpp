#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "core/workspace.hpp"

namespace sharcs::internal {

/// Lends each call a workspace of its own and keeps it for the next call: as many exist as calls were ever under way at
/// once.
class WorkspacePool {
 public:
  class Loan {
   public:
    Loan(WorkspacePool& pool, std::unique_ptr<Workspace> workspace) : pool_(pool), workspace_(std::move(workspace)) {}
    ~Loan() { pool_.give_back(std::move(workspace_)); }
    Loan(const Loan&) = delete;
    Loan& operator=(const Loan&) = delete;
    Workspace& operator*() const { return *workspace_; }

   private:
    WorkspacePool& pool_;
    std::unique_ptr<Workspace> workspace_;
  };

  Loan take() {
    const std::lock_guard lock(mutex_);
    if (idle_.empty()) return {*this, std::make_unique<Workspace>()};
    std::unique_ptr<Workspace> workspace = std::move(idle_.back());
    idle_.pop_back();
    return {*this, std::move(workspace)};
  }
  /// Bytes of the idle workspaces.
  std::size_t bytes() const {
    const std::lock_guard lock(mutex_);
    std::size_t total = 0;
    for (const auto& workspace : idle_) total += workspace->bytes();
    return total;
  }

 private:
  void give_back(std::unique_ptr<Workspace> workspace) {
    workspace->clear();
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(workspace));
  }

  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Workspace>> idle_;
};

}  // namespace sharcs::internal
