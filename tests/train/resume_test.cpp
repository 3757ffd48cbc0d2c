// Nothing is lost: whatever stops a training, resuming ends with the bits of a training that was never stopped.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "expect_error.hpp"
#include "io/file.hpp"
#include "sharcs/calibration.hpp"
#include "temporary_folder.hpp"
#include "train/tiny_training.hpp"
#include "train/training_checkpoint.hpp"

namespace sharcs::internal::resume_test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::result_of;
using testing::TinyTraining;

TinyTraining short_training() {
  TinyTraining training;
  training.options.epochs = 3;
  training.options.window = 1;
  training.options.batch_size = 40;
  training.options.thresholds = {{0.5, 1.01}, {0, 0.55}};  // few steps are enough for samples at either width
  return training;
}

/// Stops after `steps` steps.
TrainingCallbacks stop_after(int steps) {
  return {.should_stop = [left = steps]() mutable { return --left <= 0; }};
}

std::vector<std::filesystem::path> checkpoints_in(const std::filesystem::path& output) {
  return CheckpointFolder(output / "checkpoints").files();
}

void flip_a_byte(const std::filesystem::path& file, std::uintmax_t at) {
  std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
  stream.seekg(static_cast<std::streamoff>(at));
  const char byte = static_cast<char>(stream.get() ^ 1);
  stream.seekp(static_cast<std::streamoff>(at));
  stream.put(byte);
}

TEST(ResumedTraining, EndsWithTheSameBitsWhereverItWasStopped) {
  const TinyTraining training = short_training();
  const TemporaryFolder folder;
  const auto steps = static_cast<int>(training.run(folder / "whole").steps);
  for (const EpochRecord& record : read_metrics(folder / "whole" / "metrics.jsonl")) {
    if (record.full_width_only) continue;
    for (const WidthTraining& width : record.widths) ASSERT_GT(width.samples, 0) << "the widths take no part";
  }
  const std::string expected = result_of(folder / "whole");
  for (int stop = 1; stop <= steps; ++stop) {
    const auto output = folder / ("stopped after " + std::to_string(stop));
    const TrainingOutcome stopped = training.run(output, stop_after(stop));
    EXPECT_TRUE(stopped.stopped);
    EXPECT_EQ(stopped.steps, stop);
    const TrainingOutcome resumed = training.resume(output);
    EXPECT_FALSE(resumed.stopped);
    EXPECT_EQ(resumed.steps, steps);
    ASSERT_EQ(result_of(output), expected) << "stopped after step " << stop;
  }
}

TEST(ResumedTraining, OfTheDistilledRecipeEndsWithTheSameBitsWhereverItWasStopped) {
  for (const ExitTraining how : {ExitTraining::joint, ExitTraining::two_stage}) {
    TinyTraining training = short_training();
    training.config.sharcs->exits = {1};
    training.options.recipe = Recipe::distilled;
    training.options.epochs = 4;  // the warm-up; at the beginning of the second, the reordering
    training.options.exit_training = how;
    const TemporaryFolder folder;
    const auto steps = static_cast<int>(training.run(folder / "whole").steps);
    const std::string expected = result_of(folder / "whole");
    for (int stop = 1; stop <= steps; ++stop) {
      const auto output = folder / ("stopped after " + std::to_string(stop));
      EXPECT_EQ(training.run(output, stop_after(stop)).steps, stop);
      EXPECT_EQ(training.resume(output).steps, steps);
      ASSERT_EQ(result_of(output), expected) << "stopped after step " << stop;
    }
  }
}

TEST(ResumedTraining, WithBf16ProductsEndsWithTheSameBitsWhereverItWasStopped) {
  TinyTraining training = short_training();
  training.config.sharcs->exits = {1};
  training.options.recipe = Recipe::distilled;
  training.options.precision = TrainingPrecision::bf16;
  const TemporaryFolder folder;
  const auto steps = static_cast<int>(training.run(folder / "whole").steps);
  const std::string expected = result_of(folder / "whole");
  for (int stop = 1; stop <= steps; ++stop) {
    const auto output = folder / ("stopped after " + std::to_string(stop));
    EXPECT_EQ(training.run(output, stop_after(stop)).steps, stop);
    EXPECT_EQ(training.resume(output).steps, steps);
    ASSERT_EQ(result_of(output), expected) << "stopped after step " << stop;
  }
  training.run(folder / "stopped", stop_after(2));
  training.options.precision = TrainingPrecision::fp32;
  EXPECT_THAT(message_of<CheckpointError>([&] { training.resume(folder / "stopped"); }),
              HasSubstr("is of another training: \"precision\" is \"fp32\"; it was \"bf16\""));
  training.run(folder / "fp32");
  EXPECT_NE(result_of(folder / "fp32"), expected);
}

