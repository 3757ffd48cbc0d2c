#include "train/epoch_plan.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numeric>
#include <utility>

#include "core/number.hpp"
#include "core/random.hpp"
#include "core/rounding.hpp"
#include "data/tokenized_dataset.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {
namespace {

/// Repeats the samples of a bucket up to `count` samples, in the order in which batches are cut from them.
///
/// Each repetition of the bucket is shuffled and sorted by itself. Sorted together, the copies of one sample would be
/// neighbours and fill a batch.
std::vector<Index> arrange(std::vector<Index> bucket, Index count, std::span<const std::int32_t> lengths,
                           const EpochPlanOptions& options, Random& random) {
  std::vector<Index> order;
  order.reserve(static_cast<std::size_t>(count));
  const bool one_run = options.shuffle_window >= ceil_divide(count, options.batch_size);
  const auto run = static_cast<std::size_t>(one_run ? count : options.batch_size * options.shuffle_window);
  while (static_cast<Index>(order.size()) < count) {
    random.shuffle(bucket);
    const std::size_t pass = std::min(bucket.size(), static_cast<std::size_t>(count) - order.size());
    const std::size_t first = order.size();
    order.insert(order.end(), bucket.begin(), bucket.begin() + static_cast<std::ptrdiff_t>(pass));
    if (options.shuffle_window == 1) continue;
    for (std::size_t begin = first; begin < order.size(); begin += run) {
      const std::size_t end = std::min(begin + run, order.size());
      std::stable_sort(order.begin() + static_cast<std::ptrdiff_t>(begin),
                       order.begin() + static_cast<std::ptrdiff_t>(end), [&](Index a, Index b) {
                         return lengths[static_cast<std::size_t>(a)] < lengths[static_cast<std::size_t>(b)];
                       });
    }
  }
  return order;
}

std::vector<PlannedBatch> cut(const std::vector<Index>& order, int width, const EpochPlanOptions& options,
                              Random& random) {
  const auto total = static_cast<Index>(order.size());
  const Index batches = ceil_divide(total, options.batch_size);
  const Index missing = batches * options.batch_size - total;
  // The smaller batch may be any of the last run. If it were always the last one, it would hold the longest samples,
  // and in a smaller batch each sample weighs more.
  const Index choices = std::min(batches, options.shuffle_window);
  const Index smaller = batches - 1 - static_cast<Index>(random.below(static_cast<std::uint64_t>(choices)));
  std::vector<PlannedBatch> result;
  result.reserve(static_cast<std::size_t>(batches));
  Index begin = 0;
  for (Index i = 0; i < batches; ++i) {
    const Index end = begin + options.batch_size - (i == smaller ? missing : 0);
    result.push_back(
        {.width = width, .samples = {order.begin() + begin, order.begin() + end}, .whole_size = end - begin});
    begin = end;
  }
  assert(begin == total);
  random.shuffle(result);
  return result;
}

/// Part `place` of `parts` of a micro-batch; without samples when there is no such part.
PlannedBatch cut_out(const PlannedBatch& whole, int place, int parts, std::span<const std::int32_t> lengths) {
  std::vector<std::int32_t> of_batch;
  for (const Index sample : whole.samples) of_batch.push_back(lengths[static_cast<std::size_t>(sample)]);
  const WorkShare share = place < parts ? share_by_tokens(of_batch, place, parts) : WorkShare{0, 0};
  return {.width = whole.width,
          .samples = {whole.samples.begin() + share.begin, whole.samples.begin() + share.end},
          .whole_size = whole.whole_size,
          .first_sample = share.begin,
          .first_token = std::accumulate(of_batch.begin(), of_batch.begin() + share.begin, Index{0})};
}

}  // namespace

void EpochPlanOptions::check() const {
  const auto at_least_one = [](const char* what, Index value) {
    if (value < 1) throw ConfigError(std::string(what) + " is " + std::to_string(value) + "; expected at least 1");
  };
  at_least_one("batch size", batch_size);
  at_least_one("shuffle window", shuffle_window);
  at_least_one("accumulation", accumulation);
}

