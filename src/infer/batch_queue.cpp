#include "sharcs/batch_queue.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "infer/encoded_text.hpp"
#include "infer/engine_access.hpp"
#include "routing/policy_walk.hpp"
#include "sharcs/error.hpp"

namespace sharcs {
using namespace internal;
namespace internal {
using TimePoint = std::chrono::steady_clock::time_point;

/// What came of a request.
using Outcome = std::variant<Prediction, FoundAnswer, FilledText, std::exception_ptr>;

struct QueuedRequest {
  std::shared_ptr<const Classifier> classifier;  // that it was tokenized for
  RequestOptions options;
  EncodedText text = {};
  // What the predictions of the text's pieces say together.
  std::function<Outcome(const Classifier&, const EncodedText&, std::span<Prediction>)> read;
  std::variant<std::promise<Prediction>, std::promise<FoundAnswer>, std::promise<FilledText>> promise = {};
};

/// Requests of one classifier that run together.
struct RequestBatch {
  std::vector<QueuedRequest> requests = {};
  std::vector<EncodedText> texts = {};  // theirs
  std::size_t tokens = 0;

  std::size_t size() const { return requests.size(); }
  void add(QueuedRequest request) {
    tokens += request.text.tokens();
    texts.push_back(std::move(request.text));
    requests.push_back(std::move(request));
  }
};
}  // namespace internal

namespace {

void fulfil(QueuedRequest& request, Outcome outcome) {
  std::visit(
      [&]<class Result>(std::promise<Result>& promise) {
        if (const auto* problem = std::get_if<std::exception_ptr>(&outcome))
          promise.set_exception(*problem);
        else
          promise.set_value(std::move(std::get<Result>(outcome)));
      },
      request.promise);
}

/// Throws ConfigError when the policy does not fit the model.
void check_policy(const Policy& policy, const Engine& engine) {
  const Encoder<float>& encoder = encoder_of(engine);
  PolicyWalk(policy, encoder.config, encoder.widths, encoder.answers);
}

/// The policies of a batch, one a request; none where all run under the engine's.
std::vector<Policy> policies_of(std::span<const QueuedRequest> requests, std::size_t tokens,
                                const std::optional<PolicyTimes>& times) {
  std::optional<TimePoint> first_deadline;  // of those whose policy is still to be chosen
  bool has_own = false;
  for (const QueuedRequest& request : requests) {
    has_own = has_own || request.options.policy.has_value();
    if (!times || request.options.policy || !request.options.deadline) continue;
    first_deadline = std::min(first_deadline.value_or(TimePoint::max()), *request.options.deadline);
  }
  if (!has_own && !first_deadline) return {};
  const Policy& of_engine = requests.front().classifier->engine().policy();
  Policy in_time = of_engine;
  if (first_deadline) {
    const std::chrono::duration<double> left = *first_deadline - std::chrono::steady_clock::now();
    in_time = times->choose(tokens, left.count()).policy;
  }
  std::vector<Policy> policies;
  for (const QueuedRequest& request : requests)
    policies.push_back(request.options.policy.value_or(request.options.deadline ? in_time : of_engine));
  return policies;
}

std::vector<Outcome> run(std::span<const QueuedRequest> requests, std::span<const EncodedText> texts,
                         std::size_t tokens, const std::optional<PolicyTimes>& times) {
  const Classifier& classifier = *requests.front().classifier;
  const std::vector<Policy> policies = policies_of(requests, tokens, times);
  return run_each(classifier, texts, {.policies = policies}, [&](std::size_t i, std::span<Prediction> of_pieces) {
    return requests[i].read(classifier, texts[i], of_pieces);
  });
}

/// Runs a batch. Where it throws, by a policy of a caller's own, each request runs by itself, so that the exception
/// reaches only those who cause it.
std::vector<Outcome> outcomes_of(const RequestBatch& batch, const std::optional<PolicyTimes>& times) {
  if (batch.size() == 0) return {};
  const auto run_some = [&](std::size_t first, std::size_t count) {
    return run(std::span(batch.requests).subspan(first, count), std::span(batch.texts).subspan(first, count),
               batch.tokens, times);
  };
  try {
    return run_some(0, batch.size());
  } catch (...) {
    std::vector<Outcome> outcomes;
    for (std::size_t i = 0; i < batch.size(); ++i) {
      try {
        outcomes.push_back(std::move(run_some(i, 1).front()));
      } catch (...) {
        outcomes.emplace_back(std::current_exception());
      }
    }
    return outcomes;
  }
}

std::shared_ptr<const Classifier> checked(std::shared_ptr<const Classifier> classifier,
                                          const BatchQueueOptions& options) {
  if (!classifier) throw ConfigError("a queue without a classifier; expected one");
  if (options.times)
    for (const PolicyTimes::Row& row : options.times->rows()) check_policy(row.policy, classifier->engine());
  return classifier;
}

BatchQueueOptions checked(const BatchQueueOptions& options) {
  if (options.max_batch < 1 || options.max_batch_tokens < 1 || options.max_queue < 1)
    throw ConfigError("a queue with max_batch " + std::to_string(options.max_batch) + ", max_batch_tokens " +
                      std::to_string(options.max_batch_tokens) + " and max_queue " + std::to_string(options.max_queue) +
                      "; expected 1 or more");
  if (options.max_delay.count() < 0)
    throw ConfigError("a queue with max_delay " + std::to_string(options.max_delay.count()) +
                      " us; expected 0 or more");
  return options;
}

/// Requests: a vector or a deque of them.
template <class Requests, class Problem>
void fail_all(Requests& requests, const Problem& problem) {
  for (QueuedRequest& request : requests) fulfil(request, std::make_exception_ptr(problem));
}

}  // namespace

/// `mutex` guards everything but `options`, which never change. The worker holds it except while it runs a batch and
/// hands out what came of it.
struct BatchQueue::State {
  const BatchQueueOptions options;
  mutable std::mutex mutex;
  std::condition_variable arrived;   // a request has come, or the queue is closing
  std::condition_variable_any room;  // the queue has become shorter, or is closing
  std::shared_ptr<const Classifier> classifier;
  std::deque<QueuedRequest> waiting;
  bool is_closing = false;
  BatchQueueCounts counts = {};
  std::mutex joining;  // close() may be called by many
  std::thread worker;  // the last member: it sees all others made

