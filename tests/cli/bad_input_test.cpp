// What is wrong with a model or a file is one line that names it, what was found and what was expected. The readers
// have tests of their own for every way in which their input can be broken; here the program is given one of each kind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "cli/program.hpp"
#include "io/file.hpp"
#include "sharcs/task.hpp"

namespace sharcs::internal::bad_input_test {
namespace {

using ::testing::AllOf;
using testing::error_of;
using ::testing::HasSubstr;
using testing::run_program;
using ::testing::StartsWith;

class BadModel : public ::testing::Test {
 protected:
  BadModel() { testing::save_tiny_model(folder_.path()); }

  std::string weights() const { return folder_ / "model.safetensors"; }
  std::string config() const { return folder_ / "config.json"; }
  void overwrite(const std::string& file, std::uintmax_t at, const std::string& bytes) const {
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(static_cast<std::streamoff>(at));
    stream << bytes;
  }
  void set_in_config(const std::string& key, const nlohmann::json& value) const {
    auto json = nlohmann::json::parse(read_text_file(config()));
    json[nlohmann::json::json_pointer(key)] = value;
    write_file_atomically(config(), json.dump());
  }
  std::string error() const {
    const std::string line =
        error_of(run_program({"predict", "--model", folder_.path(), "--text", "a gem", "--output", folder_ / "out"}));
    EXPECT_FALSE(std::filesystem::exists(folder_ / "out"));
    return line;
  }

  TemporaryFolder folder_;
};

TEST_F(BadModel, TruncatedWeightsAreRefused) {
  std::filesystem::resize_file(weights(), std::filesystem::file_size(weights()) - 4);
  EXPECT_THAT(error(), StartsWith(weights() + ": "));
  std::filesystem::resize_file(weights(), 100);
  EXPECT_THAT(error(), AllOf(StartsWith(weights() + ": "), HasSubstr("92 bytes follow")));
  std::filesystem::resize_file(weights(), 0);
  EXPECT_THAT(error(), StartsWith(weights() + ": "));
}

TEST_F(BadModel, AHeaderThatLiesIsRefused) {
  overwrite(weights(), 0, std::string("\xff\xff\xff\xff\xff\xff\xff\x7f", 8));
  EXPECT_THAT(error(), AllOf(StartsWith(weights() + ": "), HasSubstr("header")));
}

TEST_F(BadModel, WrongShapesAreRefused) {
  set_in_config("/intermediate_size", 64);
  EXPECT_THAT(error(), AllOf(StartsWith(weights() + ": "), HasSubstr("intermediate.dense"), HasSubstr("[32, 16]"),
                             HasSubstr("[64, 16]")));
}

TEST_F(BadModel, MissingTensorsAreRefused) {
  set_in_config("/num_hidden_layers", 4);
  EXPECT_THAT(error(), AllOf(StartsWith(folder_.path().string()), HasSubstr("lacks bert.encoder.layer.3."),
                             HasSubstr(" more; expected every parameter of ")));
}

TEST_F(BadModel, WeightsThatAreNotNumbersAreRefused) {
  overwrite(weights(), std::filesystem::file_size(weights()) - 4, std::string("\x00\x00\xc0\x7f", 4));
  EXPECT_THAT(error(), AllOf(StartsWith(weights() + ": "), HasSubstr("nan")));
}

TEST_F(BadModel, BadJsonIsRefused) {
  write_file_atomically(config(), "{\n\"model_type\": bert}");
  EXPECT_THAT(error(), StartsWith(config() + ":2: not valid JSON"));
  write_file_atomically(config(), "");
  EXPECT_THAT(error(), StartsWith(config() + ":1: not valid JSON"));
}

TEST_F(BadModel, WidthsThatDoNotFitAreRefused) {
  set_in_config("/sharcs/width_mult_list", {0.4, 1.0});
  EXPECT_THAT(error(), AllOf(StartsWith(config() + ": \"width_mult_list\" has 0.4"),
                             HasSubstr("the nearest widths that run are 0.25 and 0.5")));
}

TEST_F(BadModel, SizesThatNoMachineHoldsAreRefused) {
  set_in_config("/vocab_size", 2147483647);
  set_in_config("/intermediate_size", 2147483647);
  EXPECT_THAT(error(), StartsWith(config() + ": the sizes ask for "));
  set_in_config("/hidden_size", 0);
  EXPECT_THAT(error(), StartsWith(config() + ": \"hidden_size\" is 0; expected "));
}

TEST_F(BadModel, PairsWithoutEmbeddingsForTheSecondSentenceAreRefused) {
  const auto save = [&](bool adaptive) {
    std::filesystem::remove_all(folder_ / "pairs");
    testing::save_tiny_model(folder_ / "pairs", [](ModelConfig& config) {
      Task::named("rte").store_in(config);
      config.type_vocab_size = 1;
    });
    ModelConfig plain = ModelConfig::load(folder_ / "pairs" / "config.json");
    plain.sharcs.reset();
    if (!adaptive) Model::create(plain).save(folder_ / "pairs");
  };
  std::filesystem::create_directory(folder_ / "rte");
  for (const char* name : {"train.tsv", "dev.tsv"})
    write_file_atomically(folder_ / "rte" / name,
                          "index\tsentence1\tsentence2\tlabel\n0\ta gem\ta joy\tentailment\n"
                          "1\ta mess\ta joy\tnot_entailment\n2\ta gem\tthe film\tnot_entailment\n");
  const auto error_of_command = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--data", folder_ / "rte"});
    return testing::last_error_of(run_program(arguments));
  };
  const std::string model = folder_ / "pairs", out = folder_ / "out";
  const std::string problem = ":2: has the token type 1; expected 0 to 0, by the model's \"type_vocab_size\"";
  const std::string dev = (folder_ / "rte" / "dev.tsv").string() + problem;
  const std::string train = (folder_ / "rte" / "train.tsv").string() + problem;
  save(true);
  EXPECT_EQ(error_of_command({"eval", "--model", model}), dev);
  EXPECT_EQ(error_of_command({"calibrate", "--model", model, "--budget", "0.6"}), dev);
  EXPECT_EQ(error_of_command({"train", "--init", model, "--task", "rte", "--max-length", "16", "--output", out}),
            train);
  save(false);
  EXPECT_EQ(error_of_command({"reorder", "--model", model, "--output", out}), train);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "out" / "model.safetensors"));
}

