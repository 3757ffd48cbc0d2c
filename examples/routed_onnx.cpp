// Runs a model that `sharcs export --onnx --routed` wrote by its policy, in ONNX Runtime:
//
//   sharcs export runs/sst2 --onnx --routed --output runs/sst2-routed
//   routed_onnx runs/sst2-routed < sentences.txt      (of pairs: a TAB between the two)
//
// Prints of each line what answered, the label and the logits. Of sharcs it needs the tokenizer only.

#include <onnxruntime_cxx_api.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <sharcs/error.hpp>
#include <sharcs/tokenizer.hpp>

namespace {

using Json = nlohmann::json;
constexpr double infinity = std::numeric_limits<double>::infinity();

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

std::size_t largest(const std::vector<double>& values) {
  return static_cast<std::size_t>(std::ranges::max_element(values) - values.begin());
}

/// What a part of the model gives: a row of numbers, or of tokens' numbers, for each sample.
struct Tensor {
  std::vector<std::int64_t> shape;
  std::vector<float> values;

  std::size_t row_size() const { return values.size() / static_cast<std::size_t>(shape[0]); }
  std::span<const float> row(std::size_t sample) const {
    return std::span(values).subspan(sample * row_size(), row_size());
  }
};

/// Token ids of some samples, padded at the end: [samples, tokens] each, by the names of the stem's inputs.
struct Batch {
  std::vector<std::size_t> lengths;
  std::size_t tokens = 0;
  std::map<std::string, std::vector<std::int64_t>> inputs;
};

/// A sample on its way through the answers: which it is asked for, and which of them it keeps.
class Walk {
 public:
  Walk(const Json& routing, std::span<const float> router_logits, std::size_t tokens) : routing_(&routing) {
    const std::vector<double> logits(router_logits.begin(), router_logits.end());
    const Json& policy = routing["policy"];
    if (policy.is_null()) {
      narrowest_ = largest(logits);
      return;
    }
    confidence_ = policy.value("confidence", confidence_);
    if (policy.contains("thresholds"))
      for (const Json& threshold : policy["thresholds"])
        thresholds_.push_back(threshold.is_null() ? infinity : threshold.get<double>());
    if (policy.contains("router")) narrowest_ = worth_its_price(policy["router"], logits, static_cast<double>(tokens));
  }

  bool asks(std::size_t index) const {
    const Json& answer = (*routing_)["answers"][index];
    const bool too_narrow = answer.contains("width") && answer["width"].get<std::size_t>() < narrowest_;
    return is_widest(index) || (!too_narrow && threshold(index) < infinity);
  }

  /// Has to see every answer that the sample was asked for.
  bool keeps(std::size_t index, std::span<const float> logits, std::optional<float> score) {
    double change = infinity;
    if (!previous_.empty()) {
      double sum = 0;
      for (std::size_t i = 0; i < logits.size(); ++i) sum += std::pow(double(logits[i]) - double(previous_[i]), 2);
      change = std::sqrt(sum / static_cast<double>(logits.size()));
    }
    const auto same = [&] { return !previous_.empty() && labels(*routing_, previous_) == labels(*routing_, logits); };
    agreeing_ = ((*routing_)["kind"] == "regression" ? change < 0.5 : same()) ? agreeing_ + 1 : 1;
    previous_.assign(logits.begin(), logits.end());
    if (is_widest(index) || threshold(index) <= 0) return true;
    return confidence_of(logits, score, change) >= threshold(index);
  }

  /// Indices of the labels that logits say: one, or any number where a text may have several.
  static std::vector<std::size_t> labels(const Json& routing, std::span<const float> logits) {
    if (routing["kind"] != "multi_label")
      return {static_cast<std::size_t>(std::ranges::max_element(logits) - logits.begin())};
    std::vector<std::size_t> found;
    for (std::size_t i = 0; i < logits.size(); ++i)
      if (sigmoid(logits[i]) > routing["label_threshold"].get<double>()) found.push_back(i);
    return found;
  }

