#include "model/training_pass.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/eigen_map.hpp"
#include "nn/pooling.hpp"

namespace sharcs::internal {

template <class T>
void TrainingPass<T>::forward(const RaggedBatch& batch, const PassPlan& plan, const DropoutPlan& dropout) {
  batch_ = &batch;
  dropout_ = dropout;
  with_exits_ = plan.exits;
  const std::span<Index> one_each = workspace_.span<Index>(batch.samples() + 1);
  std::iota(one_each.begin(), one_each.end(), Index{0});
  one_each_ = one_each;
  const bool per_token = encoder_.config.per_token;
  const bool firsts = options_.last_layer == LastLayer::first_tokens && encoder_.reads_first_tokens();
  last_offsets_ = firsts ? one_each_ : std::span<const Index>(batch.offsets);
  head_rows_ = HeadRows::of_samples(last_offsets_);
  if (per_token) {
    const std::span<Index> rows = workspace_.span<Index>(std::ssize(batch.head_tokens));
    batch.write_head_rows(rows);
    head_rows_ = {rows};
  }
  exits_.resize(encoder_.weights.exits.size());
  embeddings_ = encoder_.embed(batch, dropout, workspace_);
  MatrixView<const T> x = embeddings_.output;
  for (Index i = 0; i < encoder_.stem_layers(); ++i) {
    stem_.push_back(forward_layer(i, encoder_.widths.full(), x));
    x = stem_.back().output;
    forward_exit(i + 1, x);
  }
  if (encoder_.weights.router)
    router_ = router_forward<T>(*encoder_.weights.router, x, batch.offsets, encoder_.eps(), workspace_);
  for (const int width : plan.widths) forward_tail(encoder_.widths[width], x);
}

template <class T>
void TrainingPass<T>::forward_tail(const Width& width, MatrixView<const T> x) {
  Tail& tail = tails_.emplace_back(Tail{.width = &width});
  if (encoder_.weights.router && !encoder_.is_plain(width)) {
    tail.reduction =
        reduction_forward<T>(*encoder_.weights.router, width.index(), width.hidden(), encoder_.eps(), x, workspace_);
    x = tail.reduction->output;
  }
  for (const int i : width.layers()) {
    tail.layers.push_back(forward_layer(i, width, x));
    x = tail.layers.back().output;
    if (width.is_full()) forward_exit(i + 1, x);
  }
  tail.last = x;
  if (encoder_.backbone->is_pre_norm()) tail.statistics = workspace_.span<kernels::RowStatistics<T>>(x.rows);
  tail.output = encoder_.finished(x, width, tail.statistics, workspace_);
  tail.head = encoder_.head().forward(tail.output, head_rows_, dropout_, workspace_);
}

template <class T>
void TrainingPass<T>::forward_exit(Index layer, MatrixView<const T> x) {
  if (!with_exits_ || layer == encoder_.config.num_hidden_layers) return;
  const auto& exits = encoder_.weights.exits;
  for (std::size_t e = 0; e < exits.size(); ++e) {
    if (exits[e].layer != layer) continue;
    if (encoder_.config.per_token) {
      exits_[e].head = encoder_.head(exits[e]).forward(x, head_rows_, dropout_, workspace_);
      continue;
    }
    const std::span<const Index> offsets = batch_->offsets;
    const MatrixView<T> pooled = workspace_.matrix<T>(batch_->samples(), x.cols);
    encoder_.pool_for_exit(x, offsets.first(offsets.size() - 1), offsets.subspan(1), pooled);
    exits_[e].head =
        encoder_.head(exits[e]).forward(pooled, {one_each_.first(one_each_.size() - 1)}, dropout_, workspace_);
    if (!exits[e].score) continue;
    exits_[e].score = workspace_.matrix<T>(batch_->samples(), 1);
    exits[e].score->forward(exits_[e].head.inputs, exits_[e].score);
  }
}

template <class T>
LayerPass<T> TrainingPass<T>::layer_pass(Index index, const Width& width) const {
  const std::span<const Index> offsets = batch_->offsets;
  const std::span<const Index> outputs = index + 1 < encoder_.config.num_hidden_layers ? offsets : last_offsets_;
  return index < encoder_.stem_layers() ? encoder_.stem_layer(index, offsets, outputs)
                                        : encoder_.adaptive_layer(index, width, offsets, outputs);
}

template <class T>
LayerCache<T> TrainingPass<T>::forward_layer(Index index, const Width& width, MatrixView<const T> x) {
  const auto number = static_cast<std::uint64_t>(index);
  const LayerPass<T> pass = layer_pass(index, width);
  if (options_.activations == Activations::keep) return pass.forward_training(x, dropout_, number, workspace_);
  LayerCache<T> kept;
  kept.input = x;
  kept.output = workspace_.matrix<T>(pass.outputs(), x.cols);
  const Workspace::Mark mark = workspace_.mark();
  eigen_map(kept.output) = eigen_map(pass.forward_training(x, dropout_, number, workspace_).output);
  workspace_.release(mark);
  return kept;
}

template <class T>
MatrixView<const T> TrainingPass<T>::hidden_state(Index i) const {
  const Index stem = encoder_.stem_layers();
  if (i == 0) return embeddings_.output;
  if (i == encoder_.config.num_hidden_layers && !tails_.empty()) return tails_.front().output;
  if (i < stem || tails_.empty()) return stem_[static_cast<std::size_t>(i - 1)].output;
  const Tail& tail = tails_.front();
  if (i == stem) return tail.reduction ? tail.reduction->output : MatrixView<T>(stem_.back().output);
  return tail.layers[static_cast<std::size_t>(i - stem - 1)].output;
}

/// The walk back, from the answers to the embeddings.
template <class T>
struct TrainingPass<T>::Backward {
  const TrainingPass& pass;
  const OutputGradients<T>& losses;
  const EncoderParameters<T>& gradient;
  std::vector<std::vector<T>>* d_head_masks;
  std::vector<double>* d_residual;

