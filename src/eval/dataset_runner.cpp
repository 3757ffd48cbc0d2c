#include "eval/dataset_runner.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <numeric>
#include <utility>

#include "core/clock.hpp"
#include "core/number.hpp"
#include "core/quote.hpp"
#include "core/threads.hpp"
#include "data/answer_scores.hpp"
#include "data/context_windows.hpp"
#include "data/tokenized_dataset.hpp"
#include "eval/recording_metrics.hpp"
#include "infer/engine_access.hpp"
#include "model/answering_pass.hpp"
#include "model/length_cost.hpp"
#include "model/mask_guess.hpp"
#include "model/micro_batches.hpp"
#include "model/predicted_label.hpp"
#include "model/window_answer.hpp"
#include "routing/policy_walk.hpp"
#include "sharcs/error.hpp"

namespace sharcs {
using namespace internal;

namespace {

/// What the answers of a data set's samples are kept in.
struct CollectedAnswers {
  std::vector<std::vector<float>> logits;  ///< [answers][rows · outputs]
  std::vector<std::vector<float>> scores;  ///< [answers][samples]
  std::vector<float> router_logits;        ///< [samples · widths]; empty without a router
};

/// What is known of a data set's samples before they run.
struct SampleRows {
  /// Of each sample the number of its first row of logits, and of all rows. Of windows one row each is kept, the
  /// numbers of a WindowAnswer, of masked tokens those of a MaskGuess.
  std::span<const Index> first;
  std::size_t outputs;                   ///< of a row that is kept
  std::span<const std::int32_t> truths;  ///< of masked tokens
};

/// Asks the samples of the micro-batches that one thread takes for every answer, and keeps what comes.
class AnswerCollector final : public AnswerGuide<float> {
 public:
  /// All arguments must outlive it.
  AnswerCollector(const Encoder<float>& encoder, const SampleRows& rows, WorkspacePool& workspaces,
                  CollectedAnswers& collected)
      : encoder_(encoder), rows_(rows), workspace_(workspaces.take()), collected_(collected) {}

  void operator()(const RaggedBatch& piece, Index first) {
    first_ = first;
    run_answers<float>(encoder_, piece, *this, *workspace_, output_);
    if (collected_.router_logits.empty()) return;
    const auto widths = static_cast<std::ptrdiff_t>(encoder_.widths.size());
    std::ranges::copy(output_.router_logits, collected_.router_logits.begin() + first * widths);
  }

  bool asks(Index, int, std::span<const float>) override { return true; }
  bool keeps(Index sample, int answer, std::span<const float> row, const float* score) override {
    std::array<float, WindowAnswer::numbers> of_window;
    std::vector<float> guesses;
    const auto a = static_cast<std::size_t>(answer), i = static_cast<std::size_t>(first_ + sample);
    if (encoder_.config.finds_answers) row = of_window = WindowAnswer::of(row).as_numbers();
    if (encoder_.config.fills_masks) {
      const auto vocabulary = static_cast<std::size_t>(encoder_.config.vocab_size);
      const auto first_row = static_cast<std::size_t>(rows_.first[i]);
      row = guesses = mask_guesses(row, vocabulary, rows_.truths.subspan(first_row, row.size() / vocabulary));
    }
    std::ranges::copy(row, collected_.logits[a].begin() + rows_.first[i] * static_cast<std::ptrdiff_t>(rows_.outputs));
    if (score != nullptr) collected_.scores[a][i] = *score;
    return false;
  }

 private:
  const Encoder<float>& encoder_;
  const SampleRows& rows_;
  WorkspacePool::Loan workspace_;
  CollectedAnswers& collected_;
  AnsweredBatch<float> output_;
  Index first_ = 0;
};

/// Answers the samples of the micro-batches that one thread takes by a policy.
class PolicyReader {
 public:
  /// lengths: of all samples, in tokens. All arguments must outlive it.
  PolicyReader(const Encoder<float>& encoder, const Policy& policy, std::span<const std::int32_t> lengths,
               WorkspacePool& workspaces)
      : encoder_(encoder),
        walk_(policy, encoder.config, encoder.widths, encoder.answers),
        lengths_(lengths),
        workspace_(workspaces.take()) {}

