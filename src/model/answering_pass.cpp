#include "model/answering_pass.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "core/threads.hpp"
#include "model/answers.hpp"
#include "model/stopping.hpp"

namespace sharcs::internal {
namespace {

/// Samples of a batch whose tokens stand one after the other in a matrix.
template <class T>
struct Group {
  std::vector<Index> samples;        // their numbers in the batch
  std::vector<Index> offsets = {0};  // of the tokens
  MatrixView<const T> x;             // [tokens, hidden(r)]

  Index size() const { return std::ssize(samples); }
  Index tokens() const { return offsets.back(); }
  void add(Index sample, Index tokens) {
    samples.push_back(sample);
    offsets.push_back(offsets.back() + tokens);
  }
};

/// One run over a batch.
template <class T>
class Run {
 public:
  Run(const Encoder<T>& encoder, const RaggedBatch& batch, AnswerGuide<T>& guide, Workspace& workspace,
      AnsweredBatch<T>& output, const std::stop_token& stop)
      : encoder_(encoder),
        batch_(batch),
        guide_(guide),
        workspace_(workspace),
        output_(output),
        stop_(stop),
        answers_(encoder.answers),
        per_token_(encoder.config.per_token),
        one_each_(static_cast<std::size_t>(batch.samples()) + 1),
        kept_(static_cast<std::size_t>(batch.samples()), 0) {
    std::iota(one_each_.begin(), one_each_.end(), Index{0});
  }

  void operator()() {
    const auto samples = static_cast<std::size_t>(batch_.samples());
    output_.answers.assign(samples, 0);
    const std::size_t rows = per_token_ ? batch_.head_tokens.size() : samples;
    output_.logits.assign(rows * static_cast<std::size_t>(encoder_.config.num_labels()), T(0));
    output_.router_logits.assign(
        encoder_.weights.router ? samples * static_cast<std::size_t>(encoder_.widths.size()) : 0, T(0));
    Group<T> path;
    for (Index s = 0; s < batch_.samples(); ++s) path.add(s, batch_.tokens(s));
    path.x = encoder_.embed(batch_, {}, workspace_).output;
    const Width& full = encoder_.widths.full();
    Buffers buffers = make_buffers(path);
    for (int i = 0; i < encoder_.stem_layers() && path.size() > 0; ++i) run_layer(i, full, path, buffers);
    if (path.size() == 0) return;
    if (!encoder_.weights.router) return answer_by_head(static_cast<int>(answers_.size()) - 1, full, path);
    run_router(path);
    for (const Width& width : encoder_.widths)
      if (!width.is_full() && path.size() > 0) run_narrow(width, path);
    if (path.size() == 0) return;
    if (!encoder_.is_plain(full)) path.x = reduced(full, path);
    for (const int i : full.layers()) {
      run_layer(i, full, path, buffers);
      if (path.size() == 0) return;
    }
    answer_by_head(static_cast<int>(answers_.size()) - 1, full, path);
  }

 private:
  struct Buffers {
    MatrixView<T> next, spare;
  };
  Buffers make_buffers(const Group<T>& group) const {
    const Index cols = group.x.cols;
    return {workspace_.template matrix<T>(group.tokens(), cols), workspace_.template matrix<T>(group.tokens(), cols)};
  }

  /// One layer, and the exit after it where full width has one.
  void run_layer(int index, const Width& width, Group<T>& group, Buffers& buffers) {
    throw_if_stopped(stop_);
    const bool last = index + 1 == encoder_.config.num_hidden_layers;
    // Most heads read each sample's first token, so the last layer is asked for no other.
    const bool firsts = last && encoder_.reads_first_tokens();
    const std::span<const Index> outputs =
        firsts ? std::span<const Index>(one_each_).first(group.offsets.size()) : std::span<const Index>(group.offsets);
    const LayerPass<T> pass = index < encoder_.stem_layers()
                                  ? encoder_.stem_layer(index, group.offsets, outputs)
                                  : encoder_.adaptive_layer(index, width, group.offsets, outputs);
    const MatrixView<T> output = buffers.next.leading(pass.outputs(), buffers.next.cols);
    pass.forward(group.x, output, workspace_);
    group.x = output;
    if (firsts) group.offsets.assign(outputs.begin(), outputs.end());
    std::swap(buffers.next, buffers.spare);
    if (!last && width.is_full()) run_exit(index + 1, group, output);
  }

