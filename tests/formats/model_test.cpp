// Models to disk and back: what is saved, what other checkpoints become, what is refused.
#include "sharcs/model.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/half.hpp"
#include "expect_error.hpp"
#include "formats/model_access.hpp"
#include "formats/safetensors.hpp"
#include "formats/torch_files.hpp"
#include "io/file.hpp"
#include "model/answer_guides.hpp"
#include "model/small_models.hpp"
#include "temporary_folder.hpp"

namespace sharcs::internal::model_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::random_batch;
using testing::randomise;
using testing::small_config;
using testing::small_config_of;
using ::testing::StartsWith;
namespace fs = std::filesystem;

ModelConfig plain(ModelConfig config) {
  config.sharcs.reset();
  return config;
}

/// As the authors' models are: full width has LayerNorms of its own.
ModelConfig small_private_config() {
  ModelConfig config = small_config();
  config.sharcs->full_width_norm = FullWidthNorm::private_;
  return config;
}

Model random_model(const ModelConfig& config) {
  Model model = Model::create(config);
  randomise(network_of(model));
  return model;
}

std::vector<float> values(const Model& model, const std::string& name) {
  const std::span<const float> found = network_of(model).values().values(name);
  return {found.begin(), found.end()};
}

/// Every parameter of the model, under the names on disk.
struct Checkpoint {
  std::vector<NamedTensor> tensors;

  explicit Checkpoint(const Model& model) {
    const Network<float>& network = network_of(model);
    for (std::size_t i = 0; i < network.layout().specs().size(); ++i)
      tensors.push_back({.name = network.encoder().backbone->saved_name(network.layout().specs()[i].name),
                         .shape = network.layout().specs()[i].shape,
                         .values = network.values().values(i)});
  }
  NamedTensor& at(const std::string& name) { return *std::ranges::find(tensors, name, &NamedTensor::name); }
  void remove(const std::string& part) {
    std::erase_if(tensors, [&](const NamedTensor& tensor) { return tensor.name.find(part) != std::string::npos; });
  }
};

class ModelDirectory : public ::testing::Test {
 protected:
  void write(const Checkpoint& checkpoint, const ModelConfig& config) {
    write_safetensors(folder / "model.safetensors", checkpoint.tensors);
    write_file_atomically(folder / "config.json", config.to_json());
  }
  std::string refusal(const LoadOptions& options = {}) {
    return message_of<CheckpointError>([&] { Model::load(folder.path(), options); });
  }
  TensorSource weights() { return open_checkpoint(folder.path()); }

  const TemporaryFolder folder;
  LoadReport report;
};

class EveryBackbone : public ModelDirectory, public ::testing::WithParamInterface<std::string> {};

TEST_P(EveryBackbone, IsReadAsItWasSavedBitForBit) {
  const Model model = random_model(small_config_of(GetParam()));
  model.save(folder.path());
  const Model read = Model::load(folder.path(), {}, &report);
  EXPECT_EQ(report.summary(), "");
  EXPECT_EQ(read.config().to_json(), model.config().to_json());
  const std::span<const float> expected = network_of(model).values().buffer(),
                               found = network_of(read).values().buffer();
  ASSERT_EQ(found.size(), expected.size());
  EXPECT_EQ(std::memcmp(found.data(), expected.data(), expected.size_bytes()), 0);
}

TEST_P(EveryBackbone, IsSavedWithEveryParameterOfThePlainModelForHuggingFacesLoader) {
  const ModelConfig config = small_config_of(GetParam());
  random_model(config).save(folder.path());
  const TensorSource source = weights();
  EXPECT_EQ(source.metadata().at("format"), "pt");
  for (const ParameterSpec& spec : parameter_specs(plain(config), WidthSet(plain(config)))) {
    const TensorInfo* const tensor = source.find(find_backbone(GetParam()).saved_name(spec.name));
    ASSERT_NE(tensor, nullptr) << spec.name;
    EXPECT_EQ(tensor->shape, spec.shape) << spec.name;
  }
  const auto json = nlohmann::json::parse(read_text_file(folder / "config.json"));
  EXPECT_EQ(json.at("model_type"), GetParam());
  EXPECT_EQ(json.at("architectures").size(), 1u);
  EXPECT_EQ(json.at("id2label"), (nlohmann::json{{"0", "a"}, {"1", "b"}, {"2", "c"}}));
  EXPECT_EQ(json.at("label2id").at("c"), 2);
}