  void operator()(const RaggedBatch& piece, Index first) {
    walk_.begin(lengths_.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(piece.samples())));
    run_answers<float>(encoder_, piece, walk_, *workspace_, output_);
  }

 private:
  const Encoder<float>& encoder_;
  PolicyWalk walk_;
  std::span<const std::int32_t> lengths_;
  WorkspacePool::Loan workspace_;
  AnsweredBatch<float> output_;
};

}  // namespace

DatasetRunner::DatasetRunner(const Encoder<float>& encoder, const TokenizedDataset& dataset, Index micro_batch_tokens,
                             Communicator& ranks)
    : encoder_(encoder),
      dataset_(dataset),
      share_(share_by_tokens(dataset.lengths, ranks.rank(), ranks.ranks())),
      micro_batch_tokens_(micro_batch_tokens),
      ranks_(ranks) {
  for (Index sample = share_.begin; sample < share_.end; ++sample) tokens_.add(dataset.tokens, sample);
}

Recording DatasetRunner::record(const Task& task, const std::string& name) {
  const ModelConfig& config = encoder_.config;
  if (dataset_.samples() == 0) throw DataError(name + ": there are no samples to evaluate");
  if (dataset_.labels.empty() && dataset_.targets.empty())
    throw DataError(name + ": there are samples without a label; evaluation needs one for each");
  if (!config.fills_masks && task.outputs() != static_cast<std::size_t>(config.num_labels()))
    throw ConfigError("task " + task.name() + " has " + std::to_string(task.outputs()) + " outputs, the model " +
                      std::to_string(config.num_labels()));
  if ((task.kind() == TaskKind::multi_label) != config.multi_label)
    throw ConfigError("task " + task.name() + " is a " + to_string(task.kind()) + ", the model is made for " +
                      (config.multi_label ? "several labels a text" : "one label a text"));
  if (!fits(task.kind(), config))
    throw ConfigError("task " + task.name() + " is a " + to_string(task.kind()) + ", the model labels " +
                      what_is_labelled(config));
  if ((task.kind() == TaskKind::regression) != config.is_regression())
    throw ConfigError("task " + task.name() + " is a " + to_string(task.kind()) + ", the model is made for a " +
                      (config.is_regression() ? "regression" : "classification"));
  Recording recording = {.config = config,
                         .task = task.name(),
                         .classes = task.labels(),
                         .metrics = task.metrics(),
                         .outputs = config.fills_masks ? MaskGuess::numbers : task.outputs(),
                         .tokens = dataset_.lengths,
                         .labels = {dataset_.labels.begin(), dataset_.labels.end()},
                         .targets = {dataset_.targets.begin(), dataset_.targets.end()},
                         .first_words = {dataset_.first_words.begin(), dataset_.first_words.end()}};
  const std::vector<Answer>& answers = encoder_.answers;
  if (config.finds_answers) describe_windows(task, recording);
  const std::size_t cols = config.finds_answers ? WindowAnswer::numbers : recording.outputs;
  // Of this rank's samples; where texts are labelled, a row each.
  std::vector<Index> first_rows = tokens_.head_offsets;
  if (!config.labels_tokens()) std::iota(first_rows.begin(), first_rows.end(), Index{0});
  const SampleRows rows = {first_rows, cols, tokens_.truths};
  const auto samples = static_cast<std::size_t>(tokens_.samples());
  const auto numbers = static_cast<std::size_t>(first_rows.back()) * cols;
  CollectedAnswers collected = {.logits = std::vector(answers.size(), std::vector<float>(numbers)),
                                .scores = std::vector(answers.size(), std::vector<float>(samples)),
                                .router_logits = {}};
  if (encoder_.weights.router)
    collected.router_logits.resize(samples * static_cast<std::size_t>(encoder_.widths.size()));
  read_side_by_side(tokens_, SideBySide(tokens_, micro_batch_tokens_, thread_count()),
                    [&] { return AnswerCollector(encoder_, rows, workspaces_, collected); });
  recording.router_logits = std::move(collected.router_logits);
  if (encoder_.weights.router) gather(recording.router_logits, encoder_.widths.size());
  for (std::size_t a = 0; a < answers.size(); ++a) {
    const Answer& answer = answers[a];
    RecordedAnswer& recorded = recording.answers.emplace_back();
    recorded.name = answer.name;
    recorded.width = encoder_.widths[answer.width_index].fraction();
    recorded.exit_layer = answer.exit_layer;
    recorded.path = answer.path;
    recorded.cost = sum_of(answer.path, answer.own);
    recorded.logits = std::move(collected.logits[a]);
    if (config.labels_tokens())
      gather_words(recorded.logits, static_cast<Index>(cols));
    else
      gather(recorded.logits, static_cast<Index>(cols));
    const auto bad = std::ranges::find_if_not(recorded.logits, [](float logit) { return std::isfinite(logit); });
    if (bad != recorded.logits.end())
      throw DataError(name +
                      (config.fills_masks       ? ": masked token "
                       : config.labels_tokens() ? ": word "
                                                : ": sample ") +
                      std::to_string((bad - recorded.logits.begin()) / static_cast<std::ptrdiff_t>(cols) + 1) +
                      ": the model's answer " + quote(answer.name) +
                      " is not a finite number; its training has diverged, or its weights are damaged");
    if (!answer.is_exit() || !config.sharcs->exit_scores) continue;
    recorded.scores = std::move(collected.scores[a]);
    gather(recorded.scores, 1);
  }
  if (config.finds_answers) {
    add_texts(recording);
    score_texts(recording, dataset_.windows->samples);
  }
  return recording;
}