  /// x: the group's matrix, of which the samples that stay become the leading rows.
  void run_exit(int layer, Group<T>& group, MatrixView<T> x) {
    const int answer = answer_of_exit(answers_, layer);
    if (answer < 0) return;
    std::vector<Index> members, begins, ends;
    for (Index i = 0; i < group.size(); ++i) {
      if (!guide_.asks(group.samples[i], answer, router_logits(layer, group.samples[i]))) continue;
      members.push_back(group.samples[i]);
      begins.push_back(group.offsets[i]);
      ends.push_back(group.offsets[i + 1]);
    }
    if (members.empty()) return;
    const Workspace::Mark mark = workspace_.mark();
    const auto exit = std::ranges::find(encoder_.weights.exits, layer, &Exit<Linear<T>, const T>::layer);
    if (per_token_) {
      const std::vector<Index> rows = head_rows(members, begins);
      const bool any = take(answer, members, encoder_.head(*exit).forward(group.x, {rows}, {}, workspace_).logits, {});
      workspace_.release(mark);
      if (any) close_ranks(group, x);
      return;
    }
    const MatrixView<T> pooled = workspace_.template matrix<T>(std::ssize(members), group.x.cols);
    encoder_.pool_for_exit(group.x, begins, ends, pooled);
    const auto one_each = std::span<const Index>(one_each_).first(members.size());
    const auto cache = encoder_.head(*exit).forward(pooled, {one_each}, {}, workspace_);
    MatrixView<T> scores;
    if (exit->score) {
      scores = workspace_.template matrix<T>(std::ssize(members), 1);
      exit->score->forward(cache.inputs, scores);
    }
    const bool any = take(answer, members, cache.logits, scores);
    workspace_.release(mark);
    if (any) close_ranks(group, x);
  }

  void run_router(const Group<T>& group) {
    const Workspace::Mark mark = workspace_.mark();
    const auto logits =
        router_forward<T>(*encoder_.weights.router, group.x, group.offsets, encoder_.eps(), workspace_).logits;
    for (Index i = 0; i < group.size(); ++i)
      std::copy_n(logits.row(i), logits.cols, output_.router_logits.begin() + group.samples[i] * logits.cols);
    workspace_.release(mark);
  }

  /// The samples of `path` that are asked for a narrow width, from the stem's output. The others, and those whose
  /// answer is not kept, stay in `path`.
  void run_narrow(const Width& width, Group<T>& path) {
    const int answer = answer_of_width(answers_, width.index());
    const bool is_last = answer + 1 == std::ssize(answers_);
    Group<T> narrow;
    std::vector<Index> places;
    for (Index i = 0; i < path.size(); ++i) {
      const Index sample = path.samples[i];
      if (!is_last && !guide_.asks(sample, answer, router_logits(encoder_.config.num_hidden_layers, sample))) continue;
      narrow.add(sample, path.offsets[i + 1] - path.offsets[i]);
      places.push_back(i);
    }
    if (narrow.size() == 0) return;
    const Workspace::Mark mark = workspace_.mark();
    narrow.x = rows_of(path, places, narrow);
    narrow.x = reduced(width, narrow);
    Buffers buffers = make_buffers(narrow);
    for (const int i : width.layers()) run_layer(i, width, narrow, buffers);
    answer_by_head(answer, width, narrow);
    workspace_.release(mark);
    close_ranks(path);
  }

  /// The rows of some of the group's samples, one after the other: the group's own for all of them.
  MatrixView<const T> rows_of(const Group<T>& group, const std::vector<Index>& places, const Group<T>& chosen) const {
    if (chosen.tokens() == group.tokens()) return group.x;
    const MatrixView<T> rows = workspace_.template matrix<T>(chosen.tokens(), group.x.cols);
    parallel_for(std::ssize(places), [&](Index i) {
      for (Index r = 0; r < chosen.offsets[i + 1] - chosen.offsets[i]; ++r)
        std::copy_n(group.x.row(group.offsets[places[i]] + r), group.x.cols, rows.row(chosen.offsets[i] + r));
    });
    return rows;
  }

  MatrixView<const T> reduced(const Width& width, const Group<T>& group) const {
    return reduction_forward<T>(*encoder_.weights.router, width.index(), width.hidden(), encoder_.eps(), group.x,
                                workspace_)
        .output;
  }

