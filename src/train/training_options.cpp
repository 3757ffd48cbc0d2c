#include "sharcs/training_options.hpp"

#include <cmath>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <type_traits>

#include "core/json_reader.hpp"
#include "core/quote.hpp"
#include "io/file.hpp"
#include "model/backbone.hpp"
#include "sharcs/error.hpp"
#include "sharcs/width_set.hpp"
#include "train/hardness_history.hpp"

namespace sharcs {
using namespace internal;
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr int most = std::numeric_limits<int>::max();
constexpr double huge = std::numeric_limits<double>::max();

template <class E>
struct NamedValue {
  E value;
  const char* name;
};

constexpr NamedValue<ScheduleShape> schedule_shapes[] = {{ScheduleShape::linear, "linear"},
                                                         {ScheduleShape::constant, "constant"}};
constexpr NamedValue<StepMode> step_modes[] = {{StepMode::joint, "joint"}, {StepMode::alternate, "alternate"}};
constexpr NamedValue<Sharding> shardings[] = {{Sharding::samples, "samples"},
                                              {Sharding::micro_batches, "micro_batches"}};
constexpr NamedValue<HardnessMeasure> hardness_measures[] = {{HardnessMeasure::confidence, "confidence"},
                                                             {HardnessMeasure::entropy, "entropy"}};

constexpr std::span<const NamedValue<ScheduleShape>> values_of(ScheduleShape) { return schedule_shapes; }
constexpr std::span<const NamedValue<StepMode>> values_of(StepMode) { return step_modes; }
constexpr std::span<const NamedValue<Sharding>> values_of(Sharding) { return shardings; }
constexpr std::span<const NamedValue<HardnessMeasure>> values_of(HardnessMeasure) { return hardness_measures; }

template <class E>
std::string name_of(E value) {
  for (const auto& known : values_of(value))
    if (known.value == value) return known.name;
  return {};
}

template <class E>
std::string names_of(E any) {
  std::string names;
  for (const auto& known : values_of(any)) names += (names.empty() ? "\"" : ", \"") + std::string(known.name) + "\"";
  return names;
}

template <class E>
const NamedValue<E>* find_value(std::string_view name) {
  for (const auto& known : values_of(E{}))
    if (name == known.name) return &known;
  return nullptr;
}

template <class E>
E value_named(const char* what, std::string_view name) {
  if (const auto* known = find_value<E>(name)) return known->value;
  throw ConfigError(std::string(what) + " is " + quote(name) + "; expected one of " + names_of(E{}));
}

/// The options, written down once: visit(key, field) or, for numbers, visit(key, field, least, greatest).
template <class Options, class Visit>
void for_each_option(Options& options, const Visit& visit) {
  visit("epochs", options.epochs, 1, most);
  visit("batch_size", options.batch_size, 1, most);
  visit("accumulation", options.accumulation, 1, most);
  visit("step_mode", options.step_mode);
  visit("repeat_smaller_buckets", options.repeat_smaller_buckets);
  visit("full_width_share", options.full_width_share, 0.0, 1.0);
  visit("shuffle_window", options.shuffle_window, 1, most);
  visit("learning_rate", options.learning_rate, 0.0, huge);
  visit("schedule", options.schedule);
  visit("warmup_ratio", options.warmup_ratio, 0.0, 1.0);
  visit("weight_decay", options.weight_decay, 0.0, huge);
  visit("adam_beta1", options.adam_beta1, 0.0, 0.999999);
  visit("adam_beta2", options.adam_beta2, 0.0, 0.999999);
  visit("adam_epsilon", options.adam_epsilon, 1e-30, huge);
  visit("max_grad_norm", options.max_grad_norm, 0.0, huge);
  visit("window", options.window, 1, most);
  visit("hardness_measure", options.hardness_measure);
  visit("thresholds", options.thresholds);
  visit("regression_scale", options.regression_scale, 0.0, huge);
  visit("task_loss_weight", options.task_loss_weight, 0.0, huge);
  visit("router_loss_weight", options.router_loss_weight, 0.0, huge);
  visit("width_loss_weights", options.width_loss_weights);
  visit("max_length", options.max_length, 3, most);  // less holds special tokens only
  visit("token_dropout", options.token_dropout, 0.0, 1.0);
  visit("micro_batch_tokens", options.micro_batch_tokens, 1, most);
  visit("recompute_activations", options.recompute_activations);
  visit("sharding", options.sharding);
  visit("seed", options.seed);
  visit("threads", options.threads, 0, most);
  visit("checkpoint_every_steps", options.checkpoint_every_steps, 0, most);
  visit("checkpoint_every_minutes", options.checkpoint_every_minutes, 0.0, huge);
  visit("keep_checkpoints", options.keep_checkpoints, 0, most);
  visit("tensorboard", options.tensorboard);
}

/// Takes values from a JSON file. What they must be in is checked afterwards, by check().
struct OptionReader {
  JsonReader& reader;

