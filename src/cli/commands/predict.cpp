#include <algorithm>
#include <functional>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/command.hpp"
#include "cli/data_arguments.hpp"
#include "cli/policy_argument.hpp"
#include "cli/sentence_stream.hpp"
#include "core/number.hpp"
#include "io/file.hpp"
#include "model/task_names.hpp"
#include "sharcs/classifier.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {
namespace {

struct PredictArguments : CommonArguments {
  std::string model;
  std::string input, output = "-";
  std::vector<std::string> texts;
  std::string data, split = "test", glue_submission;
  TaskArguments task;
  std::string policy, precision;
};

bool is_table(const std::string& file) {
  const std::string extension = std::filesystem::path(file).extension().string();
  for (const char* each : {".tsv", ".csv", ".jsonl", ".ndjson", ".json"})
    if (extension == each) return true;
  return false;
}

Split split_of(const PredictArguments& arguments) {
  if (arguments.split == "train") return Split::train;
  return arguments.split == "dev" ? Split::dev : Split::test;
}

/// What the reader of a data set did that a user should know of.
void tell_notes(const Dataset& dataset) {
  for (const std::string& note : dataset.notes) std::cerr << "sharcs: " << note << '\n';
}

/// Classifies samples and counts those that were too long for the model.
class Predictor {
 public:
  explicit Predictor(const Classifier& classifier) : classifier_(classifier) {}

  std::vector<Prediction> operator()(std::span<const Sample> samples) {
    std::vector<Prediction> predictions = predict(samples);
    truncated_ += static_cast<std::size_t>(std::ranges::count_if(predictions, &Prediction::truncated));
    return predictions;
  }

  /// A line on standard error where something was cut.
  void tell_truncated() const {
    if (truncated_ > 0)
      std::cerr << "sharcs: " << counted(truncated_, "sample") << " longer than " << classifier_.max_tokens()
                << " tokens, and cut there\n";
  }

 private:
  std::vector<Prediction> predict(std::span<const Sample> samples) const {
    if (!samples.empty() && samples.front().pair) {
      std::vector<TextPair> pairs;
      for (const Sample& sample : samples) pairs.push_back({sample.text, *sample.pair});
      return classifier_.classify(pairs);
    }
    std::vector<std::string> texts;
    for (const Sample& sample : samples) texts.push_back(sample.text);
    return classifier_.classify(texts);
  }

  const Classifier& classifier_;
  std::size_t truncated_ = 0;
};

/// What predictions look like in the output, a line each.
class PredictionFormat {
 public:
  enum class Kind { tsv, tsv_with_text, json_lines };

  PredictionFormat(const Classifier& classifier, Kind kind) : classifier_(classifier), kind_(kind) {}

  std::string header() const {
    if (kind_ == Kind::json_lines) return {};
    return std::string(regression() ? "score" : "label\tprobability") + "\tanswer" +
           (kind_ == Kind::tsv_with_text ? "\ttext\n" : "\n");
  }

  std::string line(const Sample& sample, const Prediction& prediction) const {
    if (kind_ == Kind::json_lines) return json(sample, prediction).dump() + "\n";
    std::string line = regression() ? decimal(static_cast<double>(prediction.logits[0]), 4)
                                    : classifier_.label_name(prediction.label) + "\t" +
                                          decimal(static_cast<double>(probability(prediction)), 4);
    line += "\t" + prediction.answer;
    if (kind_ == Kind::tsv_with_text) line += "\t" + sample.text + (sample.pair ? "\t" + *sample.pair : "");
    return line + "\n";
  }

 private:
  bool regression() const { return classifier_.engine().config().is_regression(); }
  static float probability(const Prediction& prediction) {
    return prediction.probabilities[static_cast<std::size_t>(prediction.label)];
  }

