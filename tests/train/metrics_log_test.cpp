#include "train/metrics_log.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "eval/reliability.hpp"
#include "expect_error.hpp"
#include "io/file.hpp"
#include "sharcs/error.hpp"
#include "temporary_folder.hpp"

namespace sharcs::internal::metrics_log_test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

EpochRecord sample_record(int epoch) {
  EpochRecord record;
  record.epoch = epoch;
  record.settings = "training.json";
  record.steps = 12;
  record.total_steps = 12 * epoch;
  record.samples = 400;
  record.tokens = 9000;
  record.seconds = 0.1 + epoch;
  record.learning_rate = 1e-5 / 3;
  record.score = 0.75;
  record.best = true;
  record.loss_task = 0.1 * epoch;
  record.loss_router = 0.3;
  record.widths = {{.width = 0.25, .samples = 30, .labelled = 50, .loss_task = 0.2, .loss_router = 0.5},
                   {.width = 1.0, .samples = 10, .labelled = 25, .loss_task = nan, .loss_router = 0.25}};
  record.transitions = {{20, 5}, {10, 5}};
  record.evaluations = {{.name = "dev",
                         .samples = 8,
                         .routed = {{"accuracy", 0.75}, {"f1", 0.5}},
                         .full = {{"accuracy", 0.875}, {"f1", nan}},
                         .cost_fraction = 0.4,
                         .seconds_routed = 0.01,
                         .seconds_full = 0.02,
                         .answers = {{.name = "0.25",
                                      .width = 0.25,
                                      .samples = 6,
                                      .cost_fraction = 0.3,
                                      .routed = {{"accuracy", 1.0}},
                                      .all = {{"accuracy", 0.625}},
                                      .reliability = reliability_bins({0.1, 0.9, 0.95}, {0, 1, 1}, 2)},
                                     {.width = 1.0, .samples = 2}}}};
  return record;
}

nlohmann::json sample_json() { return nlohmann::json::parse(to_json_line(sample_record(3))); }

TEST(EpochRecord, ReadsBackWhatItWrites) {
  const std::string line = to_json_line(sample_record(3));
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const EpochRecord read = parse_epoch_record(line, "line");
  EXPECT_EQ(to_json_line(read), line);
  EXPECT_EQ(read.epoch, 3);
  EXPECT_EQ(read.settings, "training.json");
  EXPECT_EQ(read.learning_rate, 1e-5 / 3);
  EXPECT_EQ(read.total_steps, 36);
  EXPECT_TRUE(read.best);
  EXPECT_TRUE(std::isnan(read.widths.at(1).loss_task));
  EXPECT_EQ(read.widths.at(0).labelled, 50);
  EXPECT_THAT(read.transitions, ElementsAre(ElementsAre(20, 5), ElementsAre(10, 5)));
  const Evaluation& dev = read.evaluations.at(0);
  EXPECT_EQ(dev.routed.at("accuracy"), 0.75);
  EXPECT_TRUE(std::isnan(dev.full.at("f1")));
  EXPECT_EQ(dev.answers.at(0).reliability.at(1).samples, 2);
}

TEST(EpochRecord, HasTheKeysOfTheDocumentedSchema) {
  const auto line = sample_json();
  EXPECT_EQ(line.at("schema"), 1);
  EXPECT_NEAR(line.at("samples_per_second").get<double>(), 400 / 3.1, 1e-9);
  EXPECT_NEAR(line.at("tokens_per_second").get<double>(), 9000 / 3.1, 1e-9);
  EXPECT_EQ(line.at("train").at("widths").at(0).at("share"), 0.75);
  EXPECT_EQ(line.at("train").at("widths").at(1).at("loss_task"), nullptr);
  EXPECT_EQ(line.at("transitions").at(1).at(0), 10);
  EXPECT_EQ(line.at("evaluations").at(0).at("answers").at(0).at("share"), 0.75);
  EXPECT_EQ(line.at("evaluations").at(0).at("routed").at("f1"), 0.5);
  for (const char* key : {"epoch", "settings", "full_width_only", "steps", "total_steps", "samples", "tokens",
                          "seconds", "learning_rate", "score", "best"})
    EXPECT_TRUE(line.contains(key)) << key;
  EXPECT_EQ(line.begin().key().empty(), false);
  EXPECT_EQ(to_json_line(sample_record(3)).rfind("{\"schema\":1,\"epoch\":3,", 0), 0u)
      << "a person finds the epoch in front";
}