 private:
  /// cost: constant, for each token, for each pair of tokens; and, if there are five numbers, for each pair of tokens
  /// in a window, and how far that reaches.
  static double cost_of(const std::vector<double>& cost, double tokens) {
    const double sum = cost[0] + tokens * (cost[1] + tokens * cost[2]);
    if (cost.size() < 5) return sum;
    const double window = cost[4];
    return sum + cost[3] * (tokens <= window ? tokens * tokens : (2 * window + 1) * tokens - window * (window + 1));
  }

  /// The width whose value, as the router sees it, is the most above its price.
  static std::size_t worth_its_price(const Json& rule, const std::vector<double>& logits, double tokens) {
    std::vector<double> gains;
    for (std::size_t width = 0; width < logits.size(); ++width) {
      const std::vector<double> weights = rule["weights"][width];
      double value = std::inner_product(weights.begin(), weights.end(), logits.begin(), 0.0);
      value += rule["offsets"][width].get<double>();
      if (rule["logistic"].get<bool>()) value = sigmoid(value);
      gains.push_back(value - rule["price"].get<double>() * cost_of(rule["costs"][width], tokens));
    }
    return largest(gains);
  }

  double threshold(std::size_t index) const {
    if (!thresholds_.empty()) return thresholds_[index];
    return (*routing_)["answers"][index].contains("exit") ? infinity : 0;
  }

  bool is_widest(std::size_t index) const {
    const Json& answer = (*routing_)["answers"][index];
    return answer.contains("width") && answer["width"].get<std::size_t>() + 1 == (*routing_)["widths"].size();
  }

  double confidence_of(std::span<const float> logits, std::optional<float> score, double change) const {
    const std::string kind = (*routing_)["kind"];
    if (confidence_ == "patience") return agreeing_;
    if (kind == "regression") return std::exp(-change);
    if (confidence_ == "learned-score" && score) return sigmoid(*score);

    std::vector<float> p(logits.begin(), logits.end());
    if (kind == "multi_label") {
      for (float& value : p) value = static_cast<float>(sigmoid(value));
    } else {
      const float most = *std::ranges::max_element(logits);
      for (float& value : p) value = std::exp(value - most);
      const float sum = std::accumulate(p.begin(), p.end(), 0.0F);
      for (float& value : p) value /= sum;
    }
    if (confidence_ == "entropy") {
      double sum = 0, size = kind == "multi_label" ? static_cast<double>(p.size()) * std::log(2.0)
                                                   : std::log(static_cast<double>(p.size()));
      const auto add = [&](double part) { sum += part > 0 ? part * std::log(part) : 0; };
      for (const float value : p) {
        add(value);
        if (kind == "multi_label") add(1 - double(value));
      }
      return 1 + sum / size;
    }
    if (kind != "multi_label") return *std::ranges::max_element(p);
    double least = 1;
    for (const float value : p) least = std::min(least, std::max<double>(value, 1 - double(value)));
    return least;
  }

  const Json* routing_;
  std::string confidence_ = "max-probability";
  std::vector<double> thresholds_;
  std::size_t narrowest_ = 0;
  std::vector<float> previous_;  // logits of the answer before
  int agreeing_ = 0;
};

class RoutedModel {
 public:
  struct Result {
    std::string answer;
    std::vector<float> logits;
  };

  RoutedModel(const std::filesystem::path& folder, const Ort::SessionOptions& options) {
    std::ifstream file(folder / "routing.json");
    if (!file) throw std::runtime_error((folder / "routing.json").string() + ": cannot be read");
    file >> routing_;
    if (const std::string kind = routing_["kind"];
        kind != "single_label" && kind != "multi_label" && kind != "regression")
      throw std::runtime_error((folder / "routing.json").string() + ": \"kind\" is \"" + kind +
                               "\"; expected one of texts: routed_onnx.py shows how the others are run");
    load(folder, "stem.onnx", options);
    for (const Json& answer : routing_["answers"]) load(folder, answer["file"], options);
  }

  const Json& routing() const { return routing_; }

