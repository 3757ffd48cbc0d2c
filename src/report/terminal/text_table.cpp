#include "report/terminal/text_table.hpp"

#include <algorithm>
#include <cstddef>
#include <ostream>

#include "report/terminal/block_elements.hpp"

namespace sharcs::internal {

void TextTable::print(std::ostream& out) const {
  std::vector<int> widths(rows_.front().size());
  for (const auto& row : rows_)
    for (std::size_t c = 0; c < widths.size(); ++c) widths[c] = std::max(widths[c], columns_of(row[c]));
  for (const auto& row : rows_) {
    for (std::size_t c = 0; c < widths.size(); ++c) {
      const std::string space(static_cast<std::size_t>(widths[c] - columns_of(row[c])), ' ');
      if (c == 0)
        out << row[c] << (widths.size() > 1 ? space : "");
      else
        out << "  " << space << row[c];
    }
    out << '\n';
  }
}

}  // namespace sharcs::internal
