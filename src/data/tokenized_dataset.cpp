#include "data/tokenized_dataset.hpp"

#include <atomic>

#include "core/threads.hpp"

namespace sharcs {

RaggedBatch TokenizedDataset::gather(std::span<const Index> samples) const {
  RaggedBatch batch;
  for (const Index sample : samples) batch.add(tokens, sample);
  return batch;
}

TokenizedDataset tokenize(const Dataset& dataset, const Task& task, const Tokenizer& tokenizer,
                          std::size_t max_length) {
  const auto encode = [&](const Sample& sample, std::size_t length) {
    return sample.pair ? tokenizer.encode(sample.text, *sample.pair, length) : tokenizer.encode(sample.text, length);
  };
  // Throws here, and not in the parallel loop, where that would end the program.
  if (!dataset.empty()) encode(dataset.samples.front(), max_length);
  std::vector<Encoding> encodings(dataset.size());
  std::atomic<Index> truncated = 0;
  parallel_for(static_cast<Index>(dataset.size()), [&](Index i) {
    const Sample& sample = dataset.samples[static_cast<std::size_t>(i)];
    Encoding& encoding = encodings[static_cast<std::size_t>(i)];
    encoding = encode(sample, max_length + 1);  // one more than fits tells whether something is cut
    if (encoding.ids.size() <= max_length) return;
    ++truncated;
    encoding = encode(sample, max_length);
  });
  TokenizedDataset result;
  result.truncated = truncated;
  result.lengths.reserve(dataset.size());
  for (const Encoding& encoding : encodings) {
    result.tokens.add(encoding.ids, encoding.token_types);
    result.lengths.push_back(static_cast<std::int32_t>(encoding.ids.size()));
  }
  if (!dataset.labelled()) return result;
  for (const Sample& sample : dataset.samples) {
    if (task.kind() == TaskKind::classification)
      result.labels.push_back(*sample.label);
    else
      result.targets.push_back(static_cast<float>(*sample.target));
  }
  return result;
}

}  // namespace sharcs
