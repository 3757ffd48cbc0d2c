#include "cli/program.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "io/file.hpp"
#include "sharcs/task.hpp"
#include "sharcs/tokenizer.hpp"

namespace sharcs::internal::testing {

nlohmann::json ProgramRun::json() const {
  auto parsed = nlohmann::json::parse(output, nullptr, false);
  EXPECT_FALSE(parsed.is_discarded()) << output << errors;
  return parsed;
}

std::string program_file() { return SHARCS_PROGRAM; }

RunningProgram::RunningProgram(const std::vector<std::string>& arguments, const std::string& input,
                               const std::vector<std::string>& launcher) {
  write_file_atomically(folder_ / "in", input);
  // Here already: the program may be killed before it has begun.
  for (const char* name : {"out", "err"}) write_file_atomically(folder_ / name, "");
  std::vector<char*> words;
  for (const std::string& word : launcher) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(const_cast<char*>(SHARCS_PROGRAM));
  for (const std::string& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  const std::string in = folder_ / "in", out = folder_ / "out", err = folder_ / "err";
  process_ = ::fork();
  if (process_ != 0) return;
  ::dup2(::open(in.c_str(), O_RDONLY), STDIN_FILENO);
  ::dup2(::open(out.c_str(), O_WRONLY), STDOUT_FILENO);
  ::dup2(::open(err.c_str(), O_WRONLY), STDERR_FILENO);
  ::execvp(words[0], words.data());
  ::_exit(127);
}

RunningProgram::~RunningProgram() {
  if (process_ <= 0) return;
  ::kill(process_, SIGKILL);
  ::waitpid(process_, nullptr, 0);
}

void RunningProgram::send(int signal) { ::kill(process_, signal); }

std::string RunningProgram::await_in(const char* stream, const std::string& text) const {
  for (;;) {
    siginfo_t ended = {};
    ::waitid(P_PID, static_cast<id_t>(process_), &ended, WEXITED | WNOHANG | WNOWAIT);
    std::string written = read_text_file(folder_ / stream);
    if (written.find(text) != std::string::npos) return written;
    if (ended.si_pid != 0) {
      ADD_FAILURE() << "ended without saying \"" << text << "\": " << written << read_text_file(folder_ / "err");
      return {};
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

void RunningProgram::await(const std::string& text) const { await_in("err", text); }

std::string RunningProgram::await_line() const {
  const std::string written = await_in("out", "\n");
  return written.substr(0, written.find('\n'));
}

ProgramRun RunningProgram::wait() {
  int status = 0;
  ::waitpid(process_, &status, 0);
  process_ = 0;
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), read_text_file(folder_ / "out"),
          read_text_file(folder_ / "err")};
}

ProgramRun run_program(const std::vector<std::string>& arguments, const std::string& input) {
  return RunningProgram(arguments, input).wait();
}

std::string error_of(const ProgramRun& run, int exit_code) {
  EXPECT_EQ(run.exit_code, exit_code) << run.errors;
  EXPECT_EQ(run.output, "");
  EXPECT_THAT(run.errors, ::testing::StartsWith("sharcs: "));
  EXPECT_EQ(run.errors.find('\n'), run.errors.size() - 1) << run.errors;
  return run.errors.size() > 9 ? run.errors.substr(8, run.errors.size() - 9) : "";
}

std::string last_error_of(const ProgramRun& run) {
  EXPECT_EQ(run.exit_code, 1) << run.errors;
  const std::size_t at = run.errors.rfind("sharcs: ");
  EXPECT_NE(at, std::string::npos) << run.errors;
  return at == std::string::npos ? "" : run.errors.substr(at + 8, run.errors.size() - at - 9);
}

nlohmann::json tiny_training_config(nlohmann::json training) {
  if (!training.contains("recipe")) training["recipe"] = "sharcs";
  return {{"model",
           {{"model_type", "bert"},
            {"hidden_size", 16},
            {"num_hidden_layers", 2},
            {"num_attention_heads", 4},
            {"intermediate_size", 32},
            {"max_position_embeddings", 32},
            {"sharcs", {{"width_mult_list", {0.25, 1.0}}, {"adaptive_layer_idx", 1}, {"hidden_size_router", 8}}}}},
          {"tokenizer", {{"vocab_size", 300}}},
          {"training", training}};
}

void save_tiny_model(const std::filesystem::path& folder, void (*change)(ModelConfig&)) {
  const std::vector<std::string> texts = {"the film was superb", "the plot is dull", "a gem", "a mess , not a joy"};
  const Tokenizer tokenizer = Tokenizer::train_wordpiece(texts, {.vocab_size = 60, .min_frequency = 1});
  ModelConfig config;
  config.vocab_size = static_cast<int>(tokenizer.vocab_size());
  config.hidden_size = 16;
  config.num_hidden_layers = 3;
  config.num_attention_heads = 4;
  config.intermediate_size = 32;
  config.max_position_embeddings = 16;
  config.pad_token_id = tokenizer.pad_id();
  config.labels = {"negative", "positive"};
  config.initializer_range = 0.5;
  config.sharcs = SharcsConfig{.width_mult_list = {0.25, 0.5, 1.0}, .adaptive_layer_idx = 1, .hidden_size_router = 8};
  if (change != nullptr) change(config);
  Model::create(config).save(folder);
  tokenizer.save(folder);
}

void label_words(ModelConfig& config) {
  config.per_token = true;
  config.labels = {"B-PER", "I-PER", "O"};
}

void find_answers(ModelConfig& config) {
  config.per_token = config.finds_answers = true;
  config.labels = {"LABEL_0", "LABEL_1"};
}

void fill_masks(ModelConfig& config) {
  config.per_token = config.fills_masks = true;
  config.labels.clear();
}

void save_tiny_sst2_model(const std::filesystem::path& folder) {
  save_tiny_model(folder, [](ModelConfig& config) {
    Task::named("sst-2").store_in(config);
    config.max_position_embeddings = 32;
  });
}

}  // namespace sharcs::internal::testing
