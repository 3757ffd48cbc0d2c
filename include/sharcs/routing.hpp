#pragma once

#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace [[gnu::visibility("default")]] sharcs {

struct ModelConfig;

/// What a cost is counted in.
enum class CostUnit { multiply_adds, seconds };

/// What a sample costs, by its number of tokens n: constant + linear · n + quadratic · n² + windowed · p. The last two
/// are for tokens that see only those up to `window` before and behind them, which are p pairs: n² up to `window`
/// tokens and (2 · window + 1) · n − window · (window + 1) beyond.
struct LengthCost {
  double constant = 0;
  double linear = 0;
  double quadratic = 0;
  double windowed = 0;
  double window = 0;

  /// The cost of a sample with so many tokens.
  double of(double tokens) const {
    const double pairs = tokens <= window ? tokens * tokens : (2 * window + 1) * tokens - window * (window + 1);
    return constant + tokens * (linear + tokens * quadratic) + (windowed == 0 ? 0 : windowed * pairs);
  }
};

/// One prediction that a model can give: an exit's, or a sub-network's. A sample that is asked for several answers pays
/// the longest `path` among them once, and `own` of each.
struct Answer {
  std::string name = "1";  ///< "exit 2", "0.25", "1"
  int exit_layer = 0;      ///< the layer after which an exit stands; 0: a sub-network
  int width_index = 0;     ///< of a sub-network; an exit belongs to full width
  LengthCost path = {};    ///< multiply-adds in the layers at full width, and in the router where it is passed
  LengthCost own = {};     ///< those in narrow layers, and in the head of an exit

  bool is_exit() const { return exit_layer > 0; }
};

/// A model's answers in the order in which they can be asked: exits in the stem, narrow widths, later exits, full
/// width. In all interfaces an answer is known by its index in this list; the last one can always be given.
std::vector<Answer> answers_of(const ModelConfig& config);

/// Chooses a width from the router's logits: it gives each width a value, subtracts what the width costs, and takes the
/// width with the largest difference (the narrower one of equals):
///
///     width = argmax over w of  value_w − price · cost_w(tokens)
///     value_w = offset_w + Σ_v weight_wv · router_logit_v,  through the logistic function if `logistic`
struct RoutingRule {
  double budget = 1;  ///< that the rule was made for, as a share of the mean cost of full width
  CostUnit unit = CostUnit::multiply_adds;
  double full_cost = 1;  ///< the mean cost of full width over the samples that the rule was made from, in `unit`
  bool logistic = false;
  std::vector<std::vector<double>> weights = {};  ///< [widths][widths]
  std::vector<double> offsets = {};               ///< [widths]
  double price = 0;
  std::vector<LengthCost> costs = {};  ///< [widths], in shares of full_cost

  int widths() const { return static_cast<int>(offsets.size()); }
  /// router_logits: one a width, ascending by width. width_index: from 0 to widths() − 1.
  double value(std::span<const float> router_logits, int width_index) const;
  /// The index of the chosen width, for a sample of so many tokens.
  int choose(std::span<const float> router_logits, int tokens) const;
  /// Throws ConfigError when the rule does not fit a model with so many widths; `name` stands for the file in messages.
  void check(int model_widths, const std::string& name = "config.json") const;
};

/// Thresholds over a model's answers, as calibrate() finds them; in config.json under "sharcs"."policy".
struct PolicyRule {
  static constexpr double never = std::numeric_limits<double>::infinity();

  std::string kind = "router";  ///< a name of `--policy`: "router", "cascade", "exits", "combined"
  std::string target = {};      ///< what it was calibrated to: "0.4 of the multiply-adds"
  std::string confidence = "max-probability";
  std::vector<double> thresholds = {};  ///< one an answer: kept from this confidence on; never: not asked
  std::optional<RoutingRule> router =
      {};  ///< chooses the narrowest width that is asked; absent: the narrowest there is

  std::string name() const;
  /// Throws ConfigError when the rule does not fit the model; `file` begins the message.
  void check(const ModelConfig& config, const std::string& file = "config.json") const;
};

/// One width of a model and the sizes of its slices. Only a WidthSet makes these, so a Width fits its model.
class Width {
 public:
  int index() const { return index_; }           ///< position in the model's ascending list
  double fraction() const { return fraction_; }  ///< the number in width_mult_list
  bool is_full() const { return fraction_ == 1; }
  int heads() const { return heads_; }          ///< heads(r) = round(H · r), half to even, at least 1
  int attention() const { return attention_; }  ///< outputs of query, key and value: heads · head size
  int hidden() const { return hidden_; }        ///< hidden(r) = int(heads(r) / H · D), or D without "slice_hidden"
  int ffn() const { return ffn_; }              ///< ffn(r) = int(heads(r) / H · F)
  /// The layers after the router that run, counted from 0 over the whole encoder.
  std::span<const int> layers() const { return layers_; }
  /// The fraction as parameter names spell it: 0.25 is "025", 1.0 is "10".
  const std::string& suffix() const { return suffix_; }

 private:
  friend class WidthSet;
  int index_ = 0, heads_ = 0, attention_ = 0, hidden_ = 0, ffn_ = 0;
  double fraction_ = 1;
  std::vector<int> layers_;
  std::string suffix_;
};

/// The widths of a model, ascending. A plain encoder has the single width 1.
class WidthSet {
 public:
  /// Throws ConfigError when a width is outside (0, 1], the list is not ascending, or the model cannot run a width: the
  /// reduction takes int(r · D) dimensions, the layers int(round(H · r) / H · D) (arXiv:2310.12126, section 3.2). The
  /// message names the nearest widths that work. `name` stands for the file in messages.
  explicit WidthSet(const ModelConfig& config, const std::string& name = "config.json");

  int size() const { return static_cast<int>(widths_.size()); }
  /// The width of this index; the narrowest has 0.
  const Width& operator[](int index) const { return widths_[static_cast<std::size_t>(index)]; }
  std::span<const Width> all() const { return widths_; }
  auto begin() const { return widths_.begin(); }
  auto end() const { return widths_.end(); }
  /// The largest width.
  const Width& widest() const { return widths_.back(); }
  /// The whole encoder; its fraction is 1 even where the list does not end with 1.
  const Width& full() const { return full_; }
  /// The width with this fraction. Throws ConfigError listing the model's widths.
  const Width& at(double fraction) const;

 private:
  std::vector<Width> widths_;
  Width full_;
};

}  // namespace sharcs