TEST(EpochRecord, NumbersThatJsonDoesNotHaveAreNull) {
  EpochRecord record = sample_record(1);
  record.seconds = 0;
  record.score = std::numeric_limits<double>::infinity();
  const auto line = nlohmann::json::parse(to_json_line(record));
  EXPECT_EQ(line.at("samples_per_second"), nullptr);
  EXPECT_EQ(line.at("score"), nullptr);
  EXPECT_TRUE(std::isnan(parse_epoch_record(line.dump(), "line").score));
}

TEST(EpochRecord, ReadsTheEarlierNamesOfAnswersAndReliability) {
  auto line = sample_json();
  auto& evaluation = line["evaluations"][0];
  evaluation["widths"] = evaluation["answers"];
  evaluation.erase("answers");
  for (auto& width : evaluation["widths"]) {
    width["calibration"] = width["reliability"];
    width.erase("reliability");
    width.erase("name");
  }
  EXPECT_EQ(to_json_line(parse_epoch_record(line.dump(), "line")), to_json_line(sample_record(3)));
}

TEST(EpochRecord, SkipsKeysItDoesNotKnow) {
  auto line = sample_json();
  line["added_later"] = {1, 2};
  line["train"]["added_later"] = "x";
  EXPECT_EQ(to_json_line(parse_epoch_record(line.dump(), "line")), to_json_line(sample_record(3)));
}

TEST(EpochRecord, ErrorsNameThePlaceTheKeyAndWhatWasFound) {
  const auto message = [](const auto& change) {
    auto line = sample_json();
    change(line);
    return message_of<DataError>([&] { parse_epoch_record(line.dump(), "metrics.jsonl:7"); });
  };
  EXPECT_EQ(message([](auto& line) { line["schema"] = 2; }),
            "metrics.jsonl:7: \"schema\" is 2; this program reads schema 1");
  EXPECT_EQ(message([](auto& line) { line.erase("steps"); }),
            "metrics.jsonl:7: \"steps\" is absent; expected an integer ≥ 0");
  EXPECT_EQ(message([](auto& line) { line["steps"] = 1.5; }),
            "metrics.jsonl:7: \"steps\" is 1.5; expected an integer ≥ 0");
  EXPECT_THAT(message([](auto& line) { line["steps"] = std::numeric_limits<std::uint64_t>::max(); }),
              HasSubstr("\"steps\" is 18446744073709551615"));
  EXPECT_EQ(message([](auto& line) { line["epoch"] = 0; }), "metrics.jsonl:7: \"epoch\" is 0; expected an integer ≥ 1");
  EXPECT_EQ(message([](auto& line) { line["best"] = 1; }), "metrics.jsonl:7: \"best\" is 1; expected true or false");
  EXPECT_EQ(message([](auto& line) { line["settings"] = nullptr; }),
            "metrics.jsonl:7: \"settings\" is null; expected a string");
  EXPECT_EQ(message([](auto& line) { line["train"] = 4; }), "metrics.jsonl:7: \"train\" is 4; expected an object");
  EXPECT_EQ(message([](auto& line) { line["train"]["widths"][1]["samples"] = -2; }),
            "metrics.jsonl:7: \"train.widths[1].samples\" is -2; expected an integer ≥ 0");
  EXPECT_EQ(message([](auto& line) { line["train"]["widths"][1] = 5; }),
            "metrics.jsonl:7: \"train.widths[1]\" is 5; expected an object");
  EXPECT_EQ(message([](auto& line) {
              line["transitions"] = {{1, 2}};
            }),
            "metrics.jsonl:7: \"transitions\" is [[1,2]]; expected 2 rows of 2 integers ≥ 0, or none");
  EXPECT_EQ(message([](auto& line) { line["transitions"][1][1] = "x"; }),
            "metrics.jsonl:7: \"transitions[1][1]\" is \"x\"; expected an integer ≥ 0");
  EXPECT_EQ(message([](auto& line) { line["evaluations"][0]["routed"]["f1"] = "good"; }),
            "metrics.jsonl:7: \"evaluations[0].routed.f1\" is \"good\"; expected a number or null");
  EXPECT_EQ(message([](auto& line) { line["evaluations"] = "none"; }),
            "metrics.jsonl:7: \"evaluations\" is \"none\"; expected a list");
  EXPECT_EQ(message([](auto& line) { line = {1, 2}; }), "metrics.jsonl:7: found [1,2], expected an object");
  EXPECT_EQ(message_of<DataError>([] { parse_epoch_record("{\"schema\":", "metrics.jsonl:7"); }),
            "metrics.jsonl:7: not valid JSON: \"{\\\"schema\\\":\"");
}

