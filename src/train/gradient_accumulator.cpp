#include "train/gradient_accumulator.hpp"

#include <algorithm>
#include <cmath>

#include "core/eigen_map.hpp"
#include "kernels/elementwise.hpp"
#include "model/micro_batches.hpp"
#include "model/predicted_label.hpp"
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

template <class T>
std::span<const T> row_of(MatrixView<const T> matrix, Index row) {
  return {matrix.row(row), static_cast<std::size_t>(matrix.cols)};
}

/// The true values of as many samples as `answers` has rows; `first` is the number of the first one.
template <class T>
std::span<const float> targets_of(const MicroBatch& micro_batch, Index first, MatrixView<const T> answers) {
  return micro_batch.targets.subspan(static_cast<std::size_t>(first * answers.cols),
                                     static_cast<std::size_t>(answers.rows * answers.cols));
}

/// Where the answers begin and end, of a piece whose first sample is number `first`.
std::span<const std::int32_t> ends_of(const MicroBatch& micro_batch, const RaggedBatch& piece, Index first) {
  return micro_batch.labels.subspan(2 * static_cast<std::size_t>(first), 2 * static_cast<std::size_t>(piece.samples()));
}

/// Whether a window's logits are largest where its answer begins and ends.
template <class T>
bool finds_answer(MatrixView<const T> logits, std::span<const std::int32_t> ends) {
  for (Index end = 0; end < 2; ++end)
    for (Index row = 0; row < logits.rows; ++row)
      if (logits(row, end) > logits(ends[static_cast<std::size_t>(end)], end)) return false;
  return true;
}

}  // namespace

template <class T>
GradientAccumulator<T>::GradientAccumulator(const Network<T>& network, const AccumulatorOptions& options)
    : network_(network),
      options_(options),
      gradients_(network.layout()),
      views_(bind_parameters(network.config(), network.widths(), gradients_.values())) {}

template <class T>
void GradientAccumulator<T>::mark(const Reach& reach, std::span<const std::int32_t> words) {
  const bool alone = reach.exits == ExitLosses::alone || reach.exits == ExitLosses::alone_from_full_width;
  const auto specs = network_.layout().specs();
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const ParameterSpec& spec = specs[i];
    bool reached = false;
    switch (spec.component) {
      case Component::encoder:
        reached = !alone && (spec.width < 0 || reach.width == nullptr || spec.width == reach.width->index());
        break;
      case Component::router:
        reached = !alone && reach.router;
        break;
      case Component::exit:
        reached = reach.exits != ExitLosses::none;
    }
    if (reached) gradients_.participates()[i] = true;
  }
  if (alone) return;
  if (network_.config().fills_masks)
    gradients_.words().add_all();  // as the last layer of the head
  else
    gradients_.words().add(words);
}

template <class T>
MicroBatchOutcome GradientAccumulator<T>::add(const MicroBatch& micro_batch) {
  mark({.width = micro_batch.distillation ? nullptr : &micro_batch.width,
        .router = static_cast<bool>(micro_batch.width_labels),
        .exits = micro_batch.exits},
       micro_batch.tokens.ids);
  MicroBatchOutcome outcome;
  for_each_micro_batch(micro_batch.tokens, options_.piece_tokens,
                       [&](const RaggedBatch& piece, Index first) { add_piece(micro_batch, piece, first, outcome); });
  return outcome;
}

template <class T>
void GradientAccumulator<T>::add_piece(const MicroBatch& micro_batch, const RaggedBatch& piece, Index first,
                                       MicroBatchOutcome& outcome) {
  PassPlan plan = {.widths = {micro_batch.width.index()}, .exits = micro_batch.exits != ExitLosses::none};
  if (micro_batch.distillation) {
    plan.widths.clear();
    for (const Width& width : network_.widths()) plan.widths.push_back(width.index());
  }
  TrainingPass<T> pass(network_.encoder(), workspace_, {.activations = options_.activations});
  pass.forward(piece, plan, dropout_plan(micro_batch, first));

  const std::size_t place = plan.widths.size() - 1;
  OutputGradients<T> losses;
  losses.logits.resize(plan.widths.size());
  losses.encoded.resize(plan.widths.size());
  const Index row =
      network_.config().labels_tokens() ? micro_batch.tokens.head_offsets[static_cast<std::size_t>(first)] : first;
  const MatrixView<T> d_logits = workspace_.matrix<T>(pass.logits(place).rows, network_.config().num_labels());
  add_task_loss(micro_batch, piece, row, pass.logits(place), d_logits, outcome);
  if (micro_batch.exits == ExitLosses::alone || micro_batch.exits == ExitLosses::alone_from_full_width) {
    losses.logits.clear();
    losses.encoded.clear();
    losses.exits_alone = true;
  } else {
    losses.logits[place] = d_logits;
  }
  if (micro_batch.distillation) add_narrow_losses(micro_batch, piece, row, pass, losses, outcome);
  if (plan.exits) add_exit_losses(micro_batch, piece, row, pass, losses);
  if (micro_batch.width_labels) add_router_loss(micro_batch, first, pass, losses, outcome);
  pass.backward(losses, views_);
}