void DatasetRunner::describe_windows(const Task& task, Recording& recording) const {
  ModelConfig of_task = recording.config;
  task.store_in(of_task);
  recording.config.task = of_task.task;  // says whether questions may have no answer
  recording.labels.clear();
  for (Index i = 0; i < dataset_.samples(); ++i) {
    const Sample& window = dataset_.windows->samples[static_cast<std::size_t>(i)];
    const bool has_none = score_answer("", texts_of(window), may_have_none(recording)).exact == 1;
    recording.labels.push_back(has_none ? 0 : dataset_.labels_of(i)[1] > 0 ? 2 : 1);
    recording.questions.push_back(window.question);
  }
}

void DatasetRunner::add_texts(Recording& recording) const {
  for (RecordedAnswer& answer : recording.answers)
    for (std::size_t i = 0; i < recording.size(); ++i) {
      const WindowAnswer found =
          WindowAnswer::in(std::span(answer.logits).subspan(i * WindowAnswer::numbers, WindowAnswer::numbers));
      const std::vector<TextRange>& ranges = dataset_.ranges[i];
      const std::string& context = *dataset_.windows->samples[i].pair;
      const TextRange range = answer_range(context, ranges[static_cast<std::size_t>(found.first)],
                                           ranges[static_cast<std::size_t>(found.last)]);
      answer.texts.push_back(found.last == 0 ? "" : context.substr(range.begin, range.end - range.begin));
    }
}

namespace {

/// The spellings of tokens, with spaces between them.
std::string spelled(std::span<const int> tokens, const Tokenizer& tokenizer) {
  std::string text;
  for (const int token : tokens) text += (text.empty() ? "" : " ") + tokenizer.token(token);
  return text;
}

/// What stands at the masked tokens, and what each answer says of them.
void add_tokens(Recording& recording, const Tokenizer& tokenizer) {
  for (std::size_t i = 0; i < recording.size(); ++i) {
    Sample& sample = recording.samples[i];
    sample.tokens.clear();
    for (const int token : recording.true_tags_of(i)) sample.words.push_back(tokenizer.token(token));
    for (int answer = 0; answer <= recording.full_width(); ++answer)
      recording.answers[static_cast<std::size_t>(answer)].texts.push_back(
          spelled(recording.tags_of(i, answer), tokenizer));
  }
}

}  // namespace

RoutingSeconds DatasetRunner::time(const Policy& policy, int rounds) { return time_of(tokens_, policy, rounds); }

RoutingSeconds DatasetRunner::time_by_first(Index samples, const Policy& policy) {
  RaggedBatch first;
  for (Index s = 0; s < std::min(samples, tokens_.samples()); ++s) first.add(tokens_, s);
  std::array<double, 2> tokens = {static_cast<double>(first.tokens()), static_cast<double>(tokens_.tokens())};
  ranks_.sum(tokens);
  const auto [routed, full] = time_of(first, policy, 1);
  const double factor = tokens[0] > 0 ? tokens[1] / tokens[0] : 0;
  return {.routed = factor * routed, .full = factor * full};
}

