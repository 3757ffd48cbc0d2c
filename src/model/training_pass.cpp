#include "model/training_pass.hpp"

#include <numeric>

#include "core/eigen_map.hpp"

namespace sharcs::internal {

template <class T>
void TrainingPass<T>::forward(const RaggedBatch& batch, const Width& width, const DropoutPlan& dropout) {
  batch_ = &batch;
  width_ = &width;
  dropout_ = dropout;
  last_offsets_ = batch.offsets;
  if (options_.last_layer == LastLayer::first_tokens) {
    const std::span<Index> one_each = workspace_.span<Index>(batch.samples() + 1);
    std::iota(one_each.begin(), one_each.end(), Index{0});
    last_offsets_ = one_each;
  }
  const Index layers = encoder_.config.num_hidden_layers, stem = encoder_.stem_layers();
  embeddings_ = encoder_.embed(batch, dropout, workspace_);
  MatrixView<const T> x = embeddings_.output;
  for (Index i = 0; i < layers; ++i) {
    layers_.push_back(forward_layer(i, x));
    x = layers_.back().output;
    if (encoder_.weights.router && i + 1 == stem) {
      router_ = router_forward<T>(*encoder_.weights.router, x, batch.offsets, workspace_);
      reduction_ =
          reduction_forward<T>(*encoder_.weights.router, width.index(), width.hidden(), encoder_.eps(), x, workspace_);
      x = reduction_.output;
    }
  }
  head_ = encoder_.head().forward(x, last_offsets_, dropout, workspace_);
}

template <class T>
LayerPass<T> TrainingPass<T>::layer_pass(Index i) const {
  const std::span<const Index> offsets = batch_->offsets;
  const std::span<const Index> outputs = i + 1 < encoder_.config.num_hidden_layers ? offsets : last_offsets_;
  return i < encoder_.stem_layers() ? encoder_.stem_layer(i, offsets, outputs)
                                    : encoder_.adaptive_layer(i, *width_, offsets, outputs);
}

template <class T>
LayerCache<T> TrainingPass<T>::forward_layer(Index i, MatrixView<const T> x) {
  const auto number = static_cast<std::uint64_t>(i);
  const LayerPass<T> pass = layer_pass(i);
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
  if (i == 0) return embeddings_.output;
  if (encoder_.weights.router && i == encoder_.stem_layers()) return reduction_.output;
  return layers_[static_cast<std::size_t>(i - 1)].output;
}

template <class T>
void TrainingPass<T>::backward(ConstMatrix<T> d_logits, ConstMatrix<T> d_router_logits,
                               const EncoderParameters<T>& gradient, std::vector<std::vector<T>>* d_head_masks) {
  const Workspace::Mark mark = workspace_.mark();
  const Index layers = encoder_.config.num_hidden_layers, stem = encoder_.stem_layers(), tokens = batch_->tokens();
  MatrixView<T> d_x = workspace_.matrix<T>(layers_.back().output.rows, layers_.back().output.cols);
  encoder_.head().backward(head_, last_offsets_, dropout_, d_logits, gradient.head_dense, gradient.head_output, d_x,
                           workspace_);
  for (Index i = layers - 1; i >= 0; --i) {
    if (encoder_.weights.router && i + 1 == stem) {
      const MatrixView<T> d_stem = workspace_.matrix<T>(tokens, encoder_.config.hidden_size);
      eigen_map(d_stem).setZero();
      reduction_backward<T>(*encoder_.weights.router, width_->index(), layers_[static_cast<std::size_t>(i)].output,
                            reduction_, d_x, *gradient.router, d_stem);
      if (d_router_logits)
        router_backward<T>(*encoder_.weights.router, router_, batch_->offsets, d_router_logits, *gradient.router,
                           d_stem, workspace_);
      d_x = d_stem;
    }
    MatrixView<T> d_input = d_x;
    if (d_x.rows < tokens) d_input = workspace_.matrix<T>(tokens, d_x.cols);
    const Workspace::Mark layer_mark = workspace_.mark();
    const auto number = static_cast<std::uint64_t>(i);
    LayerCache<T> cache = layers_[static_cast<std::size_t>(i)];
    const LayerPass<T> pass = layer_pass(i);
    if (options_.activations == Activations::recompute)
      cache = pass.forward_training(cache.input, dropout_, number, workspace_);
    pass.backward(
        cache, dropout_, number, d_x, d_input, gradient.layer(i), workspace_,
        d_head_masks != nullptr ? std::span<T>((*d_head_masks)[static_cast<std::size_t>(i)]) : std::span<T>());
    workspace_.release(layer_mark);
    d_x = d_input;
  }
  encoder_.embed_backward(*batch_, embeddings_, dropout_, d_x, gradient, workspace_);
  workspace_.release(mark);
}

template class TrainingPass<float>;
template class TrainingPass<double>;

}  // namespace sharcs::internal
