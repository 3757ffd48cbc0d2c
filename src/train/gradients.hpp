#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "core/matrix_view.hpp"
#include "model/parameter_store.hpp"
#include "sharcs/communicator.hpp"

namespace sharcs::internal {

/// Row numbers of a table, each once, in ascending order: after add({5, 2, 5}) rows() is {2, 5}.
class RowSet {
 public:
  explicit RowSet(Index table_rows) : contains_(static_cast<std::size_t>(table_rows), false) {}

  void add(std::span<const std::int32_t> rows) {
    const auto before = static_cast<std::ptrdiff_t>(rows_.size());
    for (const std::int32_t row : rows) {
      if (contains_[static_cast<std::size_t>(row)]) continue;
      contains_[static_cast<std::size_t>(row)] = true;
      rows_.push_back(row);
    }
    std::sort(rows_.begin() + before, rows_.end());
    std::inplace_merge(rows_.begin(), rows_.begin() + before, rows_.end());
  }
  void add_all() {
    if (rows_.size() == contains_.size()) return;
    rows_.resize(contains_.size());
    std::iota(rows_.begin(), rows_.end(), std::int32_t{0});
    contains_.assign(contains_.size(), true);
  }
  void clear() {
    for (const std::int32_t row : rows_) contains_[static_cast<std::size_t>(row)] = false;
    rows_.clear();
  }

  std::span<const std::int32_t> rows() const { return rows_; }

 private:
  std::vector<bool> contains_;
  std::vector<std::int32_t> rows_;
};

/// The gradients of one optimizer step, summed over its backward passes.
///
/// A step often reaches only a part of the parameters. For example, a step at width 0.25 leaves the LayerNorms of the
/// other widths alone, and a step whose batches have 300 different words reaches 300 rows of the word embeddings. So
/// the parameters and rows that take part are marked: the gradients of all others are zero, and clear(), norm() and
/// sum_over() skip them.
template <class T>
class Gradients {
 public:
  explicit Gradients(const ParameterLayout& layout);

  ParameterStore<T>& values() { return values_; }
  const ParameterStore<T>& values() const { return values_; }
  /// For each parameter of the layout, whether it takes part.
  std::vector<bool>& participates() { return participates_; }
  const std::vector<bool>& participates() const { return participates_; }
  /// The rows of the word embeddings that take part.
  RowSet& words() { return words_; }
  const RowSet& words() const { return words_; }

  /// Replaces the gradients by their sums over all ranks. All ranks must have marked the same parameters and rows.
  void sum_over(Communicator& ranks);
  /// The length √Σ g² over all parameters.
  double norm() const;
  /// Sets all gradients to zero and removes all marks.
  void clear();

 private:
  /// Calls body(span) for each parameter that takes part; for the word embeddings once for each row that does.
  template <class Store, class Body>
  void for_each_part(Store& store, const Body& body) const;
  /// Only the rows of the word embeddings.
  template <class Store, class Body>
  void for_each_word(Store& store, const Body& body) const;

  ParameterStore<T> values_;
  std::vector<bool> participates_;
  RowSet words_;
};

}  // namespace sharcs::internal
