#include "fuzz/harness.hpp"
#include "sharcs/task.hpp"

namespace sharcs::internal::harnesses {
namespace {

/// The first byte says which task reads the rest.
std::vector<std::string> seeds() {
  return {std::string(1, '\0') + "sentence\tlabel\na gem\t1\nbad\t0\n", "\x01sentence1\tsentence2\tscore\na\tb\t2.5\n",
          "\x02text\tlabel\na gem\tyes\nbad\tno\n",
          "\x03{\"text\": \"a\", \"label\": \"yes\"}\n{\"text\": \"b\", \"label\": 3}\n",
          "\x04"
          "gj04\t1\t\tThey drank the pub.\n"};
}

void read(std::string_view input, const Scratch& scratch) {
  if (input.empty()) return;
  const auto how = static_cast<unsigned char>(input.front());
  const std::filesystem::path file = scratch.write("data", input.substr(1));
  ReadOptions options = {.on_error = (how & 8) != 0 ? OnError::skip : OnError::stop, .format = TableFormat::tsv};
  const auto own = [] {
    return Task::custom({.name = "own", .kind = TaskKind::classification, .labels = {"no", "yes"}});
  };
  if (how % 8 == 0) Task::named("sst-2").read_file(file, Split::train, options);
  if (how % 8 == 1) Task::named("sts-b").read_file(file, Split::dev, options);
  if (how % 8 == 2) own().read_file(file, Split::train, options);
  options.format = TableFormat::json_lines;
  if (how % 8 == 3) own().read_file(file, Split::test, options);
  options.format = TableFormat::tsv;
  if (how % 8 == 4) Task::named("cola").read_file(file, Split::train, options);
  if (how % 8 == 5) Task::named("mrpc").read_file(file, Split::test, options);
}

}  // namespace

std::vector<Harness> dataset() {
  return {{.name = "dataset",
           .file = "data",
           .words = {"sentence", "sentence1", "sentence2", "label", "score", "\t", "index", "Quality", "#1 String"},
           .seeds = seeds,
           .read = read}};
}

}  // namespace sharcs::internal::harnesses
