#pragma once

#include <stop_token>
#include <vector>

#include "model/encoder.hpp"

namespace sharcs::internal {

/// Decides, while a batch runs, which answers each sample is asked for. Answers are numbered as by answers_of().
template <class T>
class AnswerGuide {
 public:
  virtual ~AnswerGuide() = default;
  /// Whether the sample is asked for this answer. router_logits: [widths]; empty for exits in the stem and for a plain
  /// encoder. Not called for the last answer, which a sample that has come so far always gets.
  virtual bool asks(Index sample, int answer, std::span<const T> router_logits) = 0;
  /// Takes the answer that the sample was asked for and says whether it is the sample's. A sample whose answer is kept
  /// runs no further. The last answer is kept whatever is said. logits: [labels], of a model that labels tokens
  /// [the sample's head tokens, labels]; score: the logit of an exit's being right, or none.
  virtual bool keeps(Index sample, int answer, std::span<const T> logits, const T* score) = 0;
};

/// What comes out of a batch, in the batch's order.
template <class T>
struct AnsweredBatch {
  std::vector<int> answers;      ///< [samples], the index of the answer that was kept
  std::vector<T> logits;         ///< [samples, labels], or [all head tokens, labels]
  std::vector<T> router_logits;  ///< [samples, widths]; zeros for a sample that stopped before the router
};

/// Inference: the stem for all samples, with its exits; the router; narrow widths from the stem's output
/// (arXiv:2310.12126, section 3.3); then full width from where the stem stopped, with its exits. The guide says at each
/// answer who is asked and who stays. No layer runs twice for a sample at the same width, and a sample's results do not
/// depend on the others, in any bit. Throws Cancelled before the next layer when `stop` is requested.
template <class T>
void run_answers(const Encoder<T>& encoder, const RaggedBatch& batch, AnswerGuide<T>& guide, Workspace& workspace,
                 AnsweredBatch<T>& output, const std::stop_token& stop = {});

}  // namespace sharcs::internal