TEST_P(EveryBackbone, IsReadUnderTheNamesOfWrappers) {
  const Model model = random_model(small_config_of(GetParam()));
  for (const std::string prefix : {"module.", "_orig_mod.", "model.", "module._orig_mod.", "_orig_mod.module.model."}) {
    Checkpoint checkpoint(model);
    for (NamedTensor& tensor : checkpoint.tensors) tensor.name.insert(0, prefix);
    write(checkpoint, model.config());
    const Model read = Model::load(folder.path(), {}, &report);
    EXPECT_EQ(report.summary(), "") << prefix;
    const std::span<const float> expected = network_of(model).values().buffer(),
                                 found = network_of(read).values().buffer();
    ASSERT_EQ(found.size(), expected.size());
    EXPECT_EQ(std::memcmp(found.data(), expected.data(), expected.size_bytes()), 0) << prefix;
  }
}

INSTANTIATE_TEST_SUITE_P(All, EveryBackbone, ::testing::ValuesIn(testing::every_model_type()), testing::test_name_of);

TEST_F(ModelDirectory, AWrappersNameBeforeSomeTensorsIsNotLeftOut) {
  const Model model = random_model(plain(small_config()));
  Checkpoint checkpoint(model);
  for (NamedTensor& tensor : checkpoint.tensors)
    if (!tensor.name.starts_with("classifier.")) tensor.name.insert(0, "model.");
  write(checkpoint, model.config());
  EXPECT_THAT(refusal(), HasSubstr("is missing; expected one of shape"));
}

TEST_F(ModelDirectory, AnAdapterAloneIsRefusedWithWhatToDo) {
  write_file_atomically(folder / "config.json", plain(small_config()).to_json());
  write_file_atomically(folder / "adapter_model.safetensors", "");
  EXPECT_EQ(refusal(),
            folder.path().string() +
                ": holds an adapter (PEFT) without its model's weights; expected the merged model, which peft's "
                "merge_and_unload() and save_pretrained() write");
}

TEST_F(ModelDirectory, PlainBertHasHuggingFacesNamesAndShapes) {
  random_model(plain(small_config())).save(folder.path());
  const TensorSource source = weights();
  const auto shape = [&](const char* name) {
    return source.find(name) == nullptr ? "none" : shape_text(source.find(name)->shape);
  };
  EXPECT_EQ(shape("bert.embeddings.word_embeddings.weight"), "[17, 12]");
  EXPECT_EQ(shape("bert.embeddings.position_embeddings.weight"), "[9, 12]");
  EXPECT_EQ(shape("bert.embeddings.token_type_embeddings.weight"), "[2, 12]");
  EXPECT_EQ(shape("bert.embeddings.LayerNorm.weight"), "[12]");
  EXPECT_EQ(shape("bert.encoder.layer.2.attention.self.query.weight"), "[12, 12]");
  EXPECT_EQ(shape("bert.encoder.layer.2.attention.output.LayerNorm.bias"), "[12]");
  EXPECT_EQ(shape("bert.encoder.layer.2.intermediate.dense.weight"), "[15, 12]");
  EXPECT_EQ(shape("bert.encoder.layer.2.output.dense.weight"), "[12, 15]");
  EXPECT_EQ(shape("bert.pooler.dense.bias"), "[12]");
  EXPECT_EQ(shape("classifier.weight"), "[3, 12]");
  EXPECT_EQ(source.tensors().size(), 5u + 3 * 16 + 4);
}