TEST(MetricsLog, AppendsLinesThatCanBeReadWhileItIsOpen) {
  const TemporaryFolder folder;
  MetricsLog log(folder / "metrics.jsonl", 0);
  EXPECT_TRUE(read_metrics(folder / "metrics.jsonl").empty());
  for (int epoch = 1; epoch <= 3; ++epoch) {
    log.append(sample_record(epoch));
    EXPECT_EQ(read_metrics(folder / "metrics.jsonl").size(), static_cast<std::size_t>(epoch));
  }
  const auto records = read_metrics(folder / "metrics.jsonl");
  EXPECT_EQ(to_json_line(records[2]), to_json_line(sample_record(3)));
}

void write_epochs(const std::filesystem::path& file, int epochs) {
  MetricsLog log(file, 0);
  for (int epoch = 1; epoch <= epochs; ++epoch) log.append(sample_record(epoch));
}

std::vector<int> epochs_in(const std::filesystem::path& file) {
  std::vector<int> epochs;
  for (const EpochRecord& record : read_metrics(file)) epochs.push_back(record.epoch);
  return epochs;
}

TEST(MetricsLog, ResumingDropsTheLinesAfterTheResumedEpoch) {
  const TemporaryFolder folder;
  const auto file = folder / "metrics.jsonl";
  write_epochs(file, 5);
  MetricsLog log(file, 3);
  EXPECT_THAT(epochs_in(file), ElementsAre(1, 2, 3));
  log.append(sample_record(4));
  EXPECT_THAT(epochs_in(file), ElementsAre(1, 2, 3, 4));
}

TEST(MetricsLog, ANewRunStartsTheFileAnew) {
  const TemporaryFolder folder;
  const auto file = folder / "metrics.jsonl";
  std::ofstream(file) << "anything\n";
  write_epochs(file, 2);
  EXPECT_THAT(epochs_in(file), ElementsAre(1, 2));
}

TEST(MetricsLog, ATornLastLineIsLeftOutAtWhateverByteTheCrashCame) {
  const TemporaryFolder folder;
  const auto file = folder / "metrics.jsonl";
  write_epochs(file, 2);
  const std::string whole = read_text_file(file);
  const std::size_t first = whole.find('\n') + 1;
  for (std::size_t size = first; size <= whole.size(); size += size + 113 < whole.size() ? 113 : 7) {
    write_file_atomically(file, std::string_view(whole).substr(0, size));
    const bool second_is_whole = size >= whole.size() - 1;
    EXPECT_EQ(epochs_in(file).size(), second_is_whole ? 2u : 1u) << size << " of " << whole.size() << " bytes";
    MetricsLog log(file, 2);
    if (!second_is_whole) log.append(sample_record(2));
    log.append(sample_record(3));
    EXPECT_THAT(epochs_in(file), ElementsAre(1, 2, 3)) << size << " of " << whole.size() << " bytes";
  }
}

TEST(MetricsLog, BrokenLinesAreNamedByNumber) {
  const TemporaryFolder folder;
  const auto file = folder / "metrics.jsonl";
  const auto first = to_json_line(sample_record(1)), second = to_json_line(sample_record(2));
  const auto read = [&](const std::string& text) {
    write_file_atomically(file, text);
    return message_of<DataError>([&] { read_metrics(file); });
  };
  EXPECT_THAT(read(first + "\nnonsense\n" + second + "\n"), HasSubstr("metrics.jsonl:2: not valid JSON: \"nonsense\""));
  EXPECT_THAT(read(first + "\n\n" + second + "\n"), HasSubstr("metrics.jsonl:2: not valid JSON: \"\""));
  EXPECT_THAT(read(first + "\n" + second.substr(0, 40) + "\n"), HasSubstr("metrics.jsonl:2: not valid JSON"));
  EXPECT_THAT(read(second + "\n" + first + "\n"),
              HasSubstr("metrics.jsonl:2: \"epoch\" is 1 after 2; expected ascending epochs"));
  EXPECT_THAT(message_of<DataError>([&] { MetricsLog(file, 2); }), HasSubstr("metrics.jsonl:2: "));
  EXPECT_THAT(message_of<IoError>([&] { read_metrics(folder / "absent.jsonl"); }),
              HasSubstr("absent.jsonl: cannot open"));
  EXPECT_THAT(message_of<IoError>([&] { MetricsLog(folder / "no/metrics.jsonl", 0); }),
              HasSubstr("no/metrics.jsonl: cannot open"));
}

}  // namespace
}  // namespace sharcs::internal::metrics_log_test