  std::vector<Result> run(Batch batch) {
    std::vector<std::pair<std::string, Ort::Value>> inputs;
    for (const std::string name : routing_["inputs"])
      inputs.emplace_back(name, tensor(batch.inputs.at(name), {rows(batch), columns(batch)}));
    std::map<std::string, Tensor> stem = part("stem.onnx", inputs);
    Tensor hidden = std::move(stem.at("last_hidden_state"));

    std::vector<Walk> walks;
    std::vector<std::size_t> left;
    for (std::size_t sample = 0; sample < batch.lengths.size(); ++sample) {
      walks.emplace_back(routing_, stem.at("router_logits").row(sample), batch.lengths[sample]);
      left.push_back(sample);
    }
    std::vector<Result> results(left.size());
    const std::size_t count = routing_["answers"].size();
    for (std::size_t index = 0; index < count && !left.empty(); ++index) {
      const Json& answer = routing_["answers"][index];
      const bool is_last = index + 1 == count;
      std::vector<std::size_t> asked;
      for (const std::size_t sample : left)
        if (is_last || walks[sample].asks(index)) asked.push_back(sample);
      // Full width goes on where it stopped, for all that are left; a narrow width runs for those that ask for it.
      const std::vector<std::size_t> runs = answer.contains("exit") ? left : asked;
      if (runs.empty()) continue;
      const bool in_stem = answer["file"] == "stem.onnx";  // then all rows are there already
      const auto found = in_stem ? stem : follow(answer["file"], batch, runs, hidden);

      std::vector<std::size_t> still_left;
      for (const std::size_t sample : left) {
        const auto place = static_cast<std::size_t>(std::ranges::find(runs, sample) - runs.begin());
        if (std::ranges::find(asked, sample) == asked.end()) {
          still_left.push_back(sample);
          continue;
        }
        const std::size_t row = in_stem ? sample : place;
        const auto logits = found.at(answer["logits"]).row(row);
        std::optional<float> score;
        if (answer.contains("score")) score = found.at(answer["score"]).row(row)[0];
        if (walks[sample].keeps(index, logits, score) || is_last)
          results[sample] = {answer["name"], {logits.begin(), logits.end()}};
        else
          still_left.push_back(sample);
      }
      left = still_left;
    }
    return results;
  }

 private:
  static std::int64_t rows(const Batch& batch) { return static_cast<std::int64_t>(batch.lengths.size()); }
  static std::int64_t columns(const Batch& batch) { return static_cast<std::int64_t>(batch.tokens); }

  void load(const std::filesystem::path& folder, const std::string& file, const Ort::SessionOptions& options) {
    if (!sessions_.contains(file))
      sessions_.emplace(file, Ort::Session(environment_, (folder / file).c_str(), options));
  }

  template <typename T>
  static Ort::Value tensor(std::vector<T>& values, const std::vector<std::int64_t>& shape) {
    static const auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
    return Ort::Value::CreateTensor<T>(memory, values.data(), values.size(), shape.data(), shape.size());
  }

  /// All outputs of a graph, by name.
  std::map<std::string, Tensor> part(const std::string& file, std::vector<std::pair<std::string, Ort::Value>>& inputs) {
    Ort::Session& session = sessions_.at(file);
    std::vector<const char*> in, out;
    std::vector<Ort::Value> values;
    for (auto& [name, value] : inputs) {
      in.push_back(name.c_str());
      values.push_back(std::move(value));
    }
    std::vector<std::string> names;
    for (std::size_t i = 0; i < session.GetOutputCount(); ++i)
      names.emplace_back(session.GetOutputNameAllocated(i, Ort::AllocatorWithDefaultOptions()).get());
    for (const std::string& name : names) out.push_back(name.c_str());
    const auto found = session.Run(Ort::RunOptions(), in.data(), values.data(), in.size(), out.data(), out.size());
    std::map<std::string, Tensor> outputs;
    for (std::size_t i = 0; i < names.size(); ++i) {
      const auto shape = found[i].GetTensorTypeAndShapeInfo();
      const float* first = found[i].GetTensorData<float>();
      outputs[names[i]] = {shape.GetShape(), {first, first + shape.GetElementCount()}};
    }
    return outputs;
  }