TEST_F(ModelDirectory, SharcsSettingsAndTheAuthorsNamesStandBesideHuggingFaces) {
  random_model(small_private_config()).save(folder.path());
  const TensorSource source = weights();
  for (const char* name :
       {"bert.encoder.layer.0.output.router.0.weight", "bert.encoder.layer.0.output.router.2.bias",
        "bert.encoder.layer.0.output.LayerNorm_10.weight", "bert.encoder.layer.1.attention.output.LayerNorm_10.bias",
        "bert.encoder.layer.2.output.LayerNorm_10.weight", "bert.encoder.layer.2.output.LayerNorm.weight"})
    EXPECT_NE(source.find(name), nullptr) << name;
  const auto sharcs = nlohmann::json::parse(read_text_file(folder / "config.json")).at("sharcs");
  EXPECT_EQ(sharcs.at("adaptive_layer_idx"), 1);
  EXPECT_EQ(sharcs.at("width_mult_list").size(), 3u);
}

/// The logits of a plain model, or of another at full width.
std::vector<float> full_width_logits(const Model& model, const RaggedBatch& batch) {
  Workspace workspace;
  AnsweredBatch<float> output;
  testing::OneAnswer<float> last(static_cast<int>(answers_of(model.config()).size()) - 1);
  run_answers<float>(network_of(model).encoder(), batch, last, workspace, output);
  return output.logits;
}

TEST_F(ModelDirectory, ThePlainModelInASavedDirectoryIsTheFullWidth) {
  const Model model = random_model(small_config());
  model.save(folder.path());
  auto json = nlohmann::json::parse(read_text_file(folder / "config.json"));
  json.erase("sharcs");  // Hugging Face's loader knows nothing of it
  write_file_atomically(folder / "config.json", json.dump());
  const Model read = Model::load(folder.path(), {}, &report);
  EXPECT_FALSE(read.config().sharcs);
  EXPECT_THAT(report.initialised, IsEmpty());
  const RaggedBatch batch = random_batch(small_config(), {5, 1, 7});
  EXPECT_EQ(full_width_logits(read, batch), full_width_logits(model, batch));
}

TEST_F(ModelDirectory, ThePlainModelInASavedDirectoryIsPrivateFullWidthButForTheReductionsLayerNorm) {
  Model model = random_model(small_private_config());
  // Where the router's layer ends in a LayerNorm of weight 1 and bias 0, another of the kind changes nothing.
  const std::string stem = "bert.encoder.layer.0.output.LayerNorm";
  for (const std::string& norm : {stem, stem + "_10"}) {
    std::ranges::fill(network_of(model).values().values(norm + ".weight"), 1.0f);
    std::ranges::fill(network_of(model).values().values(norm + ".bias"), 0.0f);
  }
  model.save(folder.path());
  auto json = nlohmann::json::parse(read_text_file(folder / "config.json"));
  json.erase("sharcs");  // Hugging Face's loader knows nothing of it
  write_file_atomically(folder / "config.json", json.dump());
  const Model read = Model::load(folder.path(), {}, &report);
  EXPECT_FALSE(read.config().sharcs);
  EXPECT_THAT(report.initialised, IsEmpty());
  const RaggedBatch batch = random_batch(small_config(), {5, 1, 7});
  const std::vector<float> expected = full_width_logits(model, batch), found = full_width_logits(read, batch);
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 1e-5);
}

TEST_F(ModelDirectory, APlainCheckpointBecomesASharcsModel) {
  const Model original = random_model(plain(small_config()));
  original.save(folder.path());
  const Model model = Model::load(folder.path(), {.sharcs = small_private_config().sharcs}, &report);
  const std::string router = "bert.encoder.layer.0.output.router.";
  EXPECT_THAT(report.initialised,
              ElementsAre(router + "0.weight", router + "0.bias", router + "2.weight", router + "2.bias"));
  EXPECT_THAT(report.unexpected, IsEmpty());
  EXPECT_THAT(report.summary(), StartsWith("initialised anew: " + router + "0.weight, "));
  for (const ParameterSpec& spec : network_of(original).layout().specs())
    if (network_of(model).layout().find(spec.name) >= 0) {
      EXPECT_EQ(values(model, spec.name), values(original, spec.name)) << spec.name;
    }
  // Private LayerNorms are the leading entries of the pretrained ones.
  for (const Width& width : model.widths())
    for (const char* part : {".weight", ".bias"})
      for (const std::string norm : {"bert.encoder.layer.0.output.LayerNorm", "bert.encoder.layer.1.output.LayerNorm",
                                     "bert.encoder.layer.2.attention.output.LayerNorm"}) {
        std::vector<float> leading = values(original, norm + part);
        leading.resize(static_cast<std::size_t>(width.hidden()));
        EXPECT_EQ(values(model, norm + "_" + width.suffix() + part), leading);
      }
}

