#include "sharcs/dataset.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "core/random.hpp"
#include "data/tokenized_dataset.hpp"
#include "model/predicted_label.hpp"
#include "model/task_names.hpp"
#include "sharcs/error.hpp"

namespace sharcs {
using namespace internal;

bool Dataset::labelled() const { return !samples.empty() && std::ranges::all_of(samples, is_labelled); }

std::string to_string(Split split) { return name_of(split); }

std::vector<std::size_t> label_counts(const Dataset& dataset, std::size_t labels) {
  std::vector<std::size_t> counts(labels);
  for (const Sample& sample : dataset.samples)
    for (const int tag : sample.tags) ++counts.at(static_cast<std::size_t>(tag));
  for (const Sample& sample : dataset.samples)
    if (sample.label && dataset.multi_label)
      for (const int label : labels_in_set(*sample.label)) ++counts.at(static_cast<std::size_t>(label));
    else if (sample.label)
      ++counts.at(static_cast<std::size_t>(*sample.label));
  return counts;
}

TrainAndDev split_stratified(const Dataset& dataset, const SplitOptions& options) {
  if (!(options.dev_share > 0 && options.dev_share < 1))
    throw ConfigError("the dev share is " + std::to_string(options.dev_share) + "; expected a number between 0 and 1");
  for (const Sample& sample : dataset.samples)
    if (!is_labelled(sample))
      throw DataError(dataset.file + ":" + std::to_string(sample.line) +
                      ": has no label; a dev set can be split off labelled data only");

  std::vector<bool> in_dev(dataset.size(), false);
  auto move_to_dev = [&, stratum = std::uint64_t{0}](std::vector<std::size_t> members, std::size_t count) mutable {
    Random(derive_key(options.seed, "dev split", stratum++)).shuffle(members);
    for (std::size_t i = 0; i < count; ++i) in_dev[members[i]] = true;
  };
  const auto share_of = [&](std::size_t count) {
    return static_cast<std::size_t>(std::llround(static_cast<double>(count) * options.dev_share));
  };
  if (!dataset.empty() && !dataset.samples.front().targets.empty()) {
    std::vector<std::size_t> order(dataset.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    const auto sum_of = [&](std::size_t i) {
      const std::vector<double>& targets = dataset.samples[i].targets;
      return std::accumulate(targets.begin(), targets.end(), 0.0);
    };
    std::ranges::stable_sort(order, {}, sum_of);
    const auto run = static_cast<std::size_t>(std::max(2.0, std::round(1 / options.dev_share)));
    // The quota is cumulative, so that the whole has the share even where a run's own would be rounded.
    const std::size_t total =
        std::clamp<std::size_t>(share_of(order.size()), 1, std::max<std::size_t>(order.size(), 2) - 1);
    std::size_t taken = 0;
    for (std::size_t first = 0; first < order.size(); first += run) {
      const std::size_t end = std::min(first + run, order.size());
      const std::size_t quota = end == order.size() ? total : std::min(share_of(end), total);
      const std::size_t count = std::min(quota - taken, end - first);
      move_to_dev(
          {order.begin() + static_cast<std::ptrdiff_t>(first), order.begin() + static_cast<std::ptrdiff_t>(end)},
          count);
      taken += count;
    }
  } else if (!dataset.empty() && (dataset.samples.front().answers || dataset.samples.front().document)) {
    std::map<std::string_view, std::vector<std::size_t>> by_context;
    std::map<std::size_t, std::vector<std::size_t>> by_document;
    const bool has_documents = dataset.samples.front().document != dataset.samples.back().document;
    for (std::size_t i = 0; i < dataset.size(); ++i) {
      const Sample& sample = dataset.samples[i];
      if (sample.document)
        by_document[has_documents ? *sample.document : i].push_back(i);
      else
        by_context[*sample.pair].push_back(i);
    }
    std::vector<const std::vector<std::size_t>*> groups;
    for (const auto& [context, members] : by_context) groups.push_back(&members);
    for (const auto& [document, members] : by_document) groups.push_back(&members);
    Random(derive_key(options.seed, "dev split", 0)).shuffle(groups);
    const std::size_t least = std::max<std::size_t>(share_of(dataset.size()), 1);
    std::size_t taken = 0;
    for (std::size_t g = 0; g + 1 < groups.size() && taken < least; ++g)
      for (const std::size_t i : *groups[g]) in_dev[i] = true, ++taken;
  } else {
    std::map<int, std::vector<std::size_t>> by_label;
    for (std::size_t i = 0; i < dataset.size(); ++i) by_label[dataset.samples[i].label.value_or(0)].push_back(i);
    if (dataset.multi_label) {
      // Combinations of labels that occur once would all stay in train: together they are one more.
      constexpr int rare = -1;
      std::vector<std::size_t> rare_ones;
      std::erase_if(by_label, [&](const auto& entry) {
        if (entry.second.size() == 1) rare_ones.push_back(entry.second.front());
        return entry.second.size() == 1;
      });
      std::ranges::sort(rare_ones);
      if (!rare_ones.empty()) by_label[rare] = std::move(rare_ones);
    }
    for (const auto& [label, members] : by_label)
      move_to_dev(members,
                  members.size() < 2 ? 0 : std::clamp<std::size_t>(share_of(members.size()), 1, members.size() - 1));
  }

  TrainAndDev parts;
  parts.train.file = parts.dev.file = dataset.file;
  parts.train.multi_label = parts.dev.multi_label = dataset.multi_label;
  parts.train.notes = dataset.notes;
  parts.train.bad_lines = dataset.bad_lines;
  for (std::size_t i = 0; i < dataset.size(); ++i)
    (in_dev[i] ? parts.dev : parts.train).samples.push_back(dataset.samples[i]);
  if (parts.train.empty() || parts.dev.empty())
    throw DataError(dataset.file + ": " + std::to_string(dataset.size()) +
                    (dataset.size() == 1 ? " sample is" : " samples are") +
                    " too few to split off a dev set; expected at least 2 of one label");
  return parts;
}

}  // namespace sharcs