template <class T>
double GradientAccumulator<T>::label_loss(const MicroBatch& micro_batch, const RaggedBatch& piece, Index first,
                                          MatrixView<const T> logits, double weight, MatrixView<T> d_logits) {
  const auto rows = static_cast<std::size_t>(logits.rows), from = static_cast<std::size_t>(first);
  if (network_.config().finds_answers)
    return span_cross_entropy<T>(logits, piece.head_offsets, ends_of(micro_batch, piece, first), weight,
                                 workspace_.matrix<T>(logits.rows, logits.cols), d_logits);
  if (network_.config().is_regression())
    return squared_error<T>(logits, targets_of(micro_batch, first, logits), weight, d_logits);
  if (network_.config().multi_label)
    return binary_cross_entropy<T>(logits, micro_batch.labels.subspan(from, rows), weight, d_logits);
  return cross_entropy<T>(logits, micro_batch.labels.subspan(from, rows), weight, d_logits, d_logits,
                          micro_batch.class_weights);
}

template <class T>
void GradientAccumulator<T>::add_narrow_losses(const MicroBatch& micro_batch, const RaggedBatch& piece, Index first,
                                               const TrainingPass<T>& pass, OutputGradients<T>& losses,
                                               MicroBatchOutcome& outcome) {
  const Distillation& distillation = *micro_batch.distillation;
  const std::size_t narrow = losses.logits.size() - 1;
  const MatrixView<const T> teacher = pass.logits(narrow);
  outcome.narrow_losses.resize(narrow);
  outcome.narrow_right.resize(narrow);
  for (std::size_t w = 0; w < narrow; ++w) {
    const MatrixView<const T> student = pass.logits(w);
    const double weight =
        micro_batch.task_weight * (micro_batch.width_weights.empty() ? 1.0 : micro_batch.width_weights[w]);
    const MatrixView<T> d_student = workspace_.matrix<T>(student.rows, student.cols);
    outcome.narrow_losses[w] +=
        label_loss(micro_batch, piece, first, student, weight * (1 - distillation.weight), d_student);
    if (network_.config().finds_answers) {
      span_distillation<T>(student, teacher, piece.head_offsets, distillation.temperature, weight * distillation.weight,
                           d_student);
    } else if (network_.config().is_regression()) {
      std::vector<float> values;
      for (Index s = 0; s < teacher.rows; ++s)
        for (const T value : row_of(teacher, s)) values.push_back(static_cast<float>(value));
      const MatrixView<T> from_teacher = workspace_.matrix<T>(student.rows, student.cols);
      squared_error<T>(student, values, weight * distillation.weight, from_teacher);
      kernels::add<T>(from_teacher, d_student);
    } else if (network_.config().multi_label) {
      binary_distillation<T>(student, teacher, distillation.temperature, weight * distillation.weight, d_student);
    } else {
      sharcs::internal::distillation<T>(student, teacher, distillation.temperature, weight * distillation.weight,
                                        d_student);
    }
    losses.logits[w] = d_student;
    if (distillation.hidden_weight > 0) {
      const MatrixView<const T> ours = pass.encoded(w);
      const MatrixView<T> d_encoded = workspace_.matrix<T>(ours.rows, ours.cols);
      eigen_map(d_encoded).setZero();
      // All tokens together weigh as much as the rows of logits, or as the windows.
      const Index losses_rows = network_.config().finds_answers ? piece.samples() : student.rows;
      const double rows = static_cast<double>(losses_rows) / static_cast<double>(ours.rows);
      hidden_distance<T>(ours, pass.encoded(narrow), weight * rows * distillation.hidden_weight, d_encoded);
      losses.encoded[w] = d_encoded;
    }
    if (network_.config().per_token) {
      for (Index s = 0; s < piece.samples(); ++s) {
        const Index begin = piece.head_offsets[static_cast<std::size_t>(s)],
                    end = piece.head_offsets[static_cast<std::size_t>(s) + 1];
        if (network_.config().finds_answers) {
          const auto ends = ends_of(micro_batch, piece, first).subspan(2 * static_cast<std::size_t>(s), 2);
          outcome.narrow_right[w].push_back(finds_answer(student.row_range(begin, end - begin), ends) ? 1.0f : 0.0f);
          continue;
        }
        const auto rows_right = [&](MatrixView<const T> logits) {
          Index right = 0;
          for (Index r = begin; r < end; ++r)
            right += predicted_label(network_.config(), row_of(logits, r)) ==
                     micro_batch.labels[static_cast<std::size_t>(first + r)];
          return right;
        };
        const Index right = rows_right(student);
        outcome.narrow_right[w].push_back(network_.config().fills_masks
                                              ? (right >= rows_right(teacher) ? 1.0f : 0.0f)
                                              : static_cast<float>(right) / static_cast<float>(end - begin));
      }
      continue;
    }
    for (Index s = 0; s < student.rows; ++s) {
      bool right = false;
      const auto i = static_cast<std::size_t>(first + s);
      if (network_.config().is_regression()) {
        const std::span<const float> targets = targets_of(micro_batch, first + s, student.row_range(s, 1));
        right = value_distance(row_of(student, s), targets) <= 1.1 * value_distance(row_of(teacher, s), targets) + 1e-3;
      } else {
        right = predicted_label(network_.config(), row_of(student, s)) == micro_batch.labels[i];
      }
      outcome.narrow_right[w].push_back(right ? 1.0f : 0.0f);
    }
  }
}