  /// Runs a part that follows the stem for some samples, without the padding that only others need. Where it goes on in
  /// full width, their hidden states become what it made of them.
  std::map<std::string, Tensor> follow(const std::string& file, const Batch& batch,
                                       std::span<const std::size_t> samples, Tensor& hidden) {
    std::size_t longest = 0;
    for (const std::size_t sample : samples) longest = std::max(longest, batch.lengths[sample]);
    const auto size = static_cast<std::size_t>(hidden.shape[2]), row = batch.tokens * size;
    std::vector<float> states;
    std::vector<std::int64_t> mask;
    for (const std::size_t sample : samples) {
      const auto from = hidden.row(sample).first(longest * size);
      states.insert(states.end(), from.begin(), from.end());
      for (std::size_t token = 0; token < longest; ++token) mask.push_back(token < batch.lengths[sample] ? 1 : 0);
    }
    const auto count = static_cast<std::int64_t>(samples.size()), tokens = static_cast<std::int64_t>(longest);
    std::vector<std::pair<std::string, Ort::Value>> inputs;
    inputs.emplace_back("hidden_states", tensor(states, {count, tokens, hidden.shape[2]}));
    inputs.emplace_back("attention_mask", tensor(mask, {count, tokens}));
    auto outputs = part(file, inputs);
    if (const auto after = outputs.find("last_hidden_state"); after != outputs.end())
      for (std::size_t i = 0; i < samples.size(); ++i)
        std::ranges::copy(after->second.row(i), hidden.values.begin() + static_cast<std::ptrdiff_t>(samples[i] * row));
    return outputs;
  }

  Ort::Env environment_{ORT_LOGGING_LEVEL_ERROR, "routed_onnx"};
  Json routing_;
  std::map<std::string, Ort::Session> sessions_;
};

Batch encode(const sharcs::Tokenizer& tokenizer, const std::vector<std::string>& lines, const Json& routing) {
  std::vector<sharcs::Encoding> encodings;
  Batch batch;
  for (const std::string& line : lines) {
    const std::size_t tab = line.find('\t'), limit = routing["max_tokens"];
    encodings.push_back(tab == std::string::npos ? tokenizer.encode(line, limit)
                                                 : tokenizer.encode(line.substr(0, tab), line.substr(tab + 1), limit));
    batch.lengths.push_back(encodings.back().ids.size());
    batch.tokens = std::max(batch.tokens, batch.lengths.back());
  }
  const std::size_t size = lines.size() * batch.tokens;
  auto& ids = batch.inputs["input_ids"] = std::vector<std::int64_t>(size, routing["pad_token_id"]);
  auto& mask = batch.inputs["attention_mask"] = std::vector<std::int64_t>(size, 0);
  auto& types = batch.inputs["token_type_ids"] = std::vector<std::int64_t>(size, 0);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto first = static_cast<std::ptrdiff_t>(i * batch.tokens);
    std::ranges::copy(encodings[i].ids, ids.begin() + first);
    std::ranges::copy(encodings[i].token_types, types.begin() + first);
    std::fill_n(mask.begin() + first, batch.lengths[i], 1);
  }
  return batch;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: routed_onnx FOLDER < sentences.txt\n";
    return 1;
  }
  try {
    Ort::SessionOptions options;
    options.SetIntraOpNumThreads(1);
    options.AddConfigEntry("session.x64quantprecision", "1");  // for int8 on x86 without VNNI: docs/onnx.md
    RoutedModel model(argv[1], options);
    const auto tokenizer = sharcs::Tokenizer::load(argv[1]);
    const Json& routing = model.routing();

    std::vector<std::string> lines;
    const auto answer_lines = [&] {
      if (lines.empty()) return;
      for (const auto& [answer, logits] : model.run(encode(tokenizer, lines, routing))) {
        std::cout << answer << '\t';
        const auto labels = Walk::labels(routing, logits);
        for (std::size_t i = 0; i < labels.size(); ++i)
          std::cout << (i == 0 ? "" : " ") << routing["labels"][labels[i]].get<std::string>();
        std::cout << '\t' << std::setprecision(6);
        for (std::size_t i = 0; i < logits.size(); ++i) std::cout << (i == 0 ? "" : " ") << logits[i];
        std::cout << '\n';
      }
      lines.clear();
    };
    for (std::string line; std::getline(std::cin, line);) {
      lines.push_back(line);
      if (lines.size() == 32) answer_lines();
    }
    answer_lines();
  } catch (const std::exception& error) {
    std::cerr << "routed_onnx: " << error.what() << '\n';
    return 2;
  }
}
