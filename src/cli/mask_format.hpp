#pragma once

#include <string>

#include "sharcs/classifier.hpp"
#include "sharcs/dataset.hpp"

namespace sharcs::internal {

/// What filled masks look like in the output of `sharcs predict`: with tabs a line for each token that may stand there
/// and a blank one after each text, or a line of JSON a text.
class MaskFormat {
 public:
  explicit MaskFormat(bool is_json) : is_json_(is_json) {}

  std::string begin() const;
  std::string entry(const Sample& sample, const FilledText& filled) const;
  /// In the place of a line that could not be read.
  std::string entry(const BadLine& bad) const;

 private:
  bool is_json_;
};

}  // namespace sharcs::internal