template <class T>
void GradientAccumulator<T>::add_exit_losses(const MicroBatch& micro_batch, const RaggedBatch& piece, Index first,
                                             const TrainingPass<T>& pass, OutputGradients<T>& losses) {
  const auto& exits = network_.encoder().weights.exits;
  const double layers = network_.config().num_hidden_layers;
  losses.exit_logits.resize(exits.size());
  losses.exit_scores.resize(exits.size());
  for (std::size_t e = 0; e < exits.size(); ++e) {
    const MatrixView<const T> logits = pass.exit_logits(e);
    if (!logits) continue;
    // A deeper exit counts for more (as PABEE weights them). On a frozen encoder each has only itself to care for.
    const bool joint = micro_batch.exits == ExitLosses::joint;
    const double weight = micro_batch.task_weight * (joint ? exits[e].layer / (layers * (layers + 1) / 2) : 1);
    const MatrixView<T> d_logits = workspace_.matrix<T>(logits.rows, logits.cols);
    if (micro_batch.exits == ExitLosses::alone_from_full_width && !network_.config().is_regression()) {
      eigen_map(d_logits).setZero();
      const MatrixView<const T> teacher = pass.logits(pass.sub_networks() - 1);
      if (network_.config().finds_answers)
        span_distillation<T>(logits, teacher, piece.head_offsets, 1, weight, d_logits);
      else if (network_.config().multi_label)
        binary_distillation<T>(logits, teacher, 1, weight, d_logits);
      else
        distillation<T>(logits, teacher, 1, weight, d_logits);
    } else {
      label_loss(micro_batch, piece, first, logits, weight, d_logits);
    }
    losses.exit_logits[e] = d_logits;
    const MatrixView<const T> scores = pass.exit_scores(e);
    if (!scores || network_.config().is_regression()) continue;
    std::vector<float> right;
    for (Index s = 0; s < logits.rows; ++s) {
      const auto label = micro_batch.labels[static_cast<std::size_t>(first + s)];
      right.push_back(predicted_label(network_.config(), row_of(logits, s)) == label ? 1.0f : 0.0f);
    }
    const MatrixView<T> d_scores = workspace_.matrix<T>(scores.rows, 1);
    binary_cross_entropy<T>(scores, {right.data(), scores.rows, 1}, micro_batch.task_weight, d_scores);
    losses.exit_scores[e] = d_scores;
  }
}

template <class T>
void GradientAccumulator<T>::add_router_loss(const MicroBatch& micro_batch, Index first_sample,
                                             const TrainingPass<T>& pass, OutputGradients<T>& losses,
                                             MicroBatchOutcome& outcome) {
  const MatrixView<const T> logits = pass.router_logits();
  const MatrixView<T> d_router_logits = workspace_.matrix<T>(logits.rows, logits.cols);
  const MatrixView<const float> labels = micro_batch.width_labels.row_range(first_sample, logits.rows);
  std::vector<float> targets;
  for (Index s = 0; s < logits.rows; ++s) {
    const float* row = labels.row(s);
    targets.insert(targets.end(), row, row + logits.cols);
    if (!std::isnan(row[0])) continue;
    float* const target = targets.data() + s * logits.cols;
    for (std::size_t w = 0; w < outcome.narrow_right.size(); ++w)
      target[w] = outcome.narrow_right[w][static_cast<std::size_t>(first_sample + s)];
    target[logits.cols - 1] = logits.cols > 1 ? 1 - target[logits.cols - 2] : 1.0f;
  }
  outcome.router_loss += binary_cross_entropy<T>(logits, {targets.data(), logits.rows, logits.cols},
                                                 micro_batch.router_weight, d_router_logits);
  losses.router_logits = d_router_logits;
}