TEST_F(ModelDirectory, AModelOfBeforeFullWidthCouldBePlainStaysPrivate) {
  const Model model = random_model(small_private_config());
  model.save(folder.path());
  auto json = nlohmann::json::parse(read_text_file(folder / "config.json"));
  json["sharcs"].erase("full_width_norm");
  write_file_atomically(folder / "config.json", json.dump());
  const Model read = Model::load(folder.path(), {}, &report);
  EXPECT_EQ(read.config().sharcs->full_width_norm, FullWidthNorm::private_);
  EXPECT_EQ(report.summary(), "");
  const RaggedBatch batch = random_batch(small_config(), {5, 1, 7});
  EXPECT_EQ(full_width_logits(read, batch), full_width_logits(model, batch));
}

TEST_F(ModelDirectory, ExitsAndTheirScoresAreSavedAndReadAgain) {
  ModelConfig config = small_config();
  config.sharcs->exits = {1, 2};
  config.sharcs->exit_scores = true;
  const Model model = random_model(config);
  model.save(folder.path());
  const Model read = Model::load(folder.path(), {}, &report);
  EXPECT_EQ(report.summary(), "");
  EXPECT_TRUE(std::ranges::equal(network_of(read).values().buffer(), network_of(model).values().buffer()));
  EXPECT_NE(weights().find("exits.2.score.weight"), nullptr);
}

TEST_F(ModelDirectory, TheFirstLayersAloneCanBeKept) {
  const Model whole = random_model(plain(small_config()));
  whole.save(folder.path());
  const int layers = whole.config().num_hidden_layers;
  const Model first = Model::load(folder.path(), {.num_hidden_layers = layers - 1}, &report);
  EXPECT_EQ(first.config().num_hidden_layers, layers - 1);
  const std::string kept = "bert.encoder.layer." + std::to_string(layers - 2) + ".output.dense.weight";
  EXPECT_EQ(values(first, kept), values(whole, kept));
  EXPECT_TRUE(report.initialised.empty());
  EXPECT_THAT(report.unexpected,
              ::testing::Contains("bert.encoder.layer." + std::to_string(layers - 1) + ".output.dense.weight"));
  for (const int wrong : {0, layers + 1})
    EXPECT_THAT(
        [&] { Model::load(folder.path(), {.num_hidden_layers = wrong}); },
        ::testing::ThrowsMessage<ConfigError>(::testing::HasSubstr("expected from 1 to " + std::to_string(layers))));
}

TEST_F(ModelDirectory, PrivateLayerNormsStartFromOneAndZeroWhenAskedTo) {
  random_model(plain(small_config())).save(folder.path());
  const Model model =
      Model::load(folder.path(), {.sharcs = small_private_config().sharcs, .layer_norm_from_scratch = true}, &report);
  const std::string norm = "bert.encoder.layer.2.output.LayerNorm_10";
  EXPECT_EQ(values(model, norm + ".weight"), std::vector<float>(12, 1));
  EXPECT_EQ(values(model, norm + ".bias"), std::vector<float>(12, 0));
  EXPECT_THAT(report.initialised, ::testing::Contains(norm + ".weight"));
}

TEST_F(ModelDirectory, WhatStartsAnewDependsOnTheSeedAlone) {
  random_model(plain(small_config())).save(folder.path());
  const std::string router = "bert.encoder.layer.0.output.router.0.weight";
  const auto load = [&](std::uint64_t seed) {
    return values(Model::load(folder.path(), {.sharcs = small_config().sharcs, .seed = seed}), router);
  };
  EXPECT_EQ(load(3), load(3));
  EXPECT_NE(load(3), load(4));
}

