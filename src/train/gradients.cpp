#include "train/gradients.hpp"

#include <algorithm>
#include <cmath>

#include "core/threads.hpp"
#include "kernels/elementwise.hpp"

namespace sharcs::internal {
namespace {
constexpr Index elements_of_a_thread = 1 << 17;  // fewer are cleared before another thread has woken up
}

template <class T>
Gradients<T>::Gradients(const ParameterLayout& layout)
    : values_(layout),
      participates_(layout.specs().size(), false),
      words_(layout.specs()[layout.word_embeddings()].shape[0]) {}

template <class T>
template <class Store, class Body>
void Gradients<T>::for_each_part(Store& store, const Body& body) const {
  const ParameterLayout& layout = values_.layout();
  for (std::size_t i = 0; i < participates_.size(); ++i) {
    if (!participates_[i]) continue;
    if (i == layout.word_embeddings())
      for_each_word(store, body);
    else
      body(store.values(i));
  }
}

template <class T>
template <class Store, class Body>
void Gradients<T>::for_each_word(Store& store, const Body& body) const {
  const ParameterLayout& layout = values_.layout();
  const auto cols = static_cast<std::size_t>(layout.specs()[layout.word_embeddings()].shape[1]);
  for (const std::int32_t row : words_.rows())
    body(store.values(layout.word_embeddings()).subspan(static_cast<std::size_t>(row) * cols, cols));
}

template <class T>
void Gradients<T>::sum_over(Communicator& ranks) {
  if (ranks.ranks() == 1) return;
  // Fewer, longer messages are faster. So neighbouring parameters are summed in one call, with the padding between
  // them, which is zero everywhere; and the rows of the word embeddings are copied into one message.
  const ParameterLayout& layout = values_.layout();
  Index begin = 0, end = 0;
  const auto sum_run = [&] {
    ranks.sum(values_.buffer().subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin)));
  };
  std::vector<T> rows;
  for (std::size_t i = 0; i < participates_.size(); ++i) {
    if (!participates_[i]) continue;
    if (i == layout.word_embeddings()) {
      for_each_word(values_, [&](std::span<T> row) { rows.insert(rows.end(), row.begin(), row.end()); });
      continue;
    }
    const bool goes_on = i > 0 && participates_[i - 1] && i - 1 != layout.word_embeddings();
    if (!goes_on) {
      sum_run();
      begin = layout.offset(i);
    }
    end = layout.offset(i) + layout.specs()[i].size();
  }
  sum_run();
  ranks.sum(rows);
  auto next = rows.begin();
  if (!rows.empty())
    for_each_word(values_, [&](std::span<T> row) {
      std::copy_n(next, row.size(), row.begin());
      next += static_cast<std::ptrdiff_t>(row.size());
    });
}

template <class T>
double Gradients<T>::norm() const {
  double sum = 0;
  for_each_part(values_, [&](std::span<const T> part) { sum += kernels::squared_sum<T>(part); });
  return std::sqrt(sum);
}

template <class T>
void Gradients<T>::clear() {
  for_each_part(values_, [](std::span<T> part) {
    parallel_ranges(static_cast<Index>(part.size()), elements_of_a_thread,
                    [part](Index begin, Index end) { std::fill(part.data() + begin, part.data() + end, T(0)); });
  });
  std::fill(participates_.begin(), participates_.end(), false);
  words_.clear();
}

template class Gradients<float>;
template class Gradients<double>;

}  // namespace sharcs::internal