template <class T>
DropoutPlan GradientAccumulator<T>::dropout_plan(const MicroBatch& micro_batch, Index first) const {
  if (!options_.dropout) return {};
  const ModelConfig& config = network_.config();
  return {
      .hidden = static_cast<float>(config.hidden_dropout_prob),
      .attention = static_cast<float>(config.attention_probs_dropout_prob),
      .classifier = network_.encoder().classifier_dropout(),
      .of_embeddings = network_.encoder().embedding_dropout(),
      .key = micro_batch.dropout_key,
      .first_token = static_cast<std::uint64_t>(micro_batch.first_token + micro_batch.tokens.offsets[first]),
      .first_sample = static_cast<std::uint64_t>(
          config.per_token ? micro_batch.first_word + micro_batch.tokens.head_offsets[static_cast<std::size_t>(first)]
                           : micro_batch.first_sample + first)};
}

template <class T>
void GradientAccumulator<T>::add_task_loss(const MicroBatch& micro_batch, const RaggedBatch& piece, Index first,
                                           MatrixView<const T> logits, MatrixView<T> d_logits,
                                           MicroBatchOutcome& outcome) {
  if (network_.config().is_regression()) {
    outcome.task_loss +=
        squared_error<T>(logits, targets_of(micro_batch, first, logits), micro_batch.task_weight, d_logits);
    for (Index s = 0; s < logits.rows; ++s)
      outcome.confidence_or_error.push_back(static_cast<float>(
          value_distance(row_of(logits, s), targets_of(micro_batch, first + s, logits.row_range(s, 1)))));
    return;
  }
  if (network_.config().finds_answers) {
    const MatrixView<T> probabilities = workspace_.matrix<T>(logits.rows, logits.cols);
    const std::span<const std::int32_t> ends = ends_of(micro_batch, piece, first);
    outcome.task_loss +=
        span_cross_entropy<T>(logits, piece.head_offsets, ends, micro_batch.task_weight, probabilities, d_logits);
    for (Index s = 0; s < piece.samples(); ++s) {
      const Index begin = piece.head_offsets[static_cast<std::size_t>(s)];
      const auto i = 2 * static_cast<std::size_t>(s);
      outcome.confidence_or_error.push_back(
          static_cast<float>(probabilities(begin + ends[i], 0) * probabilities(begin + ends[i + 1], 1)));
    }
    return;
  }
  const std::span<const std::int32_t> labels =
      micro_batch.labels.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(logits.rows));
  if (network_.config().multi_label) {
    outcome.task_loss += binary_cross_entropy<T>(logits, labels, micro_batch.task_weight, d_logits);
    for (Index s = 0; s < logits.rows; ++s) {
      const std::vector<float> row(logits.row(s), logits.row(s) + logits.cols);
      outcome.confidence_or_error.push_back(static_cast<float>(probability_of_truth(
          network_.config(), probabilities_of(network_.config(), row), labels[static_cast<std::size_t>(s)])));
    }
    return;
  }
  const Workspace::Mark mark = workspace_.mark();
  const MatrixView<T> probabilities = workspace_.matrix<T>(logits.rows, logits.cols);
  outcome.task_loss +=
      cross_entropy<T>(logits, labels, micro_batch.task_weight, probabilities, d_logits, micro_batch.class_weights);
  if (network_.config().fills_masks) {
    for (Index s = 0; s < piece.samples(); ++s) {
      const Index begin = piece.head_offsets[static_cast<std::size_t>(s)],
                  end = piece.head_offsets[static_cast<std::size_t>(s) + 1];
      double sum = 0;
      for (Index r = begin; r < end; ++r)
        sum += static_cast<double>(probabilities(r, labels[static_cast<std::size_t>(r)]));
      outcome.confidence_or_error.push_back(static_cast<float>(sum / static_cast<double>(end - begin)));
    }
    workspace_.release(mark);
    return;
  }
  if (network_.config().per_token) {
    for (Index s = 0; s < piece.samples(); ++s) {
      float least = 1, greatest = 0;
      for (Index r = piece.head_offsets[static_cast<std::size_t>(s)];
           r < piece.head_offsets[static_cast<std::size_t>(s) + 1]; ++r) {
        least = std::min(least, static_cast<float>(probabilities(r, labels[static_cast<std::size_t>(r)])));
        greatest = std::max(greatest, entropy_of<T>(probabilities, r));
      }
      outcome.confidence_or_error.push_back(least);
      outcome.entropy.push_back(greatest);
    }
    workspace_.release(mark);
    return;
  }
  for (Index s = 0; s < logits.rows; ++s) {
    outcome.confidence_or_error.push_back(static_cast<float>(probabilities(s, labels[static_cast<std::size_t>(s)])));
    outcome.entropy.push_back(entropy_of<T>(probabilities, s));
  }
  workspace_.release(mark);
}

template class GradientAccumulator<float>;
template class GradientAccumulator<double>;

}  // namespace sharcs::internal
