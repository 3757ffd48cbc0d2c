#include "data/sample_stream.hpp"

#include <algorithm>
#include <utility>

#include "sharcs/error.hpp"

namespace sharcs::internal {

SampleStream::SampleStream(const Task& task, const std::filesystem::path& file, Split split, const ReadOptions& options)
    : task_(as_asked(TaskDefinition::of(task), options)),
      split_(split),
      on_error_(options.on_error),
      stream_(file, table_form(task_, file, options)) {}

namespace {

/// The keys of the columns that are read.
std::vector<std::string> keys_of(const ColumnLayout& layout, const Table& table) {
  std::vector<std::string> keys = {table.keys()[layout.text]};
  for (const auto& column : {layout.pair, layout.label, layout.id, layout.difficulty})
    if (column && std::ranges::find(keys, table.keys()[*column]) == keys.end()) keys.push_back(table.keys()[*column]);
  return keys;
}

}  // namespace

bool SampleStream::read_piece(const Table& piece) {
  ColumnLayout layout;
  if (layout_) {
    layout = *layout_;
    layout.first_row = 0;  // the header was in the first piece
  } else {
    if (!stream_.at_end() && !first_rows_decide(piece, task_, split_)) return false;
    try {
      layout = find_layout(piece, task_, split_);
    } catch (const DataError& error) {
      // Objects without the key of the text. Where bad lines are no reason to stop, others may have it.
      if (!piece.has_keys() || on_error_ == OnError::stop) throw;
      add_bad_lines(piece, error.what());
      return true;
    }
    if (piece.has_keys())
      stream_.keep_keys(keys_of(layout, piece));
    else
      layout_ = layout;
  }
  data_rows_ += piece.rows() - std::min(layout.first_row, piece.rows());
  if (replaced_.count == 0) replaced_.first_line = piece.replaced().first_line;
  replaced_.count += piece.replaced().count;
  SampleReader(piece, task_, split_, on_error_, layout).read_rows(rows_);
  return true;
}

void SampleStream::add_bad_lines(const Table& piece, const std::string& problem) {
  const auto place = [&](std::size_t row) { return piece.file() + ":" + std::to_string(piece.line(row)) + ": "; };
  // The problem names the first line; it is that of each.
  const std::string what = problem.starts_with(place(0)) ? problem.substr(place(0).size()) : problem;
  for (std::size_t row = 0; row < piece.rows(); ++row) {
    const std::string* own = piece.problem(row);
    rows_.bad_lines.push_back({piece.line(row), own != nullptr ? *own : place(row) + what});
  }
  data_rows_ += piece.rows();
}

Dataset SampleStream::next() {
  if (!rows_.problem.empty()) throw DataError(rows_.problem);
  Dataset batch;
  batch.file = stream_.file();
  batch.multi_label = task_.kind == TaskKind::multi_label;
  while (!ended_) {
    const std::optional<Table> piece = stream_.next();
    if (!piece) {
      ended_ = true;
      break;
    }
    if (!read_piece(*piece)) {
      stream_.put_back();
      continue;
    }
    batch.samples = std::exchange(rows_.samples, {});
    batch.bad_lines = std::exchange(rows_.bad_lines, {});
    if (!batch.samples.empty() || !batch.bad_lines.empty()) return batch;
    if (!rows_.problem.empty()) throw DataError(rows_.problem);
  }
  if (data_rows_ == 0)
    throw DataError(stream_.file() + ": has a header but no data; expected at least one line after it");
  rows_.check(stream_.file(), task_);
  return batch;
}

std::vector<std::string> SampleStream::notes() const {
  std::vector<std::string> notes;
  if (replaced_.count > 0) notes.push_back(replaced_.note(stream_.file()));
  for (std::string& note : rows_.notes(stream_.file(), task_)) notes.push_back(std::move(note));
  return notes;
}

}  // namespace sharcs::internal