  nlohmann::ordered_json json(const Sample& sample, const Prediction& prediction) const {
    nlohmann::ordered_json json;
    if (!sample.id.empty()) json["id"] = sample.id;
    if (regression()) {
      json["score"] = prediction.logits[0];
    } else {
      json["label"] = classifier_.label_name(prediction.label);
      json["probability"] = probability(prediction);
      for (std::size_t i = 0; i < prediction.probabilities.size(); ++i)
        json["probabilities"][classifier_.label_name(static_cast<int>(i))] = prediction.probabilities[i];
    }
    json["answer"] = prediction.answer;
    json["width"] = prediction.width;
    json["multiply_adds"] = prediction.multiply_adds;
    if (prediction.truncated) json["truncated"] = true;
    json["text"] = sample.text;
    if (sample.pair) json["pair"] = *sample.pair;
    return json;
  }

  const Classifier& classifier_;
  Kind kind_;
};

/// GLUE's form of a submission: the sample's index, and the class as the task writes it or the score in its range.
std::string submission(const Task& task, const Dataset& dataset, const std::vector<Prediction>& predictions) {
  std::string text = "index\tprediction\n";
  for (std::size_t i = 0; i < dataset.size(); ++i) {
    const std::string& id = dataset.samples[i].id;
    text += (id.empty() ? std::to_string(i) : id) + "\t";
    if (task.kind() == TaskKind::regression) {
      const std::optional<TargetRange> range = task.target_range();
      auto score = static_cast<double>(predictions[i].logits[0]);
      if (range) score = std::clamp(score, range->low, range->high);
      text += decimal(score, 3);
    } else {
      text += task.label_word(predictions[i].label);
    }
    text += "\n";
  }
  return text;
}

void write_submissions(const PredictArguments& arguments, const Classifier& classifier, const Task& task) {
  if (arguments.data.empty()) usage_error("--glue-submission needs --data FOLDER");
  if (task.submission_file().empty())
    usage_error("--glue-submission is for the tasks of GLUE; the model's task is \"" + task.name() + "\"");
  const bool is_folder =
      arguments.glue_submission.ends_with('/') || std::filesystem::is_directory(arguments.glue_submission);
  // MNLI is judged by two test sets, which one model answers.
  std::vector<Task> tasks = {task};
  if (task.name() == "mnli") {
    if (!is_folder) usage_error("the submission of mnli is two files; expected a folder in --glue-submission");
    tasks.push_back(Task::named("mnli-mm").with_label_order(task.labels()));
  }
  Predictor predictor(classifier);
  for (const Task& each : tasks) {
    const Dataset dataset = each.read(arguments.data, split_of(arguments), arguments.task.read_options());
    tell_notes(dataset);
    const std::filesystem::path file = is_folder
                                           ? std::filesystem::path(arguments.glue_submission) / each.submission_file()
                                           : std::filesystem::path(arguments.glue_submission);
    if (is_folder) make_folder(arguments.glue_submission);
    write_file_atomically(file, submission(each, dataset, predictor(dataset.samples)));
    std::cout << file.string() << ": " << counted(dataset.size(), "prediction") << " of " << dataset.file << '\n';
  }
  predictor.tell_truncated();
}

PredictionFormat::Kind format_of(const PredictArguments& arguments) {
  if (arguments.json) return PredictionFormat::Kind::json_lines;
  return arguments.texts.empty() ? PredictionFormat::Kind::tsv : PredictionFormat::Kind::tsv_with_text;
}

/// The task that says how the samples are read; none for lines of text that a model without a known task judges.
std::optional<Task> task_of(const PredictArguments& arguments, const ModelConfig& config) {
  const bool reads_columns = !arguments.data.empty() || is_table(arguments.input);
  if (reads_columns || !arguments.task.task.empty() || arguments.task.describes_own_data())
    return arguments.task.task_of(config, arguments.model);
  return Task::of(config, arguments.model + "/config.json");
}

using TakeSamples = std::function<void(std::span<const Sample>)>;

/// Hands `take` the samples of --text, --data or --input, batch by batch as they arrive.
void read_samples(const PredictArguments& arguments, const std::optional<Task>& task, const TakeSamples& take) {
  const ReadOptions options = arguments.task.read_options();
  const bool pairs = task && task->is_pair();
  if (!arguments.texts.empty()) {
    std::vector<Sample> samples;
    for (const std::string& text : arguments.texts)
      samples.push_back(read_sentence(text, "--text", pairs, options.invalid_text));
    take(samples);
  } else if (!arguments.data.empty() || is_table(arguments.input)) {
    const Dataset dataset = arguments.data.empty() ? task->read_file(arguments.input, Split::test, options)
                                                   : task->read(arguments.data, split_of(arguments), options);
    tell_notes(dataset);
    constexpr std::size_t batch = 1024;
    for (std::size_t first = 0; first < dataset.size(); first += batch)
      take(std::span(dataset.samples).subspan(first, std::min(batch, dataset.size() - first)));
  } else {
    SentenceStream stream(arguments.input.empty() ? "-" : arguments.input, pairs, options.invalid_text);
    for (std::vector<Sample> samples = stream.next(); !samples.empty(); samples = stream.next()) take(samples);
  }
}

void predict(const PredictArguments& arguments) {
  require(arguments.model, "--model");
  if (!arguments.texts.empty() + !arguments.input.empty() + !arguments.data.empty() > 1)
    usage_error("--text, --input and --data exclude each other; give one");
  const Classifier classifier =
      Classifier::load(arguments.model, {.threads = arguments.threads_or_default(),
                                         .policy = policy_argument(arguments.policy, arguments.model),
                                         .precision = precision_argument(arguments.precision)});
  const std::optional<Task> task = task_of(arguments, classifier.engine().config());
  if (!arguments.glue_submission.empty()) return write_submissions(arguments, classifier, *task);

  const PredictionFormat format(classifier, format_of(arguments));
  Predictor predictor(classifier);
  const auto predict_to = [&](const auto& write) {
    std::string lines = format.header();  // with the first batch: an input that cannot be read leaves no output
    read_samples(arguments, task, [&](std::span<const Sample> samples) {
      const std::vector<Prediction> predictions = predictor(samples);
      for (std::size_t i = 0; i < samples.size(); ++i) lines += format.line(samples[i], predictions[i]);
      write(lines);
      lines.clear();
    });
    predictor.tell_truncated();
  };
  if (arguments.output == "-")
    predict_to([](const std::string& lines) { std::cout << lines << std::flush; });
  else
    write_file_atomically(arguments.output,
                          [&](FileWriter& out) { predict_to([&](const std::string& lines) { out.write(lines); }); });
}

void add_predict(CLI::App& program) {
  const auto arguments = std::make_shared<PredictArguments>();
  CLI::App* command = add_command(
      program, "predict",
      "Classifies sentences: of a file, of standard input as they arrive, or given here. "
      "Writes a line each, with tabs: "
      "label, probability and the answer that was kept (a width, or an exit); for a regression score and answer.",
      "nothing, a prediction draws none", *arguments);
  command->add_option("--model", arguments->model, "Model directory (required)");
  command
      ->add_option(
          "--input", arguments->input,
          "A sentence a line (pairs: with a TAB between), or columns in .tsv, .csv or .jsonl; -: standard input")
      ->default_str("-");
  command->add_option("--text", arguments->texts, "A sentence to classify, in place of --input; may be repeated");
  command->add_option("--output", arguments->output, "File to write; -: standard output")->capture_default_str();
  add_policy_option(*command, arguments->policy);
  add_precision_option(*command, arguments->precision);
  command->add_option("--data", arguments->data, "Folder with the task's files, in place of --input")->group("Data");
  command->add_option("--split", arguments->split, "Which of them: train, dev or test")
      ->check(CLI::IsMember(names_of<Split>()))
      ->capture_default_str()
      ->group("Data");
  command
      ->add_option("--glue-submission", arguments->glue_submission,
                   "Write the split's predictions as GLUE's server wants them, to a file, or to a folder under GLUE's "
                   "name for it (mnli: both files)")
      ->group("Data");
  arguments->task.add_to(*command);
  on_call(command, arguments, predict);
}

}  // namespace

namespace commands {
std::vector<Command> predict() { return {{.place = 50, .add = add_predict}}; }
}  // namespace commands

}  // namespace sharcs::internal
