#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <future>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "sharcs/classifier.hpp"

namespace [[gnu::visibility("default")]] sharcs {

/// What BatchQueue::submit does while the queue is full.
enum class WhenFull {
  wait,    ///< waits for room, or until the request's deadline is over or its stop is requested
  refuse,  ///< throws QueueFull
};

struct BatchQueueOptions {
  std::size_t max_batch = 64;           ///< requests in a batch
  std::size_t max_batch_tokens = 2048;  ///< tokens in a batch; a longer text makes a batch of its own
  std::size_t max_queue = 1024;         ///< requests that wait
  WhenFull when_full = WhenFull::wait;
  /// A batch that would be smaller than the one before waits at most so long for others: callers who just got their
  /// answers may be about to ask again. A single caller never waits. 0: a batch begins as soon as the worker is free.
  std::chrono::microseconds max_delay = std::chrono::microseconds(0);
  /// For requests with a deadline and no policy of their own: see CallOptions::deadline. Absent: the engine's policy.
  std::optional<PolicyTimes> times = {};
};

/// What a request may ask for.
struct RequestOptions {
  std::optional<Policy> policy = {};  ///< in place of the engine's
  /// A request whose time is over when its batch begins is not computed: its future throws DeadlineExceeded.
  std::optional<std::chrono::steady_clock::time_point> deadline = {};
  /// A request that is told to stop before its batch begins is not computed: its future throws Cancelled.
  std::stop_token stop = {};
};

/// What a queue did so far.
struct BatchQueueCounts {
  std::size_t waiting = 0;      ///< requests in the queue now
  std::size_t running = 0;      ///< requests in the batch that runs now
  std::uint64_t submitted = 0;  ///< requests that came into the queue
  std::uint64_t answered = 0;   ///< of them: got a prediction
  std::uint64_t failed = 0;     ///< got another exception than the next two
  std::uint64_t expired = 0;    ///< got DeadlineExceeded
  std::uint64_t cancelled = 0;  ///< got Cancelled
  std::uint64_t refused = 0;    ///< did not come into the queue, as it was full
  std::uint64_t batches = 0;    ///< batches that ran
  std::uint64_t tokens = 0;     ///< tokens in them
};

/// Gathers the calls of many threads into batches, which take less time than the calls one by one: the weights are read
/// once for all.
///
///   sharcs::BatchQueue queue(sharcs::Classifier::load("runs/sst2"));
///   std::future<sharcs::Prediction> answer = queue.submit("a wonderful film");   // from any thread
///   std::cout << answer.get().label;
///
/// One worker thread runs the batches, on the engine's threads. As soon as it is free it takes what waits, in the order
/// in which it came. A prediction is the same as the classifier's, in every bit, whatever else is in the batch.
/// All functions but the destructor may be called from many threads at once.
class BatchQueue {
 public:
  /// Takes the classifier over. Throws ConfigError when an option is out of range.
  explicit BatchQueue(Classifier classifier, const BatchQueueOptions& options = {});
  /// Throws ConfigError when the pointer is null or an option is out of range.
  explicit BatchQueue(std::shared_ptr<const Classifier> classifier, const BatchQueueOptions& options = {});
  BatchQueue(const BatchQueue&) = delete;
  BatchQueue& operator=(const BatchQueue&) = delete;
  /// Waits for the batch that runs. The requests that wait get Cancelled; close() lets them have their answers.
  ~BatchQueue();

  /// Tokenizes on the calling thread and puts the request into the queue. What is wrong with the request is thrown here
  /// and disturbs nobody else: DataError for an empty text, ConfigError for a policy that does not fit the model or a
  /// model that does not label texts, QueueFull, Cancelled after close(). What happens later is thrown by the future:
  /// DeadlineExceeded, Cancelled, or what a policy of your own throws.
  std::future<Prediction> submit(const std::string& text, const RequestOptions& options = {});
  /// The same for a pair.
  std::future<Prediction> submit(const TextPair& pair, const RequestOptions& options = {});
  /// The same for a text whose words are given, and a model that labels words: see Classifier::tag.
  std::future<Prediction> submit_words(const std::vector<std::string>& words, const RequestOptions& options = {});
  /// The same for a question, and a model that finds answers: see Classifier::answer.
  std::future<FoundAnswer> submit_question(const TextPair& question, const RequestOptions& options = {},
                                           std::optional<double> no_answer_above = {});
  /// The same for a text with masks, and a model that fills them: see Classifier::fill.
  std::future<FilledText> submit_masks(const std::string& text, std::size_t most = 5,
                                       const RequestOptions& options = {});

  /// From now on, requests go to this classifier. Those that came before keep the old one, which goes when the last of
  /// them has its answer. Nobody waits. Throws ConfigError when the pointer is null.
  void replace(std::shared_ptr<const Classifier> classifier);
  /// The classifier that new requests go to.
  std::shared_ptr<const Classifier> classifier() const;

  /// Takes no more requests and returns when all that came have their answers.
  void close();

  BatchQueueCounts counts() const;
  /// As they were given.
  const BatchQueueOptions& options() const;

 private:
  struct [[gnu::visibility("hidden")]] State;
  std::unique_ptr<State> state_;
};

}  // namespace sharcs