  State(std::shared_ptr<const Classifier> first, const BatchQueueOptions& given)
      : options(checked(given)), classifier(checked(std::move(first), given)), worker([this] { work(); }) {}

  template <class Encode, class Read>
  auto submit(const RequestOptions& asked, const Encode& encode, const Read& read);
  void wait_for_room(std::unique_lock<std::mutex>& lock, const RequestOptions& asked);
  void work();
  RequestBatch take_batch(std::vector<QueuedRequest>& expired, std::vector<QueuedRequest>& cancelled);
  void join();
};

/// encode(classifier): the request as that model reads it. read(classifier, text, predictions of its pieces): the
/// future's result.
template <class Encode, class Read>
auto BatchQueue::State::submit(const RequestOptions& asked, const Encode& encode, const Read& read) {
  using Result = std::invoke_result_t<Read, const Classifier&, const EncodedText&, std::span<Prediction>>;
  std::unique_lock lock(mutex);
  QueuedRequest request = {.classifier = classifier, .options = asked, .read = read, .promise = std::promise<Result>()};
  lock.unlock();
  if (asked.policy) check_policy(*asked.policy, request.classifier->engine());
  request.text = encode(*request.classifier);
  std::future<Result> future = std::get<std::promise<Result>>(request.promise).get_future();
  lock.lock();
  wait_for_room(lock, asked);
  waiting.push_back(std::move(request));
  ++counts.submitted;
  arrived.notify_one();
  return future;
}

/// With the lock held. Returns when there is room.
void BatchQueue::State::wait_for_room(std::unique_lock<std::mutex>& lock, const RequestOptions& asked) {
  const auto has_room = [this] { return is_closing || waiting.size() < options.max_queue; };
  if (!has_room() && options.when_full == WhenFull::refuse) {
    ++counts.refused;
    throw QueueFull("the queue is full: " + std::to_string(waiting.size()) + " requests wait");
  }
  const bool came = asked.deadline ? room.wait_until(lock, asked.stop, *asked.deadline, has_room)
                                   : room.wait(lock, asked.stop, has_room);
  if (!came) {
    ++counts.refused;
    if (asked.stop.stop_requested()) throw Cancelled("cancelled while the queue was full, as the caller asked for");
    throw DeadlineExceeded("the deadline was over while the queue was full");
  }
  if (is_closing) throw Cancelled("the queue is closed");
}

void BatchQueue::State::work() {
  std::size_t last_size = 0;  // of the batch before
  std::unique_lock lock(mutex);
  for (;;) {
    arrived.wait(lock, [this] { return is_closing || !waiting.empty(); });
    if (waiting.empty()) return;
    if (waiting.size() < last_size && options.max_delay.count() > 0)
      arrived.wait_for(lock, options.max_delay, [&] { return is_closing || waiting.size() >= last_size; });
    std::vector<QueuedRequest> expired, cancelled;
    RequestBatch batch = take_batch(expired, cancelled);
    counts.expired += expired.size();
    counts.cancelled += cancelled.size();
    counts.running = last_size = batch.size();
    lock.unlock();

    room.notify_all();
    fail_all(expired, DeadlineExceeded("the deadline was over before the request's batch began"));
    fail_all(cancelled, Cancelled("cancelled before the request's batch began, as the caller asked for"));
    std::vector<Outcome> outcomes = outcomes_of(batch, options.times);
    const auto failed = static_cast<std::uint64_t>(std::ranges::count_if(
        outcomes, [](const Outcome& each) { return std::holds_alternative<std::exception_ptr>(each); }));

    // Counted first, so that who has an answer finds it counted.
    lock.lock();
    counts.running = 0;
    counts.failed += failed;
    counts.answered += batch.size() - failed;
    counts.batches += batch.size() > 0;
    counts.tokens += batch.tokens;
    lock.unlock();
    for (std::size_t i = 0; i < batch.size(); ++i) fulfil(batch.requests[i], std::move(outcomes[i]));
    batch = {};  // without the lock, since the last request of a classifier frees it
    lock.lock();
  }
}

/// With the lock held: takes requests from the queue, those to be answered and those whose time is over or that are
/// told to stop.
RequestBatch BatchQueue::State::take_batch(std::vector<QueuedRequest>& expired, std::vector<QueuedRequest>& cancelled) {
  RequestBatch batch;
  const TimePoint now = std::chrono::steady_clock::now();
  while (!waiting.empty() && batch.size() < options.max_batch) {
    QueuedRequest& next = waiting.front();
    if (next.options.stop.stop_requested()) {
      cancelled.push_back(std::move(next));
    } else if (next.options.deadline && *next.options.deadline <= now) {
      expired.push_back(std::move(next));
    } else if (batch.size() == 0 || (next.classifier == batch.requests.front().classifier &&
                                     batch.tokens + next.text.tokens() <= options.max_batch_tokens)) {
      batch.add(std::move(next));
    } else {
      break;
    }
    waiting.pop_front();
  }
  return batch;
}

void BatchQueue::State::join() {
  arrived.notify_all();
  room.notify_all();
  const std::lock_guard lock(joining);
  if (worker.joinable()) worker.join();
}

BatchQueue::BatchQueue(Classifier classifier, const BatchQueueOptions& options)
    : BatchQueue(std::make_shared<const Classifier>(std::move(classifier)), options) {}

BatchQueue::BatchQueue(std::shared_ptr<const Classifier> classifier, const BatchQueueOptions& options)
    : state_(std::make_unique<State>(std::move(classifier), options)) {}

BatchQueue::~BatchQueue() {
  std::deque<QueuedRequest> waiting;
  {
    const std::lock_guard lock(state_->mutex);
    state_->is_closing = true;
    waiting.swap(state_->waiting);
  }
  fail_all(waiting, Cancelled("the queue has ended"));
  state_->join();
}

std::future<Prediction> BatchQueue::submit(const std::string& text, const RequestOptions& options) {
  const auto encode = [&](const Classifier& classifier) {
    require_labels_of_texts(classifier.engine().config());
    return encode_text(classifier, text, nullptr);
  };
  return state_->submit(options, encode, prediction_of);
}

std::future<Prediction> BatchQueue::submit(const TextPair& pair, const RequestOptions& options) {
  const auto encode = [&](const Classifier& classifier) {
    require_labels_of_texts(classifier.engine().config());
    return encode_text(classifier, pair.text, &pair.pair);
  };
  return state_->submit(options, encode, prediction_of);
}

std::future<Prediction> BatchQueue::submit_words(const std::vector<std::string>& words, const RequestOptions& options) {
  const auto encode = [&](const Classifier& classifier) {
    require_labels_of_words(classifier.engine().config());
    return encode_words(classifier, words);
  };
  return state_->submit(options, encode, prediction_of);
}

std::future<FoundAnswer> BatchQueue::submit_question(const TextPair& question, const RequestOptions& options,
                                                     std::optional<double> no_answer_above) {
  const auto encode = [&](const Classifier& classifier) {
    require_answers(classifier.engine().config());
    return encode_question(classifier, question);
  };
  const auto read = [no_answer_above](const Classifier& classifier, const EncodedText& text,
                                      std::span<Prediction> of_pieces) {
    return answer_of(classifier, text, of_pieces, no_answer_above);
  };
  return state_->submit(options, encode, read);
}

std::future<FilledText> BatchQueue::submit_masks(const std::string& text, std::size_t most,
                                                 const RequestOptions& options) {
  const auto encode = [&](const Classifier& classifier) {
    require_masks(classifier.engine().config());
    return encode_masks(classifier, text, "the text");
  };
  const auto read = [most](const Classifier& classifier, const EncodedText& encoded, std::span<Prediction> of_pieces) {
    return filling_of(classifier, encoded, of_pieces, most);
  };
  return state_->submit(options, encode, read);
}

void BatchQueue::replace(std::shared_ptr<const Classifier> classifier) {
  classifier = checked(std::move(classifier), state_->options);
  const std::lock_guard lock(state_->mutex);
  state_->classifier.swap(classifier);
}

std::shared_ptr<const Classifier> BatchQueue::classifier() const {
  const std::lock_guard lock(state_->mutex);
  return state_->classifier;
}

void BatchQueue::close() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->is_closing = true;
  }
  state_->join();
}

BatchQueueCounts BatchQueue::counts() const {
  const std::lock_guard lock(state_->mutex);
  BatchQueueCounts counts = state_->counts;
  counts.waiting = state_->waiting.size();
  return counts;
}

const BatchQueueOptions& BatchQueue::options() const { return state_->options; }

}  // namespace sharcs
