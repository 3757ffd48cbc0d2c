#include "cli/training_arguments.hpp"

#include <algorithm>

#include "core/quote.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {
namespace {

using Json = nlohmann::ordered_json;

struct KeyDescription {
  const char* key;
  const char* text;
};

constexpr KeyDescription training_keys[] = {
    {"epochs", "Epochs"},
    {"batch_size", "Samples in a micro-batch of one width"},
    {"accumulation", "Rounds that share one optimizer step"},
    {"step_mode", "joint: each step has a micro-batch of every width; alternate: of one"},
    {"repeat_smaller_buckets", "Train samples of smaller width buckets several times an epoch"},
    {"full_width_share", "Share of easier samples that train full width instead, so that it does not forget them"},
    {"shuffle_window", "Batches within which samples are sorted by length; 1: none"},
    {"learning_rate", "Greatest learning rate"},
    {"schedule", "Learning rate after the warm-up: linear (down to 0) or constant"},
    {"warmup_ratio", "Share of the training over which the learning rate rises"},
    {"weight_decay", "Decoupled weight decay"},
    {"adam_beta1", "AdamW's decay of the mean of gradients"},
    {"adam_beta2", "AdamW's decay of the mean of squared gradients"},
    {"adam_epsilon", "AdamW's ε"},
    {"max_grad_norm", "Longer gradients are scaled down to this length; 0: never"},
    {"window", "Epochs whose confidences decide a sample's hardness; the first ones train full width only"},
    {"hardness_measure", "confidence or entropy"},
    {"thresholds", "A pair [low, high) a width, ascending by width: [[0.8, 1.01], [0, 0.8]]; []: by number of widths"},
    {"regression_scale", "Regression: error at which the confidence is 1/e; 0: from the targets' spread"},
    {"task_loss_weight", "λ of the task's loss"},
    {"router_loss_weight", "λ of the router's loss"},
    {"width_loss_weights", "Factor of both losses for each width, as in 1,2; []: 1"},
    {"max_length", "Tokens that a sample is cut to"},
    {"token_dropout", "Share of the words hidden behind the mask token, others in each step"},
    {"micro_batch_tokens", "Bounds memory: larger micro-batches run in pieces of so many tokens"},
    {"recompute_activations", "Less memory for a third more time"},
    {"sharding", "What a rank of several takes: a part of the samples of every micro-batch, or whole micro_batches"},
    {"checkpoint_every_steps", "Optimizer steps between checkpoints; 0: not by steps"},
    {"checkpoint_every_minutes", "Minutes between checkpoints; 0: not by time"},
    {"keep_checkpoints", "How many are kept; 0: none are written"},
    {"tensorboard", "Write event files for TensorBoard"},
};

constexpr KeyDescription sharcs_keys[] = {
    {"width_mult_list", "Widths, ascending fractions: 0.25,0.5,1"},
    {"adaptive_layer_idx", "Layers before the router"},
    {"hidden_size_router", "Size of the router's hidden layer"},
    {"weighted_dim_reduction", "Learned combination of dimensions in place of the leading ones"},
};

std::string flag_of(std::string key) {
  std::replace(key.begin(), key.end(), '_', '-');
  return "--" + key;
}

/// The value that the words on the command line stand for, given one of the kind.
Json value_of(const std::string& text, const Json& like) {
  if (like.is_string()) return text;
  const bool bare_list = like.is_array() && !text.starts_with('[');
  const Json value = Json::parse(bare_list ? "[" + text + "]" : text, nullptr, false);
  return value.is_discarded() ? Json(text) : value;
}

}  // namespace

void TrainingArguments::add_to(CLI::App& command) {
  command
      .add_option("--widths", sharcs_["width_mult_list"],
                  std::string(sharcs_keys[0].text) + "; none: the config file's")
      ->group("Model");
  for (const KeyDescription& each : std::span(sharcs_keys).subspan(1))
    command.add_option(flag_of(each.key), sharcs_[each.key], std::string(each.text) + "; none: the config file's")
        ->group("Model");
  command
      .add_option("--set", settings_,
                  "Sets any key of the config file, as in model.hidden_size=128 or tokenizer.vocab_size=4000")
      ->group("Model");

  const Json defaults = Json::parse(TrainingOptions().to_json());
  for (const KeyDescription& each : training_keys) {
    const Json& value = defaults.at(each.key);
    std::string& text = training_[each.key];
    const std::string shown = value.is_string() ? value.get<std::string>() : value.dump();
    CLI::Option* option =
        value.is_boolean()
            ? command.add_flag(flag_of(each.key) + ",!" + flag_of("no_" + std::string(each.key)), text, each.text)
            : command.add_option(flag_of(each.key), text, each.text);
    option->default_str(shown)->group("Training");
  }
}

ConfigFile TrainingArguments::merged_config(const CommonArguments& common) const {
  ConfigFile config = common.config.empty() ? ConfigFile() : ConfigFile::read(common.config);

  Json flags = Json::object();
  const Json defaults = Json::parse(TrainingOptions().to_json());
  for (const auto& [key, text] : training_)
    if (!text.empty()) flags[key] = value_of(text, defaults.at(key));
  if (common.seed) flags["seed"] = *common.seed;
  if (common.threads) flags["threads"] = *common.threads;
  try {
    TrainingOptions::parse(flags.dump(), "command line");
  } catch (const ConfigError& error) {
    usage_error(error.what());
  }
  for (const std::string& setting : settings_) {
    const std::size_t equals = setting.find('=');
    if (equals == std::string::npos) usage_error("--set " + setting + ": expected section.key=value");
    config.overrule(setting.substr(0, equals), value_of(setting.substr(equals + 1), nullptr));
  }
  for (const auto& [key, value] : flags.items()) config.overrule("training." + key, value);

  const Json likes = {{"width_mult_list", Json::array()}};
  for (const auto& [key, text] : sharcs_)
    if (!text.empty())
      config.overrule("model.sharcs." + key, value_of(text, likes.contains(key) ? likes[key] : Json()));
  return config;
}

TrainingOptions training_options(const ConfigFile& config) {
  return config.blaming([](const ConfigFile& settings) {
    return TrainingOptions::parse(settings.section("training").dump(), settings.name());
  });
}

}  // namespace sharcs::internal
