#include <gtest/gtest.h>

#include <map>

#include "golden_folder.hpp"
#include "sharcs/task.hpp"

namespace sharcs::internal::glue_files_test {
namespace {

struct RealFile {
  const char* task;
  const char* file;
  Split split;
  std::size_t samples;
  std::vector<std::size_t> labels;  // by class; empty for a regression
};

std::ostream& operator<<(std::ostream& out, const RealFile& file) { return out << file.file; }

class GlueFile : public ::testing::TestWithParam<RealFile> {};

// Counted apart from this reader, with cut, sort and uniq.
TEST_P(GlueFile, ReadsCompletely) {
  const RealFile& expected = GetParam();
  const auto file = testing::data_dir() / "glue" / expected.file;
  SHARCS_SKIP_WITHOUT(file);
  const Task task = Task::named(expected.task);
  const Dataset dataset = task.read_file(file, expected.split);
  EXPECT_EQ(dataset.size(), expected.samples);
  EXPECT_TRUE(dataset.labelled());
  EXPECT_TRUE(dataset.notes.empty());
  EXPECT_EQ(label_counts(dataset, expected.labels.size()), expected.labels);
  for (const Sample& sample : dataset.samples) {
    EXPECT_FALSE(sample.text.empty());
    EXPECT_EQ(sample.text.find_first_of("\t\n"), std::string::npos);
    EXPECT_FALSE(sample.text.ends_with('\r'));
    EXPECT_EQ(sample.pair.has_value(), task.is_pair());
    EXPECT_EQ(!sample.targets.empty(), task.kind() == TaskKind::regression);
    EXPECT_TRUE(sample.targets.empty() || (sample.targets[0] >= 0 && sample.targets[0] <= 5));
  }
}

INSTANTIATE_TEST_SUITE_P(Real, GlueFile,
                         ::testing::Values(RealFile{"sst-2", "SST-2/train.tsv", Split::train, 67349, {29780, 37569}},
                                           RealFile{"sst-2", "SST-2/dev.tsv", Split::dev, 872, {428, 444}},
                                           RealFile{"sst-2", "SST-2/test-labeled.tsv", Split::test, 1821, {917, 904}},
                                           RealFile{"qnli", "QNLI/dev.tsv", Split::dev, 5463, {2702, 2761}},
                                           RealFile{"rte", "RTE/train.tsv", Split::train, 1244, {627, 617}},
                                           RealFile{"rte", "RTE/dev.tsv", Split::dev, 139, {70, 69}},
                                           RealFile{"wnli", "WNLI/train.tsv", Split::train, 565, {288, 277}},
                                           RealFile{"wnli", "WNLI/dev.tsv", Split::dev, 70, {35, 35}},
                                           RealFile{"mrpc", "MRPC/train.tsv", Split::train, 2576, {823, 1753}},
                                           RealFile{"mrpc", "MRPC/dev.tsv", Split::dev, 1500, {500, 1000}},
                                           RealFile{"mrpc", "MRPC/test-labeled.tsv", Split::test, 1725, {578, 1147}},
                                           RealFile{"sts-b", "STS-B/train.tsv", Split::train, 4249, {}},
                                           RealFile{"sts-b", "STS-B/dev.tsv", Split::dev, 1500, {}},
                                           RealFile{"cola", "CoLA/train.tsv", Split::train, 8551, {2528, 6023}},
                                           RealFile{"cola", "CoLA/dev.tsv", Split::dev, 516, {162, 354}}),
                         [](const ::testing::TestParamInfo<RealFile>& tested) {
                           std::string name = tested.param.file;
                           std::erase_if(name, [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); });
                           return name;
                         });

}  // namespace
}  // namespace sharcs::internal::glue_files_test
