#pragma once

#include <span>
#include <string>
#include <vector>

#include "sharcs/model_config.hpp"

namespace [[gnu::visibility("default")]] sharcs {

/// One width of a model and the sizes of its slices. Only a WidthSet makes these, so a Width fits its model.
class Width {
 public:
  /// Position in the model's ascending list.
  int index() const { return index_; }
  /// The number in width_mult_list.
  double fraction() const { return fraction_; }
  /// heads(r) = round(H · r), half to even, at least 1.
  int heads() const { return heads_; }
  /// Outputs of query, key and value: heads · head size.
  int attention() const { return attention_; }
  /// hidden(r) = int(heads(r) / H · D).
  int hidden() const { return hidden_; }
  /// ffn(r) = int(heads(r) / H · F).
  int ffn() const { return ffn_; }
  /// The fraction as parameter names spell it: 0.25 is "025", 1.0 is "10".
  const std::string& suffix() const { return suffix_; }

 private:
  friend class WidthSet;
  int index_ = 0, heads_ = 0, attention_ = 0, hidden_ = 0, ffn_ = 0;
  double fraction_ = 1;
  std::string suffix_;
};

/// The widths of a model, ascending. A plain encoder has the single width 1.
class WidthSet {
 public:
  /// Throws ConfigError when a width is outside (0, 1], the list is not ascending, or the model cannot run a width: the
  /// reduction takes int(r · D) dimensions, the layers int(round(H · r) / H · D) (arXiv:2310.12126, section 3.2). The
  /// message names the nearest widths that work. `name` stands for the file in messages.
  explicit WidthSet(const ModelConfig& config, const std::string& name = "config.json");

  int size() const { return static_cast<int>(widths_.size()); }
  const Width& operator[](int index) const { return widths_[static_cast<std::size_t>(index)]; }
  std::span<const Width> all() const { return widths_; }
  auto begin() const { return widths_.begin(); }
  auto end() const { return widths_.end(); }
  /// The largest width.
  const Width& widest() const { return widths_.back(); }
  /// The whole encoder, as the stem runs it; its fraction is 1 even where the list does not end with 1.
  const Width& full() const { return full_; }
  /// The width with this fraction. Throws ConfigError listing the model's widths.
  const Width& at(double fraction) const;

 private:
  std::vector<Width> widths_;
  Width full_;
};

}  // namespace gnu::visibility("default")]]sharcs