TEST_F(ModelDirectory, AnotherSetOfWidthsGetsARouterAnewAndKeepsTheRest) {
  const Model original = random_model(small_config());
  original.save(folder.path());
  SharcsConfig other = *small_config().sharcs;
  other.width_mult_list = {2.0 / 3, 1.0};
  const Model model = Model::load(folder.path(), {.sharcs = other}, &report);
  EXPECT_EQ(model.widths().size(), 2);
  EXPECT_EQ(report.initialised.size(), 4u) << report.summary();
  for (const std::string& name : report.initialised) EXPECT_THAT(name, HasSubstr(".router."));
  const std::string kept = "bert.encoder.layer.2.output.LayerNorm_" + model.widths()[0].suffix() + ".weight";
  EXPECT_EQ(values(model, kept), values(original, kept));
  // The LayerNorms of the width that is gone.
  EXPECT_THAT(report.unexpected, ::testing::Each(HasSubstr("LayerNorm_03")));
}

TEST_F(ModelDirectory, LayerNormsOfSlicedTokenVectorsAreNotThoseOfWholeOnes) {
  const Model original = random_model(small_config());
  original.save(folder.path());
  SharcsConfig whole = *small_config().sharcs;
  whole.slice_hidden = false;
  const Model model = Model::load(folder.path(), {.sharcs = whole}, &report);
  for (const std::string& name : report.initialised) EXPECT_THAT(name, HasSubstr(".router."));
  const std::string norm = "bert.encoder.layer.2.output.LayerNorm";
  const std::string narrow = norm + "_" + model.widths()[0].suffix() + ".weight";
  const std::vector<float> full = values(original, norm + ".weight");
  EXPECT_EQ(values(original, narrow).size(), 4u);
  EXPECT_EQ(values(model, narrow), full);

  model.save(folder.path());
  const Model sliced = Model::load(folder.path(), {.sharcs = small_config().sharcs}, &report);
  EXPECT_EQ(values(sliced, narrow), std::vector<float>(full.begin(), full.begin() + 4));
}

TEST_F(ModelDirectory, OtherLabelsGetAClassifierAnewUnlessTheOldOnesHadNoNames) {
  const Model original = random_model(small_config());
  original.save(folder.path());
  const Model two = Model::load(folder.path(), {.labels = std::vector<std::string>{"no", "yes"}}, &report);
  EXPECT_THAT(report.initialised, ElementsAre("classifier.weight", "classifier.bias"));
  EXPECT_EQ(two.config().labels, (std::vector<std::string>{"no", "yes"}));
  Model::load(folder.path(), {.labels = std::vector<std::string>{"a", "c", "b"}}, &report);
  EXPECT_THAT(report.initialised, ElementsAre("classifier.weight", "classifier.bias"));
  Model::load(folder.path(), {.labels = std::vector<std::string>{"a", "b", "c"}}, &report);
  EXPECT_EQ(report.summary(), "");

  ModelConfig unnamed = small_config();
  unnamed.labels = {"LABEL_0", "LABEL_1", "LABEL_2"};
  random_model(unnamed).save(folder.path());
  const Model named = Model::load(folder.path(), {.labels = std::vector<std::string>{"x", "y", "z"}}, &report);
  EXPECT_EQ(report.summary(), "");
  EXPECT_EQ(named.config().labels[1], "y");
}

