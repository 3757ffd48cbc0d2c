#pragma once

#include <optional>
#include <vector>

#include "model/encoder.hpp"

namespace sharcs::internal {

/// What a forward pass leaves for its backward.
enum class Activations {
  keep,       ///< everything
  recompute,  ///< the layers' inputs; backward runs each layer forward again, which gives the same bits
};

/// Which tokens' vectors come out of the last layer. Of a model that labels tokens always all.
enum class LastLayer {
  first_tokens,  ///< those that the head reads: the first of each sample, or all where it reads their mean
  all_tokens,
};

struct PassOptions {
  Activations activations = Activations::keep;
  LastLayer last_layer = LastLayer::first_tokens;
};

/// What a pass runs. The stem and the router run always, once, whatever follows.
struct PassPlan {
  /// The sub-networks, by index, ascending.
  std::vector<int> widths;
  /// Whether the exits after the layers that run at full width answer, too.
  bool exits = false;
};

/// The gradients of a loss by what a pass put out. What is left empty takes no part in the loss. Of a model that labels
/// tokens, "samples" of logits are the tokens that the head reads (RaggedBatch::head_tokens), those of `encoded` all.
template <class T>
struct OutputGradients {
  std::vector<MatrixView<const T>> logits = {};       ///< for each width of the plan, [samples, labels]
  std::vector<MatrixView<const T>> encoded = {};      ///< for each width of the plan, [samples, hidden(r)]
  MatrixView<const T> router_logits = {};             ///< [samples, widths]
  std::vector<MatrixView<const T>> exit_logits = {};  ///< for each exit, [samples, labels]
  std::vector<MatrixView<const T>> exit_scores = {};  ///< for each exit, [samples, 1]; reaches the score's layer only
  /// The exits' losses reach nothing but the exits' heads. The other gradients have to be empty.
  bool exits_alone = false;
};

/// One forward and backward over a ragged micro-batch: the stem once, then every sub-network of the plan on the same
/// samples.
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
  void forward(const RaggedBatch& batch, const PassPlan& plan, const DropoutPlan& dropout);
  /// One sub-network alone.
  void forward(const RaggedBatch& batch, const Width& width, const DropoutPlan& dropout) {
    forward(batch, PassPlan{.widths = {width.index()}}, dropout);
  }

  /// Of the sub-network at `place` in the plan: [samples, labels], or [head_tokens, labels].
  MatrixView<const T> logits(std::size_t place = 0) const { return tails_[place].head.logits; }
  /// What its head reads: the last layer's vectors of the first tokens, or the mean of all, [samples, hidden(r)]; of a
  /// model that labels tokens those of all, [tokens, hidden(r)].
  MatrixView<const T> encoded(std::size_t place) const {
    return encoder_.reads_means() ? tails_[place].head.read : tails_[place].output;
  }
  /// How many sub-networks the plan has.
  std::size_t sub_networks() const { return tails_.size(); }
  /// [samples, widths]; empty without a router.
  MatrixView<const T> router_logits() const { return router_.logits; }
  /// Of exit number `exit` of the encoder: [samples, labels], and the logits of its scores [samples, 1], empty where it
  /// has none. Both are empty where the exit did not run.
  MatrixView<const T> exit_logits(std::size_t exit) const { return exits_[exit].head.logits; }
  MatrixView<const T> exit_scores(std::size_t exit) const { return exits_[exit].score; }
  /// For a plan of one width: input of layer i for i < layers, then the encoder's output, with pre-norm behind its last
  /// LayerNorm; narrow from the router's
  /// layer on. [tokens, hidden]; the encoder's output may be [samples, hidden], as LastLayer says. All layers must run.
  MatrixView<const T> hidden_state(Index i) const;

  /// Adds the gradients of the loss to `gradient`. `d_head_masks` (one vector a layer, or empty) receives the gradients
  /// by head masks. `d_residual` (one element a dimension, or empty) receives Σ |Σ x · ∂loss/∂x| of the outputs x of
  /// the stem and of the layers after it: the outer sum over samples, the inner one over a sample's tokens. Both are
  /// for a plan of full width alone.
  void backward(const OutputGradients<T>& losses, const EncoderParameters<T>& gradient,
                std::vector<std::vector<T>>* d_head_masks = nullptr, std::vector<double>* d_residual = nullptr);
  /// The same for a plan of one width.
  void backward(ConstMatrix<T> d_logits, ConstMatrix<T> d_router_logits, const EncoderParameters<T>& gradient,
                std::vector<std::vector<T>>* d_head_masks = nullptr) {
    backward({.logits = {d_logits}, .router_logits = d_router_logits}, gradient, d_head_masks);
  }

 private:
  /// The layers after the stem at one width, and the head.
  struct Tail {
    const Width* width;
    std::optional<ReductionCache<T>> reduction = {};  // none where the width is plain
    std::vector<LayerCache<T>> layers = {};           // only input and output of each where activations are recomputed
    MatrixView<const T> last = {}, output = {};  // of the last layer, and that behind the last LayerNorm with pre-norm
    std::span<kernels::RowStatistics<T>> statistics = {};
    typename HeadPass<T>::Cache head = {};
  };
  struct ExitCache {
    typename HeadPass<T>::Cache head;
    MatrixView<T> score;  // its logit
  };
  /// Layer `index` of the encoder at a width; in the stem the width does not matter.
  LayerPass<T> layer_pass(Index index, const Width& width) const;
  LayerCache<T> forward_layer(Index index, const Width& width, MatrixView<const T> x);
  void forward_tail(const Width& width, MatrixView<const T> x);
  /// Runs the exit after layer `layer` of full width, counted from 1, if there is one. x: [tokens, hidden].
  void forward_exit(Index layer, MatrixView<const T> x);
  struct Backward;

  const Encoder<T>& encoder_;
  Workspace& workspace_;
  Workspace::Mark mark_;
  PassOptions options_;
  const RaggedBatch* batch_ = nullptr;
  bool with_exits_ = false;
  std::span<const Index> one_each_;      // offsets of one row a sample
  std::span<const Index> last_offsets_;  // of the last layer's outputs
  HeadRows head_rows_;                   // of these, those that the head reads
  DropoutPlan dropout_;
  EmbeddingCache<T> embeddings_;
  std::vector<LayerCache<T>> stem_;
  RouterCache<T> router_;
  std::vector<Tail> tails_;
  std::vector<ExitCache> exits_;
};

}  // namespace sharcs::internal
