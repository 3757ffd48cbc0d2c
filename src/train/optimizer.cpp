#include "train/optimizer.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/number.hpp"
#include "core/threads.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {

namespace {
constexpr Index rows_of_a_thread = 16;  // less is not worth waking another for
}

template <class T>
Adamw<T>::Adamw(const ParameterLayout& layout, const AdamwOptions& options)
    : options_(options),
      word_embeddings_(layout.word_embeddings()),
      first_moments_(layout),
      second_moments_(layout),
      step_counts_(layout.specs().size(), 0),
      taken_(static_cast<std::size_t>(layout.specs()[word_embeddings_].shape[0]), 0) {}

template <class T>
void Adamw<T>::step(ParameterStore<T>& values, const Gradients<T>& gradients, double learning_rate,
                    double gradient_scale) {
  const auto specs = values.layout().specs();
  for (std::size_t i = 0; i < specs.size(); ++i) {
    if (!gradients.participates()[i]) continue;
    const double t = static_cast<double>(++step_counts_[i]);
    const double correction = std::sqrt(1 - std::pow(options_.beta2, t)) / (1 - std::pow(options_.beta1, t));
    const kernels::AdamwStep step = {.step_size = learning_rate * correction,
                                     .beta1 = options_.beta1,
                                     .beta2 = options_.beta2,
                                     .eps = options_.eps,
                                     .decay = specs[i].decays() ? learning_rate * options_.weight_decay : 0,
                                     .gradient_scale = gradient_scale};
    if (i == word_embeddings_)
      step_words(values, gradients, step);
    else
      kernels::adamw<T>(values.values(i), first_moments_.values(i), second_moments_.values(i),
                        gradients.values().values(i), step);
  }
}

template <class T>
void Adamw<T>::step_words(ParameterStore<T>& values, const Gradients<T>& gradients, const kernels::AdamwStep& step) {
  const auto rows = gradients.words().rows();
  catch_up(values, gradients.words());
  history_.push_back(step);
  parallel_ranges(static_cast<Index>(rows.size()), rows_of_a_thread, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) {
      const auto row = rows[static_cast<std::size_t>(i)];
      const std::span<T> weight = row_of(values, row);
      const auto gradient = gradients.values()
                                .values(word_embeddings_)
                                .subspan(static_cast<std::size_t>(row) * weight.size(), weight.size());
      kernels::adamw<T>(weight, row_of(first_moments_, row), row_of(second_moments_, row), gradient, step);
      taken_[static_cast<std::size_t>(row)] = history_.size();
    }
  });
}

template <class T>
void Adamw<T>::catch_up(ParameterStore<T>& values, const RowSet& words) {
  const auto rows = words.rows();
  parallel_ranges(static_cast<Index>(rows.size()), rows_of_a_thread, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) catch_up_row(values, rows[static_cast<std::size_t>(i)]);
  });
}

template <class T>
void Adamw<T>::catch_up(ParameterStore<T>& values) {
  parallel_ranges(static_cast<Index>(taken_.size()), rows_of_a_thread, [&](Index begin, Index end) {
    for (Index row = begin; row < end; ++row) catch_up_row(values, static_cast<std::int32_t>(row));
  });
  history_.clear();
  std::fill(taken_.begin(), taken_.end(), 0);
}

template <class T>
void Adamw<T>::catch_up_row(ParameterStore<T>& values, std::int32_t row) {
  std::size_t& taken = taken_[static_cast<std::size_t>(row)];
  if (taken == history_.size()) return;
  kernels::adamw_idle<T>(row_of(values, row), row_of(first_moments_, row), row_of(second_moments_, row),
                         std::span<const kernels::AdamwStep>(history_).subspan(taken));
  taken = history_.size();
}

template <class T>
std::span<T> Adamw<T>::row_of(ParameterStore<T>& store, std::int32_t row) const {
  const auto cols = static_cast<std::size_t>(store.layout().specs()[word_embeddings_].shape[1]);
  return store.values(word_embeddings_).subspan(static_cast<std::size_t>(row) * cols, cols);
}

template class Adamw<float>;
template class Adamw<double>;

Schedule::Schedule(const ScheduleOptions& options) : options_(options) {
  const auto check = [](const char* what, double value) {
    if (!(value >= 0 && std::isfinite(value)))
      throw ConfigError(std::string(what) + " is " + short_number(value) + "; expected a number ≥ 0");
  };
  check("learning rate", options.peak);
  check("number of warm-up steps", options.warmup);
  check("number of steps", options.total);
}

double Schedule::learning_rate(double done) const {
  if (done < options_.warmup) return options_.peak * (done / options_.warmup);
  if (options_.shape == ScheduleShape::constant) return options_.peak;
  // A warm-up that reaches the end leaves nothing to come down: the rate is 0 from there on.
  if (done >= options_.total) return 0;
  return options_.peak * ((options_.total - done) / (options_.total - options_.warmup));
}

}  // namespace sharcs::internal
