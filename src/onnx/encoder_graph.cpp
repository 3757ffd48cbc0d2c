#include "onnx/encoder_graph.hpp"

#include <cmath>
#include <limits>
#include <numbers>

#include "core/number.hpp"
#include "nn/relative_bias.hpp"
#include "nn/rotary.hpp"

namespace sharcs::internal::onnx {
namespace {

const std::string batch = "batch_size", tokens = "sequence_length";

std::vector<std::byte> bytes_of(const auto& values) {
  const auto bytes = std::as_bytes(std::span(values));
  return {bytes.begin(), bytes.end()};
}

/// Numbers of int8 as such, or as uint8 with 128 added.
std::vector<std::byte> int8_bytes(const auto& values, bool is_unsigned) {
  std::vector<std::byte> bytes = bytes_of(values);
  if (is_unsigned)
    for (std::byte& byte : bytes) byte ^= std::byte{128};  // value + 128
  return bytes;
}

/// [inputs, outputs], as MatMul reads it, of the leading slice of a weight [outputs, inputs].
template <class T>
std::vector<T> transposed(MatrixView<const T> weight, Index outputs, Index inputs) {
  std::vector<T> values(static_cast<std::size_t>(outputs * inputs));
  for (Index o = 0; o < outputs; ++o)
    for (Index i = 0; i < inputs; ++i) values[static_cast<std::size_t>(i * outputs + o)] = weight(o, i);
  return values;
}

}  // namespace

// ---- inputs and embeddings

Value EncoderGraph::embed_inputs() {
  const ModelConfig& config = model_.config();
  const Backbone& backbone = model_.backbone();
  ids_ = graph_.input("input_ids", ElementType::int64, {batch, tokens});
  mask_ = graph_.input("attention_mask", ElementType::int64, {batch, tokens});
  // Where there is one type only, as in RoBERTa, nobody has to say so.
  if (backbone.has_token_types && config.type_vocab_size > 1)
    types_ = graph_.input("token_type_ids", ElementType::int64, {batch, tokens});

  graph_.begin("embeddings");
  const StoredModel::Tree& tree = model_.tree();
  Value sum = word_embeddings();
  if (backbone.has_positions) sum = graph_.node("Add", {sum, positions()});
  if (backbone.has_token_types) {
    const Value types = table(backbone.embeddings + ".token_type_embeddings.weight", tree.token_type_embeddings);
    const Value of_tokens = types_.empty() ? types : graph_.node("Gather", {types, types_});
    sum = graph_.node("Add", {sum, of_tokens});
  }
  const Value normal = norm(sum, tree.embedding_norm, config.word_embedding_size());
  if (!tree.embedding_projection) return normal;
  return linear(normal, *tree.embedding_projection, config.hidden_size, config.word_embedding_size());
}

Value EncoderGraph::hidden_state_inputs() {
  const Value x =
      graph_.input("hidden_states", ElementType::float32, {batch, tokens, Index{model_.config().hidden_size}});
  mask_ = graph_.input("attention_mask", ElementType::int64, {batch, tokens});
  return x;
}

Value EncoderGraph::word_embeddings() {
  const std::string name = model_.backbone().word_embeddings();
  const Int8Values& int8 = model_.int8_words();
  if (!int8) return graph_.node("Gather", {table(name, model_.tree().word_embeddings), ids_});
  const Index rows = int8.values.rows;
  const Value scales = graph_.tensor(name + ".scale", ElementType::float32, {rows, 1}, [int8, rows] {
    return bytes_of(std::span(int8.scales, static_cast<std::size_t>(rows)));
  });
  const Value of_tokens = graph_.node("Gather", {int8_words(), ids_});
  Value as_floats = graph_.node("Cast", {of_tokens}, {{"to", static_cast<std::int64_t>(ElementType::float32)}});
  if (model_.config().fills_masks) as_floats = graph_.node("Sub", {as_floats, graph_.number(128)});
  return graph_.node("Mul", {as_floats, graph_.node("Gather", {scales, ids_})});
}

Value EncoderGraph::int8_words() {
  const Int8Values int8 = model_.int8_words();
  const bool is_unsigned = model_.config().fills_masks;
  return graph_.tensor(model_.backbone().word_embeddings() + ".int8",
                       is_unsigned ? ElementType::uint8 : ElementType::int8, {int8.values.rows, int8.values.cols},
                       [int8, is_unsigned] {
                         const auto size = static_cast<std::size_t>(int8.values.rows * int8.values.cols);
                         return int8_bytes(std::span(int8.values.data, size), is_unsigned);
                       });
}

Value EncoderGraph::tied(const Value& words) {
  if (tied_.empty()) tied_ = graph_.node("Transpose", {words}, {{"perm", std::vector<std::int64_t>{1, 0}}});
  return tied_;
}

// The position embeddings of the tokens: [tokens, size], or [batch, tokens, size] where they depend on the ids.
Value EncoderGraph::positions() {
  const ModelConfig& config = model_.config();
  const Backbone& backbone = model_.backbone();
  const Value all = table(backbone.embeddings + ".position_embeddings.weight", model_.tree().position_embeddings);
  const std::int64_t first = backbone.first_position(config);
  if (backbone.uncounted_id == nullptr) {
    const Value count = graph_.node("Shape", {ids_}, {{"start", std::int64_t{1}}, {"end", std::int64_t{2}}});
    const Value end = first == 0 ? count : graph_.node("Add", {count, graph_.integers({first})});
    return graph_.node("Slice", {all, graph_.integers({first}), end, graph_.integers({0})});
  }
  // Counted from `first` over the tokens that are not padding; padding has the position before it.
  const Value padding = graph_.node("Equal", {ids_, graph_.integer(backbone.uncounted_id(config))});
  const Value counts =
      graph_.node("Cast", {graph_.node("Not", {padding})}, {{"to", static_cast<std::int64_t>(ElementType::int64)}});
  const Value places = graph_.node("CumSum", {counts, graph_.integer(1)});
  const Value counted = graph_.node("Mul", {places, counts});
  return graph_.node("Gather", {all, graph_.node("Add", {counted, graph_.integer(first - 1)})});
}

// ---- layers

Value EncoderGraph::stem_layer(const Value& x, Index index, Outputs outputs) {
  const ModelConfig& config = model_.config();
  return layer(x, index,
               {.hidden = config.hidden_size,
                .heads = config.num_attention_heads,
                .head_size = config.head_size(),
                .ffn = config.intermediate_size},
               outputs);
}

Value EncoderGraph::adaptive_layer(const Value& x, Index index, const Width& width, Outputs outputs) {
  if (model_.is_plain(width)) return stem_layer(x, index, outputs);
  return layer(x, index,
               {.hidden = width.hidden(),
                .heads = width.heads(),
                .head_size = model_.config().head_size(),
                .ffn = width.ffn(),
                .width = width.index()},
               outputs);
}

Value EncoderGraph::wanted(const Value& x, Outputs outputs) {
  if (outputs == Outputs::every_token) return x;
  return graph_.node("Slice", {x, graph_.integers({0}), graph_.integers({1}), graph_.integers({1})});
}

Value EncoderGraph::pre_norm_layer(const Value& x, Index index, const LayerSlice& slice, Outputs outputs) {
  const StoredModel::Tree::Layer& layer = model_.tree().layer(index);
  const std::string name = "layer." + std::to_string(index);
  const Index hidden = slice.hidden, cols = slice.attention();

  graph_.begin(name + "/attention");
  const Value normal = norm(x, slice.attention_norm(layer), hidden);
  const Value query = linear(wanted(normal, outputs), layer.query, cols, hidden);
  const Value key = linear(normal, layer.key, cols, hidden);
  const Value value = linear(normal, layer.value, cols, hidden);
  const Value context = attention(query, key, value, index, slice, outputs);
  const Value attended =
      graph_.node("Add", {linear(context, layer.attention_output, hidden, cols), wanted(x, outputs)});

  graph_.begin(name + "/feed_forward");
  const Activation of_model = model_.backbone().activations.at(model_.config().hidden_act);
  const Value read = norm(attended, slice.output_norm(layer), hidden);
  const Value inner = activation(linear(read, layer.intermediate, slice.ffn, hidden), of_model);
  const Value gated = graph_.node("Mul", {inner, linear(read, *layer.gate, slice.ffn, hidden)});
  return graph_.node("Add", {linear(gated, layer.output, hidden, slice.ffn), attended});
}

Value EncoderGraph::layer(const Value& x, Index index, const LayerSlice& slice, Outputs outputs) {
  if (model_.backbone().is_pre_norm()) return pre_norm_layer(x, index, slice, outputs);
  const StoredModel::Tree::Layer& layer = model_.tree().layer(index);
  const std::string name = "layer." + std::to_string(index);
  const Index hidden = slice.hidden, cols = slice.attention();

  graph_.begin(name + "/attention");
  // Every token is a key and a value; queries are only of those whose output is wanted.
  const Value with_output = wanted(x, outputs);
  const Value query = linear(with_output, layer.query, cols, hidden);
  const Value key = linear(x, layer.key, cols, hidden);
  const Value value = linear(x, layer.value, cols, hidden);
  const Value context = attention(query, key, value, index, slice, outputs);
  const Value projected = linear(context, layer.attention_output, hidden, cols);
  const Value attended = norm(graph_.node("Add", {projected, with_output}), slice.attention_norm(layer), hidden);

  graph_.begin(name + "/feed_forward");
  const Activation of_model = model_.backbone().activations.at(model_.config().hidden_act);
  const Value inner = activation(linear(attended, layer.intermediate, slice.ffn, hidden), of_model);
  const Value output = linear(inner, layer.output, hidden, slice.ffn);
  return norm(graph_.node("Add", {output, attended}), slice.output_norm(layer), hidden);
}

Value EncoderGraph::split_heads(const Value& x, const LayerSlice& slice, std::vector<std::int64_t> order) {
  const Value heads = graph_.node("Reshape", {x, graph_.integers({0, 0, slice.heads, slice.head_size})});
  return graph_.node("Transpose", {heads}, {{"perm", std::move(order)}});
}

Value EncoderGraph::attention(const Value& query, const Value& key, const Value& value, Index index,
                              const LayerSlice& slice, Outputs outputs) {
  const StoredModel::Tree::Layer& layer = model_.tree().layer(index);
  const Sight sight = model_.backbone().sight_of(model_.config(), static_cast<int>(index));
  Value queries = split_heads(query, slice, {0, 2, 1, 3}), keys;
  if (sight.theta > 0) {
    // The first token stands at position 0, which turns nothing.
    if (outputs == Outputs::every_token) queries = turned(queries, sight.theta, slice.head_size);
    const Value turned_keys = turned(split_heads(key, slice, {0, 2, 1, 3}), sight.theta, slice.head_size);
    keys = graph_.node("Transpose", {turned_keys}, {{"perm", std::vector<std::int64_t>{0, 1, 3, 2}}});
  } else {
    keys = split_heads(key, slice, {0, 2, 3, 1});  // transposed for the product
  }
  const Value values = split_heads(value, slice, {0, 2, 1, 3});
  const float products = layer.positions ? 3 : 1;  // as kernels::Attention
  const float scale = 1 / std::sqrt(products * static_cast<float>(slice.head_size));
  const Value scaled = graph_.node("Mul", {queries, graph_.number(scale)});
  Value scores = graph_.node("MatMul", {scaled, keys});
  if (layer.positions) scores = add_positions(scores, scaled, keys, layer, slice, outputs);
  if (!model_.backbone().relative_bias.empty())
    scores = graph_.node("Add", {scores, relative_bias(slice.heads, outputs)});
  if (sight.window > 0) scores = graph_.node("Add", {scores, window_mask(sight.window, outputs)});
  const Value masked = graph_.node("Add", {scores, score_mask()});
  const Value probabilities = graph_.node("Softmax", {masked}, {{"axis", std::int64_t{-1}}});
  const Value by_head = graph_.node("MatMul", {probabilities, values});
  const Value by_token = graph_.node("Transpose", {by_head}, {{"perm", std::vector<std::int64_t>{0, 2, 1, 3}}});
  return graph_.node("Reshape", {by_token, graph_.integers({0, 0, slice.attention()})});
}

const Value& EncoderGraph::score_mask() {
  if (!score_mask_.empty()) return score_mask_;
  const Value there = graph_.node("Cast", {graph_.node("Unsqueeze", {mask_, graph_.integers({1, 2})})},
                                  {{"to", static_cast<std::int64_t>(ElementType::float32)}});
  const Value absent = graph_.node("Sub", {graph_.number(1), there});
  return score_mask_ = graph_.node("Mul", {absent, graph_.number(std::numeric_limits<float>::lowest())});
}

// Half of the least float, so that the sum of both masks is finite.
const Value& EncoderGraph::window_mask(Index window, Outputs outputs) {
  Value& mask = window_mask_[{window, outputs}];
  if (!mask.empty()) return mask;
  const Value far = graph_.node("Greater", {graph_.node("Abs", {distances(outputs)}), graph_.integer(window)});
  const Value hidden = graph_.node("Cast", {far}, {{"to", static_cast<std::int64_t>(ElementType::float32)}});
  return mask = graph_.node("Mul", {hidden, graph_.number(std::numeric_limits<float>::lowest() / 2)});
}

Value EncoderGraph::text_length() {
  return graph_.node("Shape", {mask_}, {{"start", std::int64_t{1}}, {"end", std::int64_t{2}}});
}

// Of the elements c and c + head_size / 2 (nn/rotary.hpp).
Value EncoderGraph::turned(const Value& x, double theta, Index head_size) {
  const Index half = head_size / 2;
  auto& [cosines, sines] = angles_[theta];
  if (cosines.empty()) {
    const Index longest = model_.backbone().max_tokens(model_.config());
    const auto of_positions = [&](const std::string& name, Index first_column) {
      const Value all = graph_.tensor(name + "_" + short_number(theta), ElementType::float32, {longest, half},
                                      [theta, head_size, half, longest, first_column] {
                                        const RotaryAngles angles(theta, head_size);
                                        const auto table = angles.table(longest);
                                        std::vector<float> values;
                                        for (Index p = 0; p < longest; ++p) {
                                          const float* row = table->data() + p * head_size + first_column;
                                          values.insert(values.end(), row, row + half);
                                        }
                                        return bytes_of(values);
                                      });
      return graph_.node("Slice", {all, graph_.integers({0}), text_length(), graph_.integers({0})});
    };
    cosines = of_positions("rotary_cosines", 0);
    sines = of_positions("rotary_sines", half);
  }
  const auto columns = [&](Index begin, Index end) {
    return graph_.node("Slice", {x, graph_.integers({begin}), graph_.integers({end}), graph_.integers({3})});
  };
  const auto times = [&](const Value& a, const Value& b) { return graph_.node("Mul", {a, b}); };
  const Value left = columns(0, half), right = columns(half, head_size);
  const Value new_left = graph_.node("Sub", {times(left, cosines), times(right, sines)});
  const Value new_right = graph_.node("Add", {times(right, cosines), times(left, sines)});
  return graph_.node("Concat", {new_left, new_right}, {{"axis", std::int64_t{3}}});
}

const Value& EncoderGraph::distances(Outputs outputs) {
  Value& distances = distances_[outputs];
  if (!distances.empty()) return distances;
  const Value end = graph_.node("Squeeze", {text_length(), graph_.integers({0})});
  const Value places = graph_.node("Range", {graph_.integer(0), end, graph_.integer(1)});
  const Value keys = graph_.node("Unsqueeze", {places, graph_.integers({0})});
  const Value queries = outputs == Outputs::every_token
                            ? graph_.node("Unsqueeze", {places, graph_.integers({1})})
                            : graph_.tensor("first_query", ElementType::int64, {1, 1}, std::vector<std::int64_t>{0});
  return distances = graph_.node("Sub", {keys, queries});
}

const Value& EncoderGraph::position_rows(Outputs outputs) {
  Value& rows = position_rows_[outputs];
  if (!rows.empty()) return rows;
  const Index longest = model_.backbone().max_tokens(model_.config());
  const DistanceRows table = model_.backbone().distances(model_.config());
  std::vector<std::int64_t> by_distance;
  for (Index distance = 1 - longest; distance < longest; ++distance) by_distance.push_back(table.row(-distance));
  const Value all = graph_.tensor("position_rows", ElementType::int64, {2 * longest - 1}, std::move(by_distance));
  const Value places = graph_.node("Add", {distances(outputs), graph_.integer(longest - 1)});
  return rows = graph_.node("Gather", {all, places});
}

// What the layer makes of the whole table does not depend on the input; runtimes compute it once.
Value EncoderGraph::add_positions(const Value& scores, const Value& queries, const Value& keys,
                                  const StoredModel::Tree::Layer& layer, const LayerSlice& slice, Outputs outputs) {
  const ModelConfig& config = model_.config();
  Value input =
      norm(table(model_.backbone().relative_positions, layer.positions), layer.position_norm, config.hidden_size);
  if (slice.hidden < config.hidden_size)
    input = graph_.node("Slice", {input, graph_.integers({0}), graph_.integers({slice.hidden}), graph_.integers({1})});
  const auto by_head = [&](const LinearWeight& weight, std::vector<std::int64_t> order) {
    const Value rows = linear(input, weight, slice.attention(), slice.hidden);
    return split_heads(graph_.node("Unsqueeze", {rows, graph_.integers({0})}), slice, std::move(order));
  };
  const Value indices = graph_.node("Expand", {position_rows(outputs), graph_.node("Shape", {scores})});
  const Value of_queries = graph_.node("MatMul", {queries, by_head(layer.key, {0, 2, 3, 1})});
  const Value by_queries = graph_.node("GatherElements", {of_queries, indices}, {{"axis", std::int64_t{3}}});
  const float scale = 1 / std::sqrt(3 * static_cast<float>(slice.head_size));
  const Value positions = graph_.node("Mul", {by_head(layer.query, {0, 2, 1, 3}), graph_.number(scale)});
  const Value of_keys = graph_.node("MatMul", {positions, keys});
  const Value by_keys = graph_.node("GatherElements", {of_keys, indices}, {{"axis", std::int64_t{2}}});
  return graph_.node("Add", {graph_.node("Add", {scores, by_queries}), by_keys});
}

// A number for each distance of a key from a query (nn/relative_bias.hpp), spread over the pairs of tokens.
const Value& EncoderGraph::relative_bias(Index heads, Outputs outputs) {
  Value& bias = relative_bias_[{heads, outputs}];
  if (!bias.empty()) return bias;
  const Index longest = model_.backbone().max_tokens(model_.config());
  const MatrixView<const float> of_buckets = model_.tree().layers.front().relative_bias;
  const Value by_distance = graph_.tensor("relative_bias_by_distance_" + std::to_string(heads), ElementType::float32,
                                          {2 * longest - 1, heads}, [of_buckets, heads, longest] {
                                            std::vector<float> values;
                                            for (Index distance = 1 - longest; distance < longest; ++distance) {
                                              const float* row = of_buckets.row(relative_bias_bucket(distance));
                                              values.insert(values.end(), row, row + heads);
                                            }
                                            return bytes_of(values);
                                          });
  const Value rows = graph_.node("Add", {distances(outputs), graph_.integer(longest - 1)});
  const Value by_pair = graph_.node("Gather", {by_distance, rows});  // [queries, tokens, heads]
  const Value by_head = graph_.node("Transpose", {by_pair}, {{"perm", std::vector<std::int64_t>{2, 0, 1}}});
  return bias = graph_.node("Unsqueeze", {by_head, graph_.integers({0})});
}

Value EncoderGraph::reduction(const Value& x, const Width& width) {
  const auto& router = *model_.tree().router;
  const auto at = static_cast<std::size_t>(width.index());
  const Index hidden = width.hidden();
  graph_.begin("reduction");
  Value reduced = x;
  if (!router.reduction_weights.empty()) {
    const std::span<const float> weights = router.reduction_weights[at];
    const Value groups = graph_.node("Reshape", {x, graph_.integers({0, 0, hidden, std::ssize(weights)})});
    const Value weighted = graph_.node("Mul", {groups, vector(weights.data(), std::ssize(weights))});
    reduced = graph_.node("ReduceSum", {weighted, graph_.integers({3})}, {{"keepdims", std::int64_t{0}}});
  } else if (hidden < model_.config().hidden_size) {
    reduced = graph_.node("Slice", {x, graph_.integers({0}), graph_.integers({hidden}), graph_.integers({2})});
  }
  return norm(reduced, router.reduction_norms[at], hidden);
}

// ---- what answers

Value EncoderGraph::router(const Value& x) {
  const auto& router = *model_.tree().router;
  const Index hidden = model_.config().hidden_size, inner = router.hidden.outputs();
  graph_.begin("router");
  const Value read = norm(mean_over_tokens(x), router.norm, hidden);
  const Value between = activation(linear(read, router.hidden, inner, hidden), Activation::relu);
  return linear(between, router.output, router.output.outputs(), inner);
}

EncoderGraph::Outputs EncoderGraph::outputs_for_head() const {
  const ModelConfig& config = model_.config();
  const bool reads_all = config.per_token || model_.backbone().pooling_of(config) == HeadPooling::mean;
  return reads_all ? Outputs::every_token : Outputs::first_token;
}

EncoderGraph::Outputs EncoderGraph::outputs_for_exit() const {
  const ModelConfig& config = model_.config();
  const bool reads_all = config.per_token || config.sharcs->exit_pooling == ExitPooling::mean;
  return reads_all ? Outputs::every_token : Outputs::first_token;
}

Value EncoderGraph::head(const Value& x, const Width& width) {
  const StoredModel::Tree& tree = model_.tree();
  const Backbone& backbone = model_.backbone();
  graph_.begin("head");
  const Index hidden = width.hidden();
  Value read = x;
  if (backbone.is_pre_norm()) {
    const bool is_private = model_.config().sharcs && !model_.is_plain(width);
    const auto at = static_cast<std::size_t>(width.index());
    read = norm(x, is_private ? tree.private_final_norms[at] : tree.final_norm, hidden);
  }
  if (!model_.config().per_token) read = pooled(read, outputs_for_head());
  return head_layers(read, hidden,
                     {tree.head_dense, backbone.activation_of_head(model_.config()), tree.head_norm, tree.head_output});
}

Value EncoderGraph::head_layers(const Value& read, Index hidden, const HeadLayers& layers) {
  if (!layers.dense) return linear(read, layers.output, layers.output.outputs(), hidden);
  const Index inner = layers.dense->outputs();
  const Value activated = activation(linear(read, *layers.dense, inner, hidden), layers.activation);
  return linear(norm(activated, layers.norm, inner), layers.output, layers.output.outputs(), inner);
}

EncoderGraph::ExitValues EncoderGraph::exit(const Value& x, const Exit<LinearWeight, const float>& exit) {
  const ModelConfig& config = model_.config();
  const Index hidden = config.hidden_size;
  graph_.begin("exit." + std::to_string(exit.layer));
  const Value read = norm(config.per_token ? x : pooled(x, outputs_for_exit()), exit.norm, hidden);
  const Activation of_exit = config.fills_masks ? model_.backbone().activation_of_head(config) : Activation::tanh;
  const LinearWeight& output = exit.output ? *exit.output : model_.tree().head_output;
  ExitValues values = {.logits = head_layers(read, hidden, {exit.dense, of_exit, exit.head_norm, output}), .score = {}};
  if (exit.score) values.score = linear(read, *exit.score, 1, hidden);
  return values;
}

Value EncoderGraph::pooled(const Value& x, Outputs outputs) {
  return outputs == Outputs::every_token ? mean_over_tokens(x) : first_token(x);
}

Value EncoderGraph::first_token(const Value& x) {
  return graph_.node("Gather", {x, graph_.integer(0)}, {{"axis", std::int64_t{1}}});
}

Value EncoderGraph::mean_over_tokens(const Value& x) {
  const Value weighted = graph_.node("Mul", {x, token_weights()});
  const Value sum = graph_.node("ReduceSum", {weighted, graph_.integers({1})}, {{"keepdims", std::int64_t{0}}});
  return graph_.node("Div", {sum, token_count()});
}

const Value& EncoderGraph::token_weights() {
  if (!token_weights_.empty()) return token_weights_;
  return token_weights_ = graph_.node("Cast", {graph_.node("Unsqueeze", {mask_, graph_.integers({2})})},
                                      {{"to", static_cast<std::int64_t>(ElementType::float32)}});
}

const Value& EncoderGraph::token_count() {
  if (!token_count_.empty()) return token_count_;
  return token_count_ =
             graph_.node("ReduceSum", {token_weights(), graph_.integers({1})}, {{"keepdims", std::int64_t{0}}});
}

// ---- parts of layers

Value EncoderGraph::linear(const Value& x, const LinearWeight& linear, Index outputs, Index inputs) {
  if (linear.int8) return int8_linear(x, linear, outputs, inputs);
  std::string name = linear.name + ".weight";
  if (outputs != linear.weight.rows || inputs != linear.weight.cols)
    name += "_" + std::to_string(outputs) + "x" + std::to_string(inputs);
  const Value weight = linear.tied_to.empty() ? graph_.tensor(name, ElementType::float32, {inputs, outputs},
                                                              [view = linear.weight, outputs, inputs] {
                                                                return bytes_of(transposed(view, outputs, inputs));
                                                              })
                                              : tied(table(linear.tied_to, linear.weight));
  const Value product = graph_.node("MatMul", {x, weight});
  return linear.bias == nullptr ? product : graph_.node("Add", {product, bias_of(linear, outputs)});
}

// As kernels::Int8Product: sum · (scale of the output) · (scale of the row) + bias.
Value EncoderGraph::int8_linear(const Value& x, const LinearWeight& linear, Index outputs, Index inputs) {
  const std::string whole = linear.name + ".weight";
  const std::string slice = outputs == linear.int8.values.rows && inputs == linear.int8.values.cols
                                ? ""
                                : "_" + std::to_string(outputs) + "x" + std::to_string(inputs);
  const Int8Values int8 = linear.int8;
  const Value zero = graph_.tensor("zero_point", ElementType::uint8, {}, std::vector<std::uint8_t>{128});
  // ONNX Runtime makes such numbers of int8 weights itself where it is asked for exact products on older processors,
  // but fails where several products read one weight: those of shared layers, of tokens and relative positions, and of
  // all exits that fill masks.
  const Backbone& backbone = model_.backbone();
  const bool is_tied = !linear.tied_to.empty();
  const bool is_unsigned = backbone.shares_layers || !backbone.relative_positions.empty() || is_tied;
  const Value weight =
      is_tied ? tied(int8_words())
              : graph_.tensor(whole + ".int8" + slice, is_unsigned ? ElementType::uint8 : ElementType::int8,
                              {inputs, outputs}, [int8, outputs, inputs, is_unsigned] {
                                return int8_bytes(transposed(int8.values, outputs, inputs), is_unsigned);
                              });
  const Value scales =
      graph_.tensor(sliced_name(whole + ".scale", int8.values.rows, outputs), ElementType::float32, {outputs},
                    [int8, outputs] { return bytes_of(std::span(int8.scales, static_cast<std::size_t>(outputs))); });
  const Quantized rows = quantized(x);
  std::vector<Value> operands = {rows.values, weight, zero};
  if (is_unsigned) operands.push_back(zero);
  const Value sums = graph_.node("MatMulInteger", std::move(operands));
  const Value as_floats = graph_.node("Cast", {sums}, {{"to", static_cast<std::int64_t>(ElementType::float32)}});
  const Value by_output = graph_.node("Mul", {as_floats, scales});
  const Value product = graph_.node("Mul", {by_output, rows.scales});
  return linear.bias == nullptr ? product : graph_.node("Add", {product, bias_of(linear, outputs)});
}

// As kernels::quantize(), but that a row of zeros has a scale, too: what it is multiplied by is 0 all the same.
EncoderGraph::Quantized EncoderGraph::quantized(const Value& x) {
  Quantized& rows = quantized_[x];
  if (!rows.values.empty()) return rows;
  const Value greatest = graph_.node("ReduceMax", {graph_.node("Abs", {x})},
                                     {{"axes", std::vector<std::int64_t>{-1}}, {"keepdims", std::int64_t{1}}});
  const Value size = graph_.node("Max", {greatest, graph_.number(1e-30f)});
  const Value scaled = graph_.node("Mul", {x, graph_.node("Div", {graph_.number(127), size})});
  const Value shifted = graph_.node("Add", {graph_.node("Round", {scaled}), graph_.number(128)});
  rows.values = graph_.node("Cast", {shifted}, {{"to", static_cast<std::int64_t>(ElementType::uint8)}});
  rows.scales = graph_.node("Div", {size, graph_.number(127)});
  return rows;
}

Value EncoderGraph::activation(const Value& x, Activation activation) {
  const auto times = [&](const Value& a, const Value& b) { return graph_.node("Mul", {a, b}); };
  switch (activation) {
    case Activation::gelu: {
      // In the form that ONNX Runtime knows and runs as one.
      const Value scaled = graph_.node("Div", {x, graph_.number(std::numbers::sqrt2_v<float>)});
      const Value sum = graph_.node("Add", {graph_.node("Erf", {scaled}), graph_.number(1)});
      return times(times(x, sum), graph_.number(0.5f));
    }
    case Activation::gelu_tanh: {
      const Value cube = times(graph_.number(0.044715f), graph_.node("Pow", {x, graph_.number(3)}));
      const Value inner =
          times(graph_.node("Add", {x, cube}), graph_.number(std::sqrt(2 * std::numbers::inv_pi_v<float>)));
      const Value sum = graph_.node("Add", {graph_.node("Tanh", {inner}), graph_.number(1)});
      return times(times(x, graph_.number(0.5f)), sum);
    }
    case Activation::tanh:
      return graph_.node("Tanh", {x});
    case Activation::relu:
      return graph_.node("Relu", {x});
    case Activation::silu:
      return times(x, graph_.node("Sigmoid", {x}));
    case Activation::quick_gelu: {
      const Value slope = graph_.number(kernels::gate_slope<float>(activation));
      return times(x, graph_.node("Sigmoid", {times(x, slope)}));
    }
    case Activation::none:
      break;
  }
  return x;
}

Value EncoderGraph::norm(const Value& x, const LayerNormView<const float>& norm, Index size) {
  if (!norm) return x;
  std::vector<Value> operands = {x, vector(norm.weight, size)};
  if (norm.bias != nullptr) operands.push_back(vector(norm.bias, size));
  return graph_.node("LayerNormalization", std::move(operands),
                     {{"axis", std::int64_t{-1}}, {"epsilon", static_cast<float>(model_.config().layer_norm_eps)}});
}

Value EncoderGraph::vector(const float* values, Index count) { return vector(model_.name_of(values), values, count); }

Value EncoderGraph::vector(const std::string& name, const float* values, Index count) {
  return graph_.tensor(name + "_" + std::to_string(count), ElementType::float32, {count},
                       [values, count] { return bytes_of(std::span(values, static_cast<std::size_t>(count))); });
}

Value EncoderGraph::bias_of(const LinearWeight& linear, Index outputs) {
  return vector(linear.name + ".bias", linear.bias, outputs);
}

Value EncoderGraph::table(const std::string& name, MatrixView<const float> values) {
  return graph_.tensor(name, ElementType::float32, {values.rows, values.cols}, [values] {
    return bytes_of(std::span(values.data, static_cast<std::size_t>(values.rows * values.cols)));
  });
}

// ---- outputs

std::vector<std::string> EncoderGraph::names_of_logits(const ModelConfig& config) {
  if (config.finds_answers) return {"start_logits", "end_logits"};
  return {"logits"};
}

void EncoderGraph::output_logits(const Value& value, const std::string& prefix) {
  const ModelConfig& config = model_.config();
  const Index labels = config.num_labels();
  const std::vector<std::string> names = names_of_logits(config);
  if (!config.per_token) return graph_.output(value, prefix + names[0], {batch, labels});
  if (!config.finds_answers) return graph_.output(value, prefix + names[0], {batch, tokens, labels});
  for (std::size_t end = 0; end < names.size(); ++end) {
    const Value of_end =
        graph_.node("Gather", {value, graph_.integer(static_cast<std::int64_t>(end))}, {{"axis", std::int64_t{2}}});
    graph_.output(of_end, prefix + names[end], {batch, tokens});
  }
}
void EncoderGraph::output_score(const Value& value, const std::string& name) {
  graph_.output(value, name, {batch, Index{1}});
}
void EncoderGraph::output_router(const Value& value) {
  graph_.output(value, "router_logits", {batch, Index{model_.widths().size()}});
}
void EncoderGraph::output_hidden_states(const Value& value) {
  graph_.output(value, "last_hidden_state", {batch, tokens, Index{model_.config().hidden_size}});
}

}  // namespace sharcs::internal::onnx
