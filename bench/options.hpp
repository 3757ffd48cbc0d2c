#pragma once

#include <string>
#include <vector>

namespace sharcs::internal::bench {

struct Options {
  std::vector<int> threads;    ///< every part runs with each of these counts
  std::string filter;          ///< only points whose name contains it
  double seconds = 0.1;        ///< for each contender at each point
  int rounds = 5;              ///< turns that the contenders of a point take
  std::string texts = {};      ///< file of sentences to tokenize, one a line; empty: generated ones
  std::string tokenizer = {};  ///< folder or file of the tokenizer; empty: WordPieces made from the sentences

  bool wants(const std::string& name) const { return name.find(filter) != std::string::npos; }
};

}  // namespace sharcs::internal::bench
