#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "core/matrix_view.hpp"

namespace sharcs::internal {

/// Some rows of a table, each once, in ascending order.
class RowSet {
 public:
  explicit RowSet(Index table_rows) : contains_(static_cast<std::size_t>(table_rows), false) {}

  /// Rows may occur several times.
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
  void clear() {
    for (const std::int32_t row : rows_) contains_[static_cast<std::size_t>(row)] = false;
    rows_.clear();
  }

  std::span<const std::int32_t> rows() const { return rows_; }

 private:
  std::vector<bool> contains_;
  std::vector<std::int32_t> rows_;
};

}  // namespace sharcs::internal
