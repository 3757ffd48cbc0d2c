#include <algorithm>
#include <functional>
#include <iostream>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "cli/answer_format.hpp"
#include "cli/command.hpp"
#include "cli/data_arguments.hpp"
#include "cli/mask_format.hpp"
#include "cli/policy_argument.hpp"
#include "cli/program_tables.hpp"
#include "cli/sentence_stream.hpp"
#include "core/ascii.hpp"
#include "core/number.hpp"
#include "core/quote.hpp"
#include "data/sample_reader.hpp"
#include "data/sample_stream.hpp"
#include "data/tagged_texts.hpp"
#include "data/token_masking.hpp"
#include "infer/word_labels.hpp"
#include "io/file.hpp"
#include "io/input_file.hpp"
#include "model/task_names.hpp"
#include "sharcs/classifier.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {

template <>
struct EnumNames<LongText> {
  static constexpr const char* what = "what to do with long texts";
  static constexpr EnumName<LongText> all[] = {
      {LongText::first, "first"}, {LongText::head_tail, "head-tail"}, {LongText::windows, "windows"}};
};

template <>
struct EnumNames<Pairs> {
  static constexpr const char* what = "whether a line has two sentences";
  static constexpr EnumName<Pairs> all[] = {{Pairs::automatic, "auto"}, {Pairs::yes, "yes"}, {Pairs::no, "no"}};
};

namespace {

struct PredictArguments : CommonArguments {
  std::string model;
  std::string input, output = "-";
  std::vector<std::string> texts;
  std::string data, split = "test", glue_submission;
  TaskArguments task;
  std::string policy, precision;
  std::string long_text = "first", pairs = "auto";
  std::size_t stride = 0, max_length = 0, top = 5;
  bool output_header = true;
};

/// Whether the name says that the file is a table. A .txt file has a sentence a line.
bool has_name_of_table(const std::filesystem::path& file) {
  const bool is_compressed = equal_ignoring_case(file.extension().string(), ".gz");
  const std::string extension = (is_compressed ? file.stem() : file).extension().string();
  return format_of_extension(file) && !equal_ignoring_case(extension, ".txt");
}

/// Whether --input is a table, and not a sentence a line.
bool reads_table(const PredictArguments& arguments, const ModelConfig& config) {
  if (config.finds_answers)
    return arguments.texts.empty() && (!arguments.task.format.empty() || has_name_of_table(arguments.input));
  if (config.fills_masks) return false;
  if (config.per_token && arguments.texts.empty() && !arguments.task.describes_own_data())
    return has_given_words(arguments.task.read_options().format.value_or(TableFormat::by_extension), arguments.input);
  return arguments.texts.empty() && (arguments.task.describes_table() || has_name_of_table(arguments.input));
}

Split split_of(const PredictArguments& arguments) {
  if (arguments.split == "train") return Split::train;
  return arguments.split == "dev" ? Split::dev : Split::test;
}

/// What the reader of a data set did that a user should know of.
void tell_notes(const std::vector<std::string>& of_reader) {
  for (const std::string& note : of_reader) notes() << "sharcs: " << note << '\n';
}

/// The words of a text that has none given: what stands between its white space.
std::vector<std::string> words_of(const Sample& sample) {
  if (!sample.words.empty()) return sample.words;
  std::vector<std::string> words;
  std::istringstream text(sample.text);
  for (std::string word; text >> word;) words.push_back(std::move(word));
  return words;
}

/// Classifies samples and counts those that were too long for the model.
class Predictor {
 public:
  explicit Predictor(const Classifier& classifier) : classifier_(classifier) {}

  std::vector<Prediction> operator()(std::span<const Sample> samples) {
    std::vector<Prediction> predictions = predict(samples);
    answered_ += samples.size();
    truncated_ += static_cast<std::size_t>(std::ranges::count_if(predictions, &Prediction::truncated));
    return predictions;
  }

  /// A line on standard error where texts were longer than the model reads.
  void tell_longer() const {
    if (truncated_ == 0) return;
    notes() << "sharcs: " << counted(truncated_, "sample") << " longer than " << classifier_.max_tokens()
            << " tokens, and " << what_was_done() << '\n';
  }