  Workspace& workspace() const { return pass.workspace_; }
  static bool is_given(const std::vector<MatrixView<const T>>& list, std::size_t place) {
    return place < list.size() && static_cast<bool>(list[place]);
  }
  MatrixView<T> zeros(Index rows, Index cols) const {
    const MatrixView<T> matrix = workspace().template matrix<T>(rows, cols);
    eigen_map(matrix).setZero();
    return matrix;
  }

  /// d_x: of the layer's output, overwritten. Returns the gradient of its input.
  MatrixView<T> through_layer(Index index, const Width& width, const LayerCache<T>& kept, MatrixView<T> d_x) const {
    MatrixView<T> d_input = d_x;
    const Index tokens = pass.batch_->tokens();
    if (d_x.rows < tokens) d_input = workspace().template matrix<T>(tokens, d_x.cols);
    if (d_residual != nullptr && index + 1 >= pass.encoder_.stem_layers()) add_residual_importance(kept.output, d_x);
    const Workspace::Mark layer_mark = workspace().mark();
    const auto number = static_cast<std::uint64_t>(index);
    LayerCache<T> cache = kept;
    const LayerPass<T> layer = pass.layer_pass(index, width);
    if (pass.options_.activations == Activations::recompute)
      cache = layer.forward_training(cache.input, pass.dropout_, number, workspace());
    layer.backward(
        cache, pass.dropout_, number, d_x, d_input, gradient.layer(index), workspace(),
        d_head_masks != nullptr ? std::span<T>((*d_head_masks)[static_cast<std::size_t>(index)]) : std::span<T>());
    workspace().release(layer_mark);
    return d_input;
  }

