#pragma once

#include <vector>

#include "model/encoder.hpp"

namespace sharcs {

/// What a forward pass leaves for its backward.
enum class Activations {
  keep,       ///< everything
  recompute,  ///< the layers' inputs; backward runs each layer forward again, which gives the same bits
};

/// One forward and backward over a ragged micro-batch whose samples all run at one width.
///
/// The activations stand in the workspace given to the constructor, from its first forward until the pass is destroyed.
template <class T>
class TrainingPass {
 public:
  TrainingPass(const Encoder<T>& encoder, Workspace& workspace, Activations activations = Activations::keep)
      : encoder_(encoder), workspace_(workspace), mark_(workspace.mark()), activations_(activations) {}
  ~TrainingPass() { workspace_.release(mark_); }
  TrainingPass(const TrainingPass&) = delete;
  TrainingPass& operator=(const TrainingPass&) = delete;

  /// The batch must outlive the pass. Runs once.
  void forward(const RaggedBatch& batch, const Width& width, const DropoutPlan& dropout);

  /// [samples, labels].
  MatrixView<const T> logits() const { return head_.logits; }
  /// [samples, widths]; empty without a router.
  MatrixView<const T> router_logits() const { return router_.logits; }
  /// Input of layer i for i < layers, then the encoder's output; narrow from the router's layer on. [tokens, hidden].
  MatrixView<const T> hidden_state(Index i) const;

  /// Adds the gradients of the loss to `gradient`. d_logits: [samples, labels]; d_router_logits: [samples, widths], or
  /// empty when the router takes no part. `d_head_masks` (one vector a layer, or empty) receives the gradients by head
  /// masks.
  void backward(ConstMatrix<T> d_logits, ConstMatrix<T> d_router_logits, const EncoderParameters<T>& gradient,
                std::vector<std::vector<T>>* d_head_masks = nullptr);

 private:
  LayerCache<T> forward_layer(Index i, MatrixView<const T> x);
  LayerPass<T> layer_pass(Index i) const {
    return i < encoder_.stem_layers() ? encoder_.stem_layer(i, batch_->offsets)
                                      : encoder_.adaptive_layer(i, *width_, batch_->offsets);
  }

  const Encoder<T>& encoder_;
  Workspace& workspace_;
  Workspace::Mark mark_;
  Activations activations_;
  const RaggedBatch* batch_ = nullptr;
  const Width* width_ = nullptr;
  DropoutPlan dropout_;
  EmbeddingCache<T> embeddings_;
  std::vector<LayerCache<T>> layers_;  // only input and output of each where activations are recomputed
  RouterCache<T> router_;
  ReductionCache<T> reduction_;
  typename HeadPass<T>::Cache head_;
};

}  // namespace sharcs
