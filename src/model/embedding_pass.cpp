#include "model/embedding_pass.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "model/stopping.hpp"
#include "nn/pooling.hpp"

namespace sharcs::internal {

template <class T>
void embed_samples(const Encoder<T>& encoder, const RaggedBatch& batch, int layer, Pooling pooling,
                   Workspace& workspace, MatrixView<T> vectors, const std::stop_token& stop) {
  const Workspace::Mark mark = workspace.mark();
  const Width& full = encoder.widths.full();
  std::vector<int> layers;  // that run
  for (int i = 0; i < std::min<int>(layer, static_cast<int>(encoder.stem_layers())); ++i) layers.push_back(i);
  for (const int i : full.layers())
    if (i >= encoder.stem_layers() && i < layer) layers.push_back(i);

  MatrixView<const T> x = encoder.embed(batch, {}, workspace).output;
  MatrixView<T> next = workspace.template matrix<T>(batch.tokens(), x.cols);
  MatrixView<T> spare = workspace.template matrix<T>(batch.tokens(), x.cols);
  bool reduced = encoder.is_plain(full);
  for (const int i : layers) {
    throw_if_stopped(stop);
    if (i >= encoder.stem_layers() && !std::exchange(reduced, true))
      x = reduction_forward<T>(*encoder.weights.router, full.index(), full.hidden(), encoder.eps(), x, workspace)
              .output;
    const std::span<const Index> offsets = batch.offsets;
    const LayerPass<T> pass = i < encoder.stem_layers() ? encoder.stem_layer(i, offsets, offsets)
                                                        : encoder.adaptive_layer(i, full, offsets, offsets);
    pass.forward(x, next, workspace);
    x = next;
    std::swap(next, spare);
  }
  if (layer == encoder.config.num_hidden_layers) x = encoder.finished(x, full, {}, workspace);
  const std::span<const Index> begins(batch.offsets.data(), static_cast<std::size_t>(batch.samples()));
  const std::span<const Index> ends(batch.offsets.data() + 1, static_cast<std::size_t>(batch.samples()));
  if (pooling == Pooling::mean) {
    mean_over_tokens<T>(x, begins, ends, vectors);
  } else {
    for (Index s = 0; s < batch.samples(); ++s) std::copy_n(x.row(begins[s]), x.cols, vectors.row(s));
  }
  workspace.release(mark);
}

template void embed_samples(const Encoder<float>&, const RaggedBatch&, int, Pooling, Workspace&, MatrixView<float>,
                            const std::stop_token&);

}  // namespace sharcs::internal
