#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "core/half.hpp"
#include "core/random.hpp"
#include "expect_error.hpp"
#include "formats/checkpoint.hpp"
#include "formats/model_access.hpp"
#include "formats/safetensors.hpp"
#include "infer/rounding_error.hpp"
#include "io/file.hpp"
#include "model/low_precision.hpp"
#include "model/small_models.hpp"
#include "sharcs/classifier.hpp"
#include "temporary_folder.hpp"

namespace sharcs::internal::bf16_engine_test {
namespace {

using ::testing::HasSubstr;

/// A model with exits and narrow widths. Its weights are those of a model that has just been made, small enough for
/// attention to be smooth.
Model model_of(const std::string& model_type, const std::string& activation = {}) {
  ModelConfig config = testing::small_config_of(model_type);
  config.vocab_size = 50;
  config.hidden_size = 48;
  config.num_attention_heads = 3;
  config.intermediate_size = 99;
  config.max_position_embeddings = 40;
  config.initializer_range = 0.1;
  config.sharcs->exits = {1, 2};
  if (!activation.empty()) config.hidden_act = activation;
  return Model::create(config, 3);
}

struct Inputs {
  RaggedBatch batch;
  std::vector<TokenSequence> sequences;

  explicit Inputs(const ModelConfig& config)
      : batch(testing::random_batch(config, std::vector<Index>{3, 9, 1, 25, 5, 14, 30, 2})) {
    for (Index s = 0; s < batch.samples(); ++s) {
      const auto from = static_cast<std::size_t>(batch.offsets[s]), count = static_cast<std::size_t>(batch.tokens(s));
      sequences.push_back(
          {std::span(batch.ids).subspan(from, count), std::span(batch.token_types).subspan(from, count)});
    }
  }
};

std::vector<Policy> every_answer(const Engine& engine) {
  std::vector<Policy> policies;
  for (const Width& width : engine.widths()) policies.push_back(Policy::fixed(width.fraction()));
  for (const int layer : engine.config().sharcs->exits) policies.push_back(Policy::fixed_exit(layer));
  return policies;
}

void expect_same_logits(const Engine& expected, const Engine& found) {
  const Inputs inputs(expected.config());
  for (const Policy& policy : every_answer(expected)) {
    const auto a = expected.run(inputs.sequences, policy), b = found.run(inputs.sequences, policy);
    for (std::size_t i = 0; i < a.size(); ++i) EXPECT_EQ(a[i].logits, b[i].logits) << policy.name();
  }
}

void expect_within_two_percent_of_fp32(const Model& model) {
  const Engine fp32(model), bf16(model, {.precision = Precision::bf16});
  EXPECT_EQ(bf16.precision(), Precision::bf16);
  const Inputs inputs(model.config());
  for (const Policy& policy : every_answer(fp32)) {
    SCOPED_TRACE(policy.name());
    const auto expected = fp32.run(inputs.sequences, policy), found = bf16.run(inputs.sequences, policy);
    double squares = 0, reference = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      for (std::size_t c = 0; c < expected[i].logits.size(); ++c) {
        const auto was = static_cast<double>(expected[i].logits[c]), is = static_cast<double>(found[i].logits[c]);
        squares += (is - was) * (is - was);
        reference += was * was;
      }
    }
    EXPECT_LT(std::sqrt(squares / reference), 0.02);
    EXPECT_GT(squares, 0) << "nothing was bf16";
  }
}

class Bf16Engine : public ::testing::TestWithParam<std::string> {};

TEST_P(Bf16Engine, GivesLogitsWithinTwoPercentOfFp32) { expect_within_two_percent_of_fp32(model_of(GetParam())); }

TEST_P(Bf16Engine, StoredAnswersAsRoundedWhenLoaded) {
  const Model model = model_of(GetParam());
  const TemporaryFolder folder;
  save_bf16_parameters(network_of(model), folder / "model.safetensors", {});
  write_file_atomically(folder / "config.json", model.config().to_json());
  const Engine stored = Engine::load(folder.path()), rounded(model, {.precision = Precision::bf16});
  EXPECT_EQ(stored.precision(), Precision::bf16);
  EXPECT_EQ(stored.weight_bytes(), rounded.weight_bytes());
  expect_same_logits(rounded, stored);
  // The same file is a model to train and to run in fp32, whose weights are the rounded ones.
  const Model widened = Model::load(folder.path());
  const Engine fp32 = Engine::load(folder.path(), {.precision = Precision::fp32});
  EXPECT_EQ(fp32.precision(), Precision::fp32);
  expect_same_logits(Engine(widened), fp32);
  expect_same_logits(rounded, Engine(widened, {.precision = Precision::bf16}));
}

INSTANTIATE_TEST_SUITE_P(EveryBackbone, Bf16Engine, ::testing::ValuesIn(testing::every_model_type()),
                         testing::test_name_of);

TEST(Bf16EngineOfBert, GivesLogitsWithinTwoPercentOfFp32WithEveryActivation) {
  for (const char* activation : {"gelu_new", "relu", "silu", "quick_gelu"}) {
    SCOPED_TRACE(activation);
    expect_within_two_percent_of_fp32(model_of("bert", activation));
  }
}

TEST(Bf16EngineOfBert, GivesASampleTheSameBitsInAnyBatchAndWithAnyThreads) {
  const Model model = model_of("bert");
  const Inputs inputs(model.config());
  const Engine engine(model, {.threads = 1, .precision = Precision::bf16});
  for (const Policy& policy : every_answer(engine)) {
    const auto together = engine.run(inputs.sequences, policy);
    for (std::size_t i = 0; i < together.size(); ++i)
      EXPECT_EQ(together[i].logits, engine.run(std::span(&inputs.sequences[i], 1), policy)[0].logits);
    for (const int threads : {2, 5}) {
      const Engine other(model, {.threads = threads, .micro_batch_tokens = 20, .precision = Precision::bf16});
      const auto found = other.run(inputs.sequences, policy);
      for (std::size_t i = 0; i < together.size(); ++i) EXPECT_EQ(together[i].logits, found[i].logits);
    }
  }
}

TEST(Bf16EngineOfBert, TakesHalfTheMemoryForTheLargeWeights) {
  ModelConfig config = testing::small_config_of("bert");
  config.vocab_size = 2000;
  config.hidden_size = 192;
  config.num_attention_heads = 3;
  config.intermediate_size = 768;
  const Model model = Model::create(config);
  const auto fp32 = static_cast<double>(Engine(model).weight_bytes());
  EXPECT_LT(static_cast<double>(Engine(model, {.precision = Precision::bf16}).weight_bytes()), 0.53 * fp32);
}

/// A folder in which every tensor is BF16, as transformers saves a model that was made of "torch_dtype": "bfloat16".
TEST(Bf16EngineOfBert, RunsAFolderOfBf16TensorsOnlyAsItIsStored) {
  const Model model = model_of("bert");
  const TemporaryFolder folder;
  model.save(folder.path());
  std::vector<NamedTensor> tensors;
  std::vector<std::vector<float>> values;
  const TensorSource source = open_safetensors(folder / "model.safetensors");
  values.reserve(source.tensors().size());
  for (const TensorInfo& tensor : source.tensors())
    tensors.push_back(
        {tensor.name, tensor.shape, std::span<const float>(values.emplace_back(source.read<float>(tensor.name)))});
  write_safetensors(folder / "model.safetensors", tensors, {.float_dtype = DType::bf16});
  const Engine engine = Engine::load(folder.path());
  EXPECT_EQ(engine.precision(), Precision::bf16);
  const Model widened = Model::load(folder.path());
  expect_same_logits(Engine(widened, {.precision = Precision::bf16}), engine);
  EXPECT_EQ(network_of(widened).values().values("bert.pooler.dense.weight")[0],
            float_of_bf16(bf16_of_float(network_of(model).values().values("bert.pooler.dense.weight")[0])));
}

TEST(Bf16Checkpoint, StoresTheLargeWeightsAsBf16AndTheOthersAsFloats) {
  const Model model = model_of("bert");
  const TemporaryFolder folder;
  const std::vector<std::string> keep = {"bert.encoder.layer.1"};
  save_bf16_parameters(network_of(model), folder / "model.safetensors", keep);
  write_file_atomically(folder / "config.json", model.config().to_json());
  const TensorSource source = open_safetensors(folder / "model.safetensors");
  for (const TensorInfo& tensor : source.tensors()) {
    const bool is_large =
        tensor.name.ends_with("word_embeddings.weight") ||
        (tensor.name.ends_with(".weight") && tensor.shape.size() == 2 &&
         (tensor.name.find(".layer.") != std::string::npos || tensor.name.find("dense") != std::string::npos) &&
         tensor.name.find("router") == std::string::npos);
    const bool is_kept = tensor.name.starts_with("bert.encoder.layer.1.");
    EXPECT_EQ(tensor.dtype, is_large && !is_kept ? DType::bf16 : DType::f32) << tensor.name;
  }
  // What was kept stays fp32 where bf16 is asked for by name, too.
  expect_same_logits(Engine::load(folder.path()), Engine::load(folder.path(), {.precision = Precision::bf16}));
  EXPECT_GT(Engine::load(folder.path()).weight_bytes(), Engine(model, {.precision = Precision::bf16}).weight_bytes());
}

TEST(Bf16Checkpoint, OfInt8WeightsIsRefused) {
  const Model model = model_of("bert");
  const TemporaryFolder folder;
  save_int8_parameters(network_of(model), folder.path(), {});
  write_file_atomically(folder / "config.json", model.config().to_json());
  EXPECT_THAT(message_of<CheckpointError>([&] { Engine::load(folder.path(), {.precision = Precision::bf16}); }),
              HasSubstr("holds int8 weights; expected fp32 ones for precision bf16"));
}

TEST(Bf16RoundingError, IsAFewThousandthsOfALayersResult) {
  const Model model = model_of("bert");
  std::vector<RoundingError> errors;
  add_rounding_errors(network_of(model), Precision::bf16, Inputs(model.config()).batch, {}, errors);
  ASSERT_GT(errors.size(), 10u);
  for (const RoundingError& error : errors) {
    EXPECT_GT(error.relative(), 2e-4) << error.weight;
    EXPECT_LT(error.relative(), 6e-3) << error.weight;
  }
}

}  // namespace
}  // namespace sharcs::internal::bf16_engine_test
