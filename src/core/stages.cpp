#include "core/stages.hpp"

#include "core/spin.hpp"

namespace sharcs::internal {

void Stages::append(int parts, const Piece& work) {
  Stage* const stage = new (workspace_.span<Stage>(1).data()) Stage{work, parts, count_++};
  (last_ == nullptr ? first_ : last_->next_stage) = stage;
  last_ = stage;
  if (parts > 1) last_shared_ = stage;
}

void Stages::run_part(const Stage& stage, int part) {
  try {
    // Parts of a stage that has failed still run: which of its errors is thrown does not depend on the threads.
    stage.work.run(stage.work.body, part);
  } catch (...) {
    const std::lock_guard lock(error_mutex_);
    if (!error_ || part < part_of_error_) {
      error_ = std::current_exception();
      part_of_error_ = part;
    }
    failed_.store(true, std::memory_order_relaxed);
  }
}

void Stages::open(Stage* stage) {
  while (stage != nullptr && stage->parts == 1 && !failed_.load(std::memory_order_relaxed)) {
    run_part(*stage, 0);
    stage = stage->next_stage;
  }
  if (failed_.load(std::memory_order_relaxed)) stage = nullptr;
  open_.store(stage == nullptr ? count_ : stage->number, std::memory_order_release);
  open_.notify_all();
}

Stages::Stage* Stages::await_next(Stage* stage) const {
  std::uint32_t number = open_.load(std::memory_order_acquire);
  for (Spin spin(spin_seconds()); number <= stage->number; number = open_.load(std::memory_order_acquire))
    if (!spin.goes_on()) open_.wait(number, std::memory_order_acquire);
  while (stage != nullptr && stage->number < number) stage = stage->next_stage;
  return stage;
}

void Stages::take_parts() {
  Stage* stage = first_;
  const std::uint32_t number = open_.load(std::memory_order_acquire);
  while (stage != nullptr && stage->number < number) stage = stage->next_stage;
  while (stage != nullptr) {
    const auto take = [stage] { return stage->next_part.fetch_add(1, std::memory_order_relaxed); };
    for (int part = take(); part < stage->parts; part = take()) {
      run_part(*stage, part);
      const bool is_last = stage->ended_parts.fetch_add(1, std::memory_order_acq_rel) + 1 == stage->parts;
      if (is_last) open(stage->next_stage);
    }
    // Behind the last shared stage there is work for the thread that ends it alone, which the caller waits for.
    if (stage == last_shared_) return;
    stage = await_next(stage);
  }
}

void Stages::run() {
  int most = 0, shared = 0;
  for (const Stage* stage = first_; stage != nullptr; stage = stage->next_stage) {
    most = std::max(most, stage->parts);
    if (stage->parts > 1) ++shared;
  }
  if (first_ != nullptr) open(first_);
  if (shared > 0 && !failed_.load(std::memory_order_relaxed)) {
    const SharedWork before = shared_work();
    parallel_parts(most, [this](int) { take_parts(); });
    if ((shared_work() - before).pieces > 0) count_shared_stages(shared - 1);
  }
  if (error_) std::rethrow_exception(error_);
}

}  // namespace sharcs::internal