TEST_F(ModelDirectory, APretrainingCheckpointOfBertIsReadAndWhatDoesNotFitListed) {
  const Model original = random_model(plain(small_config()));
  Checkpoint checkpoint(original);
  checkpoint.remove("classifier");
  checkpoint.remove("pooler");
  for (NamedTensor& tensor : checkpoint.tensors) {
    // As TensorFlow's converted checkpoints spell it.
    if (tensor.name.ends_with("LayerNorm.weight")) tensor.name.replace(tensor.name.size() - 6, 6, "gamma");
    if (tensor.name.ends_with("LayerNorm.bias")) tensor.name.replace(tensor.name.size() - 4, 4, "beta");
  }
  const std::vector<std::int64_t> positions = {0, 1, 2, 3, 4, 5, 6, 7, 8};
  const std::vector<float> bias(17, 0.5f);
  checkpoint.tensors.push_back({.name = "bert.embeddings.position_ids", .shape = {1, 9}, .values = positions});
  checkpoint.tensors.push_back({.name = "cls.predictions.bias", .shape = {17}, .values = bias});
  write(checkpoint, plain(small_config()));
  const Model model = Model::load(folder.path(), {.sharcs = small_config().sharcs}, &report);
  EXPECT_THAT(report.unexpected, ElementsAre("cls.predictions.bias"));
  EXPECT_EQ(report.initialised.size(), 8u) << report.summary();  // router, pooler and classifier
  EXPECT_THAT(report.initialised, ::testing::IsSupersetOf({"bert.pooler.dense.weight", "classifier.bias"}));
  const std::string norm = "bert.embeddings.LayerNorm.weight";
  EXPECT_EQ(values(model, norm), values(original, norm));
  EXPECT_THAT(report.summary(), HasSubstr(", … (8 in all); not used: cls.predictions.bias"));
}

TEST_F(ModelDirectory, AnEncoderSavedWithoutAHeadIsRead) {
  const Model original = random_model(plain(small_config_of("distilbert")));
  Checkpoint checkpoint(original);
  checkpoint.remove("classifier");
  for (NamedTensor& tensor : checkpoint.tensors) tensor.name.erase(0, std::string("distilbert.").size());
  write(checkpoint, plain(small_config_of("distilbert")));
  const Model model = Model::load(folder.path(), {}, &report);
  EXPECT_THAT(report.unexpected, IsEmpty());
  EXPECT_EQ(report.initialised.size(), 4u) << report.summary();  // the head
  const std::string name = "distilbert.layer.1.intermediate.dense.weight";
  EXPECT_EQ(values(model, name), values(original, name));
}

TEST_F(ModelDirectory, AModernBertSavedWithoutAHeadOrForPretrainingIsRead) {
  const ModelConfig config = small_config_of("modernbert");
  const Model original = random_model(plain(config));
  const std::string name = "model.layers.1.attn.Wqkv.weight";
  const std::vector<float> bias(17, 0.5f);
  for (const bool with_head : {true, false}) {
    Checkpoint checkpoint(original);
    checkpoint.remove("classifier");
    if (with_head)
      checkpoint.tensors.push_back({.name = "decoder.bias", .shape = {17}, .values = bias});
    else
      checkpoint.remove("head");
    if (!with_head)
      for (NamedTensor& tensor : checkpoint.tensors) tensor.name.erase(0, std::string("model.").size());
    write(checkpoint, plain(config));
    const Model model = Model::load(folder.path(), {.sharcs = config.sharcs}, &report);
    EXPECT_EQ(report.unexpected, with_head ? std::vector<std::string>{"decoder.bias"} : std::vector<std::string>());
    // Router and classifier, each with a bias; the head's dense layer and its LayerNorm have none.
    EXPECT_EQ(report.initialised.size(), with_head ? 6u : 8u) << report.summary();
    EXPECT_EQ(values(model, name), values(original, name));
    EXPECT_EQ(values(model, "model.layers.0.router.norm.weight"), values(original, "model.final_norm.weight"));
  }
}