  void add_residual_importance(MatrixView<const T> x, MatrixView<const T> d_x) const {
    const bool last = x.rows < pass.batch_->tokens();
    const std::span<const Index> offsets = last ? pass.one_each_ : std::span<const Index>(pass.batch_->offsets);
    std::vector<double> sums(static_cast<std::size_t>(x.cols));
    for (std::size_t s = 0; s + 1 < offsets.size(); ++s) {
      std::ranges::fill(sums, 0.0);
      for (Index t = offsets[s]; t < offsets[s + 1]; ++t)
        for (Index c = 0; c < x.cols; ++c)
          sums[static_cast<std::size_t>(c)] += static_cast<double>(x(t, c)) * static_cast<double>(d_x(t, c));
      for (std::size_t c = 0; c < sums.size(); ++c) (*d_residual)[c] += std::abs(sums[c]);
    }
  }

  /// Adds what the exit after layer `layer`, from 1, gives the gradient of that layer's output.
  void add_exit(Index layer, MatrixView<T> d_x) const {
    const auto& exits = pass.encoder_.weights.exits;
    for (std::size_t e = 0; e < exits.size(); ++e) {
      if (exits[e].layer != layer) continue;
      const ExitCache& cache = pass.exits_[e];
      if (is_given(losses.exit_scores, e))
        exits[e].score->backward_parameters(cache.head.inputs, losses.exit_scores[e], *gradient.exits[e].score);
      if (!is_given(losses.exit_logits, e)) continue;
      const Workspace::Mark mark = workspace().mark();
      const Index samples = pass.batch_->samples();
      const auto backward = [&](const HeadRows& rows, MatrixView<T> d_read) {
        const auto& own = gradient.exits[e];
        const LinearView<T>* const shared = losses.exits_alone ? nullptr : &gradient.head_output;
        pass.encoder_.head(exits[e]).backward(cache.head, rows, pass.dropout_, losses.exit_logits[e],
                                              {.dense = own.dense ? &*own.dense : nullptr,
                                               .output = own.output ? &*own.output : shared,
                                               .input_norm = own.norm,
                                               .norm = own.head_norm},
                                              d_read, workspace());
      };
      if (pass.encoder_.config.per_token) {
        const MatrixView<T> d_tokens = workspace().template matrix<T>(pass.batch_->tokens(), cache.head.read.cols);
        backward(pass.head_rows_, d_tokens);
        if (d_x) kernels::add<T>(d_tokens, d_x);
        workspace().release(mark);
        continue;
      }
      const MatrixView<T> d_first = workspace().template matrix<T>(samples, cache.head.read.cols);
      backward({pass.one_each_.first(pass.one_each_.size() - 1)}, d_first);
      const std::span<const Index> offsets = pass.batch_->offsets;
      if (d_x && pass.encoder_.config.sharcs->exit_pooling == ExitPooling::mean)
        mean_over_tokens_backward<T>(d_first, offsets.first(offsets.size() - 1), offsets.subspan(1), d_x);
      else if (d_x)
        for (Index s = 0; s < samples; ++s)
          kernels::add<T>(d_first.row_range(s, 1), d_x.row_range(offsets[static_cast<std::size_t>(s)], 1));
      workspace().release(mark);
    }
  }

  /// From the gradient of what a sub-network's head reads to that of its last layer's output, in place.
  void through_final_norm(const Tail& tail, MatrixView<T> d_x) const {
    const auto norm = pass.encoder_.final_norm(pass.encoder_.weights, *tail.width);
    if (!norm) return;
    const auto d_norm = pass.encoder_.final_norm(gradient, *tail.width);
    kernels::layer_norm_backward<T>(d_x, tail.last, tail.statistics, norm.weight, d_x, d_norm.weight, d_norm.bias);
  }

  /// d_x: of what the head reads, overwritten.
  void head_backward(const Tail& tail, MatrixView<const T> d_logits, MatrixView<T> d_x) const {
    pass.encoder_.head().backward(tail.head, pass.head_rows_, pass.dropout_, d_logits,
                                  {.dense = gradient.head_dense ? &*gradient.head_dense : nullptr,
                                   .output = &gradient.head_output,
                                   .norm = gradient.head_norm},
                                  d_x, workspace());
  }

