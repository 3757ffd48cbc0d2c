#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

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

namespace sharcs::internal::int8_engine_test {
namespace {

using ::testing::HasSubstr;

/// A model whose products are large enough for rounding errors to average out, with exits and narrow widths.
ModelConfig config_of(const std::string& model_type) {
  ModelConfig config = testing::small_config_of(model_type);
  config.vocab_size = 50;
  config.hidden_size = 48;
  config.num_attention_heads = 3;
  config.intermediate_size = 100;
  config.max_position_embeddings = 40;
  config.sharcs->exits = {1, 2};
  return config;
}
Model model_of(const ModelConfig& config) {
  Model model = Model::create(config);
  testing::randomise(network_of(model));
  return model;
}
Model bert() { return model_of(config_of("bert")); }

struct Inputs {
  RaggedBatch batch;
  std::vector<TokenSequence> sequences;

  explicit Inputs(const ModelConfig& config, const std::vector<Index>& lengths = {3, 9, 1, 25, 5, 14, 30, 2})
      : batch(testing::random_batch(config, lengths)) {
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

void expect_close_to_fp32(const Model& model) {
  const Engine fp32(model), int8(model, {.precision = Precision::int8});
  EXPECT_EQ(fp32.precision(), Precision::fp32);
  EXPECT_EQ(int8.precision(), Precision::int8);
  const Inputs inputs(model.config());
  for (const Policy& policy : every_answer(fp32)) {
    SCOPED_TRACE(policy.name());
    const auto expected = fp32.run(inputs.sequences, policy), found = int8.run(inputs.sequences, policy);
    double squares = 0, reference = 0;
    bool same = true;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      for (std::size_t c = 0; c < expected[i].logits.size(); ++c) {
        const auto was = static_cast<double>(expected[i].logits[c]), is = static_cast<double>(found[i].logits[c]);
        squares += (is - was) * (is - was);
        reference += was * was;
        same = same && is == was;
      }
    }
    EXPECT_LT(std::sqrt(squares / reference), 0.15);  // random weights make attention sharp
    EXPECT_FALSE(same) << "nothing was int8";
  }
}

class Int8Engine : public ::testing::TestWithParam<std::string> {};

TEST_P(Int8Engine, AnswersCloseToFp32) { expect_close_to_fp32(model_of(config_of(GetParam()))); }

TEST_P(Int8Engine, StoredAnswersAsQuantizedWhenLoaded) {
  const Model model = model_of(config_of(GetParam()));
  const TemporaryFolder folder;
  save_int8_parameters(network_of(model), folder.path(), {});
  write_file_atomically(folder / "config.json", model.config().to_json());
  const Engine stored = Engine::load(folder.path());
  EXPECT_EQ(stored.precision(), Precision::int8);
  const Engine quantized(model, {.precision = Precision::int8});
  EXPECT_EQ(stored.weight_bytes(), quantized.weight_bytes());
  const Inputs inputs(model.config());
  const auto expected = quantized.run(inputs.sequences), found = stored.run(inputs.sequences);
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(found[i].logits, expected[i].logits);
}

INSTANTIATE_TEST_SUITE_P(EveryBackbone, Int8Engine, ::testing::ValuesIn(testing::every_model_type()),
                         testing::test_name_of);

TEST(Int8EngineOfBert, AnswersCloseToFp32WithEveryActivation) {
  for (const char* activation : {"gelu_new", "relu", "silu", "quick_gelu"}) {
    SCOPED_TRACE(activation);
    ModelConfig config = config_of("bert");
    config.hidden_act = activation;
    expect_close_to_fp32(model_of(config));
  }
}

TEST(Int8EngineOfBert, GivesASampleTheSameBitsInAnyBatchAndWithAnyThreads) {
  const Model model = bert();
  const Inputs inputs(model.config());
  const Engine engine(model, {.threads = 1, .precision = Precision::int8});
  for (const Policy& policy : every_answer(engine)) {
    const auto together = engine.run(inputs.sequences, policy);
    for (std::size_t i = 0; i < together.size(); ++i)
      EXPECT_EQ(together[i].logits, engine.run(std::span(&inputs.sequences[i], 1), policy)[0].logits);
    for (const int threads : {2, 5}) {
      const Engine other(model, {.threads = threads, .micro_batch_tokens = 20, .precision = Precision::int8});
      const auto found = other.run(inputs.sequences, policy);
      for (std::size_t i = 0; i < together.size(); ++i) EXPECT_EQ(together[i].logits, found[i].logits);
    }
  }
}

TEST(Int8EngineOfBert, LoadsAnFp32FolderAsInt8) {
  const TemporaryFolder folder;
  const Model model = bert();
  model.save(folder.path());
  const Engine loaded = Engine::load(folder.path(), {.precision = Precision::int8});
  const Engine made(model, {.precision = Precision::int8});
  const Inputs inputs(model.config());
  const auto expected = made.run(inputs.sequences), found = loaded.run(inputs.sequences);
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(found[i].logits, expected[i].logits);
}

TEST(Int8EngineOfBert, TakesAQuarterOfTheMemoryForTheLargeWeights) {
  ModelConfig config = config_of("bert");
  config.vocab_size = 2000;
  config.hidden_size = 192;
  config.intermediate_size = 768;
  const Model model = model_of(config);
  const auto fp32 = static_cast<double>(Engine(model).weight_bytes());
  EXPECT_LT(static_cast<double>(Engine(model, {.precision = Precision::int8}).weight_bytes()), 0.3 * fp32);
}

/// A folder of an int8 model in which a test breaks something.
class StoredInt8Model : public ::testing::Test {
 protected:
  StoredInt8Model() : model_(bert()) {
    save_int8_parameters(network_of(model_), folder_.path(), {});
    write_file_atomically(folder_ / "config.json", model_.config().to_json());
  }
  std::string file() const { return folder_ / std::string(int8_file); }
  std::string error() const {
    return message_of<CheckpointError>([&] { Engine::load(folder_.path()); });
  }
  /// Writes the file again, with tensors changed by `change`.
  void rewrite(const std::function<void(std::vector<NamedTensor>&)>& change) {
    const TensorSource source = open_safetensors(file());
    std::vector<std::vector<float>> floats;
    std::vector<std::vector<std::int8_t>> bytes;
    floats.reserve(source.tensors().size());
    bytes.reserve(source.tensors().size());
    std::vector<NamedTensor> tensors;
    for (const TensorInfo& tensor : source.tensors()) {
      if (tensor.dtype == DType::i8)
        tensors.push_back({tensor.name, tensor.shape,
                           std::span<const std::int8_t>(bytes.emplace_back(source.read<std::int8_t>(tensor.name)))});
      else
        tensors.push_back(
            {tensor.name, tensor.shape, std::span<const float>(floats.emplace_back(source.read<float>(tensor.name)))});
    }
    change(tensors);
    write_safetensors(file(), tensors);
  }
  static NamedTensor& named(std::vector<NamedTensor>& tensors, const std::string& name) {
    return *std::ranges::find(tensors, name, &NamedTensor::name);
  }