TEST_F(ModelDirectory, APytorchModelIsReadLikeSafetensors) {
  const Model model = random_model(small_config());
  const Checkpoint checkpoint(model);
  std::vector<std::pair<std::string, std::string>> items;
  std::vector<std::string> storages;
  for (const NamedTensor& tensor : checkpoint.tensors) {
    const auto numbers = std::get<std::span<const float>>(tensor.values);
    std::vector<std::int64_t> strides(tensor.shape.size(), 1);
    for (std::size_t d = strides.size() - 1; d-- > 0;) strides[d] = strides[d + 1] * tensor.shape[d + 1];
    items.emplace_back(
        tensor.name,
        torch_files::tensor(torch_files::storage("FloatStorage", std::to_string(storages.size()), std::ssize(numbers)),
                            0, {tensor.shape.begin(), tensor.shape.end()}, strides));
    storages.push_back(torch_files::bytes_of(std::vector<float>(numbers.begin(), numbers.end())));
  }
  std::ofstream(folder / "pytorch_model.bin", std::ios::binary)
      << torch_files::saved(torch_files::state_dict(items), storages);
  write_file_atomically(folder / "config.json", small_config().to_json());
  const Model read = Model::load(folder.path(), {}, &report);
  EXPECT_EQ(report.summary(), "");
  for (const ParameterSpec& spec : network_of(model).layout().specs())
    EXPECT_EQ(values(read, spec.name), values(model, spec.name)) << spec.name;
}

TEST_F(ModelDirectory, ShardsOfHalfFloatsAreRead) {
  const Model model = random_model(small_config());
  const Checkpoint checkpoint(model);
  const std::span<const NamedTensor> all = checkpoint.tensors;
  write_safetensors(folder / "a.safetensors", all.first(20), {.float_dtype = DType::f16});
  write_safetensors(folder / "b.safetensors", all.subspan(20), {.float_dtype = DType::bf16});
  nlohmann::json index;
  for (std::size_t i = 0; i < all.size(); ++i)
    index["weight_map"][all[i].name] = i < 20 ? "a.safetensors" : "b.safetensors";
  write_file_atomically(folder / "model.safetensors.index.json", index.dump());
  write_file_atomically(folder / "config.json", small_config().to_json());
  const Model read = Model::load(folder.path(), {}, &report);
  EXPECT_EQ(report.summary(), "");
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto expected = std::get<std::span<const float>>(all[i].values);
    const std::vector<float> found = values(read, all[i].name);
    for (std::size_t e = 0; e < found.size(); ++e)
      ASSERT_EQ(found[e], i < 20 ? float_of_f16(f16_of_float(expected[e])) : float_of_bf16(bf16_of_float(expected[e])));
  }
}

TEST_F(ModelDirectory, ACheckpointThatLacksAPartOfTheEncoderIsRefused) {
  const Model model = random_model(plain(small_config()));
  for (const char* name :
       {"bert.embeddings.word_embeddings.weight", "bert.encoder.layer.1.attention.self.key.weight",
        "bert.encoder.layer.2.output.LayerNorm.bias", "bert.encoder.layer.0.intermediate.dense.bias"}) {
    Checkpoint checkpoint(model);
    checkpoint.remove(name);
    write(checkpoint, plain(small_config()));
    EXPECT_THAT(refusal(), StartsWith((folder / "model.safetensors").string() + ": tensor \"" + name +
                                      "\" is missing; expected one of shape ["));
    EXPECT_THAT(refusal({.sharcs = small_config().sharcs}),
                HasSubstr(std::string(name) + "\" is missing; expected one"));
  }
}

TEST_F(ModelDirectory, ASharcsCheckpointThatLacksAnythingIsRefused) {
  const Model model = random_model(small_private_config());
  for (const char* name :
       {"bert.encoder.layer.0.output.router.2.weight", "bert.encoder.layer.2.output.LayerNorm_10.weight",
        "bert.encoder.layer.1.attention.output.LayerNorm_10.bias", "bert.pooler.dense.weight", "classifier.bias"}) {
    Checkpoint checkpoint(model);
    checkpoint.remove(name);
    write(checkpoint, small_private_config());
    EXPECT_THAT(refusal(), HasSubstr(": tensor \"" + std::string(name) + "\" is missing; expected one of shape"))
        << name;
  }
}

TEST_F(ModelDirectory, ALinearLayerIsThereAsAWholeOrNotAtAll) {
  const Model model = random_model(plain(small_config()));
  Checkpoint checkpoint(model);
  checkpoint.remove("classifier.bias");
  write(checkpoint, plain(small_config()));
  EXPECT_THAT(refusal(),
              HasSubstr("tensor \"classifier.bias\" is missing; expected one of shape [3] from config.json"));
}