class BadData : public ::testing::Test {
 protected:
  BadData() {
    testing::save_tiny_model(folder_ / "model", [](ModelConfig& config) { Task::named("sst-2").store_in(config); });
  }
  std::string file() const { return folder_ / "dev.tsv"; }
  testing::ProgramRun eval(const std::string& content, std::vector<std::string> more = {}) const {
    write_file_atomically(file(), content);
    more.insert(more.begin(), {"eval", "--model", folder_ / "model", "--file", file(), "--timing-rounds", "1"});
    return run_program(more);
  }
  std::string error(const std::string& content) const { return error_of(eval(content)); }

  TemporaryFolder folder_;
};

TEST_F(BadData, UnknownLabelsAreNamedWithTheirLine) {
  EXPECT_THAT(error("sentence\tlabel\na gem\t1\na mess\tgood\n"), StartsWith(file() + ":3: unknown label \"good\""));
}

TEST_F(BadData, AWrongColumnCountIsNamedWithItsLine) {
  EXPECT_EQ(error("sentence\tlabel\na gem\t1\na\tmess\t0\n"),
            file() + ":3: expected 2 columns (sentence, label), found 3");
}

TEST_F(BadData, EmptyFilesAreRefused) {
  EXPECT_EQ(error(""), file() + ": is empty; expected at least one line of data");
  EXPECT_EQ(error("sentence\tlabel\n"), file() + ": has a header but no data; expected at least one line after it");
}

TEST_F(BadData, InvalidUtf8IsRefusedWithItsLineOrReplacedWhenAsked) {
  const std::string content = "sentence\tlabel\na gem\t1\nbad \xff text\t0\n";
  EXPECT_THAT(error(content), StartsWith(file() + ":3: "));
  const auto replaced = eval(content, {"--invalid-text", "replace"});
  EXPECT_EQ(replaced.exit_code, 0) << replaced.errors;
  EXPECT_THAT(replaced.output, HasSubstr("U+FFFD"));
}

TEST_F(BadData, SentencesLongerThanThePositionsAreCutAndCounted) {
  std::string longest;
  for (int i = 0; i < 100; ++i) longest += "gem ";
  const auto cut = eval("sentence\tlabel\na gem\t1\n" + longest + "\t0\n");
  EXPECT_EQ(cut.exit_code, 0) << cut.errors;
  EXPECT_THAT(cut.output, HasSubstr("1 sample longer than 16 tokens, and cut there"));
}

}  // namespace
}  // namespace sharcs::internal::bad_input_test
