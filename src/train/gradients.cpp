#include "train/gradients.hpp"

#include <algorithm>
#include <cmath>

#include "core/threads.hpp"
#include "kernels/elementwise.hpp"

namespace sharcs {
namespace {
constexpr Index elements_of_a_thread = 1 << 17;  // less is cleared before another thread is awake
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
    const auto whole = store.values(i);
    if (i != layout.word_embeddings()) {
      body(whole);
      continue;
    }
    const auto cols = static_cast<std::size_t>(layout.specs()[i].shape[1]);
    for (const std::int32_t row : words_.rows()) body(whole.subspan(static_cast<std::size_t>(row) * cols, cols));
  }
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

}  // namespace sharcs
