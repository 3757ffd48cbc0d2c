#include "model/encoder.hpp"

#include <algorithm>
#include <map>

#include "nn/pooling.hpp"

namespace sharcs::internal {

template <class T>
Encoder<T>::Encoder(const ModelConfig& model_config)
    : config(model_config),
      widths(config),
      answers(answers_of(config)),
      backbone(&find_backbone(config.model_type)),
      activation(backbone->activations.at(config.hidden_act)) {
  std::map<double, std::shared_ptr<const RotaryAngles>> known;
  for (int i = 0; i < config.num_hidden_layers; ++i) {
    const Sight sight = backbone->sight_of(config, i);
    auto& rotary = known[sight.theta];
    if (sight.theta > 0 && !rotary) rotary = std::make_shared<const RotaryAngles>(sight.theta, config.head_size());
    sights.push_back({sight.window, rotary});
  }
}

template <class T>
float Encoder<T>::classifier_dropout() const {
  return static_cast<float>(backbone->classifier_dropout_of(config));
}

template <class T>
std::optional<float> Encoder<T>::embedding_dropout() const {
  if (backbone->embedding_dropout == nullptr) return std::nullopt;
  return static_cast<float>(backbone->embedding_dropout(config));
}

template <class T>
void Encoder<T>::project_positions() {
  if (backbone->relative_positions.empty()) return;
  const auto whole = static_cast<std::size_t>(widths.size());
  known_positions.assign(weights.layers.size(), std::vector<KnownPositions<T>>(whole + 1));
  Workspace workspace;
  const auto& shared = weights.layers.front();
  const MatrixView<T> normal = workspace.matrix<T>(shared.positions.rows, shared.positions.cols);
  kernels::layer_norm<T>(shared.positions, shared.position_norm.weight, shared.position_norm.bias, eps(), normal);
  for (Index i = 0; i < std::ssize(weights.layers); ++i) {
    const auto project = [&](KnownPositions<T>& known, Index hidden, Index attention) {
      const MatrixView<const T> input = normal.leading(normal.rows, hidden);
      const auto forward = [&](const Linear<T>& linear, std::vector<T>& output) {
        const Workspace::Mark mark = workspace.mark();
        output.resize(static_cast<std::size_t>(normal.rows * attention));
        linear.forward(LinearInput<T>(input, linear, workspace), MatrixView<T>(output.data(), normal.rows, attention));
        workspace.release(mark);
      };
      forward(weights.layers[static_cast<std::size_t>(i)].key, known.key);
      forward(weights.layers[static_cast<std::size_t>(i)].query, known.query);
    };
    auto& slices = known_positions[static_cast<std::size_t>(i)];
    bool runs_whole = i < stem_layers();
    for (const Width& width : widths) {
      if (i < stem_layers() || std::ranges::find(width.layers(), static_cast<int>(i)) == width.layers().end()) continue;
      if (is_plain(width))
        runs_whole = true;
      else
        project(slices[static_cast<std::size_t>(width.index())], width.hidden(), width.attention());
    }
    if (runs_whole) project(slices[whole], config.hidden_size, widths.full().attention());
  }
}

template <class T>
std::size_t Encoder<T>::known_position_bytes() const {
  std::size_t count = 0;
  for (const auto& slices : known_positions)
    for (const KnownPositions<T>& known : slices) count += known.key.size() + known.query.size();
  return count * sizeof(T);
}

namespace {

template <class T>
void lend_positions(const std::vector<std::vector<KnownPositions<T>>>& known, Index layer, std::size_t slice,
                    LayerPass<T>& pass) {
  if (known.empty()) return;
  const auto& [key, query] = known[static_cast<std::size_t>(layer)][slice];
  const Index cols = pass.slice.attention(), rows = std::ssize(key) / cols;
  pass.known_position_key = MatrixView<const T>(key.data(), rows, cols);
  pass.known_position_query = MatrixView<const T>(query.data(), rows, cols);
}

}  // namespace

template <class T>
LayerPass<T> Encoder<T>::layer_pass(Index index, const LayerSlice& slice, std::span<const Index> offsets,
                                    std::span<const Index> output_offsets) const {
  LayerPass<T> pass = {weights.layer(index), slice, activation, eps(), offsets, output_offsets};
  const LayerSight& sight = sights[static_cast<std::size_t>(index)];
  pass.pre_norm = backbone->is_pre_norm();
  pass.rotary = sight.rotary.get();
  pass.window = sight.window;
  const Index known = slice.width < 0 ? widths.size() : slice.width;
  lend_positions(known_positions, index, static_cast<std::size_t>(known), pass);
  return pass;
}

template <class T>
LayerPass<T> Encoder<T>::stem_layer(Index index, std::span<const Index> offsets,
                                    std::span<const Index> output_offsets) const {
  const LayerSlice slice = {.hidden = config.hidden_size,
                            .heads = config.num_attention_heads,
                            .head_size = config.head_size(),
                            .ffn = config.intermediate_size};
  return layer_pass(index, slice, offsets, output_offsets);
}

template <class T>
LayerPass<T> Encoder<T>::adaptive_layer(Index index, const Width& width, std::span<const Index> offsets,
                                        std::span<const Index> output_offsets) const {
  if (is_plain(width)) return stem_layer(index, offsets, output_offsets);
  const LayerSlice slice = {.hidden = width.hidden(),
                            .heads = width.heads(),
                            .head_size = config.head_size(),
                            .ffn = width.ffn(),
                            .width = width.index()};
  return layer_pass(index, slice, offsets, output_offsets);
}

template <class T>
MatrixView<const T> Encoder<T>::finished(MatrixView<const T> x, const Width& width,
                                         std::span<kernels::RowStatistics<T>> statistics, Workspace& workspace) const {
  const auto norm = final_norm(weights, width);
  if (!norm) return x;
  const MatrixView<T> normal = workspace.matrix<T>(x.rows, x.cols);
  kernels::layer_norm<T>(x, norm.weight, norm.bias, eps(), normal, statistics);
  return normal;
}

template <class T>
HeadPass<T> Encoder<T>::head() const {
  return {.dense = weights.head_dense ? &*weights.head_dense : nullptr,
          .output = weights.head_output,
          .activation = backbone->activation_of_head(config),
          .dropout_before_dense = backbone->head_of(config).dropout_before_dense,
          .pooling = backbone->pooling_of(config),
          .eps = eps(),
          .norm = weights.head_norm};
}

template <class T>
HeadPass<T> Encoder<T>::head(const Exit<Linear<T>, const T>& exit) const {
  return {.dense = exit.dense ? &*exit.dense : nullptr,
          .output = exit.output ? *exit.output : weights.head_output,
          .activation = config.fills_masks ? backbone->activation_of_head(config) : kernels::Activation::tanh,
          .dropout_before_dense = false,
          .eps = eps(),
          .input_norm = exit.norm,
          .norm = exit.head_norm};
}

template <class T>
void Encoder<T>::pool_for_exit(ConstMatrix<T> x, std::span<const Index> begins, std::span<const Index> ends,
                               MatrixView<T> pooled) const {
  if (config.sharcs->exit_pooling == ExitPooling::mean) return mean_over_tokens<T>(x, begins, ends, pooled);
  for (Index s = 0; s < pooled.rows; ++s)
    std::copy_n(x.row(begins[static_cast<std::size_t>(s)]), x.cols, pooled.row(s));
}

template <class T>
EmbeddingCache<T> Encoder<T>::embed(const RaggedBatch& batch, const DropoutPlan& dropout, Workspace& workspace) const {
  const Index tokens = batch.tokens(), cols = config.word_embedding_size();
  EmbeddingCache<T> cache;
  cache.positions.resize(static_cast<std::size_t>(tokens));
  const int first = backbone->first_position(config);
  const int uncounted = backbone->uncounted_id == nullptr ? -1 : backbone->uncounted_id(config);
  for (Index s = 0; s < batch.samples(); ++s) {
    std::int32_t next = first;
    for (Index t = batch.offsets[s]; t < batch.offsets[s + 1]; ++t)
      cache.positions[t] = batch.ids[t] == uncounted ? first - 1 : next++;
  }

  cache.sum = workspace.matrix<T>(tokens, cols);
  cache.normal = workspace.matrix<T>(tokens, cols);
  cache.statistics = workspace.span<kernels::RowStatistics<T>>(tokens);
  std::vector<kernels::EmbeddingLookup<T>> lookups = {{weights.word_embeddings, batch.ids, int8_words, bf16_words}};
  if (backbone->has_positions) lookups.push_back({weights.position_embeddings, cache.positions});
  if (backbone->has_token_types) lookups.push_back({weights.token_type_embeddings, batch.token_types});
  kernels::embedding_sum(std::span<const kernels::EmbeddingLookup<T>>(lookups), cache.sum);
  kernels::layer_norm<T>(cache.sum, weights.embedding_norm.weight, weights.embedding_norm.bias, eps(), cache.normal,
                         cache.statistics);
  kernels::dropout(cache.normal, dropout.embeddings());
  cache.output = cache.normal;
  if (weights.embedding_projection) {
    cache.output = workspace.matrix<T>(tokens, config.hidden_size);
    weights.embedding_projection->forward(LinearInput<T>(cache.normal, *weights.embedding_projection, workspace),
                                          cache.output);
  }
  return cache;
}

template <class T>
void Encoder<T>::embed_backward(const RaggedBatch& batch, const EmbeddingCache<T>& cache, const DropoutPlan& dropout,
                                MatrixView<T> d_output, const EncoderParameters<T>& gradient,
                                Workspace& workspace) const {
  const Workspace::Mark mark = workspace.mark();
  MatrixView<T> d_normal = d_output;
  if (weights.embedding_projection) {
    d_normal = workspace.matrix<T>(d_output.rows, cache.normal.cols);
    weights.embedding_projection->backward_parameters(cache.normal, d_output, *gradient.embedding_projection);
    weights.embedding_projection->backward_input(d_output, d_normal, kernels::Write::overwrite);
  }
  kernels::dropout(d_normal, dropout.embeddings());
  kernels::layer_norm_backward<T>(d_normal, cache.sum, cache.statistics, weights.embedding_norm.weight, d_normal,
                                  gradient.embedding_norm.weight, gradient.embedding_norm.bias);
  kernels::embedding_backward<T>(d_normal, batch.ids, gradient.word_embeddings);
  if (backbone->has_positions) kernels::embedding_backward<T>(d_normal, cache.positions, gradient.position_embeddings);
  if (backbone->has_token_types)
    kernels::embedding_backward<T>(d_normal, batch.token_types, gradient.token_type_embeddings);
  workspace.release(mark);
}

template struct Encoder<float>;
template struct Encoder<double>;

}  // namespace sharcs::internal
