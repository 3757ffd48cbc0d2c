#pragma once

#include <vector>

#include "model/encoder.hpp"

namespace sharcs::internal {

/// What a forward pass leaves for its backward.
enum class Activations {
  keep,       ///< everything
  recompute,  ///< the layers' inputs; backward runs each layer forward again, which gives the same bits
};

/// Which tokens' vectors come out of the last layer.
enum class LastLayer {
  first_tokens,  ///< those that the head reads: the first of each sample
  all_tokens,
};

struct PassOptions {
  Activations activations = Activations::keep;
  LastLayer last_layer = LastLayer::first_tokens;
};

/// One forward and backward over a ragged micro-batch whose samples all run at one width.
///
/// The activations stand in the workspace given to the constructor, from its first forward until the pass is destroyed.
template <class T>
class TrainingPass {
 public:
  TrainingPass(const Encoder<T>& encoder, Workspace& workspace, const PassOptions& options = {})
      : encoder_(encoder), workspace_(workspace), mark_(workspace.mark()), options_(options) {}
  ~TrainingPass() { workspace_.release(mark_); }
  TrainingPass(const TrainingPass&) = delete;
  TrainingPass& operator=(const TrainingPass&) = delete;

  /// The batch must outlive the pass. Runs once.
  void forward(const RaggedBatch& batch, const Width& width, const DropoutPlan& dropout);

  /// [samples, labels].
  MatrixView<const T> logits() const { return head_.logits; }
  /// [samples, widths]; empty without a router.
  MatrixView<const T> router_logits() const { return router_.logits; }
  /// Input of layer i for i < layers, then the encoder's output; narrow from the router's layer on. [tokens, hidden];
  /// the encoder's output may be [samples, hidden], as LastLayer says.
  MatrixView<const T> hidden_state(Index i) const;

  /// Adds the gradients of the loss to `gradient`. d_logits: [samples, labels]; d_router_logits: [samples, widths], or
  /// empty when the router takes no part. `d_head_masks` (one vector a layer, or empty) receives the gradients by head
  /// masks.
  void backward(ConstMatrix<T> d_logits, ConstMatrix<T> d_router_logits, const EncoderParameters<T>& gradient,
                std::vector<std::vector<T>>* d_head_masks = nullptr);

 private:
  LayerCache<T> forward_layer(Index i, MatrixView<const T> x);
  LayerPass<T> layer_pass(Index i) const;

  const Encoder<T>& encoder_;
  Workspace& workspace_;
  Workspace::Mark mark_;
  PassOptions options_;
  const RaggedBatch* batch_ = nullptr;
  const Width* width_ = nullptr;
  std::span<const Index> last_offsets_;  // of the last layer's outputs
  DropoutPlan dropout_;
  EmbeddingCache<T> embeddings_;
  std::vector<LayerCache<T>> layers_;  // only input and output of each where activations are recomputed
  RouterCache<T> router_;
  ReductionCache<T> reduction_;
  typename HeadPass<T>::Cache head_;
};

}  // namespace sharcs::internal