  void operator()(const char* key, int& value, int, int) const {
    reader.read(key, value, std::numeric_limits<int>::min(), most);
  }
  void operator()(const char* key, double& value, double, double) const { reader.read(key, value, -huge, huge); }
  void operator()(const char* key, bool& value) const { reader.read(key, value); }
  void operator()(const char* key, std::vector<double>& value) const { reader.read(key, value); }
  void operator()(const char* key, std::uint64_t& value) const {
    const json& found = reader.raw(key);
    if (found.is_null()) return;
    if (!found.is_number_unsigned()) reader.fail(key, "an integer from 0 to 18446744073709551615");
    value = found.get<std::uint64_t>();
  }
  void operator()(const char* key, std::vector<Threshold>& value) const {
    const json& found = reader.raw(key);
    if (found.is_null()) return;
    const char* const expected = "a list of pairs of numbers, [[low, high], ...]";
    if (!found.is_array()) reader.fail(key, expected);
    value.clear();
    for (const json& pair : found) {
      if (!pair.is_array() || pair.size() != 2 || !pair[0].is_number() || !pair[1].is_number())
        reader.fail(key, expected);
      value.push_back({pair[0].get<double>(), pair[1].get<double>()});
    }
  }
  template <class E>
  requires std::is_enum_v<E>
  void operator()(const char* key, E& value) const {
    std::string name;
    if (!reader.read(key, name)) return;
    const auto* known = find_value<E>(name);
    if (known == nullptr) reader.fail(key, "one of " + names_of(E{}));
    value = known->value;
  }
};

struct OptionWriter {
  ordered_json& object;

  template <class T, class... Range>
  void operator()(const char* key, const T& value, Range...) const {
    if constexpr (std::is_enum_v<T>) {
      object[key] = name_of(value);
    } else if constexpr (std::is_same_v<T, std::vector<Threshold>>) {
      object[key] = ordered_json::array();
      for (const Threshold& pair : value) object[key].push_back({pair.low, pair.high});
    } else {
      object[key] = value;
    }
  }
};

struct OptionChecker {
  const std::string& name;

  [[noreturn]] void fail(const char* key, const std::string& found, const std::string& expected) const {
    throw ConfigError(name + ": \"" + key + "\" is " + found + "; expected " + expected);
  }
  template <class T>
  void operator()(const char* key, T value, T least, T greatest) const {
    if (value >= least && value <= greatest && std::isfinite(static_cast<double>(value))) return;
    const bool unbounded = greatest == std::numeric_limits<T>::max();
    fail(key, short_number(static_cast<double>(value)),
         std::string(std::is_integral_v<T> ? "an integer" : "a number") +
             (unbounded ? " ≥ " + short_number(static_cast<double>(least))
                        : " from " + short_number(static_cast<double>(least)) + " to " +
                              short_number(static_cast<double>(greatest))));
  }
  void operator()(const char* key, const std::vector<double>& values) const {
    for (const double value : values)
      if (!(value >= 0 && std::isfinite(value))) fail(key, "a list with " + short_number(value), "numbers ≥ 0");
  }
  template <class T>
  void operator()(const char*, const T&) const {}
};

}  // namespace