TEST_F(ModelDirectory, TensorsOfAnotherShapeAreRefused) {
  const Model model = random_model(small_config());
  Checkpoint checkpoint(model);
  checkpoint.at("bert.encoder.layer.1.output.dense.weight").shape = {15, 12};
  write(checkpoint, small_config());
  EXPECT_EQ(refusal(),
            (folder / "model.safetensors").string() +
                ": tensor \"bert.encoder.layer.1.output.dense.weight\" has shape [15, 12]; expected [12, 15] "
                "from config.json");
  // A pretrained LayerNorm too small for the width that would start from it.
  const Model plain_model = random_model(plain(small_config()));
  Checkpoint small(plain_model);
  const std::vector<float> three(3, 1.0f);
  for (const char* part : {"weight", "bias"}) {
    NamedTensor& norm = small.at(std::string("bert.encoder.layer.2.output.LayerNorm.") + part);
    norm.shape = {3};
    norm.values = three;
  }
  write(small, plain(small_config()));
  EXPECT_THAT(refusal({.sharcs = small_private_config().sharcs}),
              HasSubstr("has shape [3]; expected [4] from config.json"));
}

TEST_F(ModelDirectory, WeightsThatAreNotNumbersAreRefused) {
  Model model = random_model(small_config());
  network_of(model).values().values("bert.encoder.layer.1.attention.self.value.weight")[14] =
      std::numeric_limits<float>::quiet_NaN();
  model.save(folder.path());
  EXPECT_EQ(refusal(), (folder / "model.safetensors").string() +
                           ": tensor \"bert.encoder.layer.1.attention.self.value.weight\" [12, 12]: element [1, 2] is "
                           "nan; expected finite numbers");
  network_of(model).values().values("bert.encoder.layer.1.attention.self.value.weight")[14] =
      -std::numeric_limits<float>::infinity();
  model.save(folder.path());
  EXPECT_THAT(refusal(), HasSubstr("element [1, 2] is -inf"));
}

TEST_F(ModelDirectory, OneParameterUnderTwoNamesIsRefused) {
  const Model model = random_model(plain(small_config()));
  Checkpoint checkpoint(model);
  NamedTensor twice = checkpoint.at("bert.pooler.dense.bias");
  twice.name = "pooler.dense.bias";
  checkpoint.tensors.push_back(twice);
  write(checkpoint, plain(small_config()));
  EXPECT_THAT(refusal(),
              HasSubstr("tensors \"bert.pooler.dense.bias\" and \"pooler.dense.bias\" are the same parameter"));
}

TEST_F(ModelDirectory, TruncatedWeightsAndAbsentFilesAreRefused) {
  random_model(small_config()).save(folder.path());
  const fs::path file = folder / "model.safetensors";
  const std::string whole = read_text_file(file);
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{7}, std::size_t{100}, whole.size() / 2, whole.size() - 1}) {
    write_file_atomically(file, std::string_view(whole).substr(0, size));
    EXPECT_THAT(refusal(), StartsWith(file.string() + ": ")) << size;
  }
  fs::remove(file);
  EXPECT_THAT(refusal(), HasSubstr("the folder has no weights; expected one of model.safetensors, "));
  fs::remove(folder / "config.json");
  EXPECT_EQ(message_of<IoError>([&] { Model::load(folder.path()); }),
            (folder / "config.json").string() + ": cannot open: No such file or directory");
}

TEST_F(ModelDirectory, SavingOverAModelReplacesIt) {
  random_model(small_config_of("roberta")).save(folder.path());
  const Model model = random_model(small_config());
  model.save(folder.path());
  EXPECT_EQ(Model::load(folder.path(), {}, &report).config().model_type, "bert");
  EXPECT_EQ(report.summary(), "");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 2);
}

TEST_F(ModelDirectory, AFolderThatCannotBeMadeIsAnErrorThatNamesIt) {
  std::ofstream(folder / "file") << "x";
  EXPECT_THAT(message_of<IoError>([&] { random_model(small_config()).save(folder / "file"); }),
              StartsWith((folder / "file").string()));
}

}  // namespace
}  // namespace sharcs::internal::model_test