  std::size_t answered() const { return answered_; }

 private:
  std::vector<Prediction> predict(std::span<const Sample> samples) const {
    if (classifier_.engine().config().per_token) {
      std::vector<std::vector<std::string>> words;
      for (const Sample& sample : samples) words.push_back(words_of(sample));
      return classifier_.tag(words);
    }
    std::vector<TextPair> pairs;
    std::vector<std::string> texts;
    for (const Sample& sample : samples) {
      if (sample.pair)
        pairs.push_back({sample.text, *sample.pair});
      else
        texts.push_back(sample.text);
    }
    if (pairs.empty()) return classifier_.classify(texts);
    std::vector<Prediction> of_pairs = classifier_.classify(pairs);
    if (texts.empty()) return of_pairs;
    std::vector<Prediction> of_texts = classifier_.classify(texts);
    std::vector<Prediction> all;
    auto pair = of_pairs.begin(), text = of_texts.begin();
    for (const Sample& sample : samples) all.push_back(std::move(sample.pair ? *pair++ : *text++));
    return all;
  }

  std::string what_was_done() const {
    switch (classifier_.engine().options().long_text) {
      case LongText::head_tail:
        return "read at the beginning and the end";
      case LongText::windows:
        return "read in windows";
      default:
        return "cut there";
    }
  }

  const Classifier& classifier_;
  std::size_t truncated_ = 0, answered_ = 0;
};

/// Counts the lines that were not answered, and names the first ones on standard error as they come.
class BadLineCount {
 public:
  void add(const BadLine& bad) {
    constexpr std::size_t named = 20;
    if (++count_ <= named) std::cerr << "sharcs: " << bad.problem << std::endl;
    if (count_ == named + 1) std::cerr << "sharcs: more lines like these are counted and not named" << std::endl;
  }
  /// Where there are some, says how many and ends the program with the exit code for it.
  void end_with(std::size_t answered) const {
    if (count_ == 0) return;
    std::cerr << "sharcs: " << counted(count_, "line") << " could not be read; " << counted(answered, "sample")
              << " answered\n";
    throw CLI::RuntimeError(answered > 0 ? exit_partly : exit_failed);
  }

 private:
  std::size_t count_ = 0;
};

/// What predictions look like in the output, a line each.
class PredictionFormat {
 public:
  enum class Kind { tsv, tsv_with_text, json_lines };

  PredictionFormat(const Classifier& classifier, Kind kind) : classifier_(classifier), kind_(kind) {}

  std::string header() const {
    if (kind_ == Kind::json_lines) return {};
    if (config().per_token) return "word\ttag\tprobability\tanswer\n\n";
    return (regression()       ? names_of_scores()
            : several_labels() ? "labels\tprobabilities"
                               : "label\tprobability") +
           "\tanswer" + (kind_ == Kind::tsv_with_text ? "\ttext\n" : "\n");
  }

  /// In the place of a line that could not be read.
  std::string line(const BadLine& bad) const {
    if (kind_ == Kind::json_lines)
      return nlohmann::ordered_json{{"line", bad.line}, {"error", bad.problem}}.dump(
                 -1, ' ', false, nlohmann::json::error_handler_t::replace) +
             "\n";
    if (config().per_token) return "\t\t\t\n\n";
    return regression() ? std::string(config().labels.size(), '\t') + "\n" : "\t\t\n";
  }

  std::string line(const Sample& sample, const Prediction& prediction) const {
    if (config().per_token && kind_ == Kind::json_lines) return json_of_words(sample, prediction).dump() + "\n";
    if (config().per_token) return words(sample, prediction);
    if (kind_ == Kind::json_lines) return json(sample, prediction).dump() + "\n";
    std::string line = what_is_said(prediction) + "\t" + prediction.answer;
    if (kind_ == Kind::tsv_with_text)
      line += "\t" + tsv_cell(sample.text) + (sample.pair ? "\t" + tsv_cell(*sample.pair) : "");
    return line + "\n";
  }

 private:
  const ModelConfig& config() const { return classifier_.engine().config(); }
  bool regression() const { return config().is_regression(); }
  bool several_labels() const { return config().multi_label; }

