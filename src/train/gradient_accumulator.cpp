#include "train/gradient_accumulator.hpp"

#include <cmath>

#include "model/micro_batches.hpp"
#include "nn/loss.hpp"

namespace sharcs::internal {
namespace {

/// −Σ p · log p of row `row`, in nats.
template <class T>
float entropy_of(MatrixView<const T> probabilities, Index row) {
  double entropy = 0;
  for (Index c = 0; c < probabilities.cols; ++c) {
    const auto p = static_cast<double>(probabilities(row, c));
    if (p > 0) entropy -= p * std::log(p);
  }
  return static_cast<float>(entropy);
}

}  // namespace

template <class T>
GradientAccumulator<T>::GradientAccumulator(const Network<T>& network, const AccumulatorOptions& options)
    : network_(network),
      options_(options),
      gradients_(network.layout()),
      views_(bind_parameters(network.config(), network.widths(), gradients_.values())) {}

template <class T>
void GradientAccumulator<T>::mark(const Width& width, bool with_router, std::span<const std::int32_t> words) {
  const auto specs = network_.layout().specs();
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const bool width_runs = specs[i].width < 0 || specs[i].width == width.index();
    const bool loss_reaches = !specs[i].router || with_router;
    if (width_runs && loss_reaches) gradients_.participates()[i] = true;
  }
  gradients_.words().add(words);
}

template <class T>
MicroBatchOutcome GradientAccumulator<T>::add(const MicroBatch& micro_batch) {
  mark(micro_batch.width, static_cast<bool>(micro_batch.width_labels), micro_batch.tokens.ids);
  MicroBatchOutcome outcome;
  for_each_micro_batch(micro_batch.tokens, options_.piece_tokens,
                       [&](const RaggedBatch& piece, Index first) { add_piece(micro_batch, piece, first, outcome); });
  return outcome;
}

template <class T>
void GradientAccumulator<T>::add_piece(const MicroBatch& micro_batch, const RaggedBatch& piece, Index first,
                                       MicroBatchOutcome& outcome) {
  const Index samples = piece.samples();
  TrainingPass<T> pass(network_.encoder(), workspace_, {.activations = options_.activations});
  pass.forward(piece, micro_batch.width, dropout_plan(micro_batch, first));

  const MatrixView<T> d_logits = workspace_.matrix<T>(samples, network_.config().num_labels());
  add_task_loss(micro_batch, first, pass.logits(), d_logits, outcome);
  MatrixView<T> d_router_logits;
  if (micro_batch.width_labels) {
    d_router_logits = workspace_.matrix<T>(samples, pass.router_logits().cols);
    outcome.router_loss +=
        binary_cross_entropy<T>(pass.router_logits(), micro_batch.width_labels.row_range(first, samples),
                                micro_batch.router_weight, d_router_logits);
  }
  pass.backward(d_logits, d_router_logits, views_);
}

template <class T>
DropoutPlan GradientAccumulator<T>::dropout_plan(const MicroBatch& micro_batch, Index first) const {
  if (!options_.dropout) return {};
  const ModelConfig& config = network_.config();
  return {.hidden = static_cast<float>(config.hidden_dropout_prob),
          .attention = static_cast<float>(config.attention_probs_dropout_prob),
          .classifier = network_.encoder().classifier_dropout(),
          .key = micro_batch.dropout_key,
          .first_token = static_cast<std::uint64_t>(micro_batch.first_token + micro_batch.tokens.offsets[first]),
          .first_sample = static_cast<std::uint64_t>(micro_batch.first_sample + first)};
}

template <class T>
void GradientAccumulator<T>::add_task_loss(const MicroBatch& micro_batch, Index first, MatrixView<const T> logits,
                                           MatrixView<T> d_logits, MicroBatchOutcome& outcome) {
  const auto of_piece = [&](const auto& all) {
    return all.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(logits.rows));
  };
  if (network_.config().is_regression()) {
    const std::span<const float> targets = of_piece(micro_batch.targets);
    outcome.task_loss += squared_error<T>(logits, targets, micro_batch.task_weight, d_logits);
    for (Index s = 0; s < logits.rows; ++s) {
      const double error = static_cast<double>(logits(s, 0)) - targets[static_cast<std::size_t>(s)];
      outcome.confidence_or_error.push_back(static_cast<float>(std::abs(error)));
    }
    return;
  }
  const std::span<const std::int32_t> labels = of_piece(micro_batch.labels);
  const MatrixView<T> probabilities = workspace_.matrix<T>(logits.rows, logits.cols);
  outcome.task_loss += cross_entropy<T>(logits, labels, micro_batch.task_weight, probabilities, d_logits);
  for (Index s = 0; s < logits.rows; ++s) {
    outcome.confidence_or_error.push_back(static_cast<float>(probabilities(s, labels[static_cast<std::size_t>(s)])));
    outcome.entropy.push_back(entropy_of<T>(probabilities, s));
  }
}

template class GradientAccumulator<float>;
template class GradientAccumulator<double>;

}  // namespace sharcs::internal
