#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "onnx/graph.hpp"
#include "onnx/weights.hpp"

namespace sharcs::internal::onnx {

/// Writes a model's parts into a graph, each as the encoder computes it (model/encoder.hpp, nn/), but for batches that
/// are padded: [batch, tokens, …], with a mask of which tokens there are.
///
/// Names and sizes of inputs and outputs are those of Hugging Face's Optimum for the model's kind of task.
class EncoderGraph {
 public:
  EncoderGraph(const StoredModel& model, Graph& graph) : model_(model), graph_(graph) {}

  /// The graph's inputs, and the embeddings of the tokens: [batch, tokens, hidden].
  Value embed_inputs();
  /// In place of them, for a graph that goes on where another one stopped: hidden states [batch, tokens, hidden].
  Value hidden_state_inputs();

  /// Whose output is wanted: every token's, or only that of each sample's first.
  enum class Outputs { every_token, first_token };
  /// Layer `index`, from 0, at full width with its own LayerNorms.
  Value stem_layer(const Value& x, Index index, Outputs outputs);
  /// Layer `index` at a width. [batch, tokens, hidden(r)].
  Value adaptive_layer(const Value& x, Index index, const Width& width, Outputs outputs);
  /// What a width makes of the stem's output before its first layer.
  Value reduction(const Value& x, const Width& width);

  /// [batch, widths].
  Value router(const Value& x);
  /// The model's head, on the last layer's output at a width: [batch, labels], or [batch, tokens, labels] of a model
  /// that labels tokens.
  Value head(const Value& x, const Width& width);
  /// What the head, and an exit, reads of a layer.
  Outputs outputs_for_head() const;
  Outputs outputs_for_exit() const;
  struct ExitValues {
    Value logits, score;  ///< as head(), and [batch, 1]; no score where exits have none
  };
  ExitValues exit(const Value& x, const Exit<LinearWeight, const float>& exit);

  /// "logits", or of a model that finds answers "start_logits" and "end_logits".
  static std::vector<std::string> names_of_logits(const ModelConfig& config);
  /// Outputs of these names, behind the prefix: what head() gives; of each end [batch, tokens].
  void output_logits(const Value& value, const std::string& prefix = {});
  void output_score(const Value& value, const std::string& name);
  void output_router(const Value& value);
  void output_hidden_states(const Value& value);

 private:
  using Activation = kernels::Activation;
  struct Quantized {
    Value values, scales;  // [.., n] uint8 with 128 for zero, [.., 1]
  };

  Value layer(const Value& x, Index index, const LayerSlice& slice, Outputs outputs);
  /// Layers that norm what they read.
  Value pre_norm_layer(const Value& x, Index index, const LayerSlice& slice, Outputs outputs);
  /// The rows of x whose output is wanted.
  Value wanted(const Value& x, Outputs outputs);
  Value attention(const Value& query, const Value& key, const Value& value, Index index, const LayerSlice& slice,
                  Outputs outputs);
  /// Turns heads by their tokens' positions. x: [batch, heads, tokens, head size].
  Value turned(const Value& x, double theta, Index head_size);
  /// Adds what relative positions give each score. scores, queries and keys as in attention(): [batch, heads, queries,
  /// tokens], [batch, heads, queries, head size] and [batch, heads, head size, tokens]; queries are scaled.
  Value add_positions(const Value& scores, const Value& queries, const Value& keys,
                      const StoredModel::Tree::Layer& layer, const LayerSlice& slice, Outputs outputs);
  /// [batch, tokens, heads · head size] as [batch, tokens, heads, head size], its axes then in that order.
  Value split_heads(const Value& x, const LayerSlice& slice, std::vector<std::int64_t> order);
  /// What stands behind what a head, or an exit, reads.
  struct HeadLayers {
    const std::optional<LinearWeight>& dense;
    Activation activation;
    const LayerNormView<const float>& norm;
    const LinearWeight& output;
  };
  Value head_layers(const Value& read, Index hidden, const HeadLayers& layers);
  Value linear(const Value& x, const LinearWeight& linear, Index outputs, Index inputs);
  Value int8_linear(const Value& x, const LinearWeight& linear, Index outputs, Index inputs);
  Value activation(const Value& x, Activation activation);
  /// x itself where there is no LayerNorm.
  Value norm(const Value& x, const LayerNormView<const float>& norm, Index size);
  Quantized quantized(const Value& x);

  /// What a head or an exit makes of the tokens that it reads: [batch, size].
  Value pooled(const Value& x, Outputs outputs);
  Value first_token(const Value& x);
  Value mean_over_tokens(const Value& x);
  Value positions();
  Value word_embeddings();
  /// The table of an int8 model, [words, size]; as uint8 with 128 added where a layer is tied to it.
  Value int8_words();
  /// The table of the words as the weight of the layer that is tied to it: [size, words].
  Value tied(const Value& words);
  /// 0 for scores of tokens that are there, and the least float for the others: [batch, 1, 1, tokens].
  const Value& score_mask();
  /// The same for keys outside a window: [queries, tokens].
  const Value& window_mask(Index window, Outputs outputs);
  /// 1 for tokens that are there, and 0: [batch, tokens, 1].
  const Value& token_weights();
  const Value& token_count();
  /// How far a key stands behind a query: [queries, tokens].
  const Value& distances(Outputs outputs);
  /// Rows of the table of relative positions: [queries, tokens].
  const Value& position_rows(Outputs outputs);
  /// [1, heads, queries, tokens].
  const Value& relative_bias(Index heads, Outputs outputs);

  /// The tokens of the longest text in the batch, [1].
  Value text_length();
  /// The leading `count` numbers of a parameter.
  Value vector(const float* values, Index count);
  Value vector(const std::string& name, const float* values, Index count);
  Value bias_of(const LinearWeight& linear, Index outputs);
  /// The leading columns of a table of floats.
  Value table(const std::string& name, MatrixView<const float> values);
  std::string sliced_name(const std::string& name, Index whole, Index part) const {
    return whole == part ? name : name + "_" + std::to_string(part);
  }

  const StoredModel& model_;
  Graph& graph_;
  Value ids_, mask_, types_, score_mask_, token_weights_, token_count_, tied_;
  std::map<Value, Quantized> quantized_;
  std::map<Outputs, Value> distances_, position_rows_;
  std::map<std::pair<Index, Outputs>, Value> relative_bias_, window_mask_;
  std::map<double, std::pair<Value, Value>> angles_;  // cosines and sines of all positions of the batch, by base
};

}  // namespace sharcs::internal::onnx
