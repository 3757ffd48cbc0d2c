#include "train/micro_batch.hpp"

#include <algorithm>
#include <cmath>

#include "kernels/elementwise.hpp"
#include "nn/loss.hpp"

namespace sharcs {

template <class T>
GradientAccumulator<T>::GradientAccumulator(const Network<T>& network, bool dropout, Index piece_tokens)
    : network_(network),
      dropout_(dropout),
      piece_tokens_(piece_tokens),
      gradients_(network.layout()),
      views_(bind_parameters(network.config(), network.widths(), gradients_)),
      participates_(network.layout().specs().size(), false) {}

template <class T>
void GradientAccumulator<T>::mark_participants(const MicroBatch& micro_batch) {
  const auto specs = network_.layout().specs();
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const bool width_runs = specs[i].width < 0 || specs[i].width == micro_batch.width.index();
    const bool loss_reaches = !specs[i].router || micro_batch.width_labels;
    if (width_runs && loss_reaches) participates_[i] = true;
  }
}

template <class T>
MicroBatchOutcome GradientAccumulator<T>::add(const MicroBatch& micro_batch) {
  mark_participants(micro_batch);
  MicroBatchOutcome outcome;
  const RaggedBatch& tokens = micro_batch.tokens;
  for (Index first = 0; first < tokens.samples();) {
    Index last = first + 1;
    while (last < tokens.samples() && tokens.offsets[last + 1] - tokens.offsets[first] <= piece_tokens_) ++last;
    add_piece(micro_batch, first, last, outcome);
    first = last;
  }
  const double samples = static_cast<double>(tokens.samples());
  outcome.task_loss /= samples;
  outcome.router_loss /= samples;
  return outcome;
}

template <class T>
void GradientAccumulator<T>::add_piece(const MicroBatch& micro_batch, Index first, Index last,
                                       MicroBatchOutcome& outcome) {
  const ModelConfig& config = network_.config();
  const RaggedBatch& all = micro_batch.tokens;
  const Index samples = last - first, classes = config.num_labels();
  RaggedBatch piece;
  for (Index s = first; s < last; ++s) {
    const auto from = static_cast<std::size_t>(all.offsets[s]), count = static_cast<std::size_t>(all.tokens(s));
    piece.add(std::span(all.ids).subspan(from, count), std::span(all.token_types).subspan(from, count));
  }
  DropoutPlan dropout;
  if (dropout_) {
    dropout = {.hidden = static_cast<float>(config.hidden_dropout_prob),
               .attention = static_cast<float>(config.attention_probs_dropout_prob),
               .classifier = network_.encoder().classifier_dropout(),
               .key = micro_batch.dropout_key,
               .first_token = static_cast<std::uint64_t>(all.offsets[first]),
               .first_sample = static_cast<std::uint64_t>(first)};
  }
  TrainingPass<T> pass(network_.encoder(), workspace_);
  pass.forward(piece, micro_batch.width, dropout);

  const double share = 1.0 / static_cast<double>(all.samples());
  const MatrixView<T> d_logits = workspace_.matrix<T>(samples, classes);
  if (config.is_regression()) {
    const auto targets =
        micro_batch.targets.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(samples));
    outcome.task_loss += squared_error<T>(pass.logits(), targets, share * micro_batch.task_weight, d_logits);
    for (Index s = 0; s < samples; ++s) {
      const double error = static_cast<double>(pass.logits()(s, 0)) - targets[static_cast<std::size_t>(s)];
      outcome.confidence_or_error.push_back(static_cast<float>(std::abs(error)));
    }
  } else {
    const MatrixView<T> probabilities = workspace_.matrix<T>(samples, classes);
    const auto labels = micro_batch.labels.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(samples));
    outcome.task_loss +=
        cross_entropy<T>(pass.logits(), labels, share * micro_batch.task_weight, probabilities, d_logits);
    for (Index s = 0; s < samples; ++s) {
      outcome.confidence_or_error.push_back(static_cast<float>(probabilities(s, labels[static_cast<std::size_t>(s)])));
      double entropy = 0;
      for (Index c = 0; c < classes; ++c)
        if (probabilities(s, c) > 0)
          entropy -= static_cast<double>(probabilities(s, c)) * std::log(static_cast<double>(probabilities(s, c)));
      outcome.entropy.push_back(static_cast<float>(entropy));
    }
  }
  MatrixView<T> d_router_logits;
  if (micro_batch.width_labels) {
    d_router_logits = workspace_.matrix<T>(samples, pass.router_logits().cols);
    outcome.router_loss +=
        binary_cross_entropy<T>(pass.router_logits(), micro_batch.width_labels.row_range(first, samples),
                                share * micro_batch.router_weight, d_router_logits);
  }
  pass.backward(d_logits, d_router_logits, views_);
}

template <class T>
double GradientAccumulator<T>::norm() const {
  double sum = 0;
  for (std::size_t i = 0; i < participates_.size(); ++i)
    if (participates_[i]) sum += kernels::squared_sum<T>(gradients_.values(i));
  return std::sqrt(sum);
}

template <class T>
void GradientAccumulator<T>::clear() {
  for (std::size_t i = 0; i < participates_.size(); ++i) {
    if (!participates_[i]) continue;
    std::ranges::fill(gradients_.values(i), T(0));
    participates_[i] = false;
  }
}

template class GradientAccumulator<float>;
template class GradientAccumulator<double>;

}  // namespace sharcs