EpochPlan plan_epoch(std::span<const double> widths, std::span<const std::int32_t> lengths,
                     std::span<const WidthLabel> labels, std::int64_t epoch, const EpochPlanOptions& options,
                     std::span<const int> copies) {
  options.check();
  const std::size_t samples = lengths.size();
  if (samples == 0) throw TrainingError("there are no training samples");
  if (!labels.empty() && labels.size() != samples)
    throw ShapeError(std::to_string(labels.size()) + " hardness labels for " + std::to_string(samples) +
                     " training samples");
  assert(copies.empty() || copies.size() == samples);

  EpochPlan plan;
  plan.width_of_sample.resize(samples);
  std::vector<std::vector<Index>> buckets(widths.size());
  const auto number = static_cast<std::uint64_t>(epoch);
  const std::uint64_t draw_key = derive_key(options.seed, "width of sample", number);
  for (std::size_t i = 0; i < samples; ++i) {
    int width = static_cast<int>(widths.size()) - 1;
    if (!labels.empty()) {
      // Each sample has its own random numbers, so that its draw does not depend on the labels of the others.
      Random random(draw_key, 4 * i);
      width = labels[i].draw(random);
      if (options.full_width_share > 0 && random.uniform() < options.full_width_share)
        width = static_cast<int>(widths.size()) - 1;
      assert(width < static_cast<int>(widths.size()));
    }
    plan.width_of_sample[i] = width;
    auto& bucket = buckets[static_cast<std::size_t>(width)];
    bucket.insert(bucket.end(), copies.empty() ? 1 : static_cast<std::size_t>(copies[i]), static_cast<Index>(i));
  }
  plan.bucket_sizes.resize(widths.size());
  for (const int width : plan.width_of_sample) ++plan.bucket_sizes[static_cast<std::size_t>(width)];
  Index largest = 0;
  for (const auto& bucket : buckets) largest = std::max(largest, std::ssize(bucket));

  std::vector<std::vector<PlannedBatch>> batches(widths.size());
  std::size_t rounds = 0;
  for (std::size_t width = 0; width < widths.size(); ++width) {
    if (buckets[width].empty()) {
      if (!labels.empty())
        plan.notes.push_back("epoch " + std::to_string(epoch + 1) + ": no training sample has width " +
                             short_number(widths[width]) + ", which is not trained in this epoch");
      continue;
    }
    Random random(derive_key(derive_key(options.seed, "batches", number), "width", width));
    const Index count = options.repeat_smaller_buckets ? largest : std::ssize(buckets[width]);
    batches[width] = cut(arrange(std::move(buckets[width]), count, lengths, options, random), static_cast<int>(width),
                         options, random);
    rounds = std::max(rounds, batches[width].size());
  }

  // A step ends after `accumulation` rounds (joint) or micro-batches (alternate).
  Index units = 0;
  const auto begin_unit = [&] {
    if (units++ % options.accumulation == 0) plan.steps.emplace_back();
  };
  for (std::size_t round = 0; round < rounds; ++round) {
    if (options.step_mode == StepMode::joint) begin_unit();
    for (auto& of_width : batches) {
      if (round >= of_width.size()) continue;
      if (options.step_mode == StepMode::alternate) begin_unit();
      plan.steps.back().push_back(std::move(of_width[round]));
    }
  }
  return plan;
}

Index steps_at_one_width(Index samples, const EpochPlanOptions& options) {
  options.check();
  return ceil_divide(ceil_divide(samples, options.batch_size), options.accumulation);
}

PlannedStep part_of(const PlannedStep& step, int rank, int ranks, Sharding sharding,
                    std::span<const std::int32_t> lengths) {
  assert(rank >= 0 && rank < ranks);
  const auto total = static_cast<int>(step.size());
  PlannedStep parts;
  parts.reserve(step.size());
  for (int i = 0; i < total; ++i) {
    // Of the `sharers` ranks that share this micro-batch, this is number `place`; not one of them if place == sharers.
    int place = rank, sharers = ranks;
    if (sharding == Sharding::micro_batches) {
      // Counted from the last micro-batch, which has the largest width and so gets help first. With 3 micro-batches and
      // 5 ranks, ranks 0 and 3 share the last one, 1 and 4 the one before it, and rank 2 has the first to itself.
      const int from_last = total - 1 - i;
      const bool is_shared = ranks > total;
      sharers = is_shared ? ceil_divide(ranks - from_last, total) : 1;
      const bool takes_part = is_shared ? rank % total == from_last : from_last % ranks == rank;
      place = !takes_part ? sharers : is_shared ? rank / total : 0;
    }
    parts.push_back(cut_out(step[static_cast<std::size_t>(i)], place, sharers, lengths));
  }
  return parts;
}

std::vector<std::vector<Index>> width_transitions(std::span<const int> before, std::span<const int> after, int widths) {
  if (before.size() != after.size())
    throw ShapeError("width transitions between " + std::to_string(before.size()) + " and " +
                     std::to_string(after.size()) + " samples; expected as many");
  const auto count = static_cast<std::size_t>(widths);
  std::vector<std::vector<Index>> moved(count, std::vector<Index>(count, 0));
  for (std::size_t i = 0; i < before.size(); ++i)
    ++moved[static_cast<std::size_t>(before[i])][static_cast<std::size_t>(after[i])];
  return moved;
}

std::vector<PlannedBatch> first_batches(std::span<const PlannedStep> steps, std::size_t most) {
  std::vector<PlannedBatch> batches;
  for (const PlannedStep& step : steps)
    for (const PlannedBatch& batch : step)
      if (batches.size() < most) batches.push_back(batch);
  return batches;
}

}  // namespace sharcs::internal