TEST(ResumedTraining, EndsWithTheSameBitsWhenStoppedAgainAndAgain) {
  TinyTraining training = short_training();
  training.options.step_mode = StepMode::alternate;
  training.options.repeat_smaller_buckets = false;
  const TemporaryFolder folder;
  training.run(folder / "whole");
  training.run(folder / "stopped", stop_after(2));
  for (int round = 0; round < 100; ++round)
    if (!training.resume(folder / "stopped", stop_after(3)).stopped) break;
  EXPECT_EQ(result_of(folder / "stopped"), result_of(folder / "whole"));
}

TEST(ResumedTraining, FinishedTrainingIsLeftAsItIs) {
  const TinyTraining training = short_training();
  const TemporaryFolder folder;
  const TrainingOutcome outcome = training.run(folder.path());
  const std::string expected = result_of(folder.path());
  const TrainingOutcome resumed = training.resume(folder.path(), {.on_step = [](const TrainingProgress&) { FAIL(); }});
  EXPECT_EQ(resumed.epochs, outcome.epochs);
  EXPECT_EQ(resumed.best_epoch, outcome.best_epoch);
  EXPECT_EQ(resumed.best_score, outcome.best_score);
  EXPECT_EQ(result_of(folder.path()), expected);
}

TEST(ResumedTraining, FinishedTrainingThatWasCalibratedKeepsItsRule) {
  TinyTraining training = short_training();
  training.options.epochs = 2;  // the first one has full width only, so the second is the best
  const TemporaryFolder folder;
  training.run(folder.path());
  ASSERT_TRUE(read_metrics(folder / "metrics.jsonl").back().best);
  save_policy(folder.path(), {.router = RoutingRule{.budget = 0.5,
                                                    .weights = {{1, 0}, {0, 1}},
                                                    .offsets = {0, 0},
                                                    .costs = {{.constant = 0.25}, {.constant = 1}}}});
  training.resume(folder.path());
  EXPECT_TRUE(Model::load(folder.path()).config().sharcs->policy.has_value());
}

TEST(ResumedTraining, HealsWhatWasLostBetweenACheckpointAndWhatFollowsIt) {
  const TinyTraining training = short_training();
  const TemporaryFolder folder;
  training.run(folder.path());
  const std::string expected = result_of(folder.path());
  // As if the process had been killed right after the last epoch's checkpoint.
  const auto records = read_metrics(folder / "metrics.jsonl");
  { MetricsLog(folder / "metrics.jsonl", static_cast<int>(records.size()) - 1); }
  if (records.back().best) std::filesystem::remove(folder / "model.safetensors");
  training.resume(folder.path());
  EXPECT_EQ(result_of(folder.path()), expected);
}

TEST(ResumedTraining, StartsAgainWhereThereIsNoCheckpointYet) {
  const TinyTraining training = short_training();
  const TemporaryFolder folder;
  training.run(folder / "whole");
  EXPECT_THAT(message_of<ConfigError>([&] { training.resume(folder / "empty"); }), HasSubstr("no training to resume"));

  TinyTraining without = short_training();
  without.options.keep_checkpoints = 0;
  without.run(folder / "stopped", stop_after(1));
  EXPECT_TRUE(checkpoints_in(folder / "stopped").empty());
  std::vector<std::string> notes;
  training.resume(folder / "stopped", {.on_note = [&](std::string_view text) { notes.emplace_back(text); }});
  EXPECT_THAT(notes, ::testing::Contains(HasSubstr("starting again")));
  EXPECT_EQ(result_of(folder / "stopped"), result_of(folder / "whole"));
}

TEST(ResumedTraining, EpochsWithoutACheckpointAreNotTrainedAgain) {
  TinyTraining training = short_training();
  training.options.keep_checkpoints = 0;
  const TemporaryFolder folder;
  training.run(folder / "finished");
  const std::string expected = result_of(folder / "finished");
  const auto refused = [&](const std::string& run) {
    return message_of<ConfigError>([&] { training.resume(folder / run); });
  };
  EXPECT_EQ(refused("finished"), (folder / "finished").string() +
                                     ": metrics.jsonl tells of 3 epochs but there is no checkpoint to go on from; "
                                     "train without resuming to start anew");
  EXPECT_EQ(result_of(folder / "finished"), expected);
  training.run(folder / "stopped", stop_after(5));
  EXPECT_THAT(refused("stopped"), HasSubstr("metrics.jsonl tells of 1 epoch but"));
}