  void answer_by_head(int answer, const Width& width, const Group<T>& group) {
    const Workspace::Mark mark = workspace_.mark();
    const MatrixView<const T> x = encoder_.finished(group.x, width, {}, workspace_);
    HeadRows rows = HeadRows::of_samples(group.offsets);
    const std::vector<Index> of_words = per_token_ ? head_rows(group.samples, rows.begins) : std::vector<Index>();
    if (per_token_) rows = {of_words};
    const auto logits = encoder_.head().forward(x, rows, {}, workspace_).logits;
    take(answer, group.samples, logits, {});
    workspace_.release(mark);
  }

  /// The rows of the samples' head tokens, in a matrix where sample i begins with row begins[i].
  std::vector<Index> head_rows(const std::vector<Index>& samples, std::span<const Index> begins) const {
    std::vector<Index> rows;
    for (std::size_t i = 0; i < samples.size(); ++i)
      for (const std::int32_t token : batch_.head_tokens_of(samples[i])) rows.push_back(begins[i] + token);
    return rows;
  }

  /// Gives the guide the samples' answers. Returns whether one was kept.
  bool take(int answer, const std::vector<Index>& samples, MatrixView<const T> logits, MatrixView<const T> scores) {
    bool any = false;
    Index first = 0;  // the sample's first row
    for (Index i = 0; i < std::ssize(samples); ++i) {
      const Index sample = samples[i];
      const Index count = per_token_ ? std::ssize(batch_.head_tokens_of(sample)) : 1;
      const std::span<const T> row(logits.row(first), static_cast<std::size_t>(count * logits.cols));
      first += count;
      const bool kept = guide_.keeps(sample, answer, row, scores ? scores.row(i) : nullptr);
      if (!kept && answer + 1 < std::ssize(answers_)) continue;
      output_.answers[sample] = answer;
      const Index place = per_token_ ? batch_.head_offsets[static_cast<std::size_t>(sample)] : sample;
      std::ranges::copy(row, output_.logits.begin() + place * logits.cols);
      kept_[sample] = 1;
      any = true;
    }
    return any;
  }

  /// Takes the samples that have their answer out of the group. With `x`, the others' rows move up in it; without, they
  /// are copied where some are left out.
  void close_ranks(Group<T>& group, MatrixView<T> x = {}) {
    Group<T> rest;
    std::vector<Index> places;
    for (Index i = 0; i < group.size(); ++i) {
      if (kept_[group.samples[i]] != 0) continue;
      rest.add(group.samples[i], group.offsets[i + 1] - group.offsets[i]);
      places.push_back(i);
    }
    if (!x) {
      rest.x = rest.size() > 0 ? rows_of(group, places, rest) : MatrixView<const T>();
    } else {
      for (std::size_t i = 0; i < places.size(); ++i)
        for (Index r = 0; r < rest.offsets[i + 1] - rest.offsets[i]; ++r)
          std::copy_n(x.row(group.offsets[places[i]] + r), x.cols, x.row(rest.offsets[i] + r));
      rest.x = x.leading(rest.tokens(), x.cols);
    }
    group = std::move(rest);
  }

  /// What a guide sees of the router at an answer after layer `layer`.
  std::span<const T> router_logits(int layer, Index sample) const {
    if (layer <= encoder_.stem_layers() || output_.router_logits.empty()) return {};
    const auto widths = static_cast<std::size_t>(encoder_.widths.size());
    return std::span<const T>(output_.router_logits).subspan(static_cast<std::size_t>(sample) * widths, widths);
  }

  const Encoder<T>& encoder_;
  const RaggedBatch& batch_;
  AnswerGuide<T>& guide_;
  Workspace& workspace_;
  AnsweredBatch<T>& output_;
  const std::stop_token& stop_;
  const std::vector<Answer>& answers_;
  bool per_token_;
  std::vector<Index> one_each_;  // offsets of one row a sample
  std::vector<char> kept_;       // [samples]
};

}  // namespace

template <class T>
void run_answers(const Encoder<T>& encoder, const RaggedBatch& batch, AnswerGuide<T>& guide, Workspace& workspace,
                 AnsweredBatch<T>& output, const std::stop_token& stop) {
  const Workspace::Mark mark = workspace.mark();
  Run<T>(encoder, batch, guide, workspace, output, stop)();
  workspace.release(mark);
}

template void run_answers(const Encoder<float>&, const RaggedBatch&, AnswerGuide<float>&, Workspace&,
                          AnsweredBatch<float>&, const std::stop_token&);
template void run_answers(const Encoder<double>&, const RaggedBatch&, AnswerGuide<double>&, Workspace&,
                          AnsweredBatch<double>&, const std::stop_token&);

}  // namespace sharcs::internal
