#include "core/workspace.hpp"

#include <algorithm>

#include "core/rounding.hpp"

namespace sharcs::internal {

void* Workspace::take(std::size_t bytes) {
  bytes = round_up(bytes, cache_line);
  while (block_ < blocks_.size() && used_ + bytes > blocks_[block_].size()) {
    ++block_;
    used_ = 0;
  }
  if (block_ == blocks_.size()) blocks_.emplace_back(std::max({bytes, this->bytes() / 2, std::size_t{1} << 16}));
  void* piece = blocks_[block_].data() + used_;
  used_ += bytes;
  return piece;
}

void Workspace::release(Mark mark) {
  block_ = mark.block;
  used_ = mark.used;
  if (block_ == 0 && used_ == 0 && blocks_.size() > 1) {
    const std::size_t total = bytes();
    blocks_.clear();
    blocks_.emplace_back(total);
  }
}

std::size_t Workspace::bytes() const {
  std::size_t total = 0;
  for (const auto& block : blocks_) total += block.size();
  return total;
}

}  // namespace sharcs::internal