TEST(ResumedTraining, DamagedCheckpointFallsBackToTheOneBefore) {
  TinyTraining training = short_training();
  training.options.checkpoint_every_steps = 1;
  const TemporaryFolder folder;
  training.run(folder / "whole");
  training.run(folder / "stopped", stop_after(5));
  const auto files = checkpoints_in(folder / "stopped");
  ASSERT_EQ(files.size(), 2u);
  flip_a_byte(files[0], std::filesystem::file_size(files[0]) / 2);
  std::vector<std::string> notes;
  training.resume(folder / "stopped", {.on_note = [&](std::string_view text) { notes.emplace_back(text); }});
  EXPECT_THAT(notes, ElementsAre(AllOf(HasSubstr(files[0].filename().string()), HasSubstr("is damaged"),
                                       HasSubstr("trying the one before")),
                                 HasSubstr("resuming in epoch 2 after step 1")));
  EXPECT_EQ(result_of(folder / "stopped"), result_of(folder / "whole"));
}

TEST(ResumedTraining, EveryKindOfDamageIsFound) {
  TinyTraining training = short_training();
  training.options.keep_checkpoints = 1;
  const TemporaryFolder folder;
  training.run(folder.path(), stop_after(5));
  const std::filesystem::path file = checkpoints_in(folder.path()).at(0);
  const std::string whole = read_text_file(file);
  const auto refused = [&](const std::string& content) {
    write_file_atomically(file, content);
    return message_of<CheckpointError>([&] { training.resume(folder.path()); });
  };
  EXPECT_THAT(refused(""), HasSubstr("found 0 bytes"));
  EXPECT_THAT(refused("short"), HasSubstr("found 5 bytes"));
  EXPECT_THAT(refused(whole.substr(0, whole.size() - 1)), AllOf(HasSubstr("is damaged"), HasSubstr("no older")));
  EXPECT_THAT(refused(whole + "x"), HasSubstr("is damaged"));
  for (const double place : {0.0, 0.01, 0.5, 0.99, 1.0}) {
    std::string flipped = whole;
    flipped[static_cast<std::size_t>(place * static_cast<double>(whole.size() - 1))] ^= 0x10;
    EXPECT_THAT(refused(flipped), HasSubstr("is damaged"));
  }
  write_file_atomically(file, whole);
  EXPECT_NO_THROW(training.resume(folder.path()));
}

TEST(ResumedTraining, OnlyTheNewestCheckpointsAreKept) {
  TinyTraining training = short_training();
  training.options.checkpoint_every_steps = 1;
  training.options.keep_checkpoints = 3;
  const TemporaryFolder folder;
  training.run(folder.path(), stop_after(5));
  std::vector<std::string> names;
  for (const auto& file : checkpoints_in(folder.path())) names.push_back(file.filename().string());
  EXPECT_THAT(names, ElementsAre("step-000000000005.checkpoint", "step-000000000004.checkpoint",
                                 "step-000000000003.checkpoint"));
}

TEST(ResumedTraining, ChangedOptionsModelOrDataAreRefusedByName) {
  const TemporaryFolder folder;
  short_training().run(folder.path(), stop_after(5));
  const auto refused = [&](const auto& change) {
    TinyTraining training = short_training();
    change(training);
    return message_of<CheckpointError>([&] { training.resume(folder.path()); });
  };
  EXPECT_THAT(refused([](auto& t) { t.options.learning_rate = 0.5; }),
              AllOf(HasSubstr("is of another training"), HasSubstr("\"learning_rate\" is 0.5; it was 0.01")));
  EXPECT_THAT(refused([](auto& t) { t.options.thresholds = {{0.6, 1.01}, {0, 0.6}}; }), HasSubstr("\"thresholds\" is"));
  EXPECT_THAT(refused([](auto& t) { t.options.seed = 8, t.options.window = 2; }),
              AllOf(HasSubstr("\"seed\" is 8; it was 1"), HasSubstr("; and \"window\" is 2; it was 1")));
  EXPECT_THAT(refused([](auto& t) { t.config.hidden_dropout_prob = 0.2; }),
              HasSubstr("\"config.json: hidden_dropout_prob\" is 0.2; it was 0.1"));
  EXPECT_THAT(refused([](auto& t) { t.config.sharcs->hidden_size_router = 9; }),
              HasSubstr("hidden_size_router\" is 9; it was 8"));
  EXPECT_THAT(refused([](auto& t) { t.train.samples.pop_back(); }),
              HasSubstr("the training data (train.tsv) has 95 samples; it had 96"));
  EXPECT_THAT(refused([](auto& t) { t.train.samples[7].label = 1 - *t.train.samples[7].label; }),
              HasSubstr("the training data (train.tsv) has other texts or labels"));
  EXPECT_THAT(refused([](auto& t) { t.dev.samples[7].text += " film"; }),
              HasSubstr("the dev data (dev.tsv) has other texts or labels"));
  EXPECT_THAT(refused([](auto& t) {
                t.tokenizer =
                    Tokenizer::train_wordpiece(testing::texts_of(t.train), {.vocab_size = 40, .min_frequency = 1});
                t.config.vocab_size = t.model().config().vocab_size;
              }),
              HasSubstr("the tokenizer is another one"));
}