RoutingSeconds DatasetRunner::time_of(const RaggedBatch& tokens, const Policy& policy, int rounds) {
  const Policy full = Policy::fixed(encoder_.widths.widest().fraction());
  const std::array<std::function<double()>, 2> runs = {[&] { return run_by(full, tokens); },
                                                       [&] { return run_by(policy, tokens); }};
  const auto seconds = time_in_turns(runs, {.least_rounds = rounds});
  return {.routed = median_of(seconds[1]), .full = median_of(seconds[0])};
}

double DatasetRunner::run_by(const Policy& policy, const RaggedBatch& tokens) {
  const std::span<const std::int32_t> lengths =
      std::span(dataset_.lengths).subspan(static_cast<std::size_t>(share_.begin));
  const double start = steady_seconds();
  read_side_by_side(tokens, SideBySide(tokens, micro_batch_tokens_, thread_count()),
                    [&] { return PolicyReader(encoder_, policy, lengths, workspaces_); });
  double seconds = steady_seconds() - start;
  ranks_.sum(std::span(&seconds, 1));
  return seconds;
}

void DatasetRunner::gather(std::vector<float>& rows, Index cols) {
  std::vector<float> all(static_cast<std::size_t>(dataset_.samples() * cols), 0.0f);
  std::ranges::copy(rows, all.begin() + share_.begin * cols);
  ranks_.sum(all);
  rows = std::move(all);
}

void DatasetRunner::gather_words(std::vector<float>& rows, Index cols) {
  std::vector<float> all(static_cast<std::size_t>(dataset_.first_words.back() * cols), 0.0f);
  std::ranges::copy(rows, all.begin() + dataset_.first_words[static_cast<std::size_t>(share_.begin)] * cols);
  ranks_.sum(all);
  rows = std::move(all);
}

ClassifierRunner::ClassifierRunner(const Classifier& classifier, const Task& task, const Dataset& dataset)
    : classifier_(classifier),
      task_(task),
      pieces_(reads_pieces(task.kind()) ? pieces_of(dataset, task.kind(), classifier.tokenizer(),
                                                    classifier.max_tokens(), classifier.engine().options().stride)
                                        : Dataset()),
      dataset_(reads_pieces(task.kind()) ? pieces_ : dataset),
      threads_(classifier.engine().options().threads > 0 ? classifier.engine().options().threads : thread_count()),
      tokenized_([&] {
        const ThreadScope scope(threads_);
        return tokenize(dataset_, task, classifier.tokenizer(), classifier.max_tokens(), WindowRows::answers,
                        classifier.engine().options().stride);
      }()),
      runner_(encoder_of(classifier.engine()), tokenized_, classifier.engine().options().micro_batch_tokens) {
  require_embeddings(classifier.engine().config(), tokenized_, dataset_);
}

Recording ClassifierRunner::record() {
  const ThreadScope scope(threads_);
  Recording recording = runner_.record(task_, dataset_.file);
  recording.data = dataset_.file;
  recording.samples = dataset_.samples;
  if (recording.fills_masks()) add_tokens(recording, classifier_.tokenizer());
  return recording;
}

RoutingSeconds ClassifierRunner::time(const Policy& policy, int rounds) {
  const ThreadScope scope(threads_);
  return runner_.time(policy, rounds);
}

std::vector<CallTimes> ClassifierRunner::time_calls(const Policy& policy, const CallTimeOptions& options) {
  return internal::time_calls(classifier_.engine(), tokenized_, policy, options);
}

Evaluation internal::evaluate(const Encoder<float>& encoder, const Task& task, const TokenizedDataset& dataset,
                              const Policy& policy, Index micro_batch_tokens, const std::string& name,
                              Communicator& ranks) {
  DatasetRunner runner(encoder, dataset, micro_batch_tokens, ranks);
  const Recording recording = runner.record(task, name);
  Evaluation evaluation = evaluate_timed(runner, recording, route(recording, policy), policy, 1);
  evaluation.name = name;
  return evaluation;
}

}  // namespace sharcs
