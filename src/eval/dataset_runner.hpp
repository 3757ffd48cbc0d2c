#pragma once

#include <span>
#include <string>
#include <vector>

#include "data/tokenized_dataset.hpp"
#include "eval/call_times.hpp"
#include "infer/workspace_pool.hpp"
#include "model/encoder.hpp"
#include "sharcs/classifier.hpp"
#include "sharcs/communicator.hpp"
#include "sharcs/evaluation.hpp"

namespace sharcs::internal {

/// How long a data set takes.
struct RoutingSeconds {
  double routed = 0;  ///< by a policy
  double full = 0;    ///< at full width
};

/// Runs a data set through an encoder, as often as it is asked. Of several ranks each runs its part of the samples; all
/// of them get the results of the whole data set, and times are sums over the ranks.
class DatasetRunner {
 public:
  /// `encoder`, `dataset` and `ranks` must outlive the runner. Larger batches are run in pieces of at most
  /// `micro_batch_tokens` tokens.
  DatasetRunner(const Encoder<float>& encoder, const TokenizedDataset& dataset, Index micro_batch_tokens,
                Communicator& ranks = Communicator::alone());

  /// All answers, in one run. The recording has numbers only, no texts. `name` stands for the data set in messages.
  /// Throws DataError when a sample has no label, ConfigError when the task does not fit the model.
  Recording record(const Task& task, const std::string& name);

  /// The policy and full width take turns, `rounds` times each (at least once); medians.
  RoutingSeconds time(const Policy& policy, int rounds);
  /// The same from the first `samples` samples of each rank alone, as if the others took as long for each token. For
  /// where the time must not take long to find.
  RoutingSeconds time_by_first(Index samples, const Policy& policy);

 private:
  RoutingSeconds time_of(const RaggedBatch& tokens, const Policy& policy, int rounds);
  /// Runs samples, this rank's first ones, and returns the seconds that it took, summed over the ranks.
  double run_by(const Policy& policy, const RaggedBatch& tokens);
  /// Makes the rows of all samples from those of this rank's samples, `cols` numbers each.
  void gather(std::vector<float>& rows, Index cols);
  /// The same of rows of words.
  void gather_words(std::vector<float>& rows, Index cols);
  /// What is known of windows before they run.
  void describe_windows(const Task& task, Recording& recording) const;
  /// The best answers of windows, as texts.
  void add_texts(Recording& recording) const;

  const Encoder<float>& encoder_;
  const TokenizedDataset& dataset_;
  WorkShare share_;
  RaggedBatch tokens_;  // of this rank's samples
  Index micro_batch_tokens_;
  Communicator& ranks_;
  WorkspacePool workspaces_;
};

/// Runs a data set through a classifier, as often as it is asked, on the classifier's threads.
class ClassifierRunner {
 public:
  /// Tokenizes. The arguments must outlive the runner. Throws ConfigError when the model cannot read the tokens.
  ClassifierRunner(const Classifier& classifier, const Task& task, const Dataset& dataset);

  /// All answers, with the texts. Throws as record() of evaluation.hpp.
  Recording record();
  /// As DatasetRunner::time().
  RoutingSeconds time(const Policy& policy, int rounds);
  /// As time_calls().
  std::vector<CallTimes> time_calls(const Policy& policy, const CallTimeOptions& options);

 private:
  const Classifier& classifier_;
  const Task& task_;
  Dataset pieces_;  // windows of questions, blocks of plain text; else empty
  const Dataset& dataset_;
  int threads_;
  TokenizedDataset tokenized_;
  DatasetRunner runner_;
};

/// Evaluates what a policy does with the recording that a runner made. The policy and full width take turns by the
/// clock, `timing_rounds` times each; 0: no time is known.
template <class Runner>
Evaluation evaluate_timed(Runner& runner, const Recording& recording, const Routing& routing, const Policy& policy,
                          int timing_rounds) {
  Evaluation evaluation = evaluate(recording, routing);
  if (timing_rounds > 0) {
    const RoutingSeconds seconds = runner.time(policy, timing_rounds);
    evaluation.seconds_routed = seconds.routed;
    evaluation.seconds_full = seconds.full;
  }
  return evaluation;
}

/// What evaluate() of evaluation.hpp does for a classifier, for an encoder and a data set at hand: the trainer's own
/// encoder in the middle of training, too. Throws as DatasetRunner.
Evaluation evaluate(const Encoder<float>& encoder, const Task& task, const TokenizedDataset& dataset,
                    const Policy& policy, Index micro_batch_tokens, const std::string& name = "dev",
                    Communicator& ranks = Communicator::alone());

}  // namespace sharcs::internal