  const std::string query_ = "bert.encoder.layer.1.attention.self.query.weight";
  TemporaryFolder folder_;
  Model model_;
};

TEST_F(StoredInt8Model, CannotBeTrained) {
  EXPECT_EQ(message_of<CheckpointError>([&] { Model::load(folder_.path()); }),
            file() + ": holds int8 weights, which can only be run; expected the model that they were made of");
}

TEST_F(StoredInt8Model, CannotRunAsFp32) {
  EXPECT_EQ(message_of<CheckpointError>([&] { Engine::load(folder_.path(), {.precision = Precision::fp32}); }),
            file() + ": holds int8 weights; expected fp32 ones for precision fp32");
}

TEST_F(StoredInt8Model, IsRefusedBesideFloatWeights) {
  model_.save(folder_.path());
  EXPECT_THAT(error(), HasSubstr("has weights in model.safetensors and in model.int8.safetensors; expected one of"));
}

TEST_F(StoredInt8Model, NeedsTheScales) {
  rewrite([&](auto& tensors) {
    std::erase_if(tensors, [&](const NamedTensor& tensor) { return tensor.name == query_ + ".scale"; });
  });
  EXPECT_EQ(error(), file() + ": tensor \"" + query_ + ".int8\" has no scales; expected the tensor \"" + query_ +
                         ".scale\" of shape [48]");
}

TEST_F(StoredInt8Model, NeedsEveryWeight) {
  rewrite([&](auto& tensors) {
    std::erase_if(tensors, [&](const NamedTensor& tensor) { return tensor.name == query_ + ".int8"; });
  });
  EXPECT_THAT(error(), HasSubstr("lacks " + query_));
}

TEST_F(StoredInt8Model, RefusesOtherShapes) {
  rewrite([&](auto& tensors) { named(tensors, query_ + ".int8").shape = {24, 96}; });
  EXPECT_EQ(error(),
            file() + ": tensor \"" + query_ + ".int8\" has shape [24, 96]; expected [48, 48] from config.json");
}

TEST_F(StoredInt8Model, RefusesScalesOfAnotherShape) {
  rewrite([&](auto& tensors) { named(tensors, query_ + ".scale").shape = {48, 1}; });
  EXPECT_EQ(error(), file() + ": tensor \"" + query_ + ".scale\" has shape [48, 1]; expected [48] from config.json");
}

TEST_F(StoredInt8Model, RefusesScalesThatAreNoSize) {
  std::vector<float> scales(48, 0.1f);
  scales[7] = -0.5f;
  rewrite([&](auto& tensors) { named(tensors, query_ + ".scale").values = std::span<const float>(scales); });
  EXPECT_THAT(error(), HasSubstr("\"" + query_ + ".scale\": element 7 is -0.5"));
  scales[7] = std::numeric_limits<float>::infinity();
  rewrite([&](auto& tensors) { named(tensors, query_ + ".scale").values = std::span<const float>(scales); });
  EXPECT_THAT(error(), HasSubstr("\"" + query_ + ".scale\" [48]: element [7] is inf"));
}

TEST_F(StoredInt8Model, RefusesFloatsUnderTheNameOfInt8) {
  const std::vector<float> floats(48 * 48, 0.1f);
  rewrite([&](auto& tensors) { named(tensors, query_ + ".int8").values = std::span<const float>(floats); });
  EXPECT_THAT(error(), HasSubstr("\"" + query_ + ".int8\" holds F32; expected I8"));
}

TEST_F(StoredInt8Model, RefusesAWeightThatIsThereTwice) {
  const std::vector<float> floats(48 * 48, 0.1f);
  rewrite([&](auto& tensors) { tensors.push_back({query_, {48, 48}, std::span<const float>(floats)}); });
  EXPECT_THAT(error(), HasSubstr("is there as floats and as int8; expected one of the two"));
}

TEST_F(StoredInt8Model, RefusesAnInt8Router) {
  const std::string router = "bert.encoder.layer.0.router.0.weight";
  const std::vector<std::int8_t> values(5 * 48, 1);
  const std::vector<float> scales(5, 1.0f);
  bool found = false;
  rewrite([&](auto& tensors) {
    for (NamedTensor& tensor : tensors) {
      if (!tensor.name.ends_with("router.0.weight")) continue;
      found = true;
      const std::string name = tensor.name;
      tensor = {name + ".int8", {5, 48}, std::span<const std::int8_t>(values)};
      tensors.push_back({name + ".scale", {5}, std::span<const float>(scales)});
      break;
    }
  });
  ASSERT_TRUE(found);
  EXPECT_THAT(error(), HasSubstr("router.0.weight\" is stored as int8; expected floats"));
}

TEST_F(StoredInt8Model, KeepsNamedWeightsInFp32) {
  const std::vector<std::string> keep = {"bert.encoder.layer.1", query_};
  const TemporaryFolder folder;
  save_int8_parameters(network_of(model_), folder.path(), keep);
  write_file_atomically(folder / "config.json", model_.config().to_json());
  const TensorSource source = open_safetensors(folder / std::string(int8_file));
  EXPECT_EQ(source.find(query_)->dtype, DType::f32);
  EXPECT_EQ(source.find("bert.encoder.layer.1.output.dense.weight")->dtype, DType::f32);
  EXPECT_EQ(source.find("bert.encoder.layer.2.output.dense.weight.int8")->dtype, DType::i8);
  const Inputs inputs(model_.config());
  const Engine mixed = Engine::load(folder.path()), fp32(model_);
  const auto expected = fp32.run(inputs.sequences), found = mixed.run(inputs.sequences);
  for (std::size_t i = 0; i < expected.size(); ++i)
    EXPECT_NEAR(found[i].logits[0], expected[i].logits[0], 0.2 * std::abs(expected[i].logits[0]) + 0.2);
}

TEST_F(StoredInt8Model, AnswersAsFp32WhereEveryLayerIsKept) {
  const std::vector<std::string> keep = {"bert", "exits"};
  const TemporaryFolder folder;
  save_int8_parameters(network_of(model_), folder.path(), keep);
  write_file_atomically(folder / "config.json", model_.config().to_json());
  const Inputs inputs(model_.config());
  const auto expected = Engine(model_).run(inputs.sequences), found = Engine::load(folder / ".").run(inputs.sequences);
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(found[i].logits, expected[i].logits);
}

TEST(Int8Weights, AreTheLargeOnesAndCanBeKeptByName) {
  const Model model = bert();
  const auto& specs = network_of(model).layout().specs();
  const std::vector<ParameterSpec> all(specs.begin(), specs.end());
  const auto is_int8 = [&](const std::string& name, std::vector<std::string> keep = {}) {
    const auto spec = std::ranges::find(all, name, &ParameterSpec::name);
    EXPECT_NE(spec, all.end()) << name;
    return becomes_int8(model.config(), *spec, keep);
  };
  EXPECT_TRUE(is_int8("bert.embeddings.word_embeddings.weight"));
  EXPECT_TRUE(is_int8("bert.encoder.layer.1.output.dense.weight"));
  EXPECT_TRUE(is_int8("bert.pooler.dense.weight"));
  EXPECT_TRUE(is_int8("exits.1.dense.weight"));
  EXPECT_FALSE(is_int8("exits.1.output.weight"));
  EXPECT_FALSE(is_int8("classifier.weight"));
  EXPECT_FALSE(is_int8("bert.embeddings.position_embeddings.weight"));
  EXPECT_FALSE(is_int8("bert.encoder.layer.1.output.dense.bias"));
  EXPECT_FALSE(is_int8("bert.encoder.layer.1.output.dense.weight", {"bert.encoder.layer.1.output"}));
  EXPECT_TRUE(is_int8("bert.encoder.layer.1.output.dense.weight", {"bert.encoder.layer.1.out"}));
  EXPECT_EQ(message_of<ConfigError>([&] {
              const std::vector<std::string> wrong = {"bert.encoder.layer.9"};
              check_keep_fp32(model.config(), all, wrong, becomes_int8, "int8", "--keep-fp32");
            }),
            "--keep-fp32: \"bert.encoder.layer.9\" names no weight that would be int8; expected a name like "
            "\"bert.embeddings.word_embeddings.weight\", or its beginning up to a point");
}

TEST(RoundingError, IsAShareOfWhatALayerGivesForEachWeight) {
  Model model = bert();
  std::vector<RoundingError> errors;
  add_rounding_errors(network_of(model), Precision::int8, Inputs(model.config()).batch, {}, errors);
  const auto of = [&](const std::string& name) {
    return std::ranges::find(errors, name, &RoundingError::weight)->relative();
  };
  for (const RoundingError& error : errors) {
    EXPECT_GT(error.relative(), 1e-4) << error.weight;
    EXPECT_LT(error.relative(), 0.1) << error.weight;
  }
  // Each weight once; those that stay fp32 not at all.
  EXPECT_EQ(errors.size(), 3u * 6 + 2 + 1 + 1);
  std::vector<RoundingError> kept;
  const std::vector<std::string> keep = {"bert.encoder.layer.2"};
  add_rounding_errors(network_of(model), Precision::int8, Inputs(model.config()).batch, keep, kept);
  EXPECT_EQ(kept.size(), errors.size() - 6);
  // An error is a share of what the layer gives: scaling a weight does not change it.
  const double before = of("bert.encoder.layer.0.attention.self.key.weight");
  for (float& v : network_of(model).values().values("bert.encoder.layer.0.attention.self.key.weight")) v *= 4;
  network_of(model).pack();
  errors.clear();
  add_rounding_errors(network_of(model), Precision::int8, Inputs(model.config()).batch, {}, errors);
  EXPECT_NEAR(of("bert.encoder.layer.0.attention.self.key.weight"), before, 1e-5);
}

}  // namespace
}  // namespace sharcs::internal::int8_engine_test
