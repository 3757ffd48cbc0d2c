#pragma once

#include <string>

#include "sharcs/classifier.hpp"
#include "sharcs/dataset.hpp"

namespace sharcs::internal {

/// What answers to questions look like in the output of `sharcs predict`.
class AnswerFormat {
 public:
  enum class Kind {
    squad,       ///< {"id": "text", …}, as SQuAD's scripts read predictions
    tsv,         ///< a line each: text, probability and the answer that was kept
    json_lines,  ///< the same and more
  };

  explicit AnswerFormat(Kind kind, bool has_header) : kind_(kind), has_header_(has_header) {}

  std::string begin() const;
  std::string entry(const Sample& question, const FoundAnswer& found);
  /// In the place of a line that could not be read; nothing in SQuAD's form, where such a question has no prediction.
  std::string entry(const BadLine& bad) const;
  std::string end() const;

 private:
  Kind kind_;
  bool has_header_;
  std::size_t count_ = 0;
};

}  // namespace sharcs::internal