TEST(ResumedTraining, OptionsThatChangeNoResultMayChange) {
  const TemporaryFolder folder;
  TinyTraining training = short_training();
  training.run(folder.path(), stop_after(5));
  training.options.micro_batch_tokens = 100;
  training.options.recompute_activations = true;
  training.options.threads = 2;
  training.options.keep_checkpoints = 1;
  training.options.checkpoint_every_minutes = 0;
  training.options.tensorboard = true;
  EXPECT_EQ(training.resume(folder.path()).epochs, 3);
}

TEST(ResumedTraining, TrainingOverOneThatWasNotFinishedIsRefused) {
  const TinyTraining training = short_training();
  const TemporaryFolder folder;
  training.run(folder.path(), stop_after(5));
  EXPECT_THAT(message_of<ConfigError>([&] { training.run(folder.path()); }),
              HasSubstr("holds the checkpoints of a training that was not finished"));
  training.resume(folder.path());
  const std::string expected = result_of(folder.path());
  training.run(folder.path());  // over a finished one
  EXPECT_EQ(result_of(folder.path()), expected);
}

TEST(ResumedTraining, TwoTrainingsInOneFolderAreRefused) {
  const TinyTraining training = short_training();
  const TemporaryFolder folder;
  const FolderLock other(folder.path());
  EXPECT_THAT(message_of<IoError>([&] { training.run(folder.path()); }), HasSubstr("another process"));
}

TEST(ResumedTraining, FullDiskIsALineAndLosesNothing) {
  const TinyTraining training = short_training();
  const TemporaryFolder folder;
  training.run(folder / "whole");
  training.run(folder / "stopped", stop_after(5));
  {
    // A limit on the size of files, a little below that of a checkpoint, stands for the full disk.
    const std::uintmax_t size = std::filesystem::file_size(checkpoints_in(folder / "stopped").at(0));
    rlimit before{};
    ::getrlimit(RLIMIT_FSIZE, &before);
    const rlimit small{.rlim_cur = static_cast<rlim_t>(size - 100), .rlim_max = before.rlim_max};
    const auto handler = ::signal(SIGXFSZ, SIG_IGN);
    ::setrlimit(RLIMIT_FSIZE, &small);
    const std::string message = message_of<IoError>([&] { training.resume(folder / "stopped"); });
    ::setrlimit(RLIMIT_FSIZE, &before);
    ::signal(SIGXFSZ, handler);
    EXPECT_THAT(message, AllOf(HasSubstr(".checkpoint: cannot write: "), HasSubstr("too large")));
  }
  training.resume(folder / "stopped");
  EXPECT_EQ(result_of(folder / "stopped"), result_of(folder / "whole"));
}

TEST(ResumedTraining, FolderThatCannotBeMadeIsALine) {
  const TinyTraining training = short_training();
  const TemporaryFolder folder;
  std::ofstream(folder / "file") << "x";
  EXPECT_THAT(message_of<IoError>([&] { training.run(folder / "file" / "run"); }), HasSubstr("cannot make the folder"));
  std::filesystem::create_directory(folder / "run");
  std::ofstream(folder / "run" / "checkpoints") << "x";
  EXPECT_THAT(message_of<IoError>([&] { training.run(folder / "run"); }),
              AllOf(HasSubstr("checkpoints: "), HasSubstr("cannot make the folder")));
}

}  // namespace
}  // namespace sharcs::internal::resume_test