  /// Adds a sub-network's part to the gradient of the stem's output, [tokens, hidden].
  void through_tail(std::size_t place, MatrixView<T> d_stem) const {
    const Tail& tail = pass.tails_[place];
    const Workspace::Mark mark = workspace().mark();
    MatrixView<T> d_x = zeros(tail.last.rows, tail.last.cols);
    if (is_given(losses.logits, place)) head_backward(tail, losses.logits[place], d_x);
    if (is_given(losses.encoded, place) && pass.encoder_.reads_means())
      mean_over_tokens_backward<T>(losses.encoded[place], pass.head_rows_.begins, pass.head_rows_.ends, d_x);
    else if (is_given(losses.encoded, place))
      kernels::add<T>(losses.encoded[place], d_x);
    through_final_norm(tail, d_x);
    for (std::size_t i = tail.layers.size(); i-- > 0;) {
      const int index = tail.width->layers()[i];
      if (tail.width->is_full()) add_exit(index + 1, d_x);
      d_x = through_layer(index, *tail.width, tail.layers[i], d_x);
    }
    if (tail.reduction)
      reduction_backward<T>(*pass.encoder_.weights.router, tail.width->index(), pass.stem_.back().output,
                            *tail.reduction, d_x, *gradient.router, d_stem);
    else
      kernels::add<T>(d_x, d_stem);
    workspace().release(mark);
  }

  bool has_losses(std::size_t place) const {
    return is_given(losses.logits, place) || is_given(losses.encoded, place) ||
           (pass.tails_[place].width->is_full() && !(losses.exit_logits.empty() && losses.exit_scores.empty()));
  }

  /// A plain encoder has no layers after the stem: its head stands on it.
  void run() const {
    const Index tokens = pass.batch_->tokens(), hidden = pass.encoder_.config.hidden_size;
    const Index stem = pass.encoder_.stem_layers();
    if (losses.exits_alone) {
      for (Index layer = 1; layer < pass.encoder_.config.num_hidden_layers; ++layer) add_exit(layer, {});
      return;
    }
    MatrixView<T> d_x;
    if (pass.encoder_.weights.router) {
      d_x = zeros(tokens, hidden);
      for (std::size_t place = pass.tails_.size(); place-- > 0;)
        if (has_losses(place)) through_tail(place, d_x);
      if (losses.router_logits)
        router_backward<T>(*pass.encoder_.weights.router, pass.router_, pass.batch_->offsets, losses.router_logits,
                           *gradient.router, d_x, workspace());
    } else {
      d_x = workspace().template matrix<T>(pass.stem_.back().output.rows, hidden);
      head_backward(pass.tails_.front(), losses.logits.front(), d_x);
      through_final_norm(pass.tails_.front(), d_x);
    }
    for (Index i = stem - 1; i >= 0; --i) {
      if (i + 1 < pass.encoder_.config.num_hidden_layers) add_exit(i + 1, d_x);
      d_x = through_layer(i, pass.encoder_.widths.full(), pass.stem_[static_cast<std::size_t>(i)], d_x);
    }
    pass.encoder_.embed_backward(*pass.batch_, pass.embeddings_, pass.dropout_, d_x, gradient, workspace());
  }
};

template <class T>
void TrainingPass<T>::backward(const OutputGradients<T>& losses, const EncoderParameters<T>& gradient,
                               std::vector<std::vector<T>>* d_head_masks, std::vector<double>* d_residual) {
  const Workspace::Mark mark = workspace_.mark();
  Backward{*this, losses, gradient, d_head_masks, d_residual}.run();
  workspace_.release(mark);
}

template class TrainingPass<float>;
template class TrainingPass<double>;

}  // namespace sharcs::internal
