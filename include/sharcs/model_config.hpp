#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sharcs/routing.hpp"
#include "sharcs/task.hpp"

namespace [[gnu::visibility("default")]] sharcs {

/// The LayerNorms of full width after the router.
enum class FullWidthNorm {
  plain,     ///< the encoder's own: full width is the pretrained encoder, and Hugging Face's loader computes the same
  private_,  ///< full width's own, one more after the reduction: the authors' way, and that of older models
};

/// What an exit reads: the mean of the token vectors, or the first one, as the exits of the literature.
enum class ExitPooling { mean, first_token };

/// What SHARCS adds to an encoder (arXiv:2310.12126, section 3): "sharcs" in config.json, or the authors' form, the
/// same keys at the top level.
struct SharcsConfig {
  /// Ascending fractions in (0, 1]: the widths that a sample can be routed to.
  std::vector<double> width_mult_list = {0.25, 1.0};
  /// For each width the share of the layers after the router that it runs, by DynaBERT's rule (arXiv:2004.04037,
  /// section 3.2): the last layer and those evenly before it. Empty: all of them.
  std::vector<double> depth_mult_list = {};
  /// Number of full-width layers; the router sits at the end of the last of them. 1 ≤ adaptive_layer_idx < layers.
  int adaptive_layer_idx = 3;
  int hidden_size_router = 1024;        ///< of the router's hidden layer
  bool weighted_dim_reduction = false;  ///< learned sums of 1/width neighbours instead of the leading dimensions
  /// Whether narrow widths keep fewer dimensions of the token vectors, as in the paper. false: all of them, and only
  /// heads and neurons are fewer, as in DynaBERT (arXiv:2004.04037, section 2.1).
  bool slice_hidden = true;
  FullWidthNorm full_width_norm = FullWidthNorm::plain;
  /// Ascending numbers of layers, from 1: full width has an exit after each of them, a head that can answer there.
  std::vector<int> exits = {};
  ExitPooling exit_pooling = ExitPooling::mean;
  /// Each exit has a learned score of its answer, too: the probability that it is right (BERxiT, Xin et al. 2021).
  bool exit_scores = false;
  /// Which answers samples are asked for; absent: the router's choice. Calibration sets it.
  std::optional<PolicyRule> policy = {};

  /// Whether router and reduction have the same parameters.
  bool same_network(const SharcsConfig& other) const;
};

/// What only a ModernBERT has (model_type "modernbert"), under Hugging Face's names.
struct ModernBertConfig {
  /// Layers 0, n, 2n, … are global: their tokens see the whole text. Those of the others see half of local_attention
  /// tokens on each side.
  int global_attn_every_n_layers = 3;
  /// "full_attention" or "sliding_attention" for each layer, in place of that rule; or empty.
  std::vector<std::string> layer_types = {};
  int local_attention = 128;
  double global_rope_theta = 160000, local_rope_theta = 10000;  ///< bases of the rotary positions' angles
  bool attention_bias = false, mlp_bias = false, norm_bias = false, classifier_bias = false;
  bool mean_pooling = false;  ///< classifier_pooling: the head reads the mean of all tokens; false: the first one
  std::string classifier_activation = "gelu";
  double embedding_dropout = 0;

  /// Whether the tokens of layer `layer`, from 0, see the whole text.
  bool is_global(int layer) const {
    if (layer_types.empty()) return layer % global_attn_every_n_layers == 0;
    return layer_types[static_cast<std::size_t>(layer)] == "full_attention";
  }
};

/// An encoder's configuration: Hugging Face's config.json. Field names are Hugging Face's.
struct ModelConfig {
  std::string model_type = "bert";
  int vocab_size = 30522;
  int hidden_size = 768;
  int num_hidden_layers = 12;
  int num_attention_heads = 12;
  int attention_head_size = 0;  ///< 0: hidden_size / num_attention_heads; DynaBERT's compressed encoders set it
  int intermediate_size = 3072;
  int max_position_embeddings = 512;
  int type_vocab_size = 2;
  int embedding_size = 0;                   ///< width of the word embeddings where it differs (ALBERT); 0: hidden_size
  int relative_attention_num_buckets = 32;  ///< MPNet: rows of the table of its attention's bias; at least 32, as used
  int position_buckets = 256, max_relative_positions = 0;  ///< DeBERTa; 0: none, max_position_embeddings
  ModernBertConfig modern = {};
  double layer_norm_eps = 1e-12;
  std::string hidden_act = "gelu";
  double hidden_dropout_prob = 0.1;
  double attention_probs_dropout_prob = 0.1;
  std::optional<double> classifier_dropout;  ///< before the classifier; empty: the backbone's default
  double initializer_range = 0.02;
  int pad_token_id = 0;
  /// One name a class, in the order of the logits. One entry (or none, with num_labels 1) means regression.
  std::vector<std::string> labels = {"0", "1"};
  /// Whether several of the labels, or none, can hold for one text: problem_type "multi_label_classification". Each has
  /// a probability of its own, and is given where that is above the threshold ("sharcs_label_threshold").
  bool multi_label = false;
  double label_threshold = 0.5;
  bool multi_output = false;  ///< a regression with several numbers a text, whose names the labels are
  bool per_token = false;     ///< each token has a label: "architectures" is "…ForTokenClassification"
  /// With per_token: its two logits are for an answer that begins there, and one that ends: "…ForQuestionAnswering".
  bool finds_answers = false;
  /// With per_token: a masked token's label is a token of the vocabulary, and `labels` is empty: "…ForMaskedLM".
  bool fills_masks = false;
  std::optional<SharcsConfig> sharcs;  ///< absent: a plain encoder without widths and router
  /// What the model was trained for and how its data are read: "sharcs_task" in config.json. Absent: not known.
  /// task->labels stays empty, since `labels` has the classes. Task::of() and Task::store_in() read and write both.
  std::optional<TaskSpec> task;
  int max_length = 0;  ///< to how many tokens training cut its texts ("sharcs_max_length"); 0: not known
  /// The keys of config.json that the library does not know, as a JSON object: saved again as they were.
  std::string other_keys = "{}";

  int num_labels() const { return fills_masks ? vocab_size : static_cast<int>(labels.size()); }
  bool labels_tokens() const { return per_token && !finds_answers; }  ///< words, or masks
  bool is_regression() const { return multi_output || (labels.size() == 1 && !per_token); }
  int head_size() const { return attention_head_size > 0 ? attention_head_size : hidden_size / num_attention_heads; }
  int word_embedding_size() const { return embedding_size > 0 ? embedding_size : hidden_size; }

  /// Reads a config.json. Throws IoError, or ConfigError naming file, key, what was found and what was expected.
  static ModelConfig load(const std::filesystem::path& file);
  /// The same from text; `name` stands for the file in messages.
  static ModelConfig parse(std::string_view text, const std::string& name);
  /// The text of a config.json, Hugging Face's keys first.
  std::string to_json() const;
  /// Throws ConfigError when sizes do not fit together; `name` stands for the file in messages.
  void check(const std::string& name = "config.json") const;
};

}  // namespace sharcs