std::string to_string(ScheduleShape shape) { return name_of(shape); }
ScheduleShape schedule_shape_named(std::string_view name) { return value_named<ScheduleShape>("the schedule", name); }
std::string to_string(StepMode mode) { return name_of(mode); }
StepMode step_mode_named(std::string_view name) { return value_named<StepMode>("the step mode", name); }
std::string to_string(Sharding sharding) { return name_of(sharding); }
Sharding sharding_named(std::string_view name) { return value_named<Sharding>("the sharding", name); }
std::string to_string(HardnessMeasure measure) { return name_of(measure); }
HardnessMeasure hardness_measure_named(std::string_view name) {
  return value_named<HardnessMeasure>("the hardness measure", name);
}

TrainingOptions TrainingOptions::load(const std::filesystem::path& file) {
  return parse(read_text_file(file), file.string());
}

TrainingOptions TrainingOptions::parse(std::string_view text, const std::string& name) {
  JsonReader reader(text, name);
  TrainingOptions options;
  for_each_option(options, OptionReader{reader});
  if (const auto unknown = reader.unread(); !unknown.empty())
    throw ConfigError(name + ": " + quote(unknown.front()) + " is not a known training option");
  options.check(name);
  return options;
}

std::string TrainingOptions::to_json() const {
  ordered_json object;
  for_each_option(*this, OptionWriter{object});
  return object.dump(2) + "\n";
}

void TrainingOptions::check(const std::string& name) const { for_each_option(*this, OptionChecker{name}); }

void TrainingOptions::check(const ModelConfig& model, const std::string& name) const {
  check(name);
  const WidthSet widths(model);
  if (!thresholds.empty()) {
    HardnessOptions hardness = {.measure = hardness_measure, .window = window, .widths = {}, .thresholds = thresholds};
    for (const Width& width : widths) hardness.widths.push_back(width.fraction());
    try {
      hardness.check();
    } catch (const ConfigError& error) {
      throw ConfigError(name + ": \"thresholds\": " + error.what());
    }
  }
  if (!width_loss_weights.empty() && static_cast<int>(width_loss_weights.size()) != widths.size())
    throw ConfigError(name + ": \"width_loss_weights\" has " + std::to_string(width_loss_weights.size()) +
                      " numbers; expected one for each of the model's " + std::to_string(widths.size()) + " widths");
  const int positions = find_backbone(model.model_type).max_tokens(model);
  if (max_length > positions)
    throw ConfigError(name + ": \"max_length\" is " + std::to_string(max_length) + ", but the model has only " +
                      std::to_string(positions) + " positions");
}

std::vector<Threshold> default_thresholds(int widths, HardnessMeasure measure, int classes) {
  // What is just above every measure: the largest has to be inside, and the upper end is open.
  const double margin = 0.01;
  std::vector<Threshold> thresholds;
  if (measure == HardnessMeasure::entropy) {
    const double most_uncertain = std::log(static_cast<double>(classes));
    const auto border = [&](int i) {
      if (i == 0) return 0.0;
      if (i == widths) return most_uncertain + margin;
      return most_uncertain * (0.7 + 0.3 * (i - 1) / (widths - 1));
    };
    for (int i = 0; i < widths; ++i) thresholds.push_back({border(i), border(i + 1)});
  } else if (widths == 3) {
    thresholds = {{0.7, 1 + margin}, {0.4, 0.9}, {0, 0.5}};
  } else if (widths == 4) {
    thresholds = {{0.7, 1 + margin}, {0.5, 0.9}, {0.2, 0.7}, {0, 0.5}};
  } else {
    const auto border = [&](int i) {
      if (i == 0) return 1 + margin;
      if (i == widths) return 0.0;
      return 0.8 * (widths - i) / (widths - 1);
    };
    for (int i = 0; i < widths; ++i) thresholds.push_back({border(i + 1), border(i)});
  }
  return thresholds;
}

}  // namespace sharcs
