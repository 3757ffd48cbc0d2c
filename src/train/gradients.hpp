#pragma once

#include <vector>

#include "model/parameter_store.hpp"
#include "sharcs/communicator.hpp"
#include "train/row_set.hpp"

namespace sharcs::internal {

/// The gradients that a step's backward passes add up, and which of them can differ from zero: the rest costs nothing
/// to clear, to measure or to step over.
template <class T>
class Gradients {
 public:
  explicit Gradients(const ParameterLayout& layout);

  ParameterStore<T>& values() { return values_; }
  const ParameterStore<T>& values() const { return values_; }
  /// The parameters that took part since clear(): the others' gradients are zero by construction.
  std::vector<bool>& participates() { return participates_; }
  const std::vector<bool>& participates() const { return participates_; }
  /// The rows of the word embeddings that took part.
  RowSet& words() { return words_; }
  const RowSet& words() const { return words_; }

  /// Adds up the gradients of all ranks, in each of which the same parameters and rows take part.
  void sum_over(Communicator& ranks);
  /// √Σ g².
  double norm() const;
  /// Sets everything to zero.
  void clear();

 private:
  /// Calls body(span) on what can differ from zero.
  template <class Store, class Body>
  void for_each_part(Store& store, const Body& body) const;
  /// The same on the word embeddings that take part, one by one.
  template <class Store, class Body>
  void for_each_word(Store& store, const Body& body) const;

  ParameterStore<T> values_;
  std::vector<bool> participates_;
  RowSet words_;
};

}  // namespace sharcs::internal