  /// Columns of a regression: "score", or the names of several numbers.
  std::string names_of_scores() const {
    if (!config().multi_output) return "score";
    std::string names;
    for (const std::string& name : config().labels) names += (names.empty() ? "" : "\t") + name;
    return names;
  }

  /// "positive<TAB>0.9812"; of several labels "news,sport<TAB>0.9812,0.6600", both empty where none is given; or the
  /// scores.
  std::string what_is_said(const Prediction& prediction) const {
    if (regression()) return decimals(std::span(prediction.logits), 4, "\t");
    if (!several_labels())
      return classifier_.label_name(prediction.label) + "\t" + decimal(static_cast<double>(probability(prediction)), 4);
    const std::optional<TaskSpec>& task = classifier_.engine().config().task;
    const std::string between(1, task ? task->label_separator : ',');
    std::string names, probabilities;
    for (const int label : prediction.labels) {
      if (!names.empty()) names += between, probabilities += between;
      names += classifier_.label_name(label);
      probabilities += decimal(static_cast<double>(prediction.probabilities[static_cast<std::size_t>(label)]), 4);
    }
    return names + "\t" + probabilities;
  }

  static float probability(const Prediction& prediction) {
    return prediction.probabilities[static_cast<std::size_t>(prediction.label)];
  }

  /// A word a line, "Paris<TAB>B-LOC<TAB>0.9812<TAB>1", and a blank line after the text. What was not read has no tag.
  std::string words(const Sample& sample, const Prediction& prediction) const {
    const std::vector<std::string> all = words_of(sample);
    const WordLabels labels(config(), all, prediction);
    std::string lines;
    for (std::size_t w = 0; w < all.size(); ++w) {
      lines += all[w] + "\t";
      if (const std::string* label = labels.label(w))
        lines += *label + "\t" + decimal(static_cast<double>(*labels.probability(w)), 4);
      else
        lines += "\t";
      lines += "\t" + prediction.answer + "\n";
    }
    return lines + "\n";
  }

  nlohmann::ordered_json json_of_words(const Sample& sample, const Prediction& prediction) const {
    const std::vector<std::string> all = words_of(sample);
    const WordLabels labels(config(), all, prediction);
    nlohmann::ordered_json json;
    if (!sample.id.empty()) json["id"] = sample.id;
    json["tokens"] = all;
    json["ner_tags"] = labels.labels_json();
    json["probabilities"] = labels.probabilities_json();
    if (nlohmann::ordered_json entities = labels.entities_json(); !entities.is_null()) json["entities"] = entities;
    json["answer"] = prediction.answer;
    json["width"] = prediction.width;
    json["multiply_adds"] = prediction.multiply_adds;
    if (prediction.truncated) json["truncated"] = true;
    return json;
  }

