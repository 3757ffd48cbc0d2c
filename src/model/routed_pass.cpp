#include "model/routed_pass.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "core/threads.hpp"

namespace sharcs::internal {
namespace {

/// Layers `first` .. `last` − 1, from x to the returned matrix; two buffers take turns.
template <class T, class MakePass>
MatrixView<const T> run_layers(Index first, Index last, MatrixView<const T> x, const MakePass& make_pass,
                               Workspace& workspace) {
  MatrixView<T> next = workspace.matrix<T>(x.rows, x.cols), spare = workspace.matrix<T>(x.rows, x.cols);
  for (Index i = first; i < last; ++i) {
    const LayerPass<T> pass = make_pass(i);
    const MatrixView<T> output = next.leading(pass.outputs(), next.cols);
    pass.forward(x, output, workspace);
    x = output;
    std::swap(next, spare);
  }
  return x;
}

/// The rows of the tokens of some samples, one after the other: x itself for all of them.
template <class T>
MatrixView<const T> rows_of_samples(MatrixView<const T> x, const RaggedBatch& batch, std::span<const Index> members,
                                    std::span<const Index> offsets, Workspace& workspace) {
  if (offsets.back() == x.rows) return x;
  const MatrixView<T> rows = workspace.matrix<T>(offsets.back(), x.cols);
  parallel_for(static_cast<Index>(members.size()), [&](Index i) {
    const Index from = batch.offsets[members[i]];
    for (Index r = offsets[i]; r < offsets[i + 1]; ++r) std::copy_n(x.row(from + r - offsets[i]), x.cols, rows.row(r));
  });
  return rows;
}

}  // namespace

template <class T>
void run_routed(const Encoder<T>& encoder, const RaggedBatch& batch, const RouteChoice<T>& choose,
                const RouteEscalation<T>& escalate, Workspace& workspace, RoutedOutput<T>& output) {
  const Workspace::Mark mark = workspace.mark();
  const Index samples = batch.samples(), layers = encoder.config.num_hidden_layers, stem = encoder.stem_layers();
  const Index labels = encoder.config.num_labels();
  output.logits.resize(static_cast<std::size_t>(samples * labels));
  output.widths.assign(static_cast<std::size_t>(samples), encoder.widths.widest().index());
  output.router_logits.clear();

  std::vector<Index> first_tokens(static_cast<std::size_t>(samples) + 1);  // as offsets: one a sample
  std::iota(first_tokens.begin(), first_tokens.end(), Index{0});
  // The head reads each sample's first token, so the last layer is asked for no other.
  const auto outputs = [&](Index layer, std::span<const Index> offsets) {
    return layer + 1 < layers ? offsets : std::span<const Index>(first_tokens).first(offsets.size());
  };

  const MatrixView<const T> embedded = encoder.embed(batch, {}, workspace).output;
  const MatrixView<const T> x = run_layers<T>(
      0, stem, embedded, [&](Index i) { return encoder.stem_layer(i, batch.offsets, outputs(i, batch.offsets)); },
      workspace);

  if (!encoder.weights.router) {
    const MatrixView<T> logits = encoder.head().forward(x, first_tokens, {}, workspace).logits;
    std::copy_n(logits.data, samples * labels, output.logits.data());
    workspace.release(mark);
    return;
  }

  const MatrixView<T> router_logits = router_forward<T>(*encoder.weights.router, x, batch.offsets, workspace).logits;
  output.router_logits.assign(router_logits.data, router_logits.data + router_logits.rows * router_logits.cols);
  const auto row_of = [samples](const std::vector<T>& values, Index s) {
    const std::size_t cols = values.size() / static_cast<std::size_t>(samples);
    return std::span<const T>(values).subspan(static_cast<std::size_t>(s) * cols, cols);
  };
  for (Index s = 0; s < samples; ++s) output.widths[s] = choose(row_of(output.router_logits, s), s);

  std::vector<Index> pending(static_cast<std::size_t>(samples)), members, offsets;
  std::iota(pending.begin(), pending.end(), Index{0});
  while (!pending.empty()) {
    for (const Width& width : encoder.widths) {
      members.clear();
      offsets.assign(1, 0);
      for (const Index s : pending) {
        if (output.widths[s] != width.index()) continue;
        members.push_back(s);
        offsets.push_back(offsets.back() + batch.tokens(s));
      }
      if (members.empty()) continue;
      const Workspace::Mark group = workspace.mark();
      const MatrixView<const T> wide = rows_of_samples<T>(x, batch, members, offsets, workspace);
      const MatrixView<const T> narrow =
          reduction_forward<T>(*encoder.weights.router, width.index(), width.hidden(), encoder.eps(), wide, workspace)
              .output;
      const MatrixView<const T> encoded = run_layers<T>(
          stem, layers, narrow, [&](Index i) { return encoder.adaptive_layer(i, width, offsets, outputs(i, offsets)); },
          workspace);
      const MatrixView<T> logits = encoder.head().forward(encoded, outputs(layers - 1, offsets), {}, workspace).logits;
      for (std::size_t i = 0; i < members.size(); ++i)
        std::copy_n(logits.row(static_cast<Index>(i)), labels, output.logits.data() + members[i] * labels);
      workspace.release(group);
    }
    if (!escalate) break;
    std::erase_if(pending, [&](Index s) {
      const int width = output.widths[s];
      output.widths[s] = escalate(row_of(output.router_logits, s), row_of(output.logits, s), width, s);
      return output.widths[s] == width;
    });
  }
  workspace.release(mark);
}

template void run_routed(const Encoder<float>&, const RaggedBatch&, const RouteChoice<float>&,
                         const RouteEscalation<float>&, Workspace&, RoutedOutput<float>&);
template void run_routed(const Encoder<double>&, const RaggedBatch&, const RouteChoice<double>&,
                         const RouteEscalation<double>&, Workspace&, RoutedOutput<double>&);

}  // namespace sharcs::internal