  nlohmann::ordered_json json(const Sample& sample, const Prediction& prediction) const {
    nlohmann::ordered_json json;
    if (!sample.id.empty()) json["id"] = sample.id;
    if (config().multi_output) {
      for (std::size_t i = 0; i < prediction.logits.size(); ++i)
        json["scores"][config().labels[i]] = prediction.logits[i];
    } else if (regression()) {
      json["score"] = prediction.logits[0];
    } else {
      if (several_labels()) {
        json["labels"] = nlohmann::ordered_json::array();
        for (const int label : prediction.labels) json["labels"].push_back(classifier_.label_name(label));
      } else {
        json["label"] = classifier_.label_name(prediction.label);
        json["probability"] = probability(prediction);
      }
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

bool has_diagnostic_set(const std::string& folder) {
  try {
    return !Task::named("ax").file(folder, Split::test).empty();
  } catch (const IoError&) {
    return false;
  }
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
  // With the diagnostic set, if it is there.
  if (task.name() == "mnli" && has_diagnostic_set(arguments.data))
    tasks.push_back(Task::named("ax").with_label_order(task.labels()));
  Predictor predictor(classifier);
  ReadOptions options = arguments.task.read_options();
  options.on_error = OnError::stop;  // GLUE's server wants an answer to every line
  for (const Task& each : tasks) {
    const Dataset dataset = each.read(arguments.data, split_of(arguments), options);
    tell_notes(dataset.notes);
    const std::filesystem::path file = is_folder
                                           ? std::filesystem::path(arguments.glue_submission) / each.submission_file()
                                           : std::filesystem::path(arguments.glue_submission);
    if (is_folder) make_folder(arguments.glue_submission);
    write_file_atomically(file, submission(each, dataset, predictor(dataset.samples)));
    std::cout << file.string() << ": " << counted(dataset.size(), "prediction") << " of " << dataset.file << '\n';
  }
  predictor.tell_longer();
}

PredictionFormat::Kind format_of(const PredictArguments& arguments) {
  if (arguments.json) return PredictionFormat::Kind::json_lines;
  return arguments.texts.empty() ? PredictionFormat::Kind::tsv : PredictionFormat::Kind::tsv_with_text;
}

/// The task that says how the samples are read; none for lines of text that a model without a known task judges.
std::optional<Task> task_of(const PredictArguments& arguments, const ModelConfig& config) {
  if (!arguments.data.empty() || reads_table(arguments, config) || !arguments.task.task.empty() ||
      arguments.task.describes_own_data())
    return arguments.task.task_of(config, arguments.model);
  return Task::of(config, arguments.model + "/config.json");
}

/// Whether lines of text are pairs: as --pairs says, else as the task says, else where a line has a TAB.
Pairs pairs_of(const PredictArguments& arguments, const std::optional<Task>& task) {
  const auto asked = named<Pairs>(arguments.pairs);
  if (!task || asked == Pairs::automatic)
    return asked != Pairs::automatic ? asked : !task ? Pairs::automatic : task->is_pair() ? Pairs::yes : Pairs::no;
  if (task->is_pair() != (asked == Pairs::yes))
    usage_error("--pairs " + arguments.pairs + ": the model's task is of " +
                (task->is_pair() ? "pairs of sentences" : "single sentences"));
  return asked;
}

using TakeBatch = std::function<void(const SentenceBatch&)>;

/// Hands the samples and the bad lines of a data set on, in pieces, in the order of their lines.
void take_dataset(const Dataset& dataset, const TakeBatch& take) {
  constexpr std::size_t piece = 1024;
  auto bad = dataset.bad_lines.begin();
  for (std::size_t first = 0; first == 0 || first < dataset.size(); first += piece) {  // once for bad lines alone, too
    const auto samples = std::span(dataset.samples).subspan(first, std::min(piece, dataset.size() - first));
    SentenceBatch batch = {.samples = {samples.begin(), samples.end()}, .bad_lines = {}};
    const bool is_last = first + piece >= dataset.size();
    for (; bad != dataset.bad_lines.end() && (is_last || bad->line < samples.back().line); ++bad)
      batch.bad_lines.push_back(*bad);
    take(batch);
  }
}

/// The same with what comes through a pipe, as it arrives.
void take_stream(SampleStream& stream, const TakeBatch& take) {
  for (Dataset piece = stream.next(); !piece.empty() || !piece.bad_lines.empty(); piece = stream.next())
    take_dataset(piece, take);
  tell_notes(stream.notes());
}

/// Hands `take` the samples of --text, --data or --input, batch by batch as they arrive.
void read_samples(const PredictArguments& arguments, const std::optional<Task>& task, const ModelConfig& config,
                  const TakeBatch& take) {
  const ReadOptions options = arguments.task.read_options();
  const Pairs pairs = config.finds_answers ? Pairs::yes : config.per_token ? Pairs::no : pairs_of(arguments, task);
  // A model that does not say what it reads: a line with a TAB is taken for a pair, which a user has to know.
  bool told = arguments.pairs != "auto" || pairs != Pairs::automatic;
  const auto take_lines = [&](const SentenceBatch& batch) {
    if (!told && std::ranges::any_of(batch.samples, [](const Sample& sample) { return sample.pair.has_value(); })) {
      told = true;
      notes() << "sharcs: lines with a TAB are read as pairs of sentences; --pairs no reads them as one sentence\n";
    }
    take(batch);
  };
  if (!arguments.texts.empty()) {
    SentenceBatch batch;
    for (const std::string& text : arguments.texts)
      batch.samples.push_back(read_sentence(text, "--text", pairs, options.invalid_text));
    take_lines(batch);
  } else if (!arguments.data.empty() || reads_table(arguments, config)) {
    const std::string input = arguments.input.empty() ? "-" : arguments.input;
    std::error_code error;
    const bool streams = !config.per_token;  // a text with a word a line is read to its end
    if (streams && arguments.data.empty() && (input == "-" || !std::filesystem::is_regular_file(input, error))) {
      SampleStream stream(*task, input, Split::test, options);
      take_stream(stream, take);
    } else {
      const Dataset dataset = arguments.data.empty() ? task->read_file(input, Split::test, options)
                                                     : task->read(arguments.data, split_of(arguments), options);
      tell_notes(dataset.notes);
      take_dataset(dataset, take);
    }
  } else {
    SentenceStream stream(arguments.input.empty() ? "-" : arguments.input, pairs, options);
    for (SentenceBatch batch = stream.next(); !batch.empty(); batch = stream.next()) take_lines(batch);
  }
}

/// The output lines of a batch, in the order of its lines.
std::string lines_of(const SentenceBatch& batch, std::span<const Prediction> predictions,
                     const PredictionFormat& format, bool keeps_bad_lines) {
  std::string lines;
  auto bad = batch.bad_lines.begin();
  const auto add_bad_before = [&](std::size_t line) {
    for (; keeps_bad_lines && bad != batch.bad_lines.end() && bad->line < line; ++bad) lines += format.line(*bad);
  };
  for (std::size_t i = 0; i < batch.samples.size(); ++i) {
    add_bad_before(batch.samples[i].line);
    lines += format.line(batch.samples[i], predictions[i]);
  }
  add_bad_before(std::numeric_limits<std::size_t>::max());
  return lines;
}

/// Calls predict_to(write) with what writes to the output; a file appears when all of it is there.
void with_output(const PredictArguments& arguments, const std::function<std::size_t()>& answered,
                 const std::function<void(const std::function<void(const std::string&)>&)>& predict_to) {
  try {
    if (arguments.output == "-")
      predict_to([](const std::string& lines) { std::cout << lines << std::flush; });
    else
      write_file_atomically(arguments.output,
                            [&](FileWriter& out) { predict_to([&](const std::string& lines) { out.write(lines); }); });
  } catch (const std::exception& error) {
    if (answered() == 0) throw;
    throw DataError(std::string(error.what()) + "; " + counted(answered(), "sample") + " before it answered" +
                    (arguments.output == "-" ? "" : ", and nothing written"));
  }
}

void answer_questions(const PredictArguments& arguments, const Classifier& classifier,
                      const std::optional<Task>& task) {
  if (!arguments.glue_submission.empty()) usage_error("--glue-submission is for the tasks of GLUE");
  const bool is_file = arguments.texts.empty() && reads_table(arguments, classifier.engine().config());
  using Kind = AnswerFormat::Kind;
  AnswerFormat format(arguments.json ? Kind::json_lines : is_file ? Kind::squad : Kind::tsv, arguments.output_header);
  std::size_t answered = 0;
  BadLineCount bad_lines;
  with_output(
      arguments, [&] { return answered; },
      [&](const std::function<void(const std::string&)>& write) {
        std::string entries = format.begin();
        read_samples(arguments, task, classifier.engine().config(), [&](const SentenceBatch& batch) {
          std::vector<TextPair> questions;
          for (const Sample& sample : batch.samples) questions.push_back({sample.text, sample.pair.value_or("")});
          const std::vector<FoundAnswer> found = classifier.answer(questions, {}, arguments.task.no_answer_above);
          auto next_bad = batch.bad_lines.begin();
          const auto add_bad_before = [&](std::size_t line) {
            for (; arguments.task.on_error == "empty" && next_bad != batch.bad_lines.end() && next_bad->line < line;
                 ++next_bad)
              entries += format.entry(*next_bad);
          };
          for (std::size_t i = 0; i < found.size(); ++i) {
            add_bad_before(batch.samples[i].line);
            entries += format.entry(batch.samples[i], found[i]);
          }
          add_bad_before(std::numeric_limits<std::size_t>::max());
          write(entries);
          entries.clear();
          answered += found.size();
          for (const BadLine& bad : batch.bad_lines) bad_lines.add(bad);
        });
        write(format.end());
      });
  bad_lines.end_with(answered);
}

void fill_masks(const PredictArguments& arguments, const Classifier& classifier, const std::optional<Task>& task) {
  if (!arguments.glue_submission.empty()) usage_error("--glue-submission is for the tasks of GLUE");
  const MaskFormat format(arguments.json);
  const std::string mask = classifier.tokenizer().token(mask_id_of(classifier.tokenizer()));
  std::size_t answered = 0;
  BadLineCount bad_lines;
  const auto fill_to = [&](const std::function<void(const std::string&)>& write) {
    std::string entries = arguments.output_header ? format.begin() : "";
    read_samples(arguments, task, classifier.engine().config(), [&](const SentenceBatch& batch) {
      std::vector<std::string> texts;
      std::vector<BadLine> bad(batch.bad_lines);
      for (const Sample& sample : batch.samples) {
        if (sample.text.find(mask) != sample.text.npos) {
          texts.push_back(sample.text);
          continue;
        }
        const std::string place =
            arguments.texts.empty()
                ? input_name(arguments.input.empty() ? "-" : arguments.input) + ":" + std::to_string(sample.line)
                : "--text";
        const std::string problem = place + ": has no mask; expected " + mask;
        if (arguments.task.on_error == "stop") throw DataError(problem);
        bad.push_back({sample.line, problem});
      }
      std::ranges::stable_sort(bad, {}, &BadLine::line);
      const std::vector<FilledText> filled = classifier.fill(texts, arguments.top);
      auto next_bad = bad.begin();
      const auto add_bad_before = [&](std::size_t line) {
        for (; arguments.task.on_error == "empty" && next_bad != bad.end() && next_bad->line < line; ++next_bad)
          entries += format.entry(*next_bad);
      };
      auto next = filled.begin();
      for (const Sample& sample : batch.samples) {
        if (sample.text.find(mask) == sample.text.npos) continue;
        add_bad_before(sample.line);
        entries += format.entry(sample, *next++);
      }
      add_bad_before(std::numeric_limits<std::size_t>::max());
      write(entries);
      entries.clear();
      answered += filled.size();
      for (const BadLine& each : bad) bad_lines.add(each);
    });
  };
  with_output(
      arguments, [&] { return answered; }, fill_to);
  bad_lines.end_with(answered);
}

void predict(const PredictArguments& arguments) {
  require(arguments.model, "--model");
  if (!arguments.texts.empty() + !arguments.input.empty() + !arguments.data.empty() > 1)
    usage_error("--text, --input and --data exclude each other; give one");
  for (const auto& [option, output] : {std::pair("--output", arguments.output == "-" ? "" : arguments.output),
                                       std::pair("--glue-submission", arguments.glue_submission)})
    refuse_input_as_output(option, output, {arguments.model, arguments.input});
  const Classifier classifier =
      Classifier::load(arguments.model, {.threads = arguments.threads_or_default(),
                                         .policy = policy_argument(arguments.policy, arguments.model),
                                         .precision = precision_argument(arguments.precision),
                                         .max_length = arguments.max_length,
                                         .long_text = named<LongText>(arguments.long_text),
                                         .label_threshold = arguments.task.label_threshold,
                                         .stride = arguments.stride});
  const std::optional<Task> task = task_of(arguments, classifier.engine().config());
  if (classifier.engine().config().finds_answers) return answer_questions(arguments, classifier, task);
  if (classifier.engine().config().fills_masks) return fill_masks(arguments, classifier, task);
  if (!arguments.glue_submission.empty()) return write_submissions(arguments, classifier, *task);

  const PredictionFormat format(classifier, format_of(arguments));
  Predictor predictor(classifier);
  BadLineCount bad_lines;
  const auto predict_to = [&](const std::function<void(const std::string&)>& write) {
    // With the first batch: an input that cannot be read leaves no output.
    std::string lines = arguments.output_header ? format.header() : "";
    read_samples(arguments, task, classifier.engine().config(), [&](const SentenceBatch& batch) {
      const std::vector<Prediction> predictions =
          batch.samples.empty() ? std::vector<Prediction>() : predictor(batch.samples);
      lines += lines_of(batch, predictions, format, arguments.task.on_error == "empty");
      write(lines);
      lines.clear();
      for (const BadLine& bad : batch.bad_lines) bad_lines.add(bad);
    });
    predictor.tell_longer();
  };
  with_output(
      arguments, [&] { return predictor.answered(); }, predict_to);
  bad_lines.end_with(predictor.answered());
}

void add_predict(CLI::App& program) {
  const auto arguments = std::make_shared<PredictArguments>();
  arguments->task.needs_labels = false;
  CLI::App* command = add_command(
      program, "predict",
      "Classifies sentences: of a file, of standard input as they arrive (tables, too), or given here. "
      "Writes a line each, with tabs: "
      "label, probability and the answer that was kept (a width, or an exit); for a regression the score, "
      "or several, and the answer; with "
      "several labels a text, all that are above the threshold, and their probabilities. A model that labels "
      "words gives a line for each: word, tag, probability and answer, and a blank one after each text. A model "
      "that finds answers reads SQuAD's files and writes predictions as SQuAD's scripts read them. One that fills "
      "masks writes a line for each of the likeliest tokens of each mask: number of the mask, token, probability and "
      "answer, and a blank line after each text.",
      "nothing, a prediction draws none", *arguments);
  command->add_option("--model", arguments->model, "Model directory (required)");
  command
      ->add_option(
          "--input", arguments->input,
          "A sentence a line (pairs: with a TAB between), or a table: .tsv, .csv, .jsonl or any file with --format "
          "or a column's name; also compressed (.gz); -: standard input. A model that labels words reads .conll and "
          ".jsonl, or a text a line, whose words stand apart by white space; one that finds answers .json and .jsonl, "
          "or a question and its context a line, with a TAB between; one that fills masks a text a line, with [MASK] "
          "or <mask> in it")
      ->default_str("-");
  command->add_option("--text", arguments->texts, "A sentence to classify, in place of --input; may be repeated");
  command
      ->add_option("--pairs", arguments->pairs,
                   "Whether a line has two sentences with a TAB between them; auto: as the model's task says, and of a "
                   "model without one where the line has a TAB")
      ->check(CLI::IsMember(names_of<Pairs>()))
      ->capture_default_str();
  command->add_option("--output", arguments->output, "File to write; -: standard output")->capture_default_str();
  command
      ->add_flag("--output-header,!--no-output-header", arguments->output_header,
                 "Begin the output with a line that names its columns")
      ->default_str("true");
  add_policy_option(*command, arguments->policy);
  add_precision_option(*command, arguments->precision);
  command
      ->add_option(
          "--long", arguments->long_text,
          "A text of more tokens than --max-length: its first ones; a quarter from its head and the rest from its "
          "tail; or all of it in windows, whose answers are averaged")
      ->check(CLI::IsMember(names_of<LongText>()))
      ->capture_default_str();
  command
      ->add_option("--stride", arguments->stride,
                   "Tokens from the beginning of a window to that of the next; 0: half a window, or of a question's "
                   "context all but 128")
      ->check(not_negative)
      ->default_str("0");
  command
      ->add_option("--max-length", arguments->max_length,
                   "Tokens of a text at most; 0: as in training (a model that does not say: all that it can read)")
      ->check(not_negative)
      ->default_str("0");
  command->add_option("--top", arguments->top, "Of a model that fills masks: tokens for each mask")
      ->check(not_negative)
      ->default_str("5");
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
  arguments->task.add_to(*command, {"stop", "skip", "empty"});
  command->footer(examples(
      {R"(sharcs predict --model runs/reviews --text "a gem" --text "a mess")",
       R"(zcat new.jsonl.gz | sharcs predict --model runs/reviews --format jsonl --text-column review.text --json)"}));
  on_call(command, arguments, predict);
}

}  // namespace

namespace commands {
std::vector<Command> predict() { return {{.place = 50, .add = add_predict}}; }
}  // namespace commands

}  // namespace sharcs::internal
