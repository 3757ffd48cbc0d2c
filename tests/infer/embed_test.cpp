#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "cli/program.hpp"
#include "expect_error.hpp"
#include "formats/model_access.hpp"
#include "infer/engine_access.hpp"
#include "model/small_models.hpp"
#include "sharcs/classifier.hpp"
#include "temporary_folder.hpp"

namespace sharcs::internal::embed_test {
namespace {

using ::testing::FloatNear;
using ::testing::Pointwise;

using Vectors = std::vector<std::vector<float>>;

/// Three layers, exits after the first two that read the mean of the tokens.
Model model_with(FullWidthNorm norm = FullWidthNorm::plain) {
  ModelConfig config = testing::small_config();
  config.sharcs->exits = {1, 2};
  config.sharcs->exit_pooling = ExitPooling::mean;
  config.sharcs->full_width_norm = norm;
  Model model = Model::create(config);
  testing::randomise(network_of(model));
  return model;
}

struct Inputs {
  RaggedBatch batch = testing::random_batch(testing::small_config(), {3, 9, 1, 5});
  std::vector<TokenSequence> sequences;
  Inputs() {
    for (Index s = 0; s < batch.samples(); ++s) {
      const auto from = static_cast<std::size_t>(batch.offsets[s]), count = static_cast<std::size_t>(batch.tokens(s));
      sequences.push_back(
          {std::span(batch.ids).subspan(from, count), std::span(batch.token_types).subspan(from, count)});
    }
  }
};

/// What a head makes of vectors, one a sample.
Vectors logits_by(const HeadPass<float>& head, const Vectors& vectors) {
  Workspace workspace;
  Vectors logits;
  const std::vector<Index> one = {0};
  for (const std::vector<float>& vector : vectors) {
    const MatrixView<const float> x(vector.data(), 1, static_cast<Index>(vector.size()));
    const auto found = head.forward(x, {one}, {}, workspace).logits;
    logits.emplace_back(found.row(0), found.row(0) + found.cols);
  }
  return logits;
}

Vectors logits_of(const std::vector<Prediction>& predictions) {
  Vectors logits;
  for (const Prediction& prediction : predictions) logits.push_back(prediction.logits);
  return logits;
}

class EmbeddingsOfAPrecision : public ::testing::TestWithParam<Precision> {};

TEST_P(EmbeddingsOfAPrecision, AreWhatTheHeadsRead) {
  for (const FullWidthNorm norm : {FullWidthNorm::plain, FullWidthNorm::private_}) {
    const Engine engine(model_with(norm), {.micro_batch_tokens = 10, .precision = GetParam()});
    const Encoder<float>& encoder = encoder_of(engine);
    const Inputs inputs;
    const Vectors last = engine.embed(inputs.sequences, {.pooling = Pooling::cls});
    EXPECT_EQ(logits_by(encoder.head(), last), logits_of(engine.run(inputs.sequences, Policy::fixed(1))));
    EXPECT_EQ(engine.embed(inputs.sequences, {.layer = 3, .pooling = Pooling::cls}), last);
    for (const auto& exit : encoder.weights.exits) {
      SCOPED_TRACE(exit.layer);
      const Vectors means = engine.embed(inputs.sequences, {.layer = exit.layer});
      EXPECT_EQ(logits_by(encoder.head(exit), means),
                logits_of(engine.run(inputs.sequences, Policy::fixed_exit(exit.layer))));
    }
    Workspace workspace;
    const Vectors first = engine.embed(inputs.sequences, {.layer = 0, .pooling = Pooling::cls});
    const auto embeddings = encoder.embed(inputs.batch, {}, workspace).output;
    for (std::size_t s = 0; s < first.size(); ++s) {
      const float* row = embeddings.row(inputs.batch.offsets[s]);
      EXPECT_EQ(first[s], std::vector<float>(row, row + embeddings.cols));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Each, EmbeddingsOfAPrecision,
                         ::testing::Values(Precision::fp32, Precision::bf16, Precision::int8));

TEST(Embeddings, HaveLengthOneWhereThatIsAskedFor) {
  const Engine engine(model_with());
  const Inputs inputs;
  const Vectors plain = engine.embed(inputs.sequences), unit = engine.embed(inputs.sequences, {.normalize = true});
  for (std::size_t s = 0; s < plain.size(); ++s) {
    double squares = 0;
    for (const float x : plain[s]) squares += static_cast<double>(x) * static_cast<double>(x);
    std::vector<float> expected;
    for (const float x : plain[s]) expected.push_back(static_cast<float>(static_cast<double>(x) / std::sqrt(squares)));
    EXPECT_THAT(unit[s], Pointwise(FloatNear(1e-6F), expected));
  }
}

TEST(Embeddings, OfLayersThatThereAreNot) {
  const Engine engine(model_with());
  const Inputs inputs;
  for (const int layer : {-1, 4})
    EXPECT_EQ(message_of<ConfigError>([&] { engine.embed(inputs.sequences, {.layer = layer}); }),
              "layer " + std::to_string(layer) + "; expected 0 (the embeddings) to 3");
  ModelConfig config = testing::small_config();
  config.sharcs->width_mult_list = {1.0 / 3, 2.0 / 3};
  config.sharcs->full_width_norm = FullWidthNorm::private_;
  const Engine narrow(Model::create(config));
  EXPECT_EQ(message_of<ConfigError>([&] { narrow.embed(inputs.sequences, {.layer = 2}); }),
            "layer 2; the model has no full width behind its router, expected 0 to 1");
  EXPECT_EQ(narrow.embed(inputs.sequences, {.layer = 1}).size(), 4u);
}

TEST(Embeddings, OfTextsAreThoseOfTheirTokens) {
  const TemporaryFolder folder;
  testing::save_tiny_model(folder.path());
  const Classifier classifier = Classifier::load(folder.path());
  const auto of_tokens = [&](const Encoding& encoding) {
    const TokenSequence input = {encoding.ids, encoding.token_types};
    return classifier.engine().embed(std::span(&input, 1)).front();
  };
  const std::vector<std::string> texts = {"a gem", "the plot is dull"};
  const Vectors of_texts = classifier.embed(texts);
  for (std::size_t i = 0; i < texts.size(); ++i)
    EXPECT_EQ(of_texts[i], of_tokens(classifier.tokenizer().encode(texts[i], classifier.max_tokens())));
  const TextPair pair = {"a gem", "dull"};
  EXPECT_EQ(classifier.embed(std::span(&pair, 1)).front(),
            of_tokens(classifier.tokenizer().encode("a gem", "dull", classifier.max_tokens())));
}

TEST(Embeddings, OfWindowsAreAveraged) {
  const TemporaryFolder folder;
  testing::save_tiny_model(folder.path());
  const std::string half = "a gem", other = "dull";
  const std::vector<std::string> texts = {half, half + " " + half + " " + other};
  // Windows of as many words as the half has: the half, the half again, and the end of the whole.
  const std::size_t room = Tokenizer::load(folder.path()).encode(half, 99).ids.size();
  const Classifier windows =
      Classifier::load(folder.path(), {.max_length = room, .long_text = LongText::windows, .stride = room - 2});
  const Encoding whole = windows.tokenizer().encode(texts[1], 99);
  std::vector<std::vector<std::int32_t>> ids;
  const auto add_window = [&](std::size_t begin) {
    std::vector<std::int32_t>& window = ids.emplace_back(1, whole.ids.front());
    for (std::size_t t = 0; t < room - 2; ++t) window.push_back(whole.ids[begin + t]);
    window.push_back(whole.ids.back());
  };
  const std::size_t end = whole.ids.size() - 1;
  for (std::size_t begin = 1; begin + room - 2 < end; begin += room - 2) add_window(begin);
  add_window(end - (room - 2));
  ASSERT_GE(ids.size(), 3u);
  std::vector<TokenSequence> inputs;
  for (const auto& window : ids) inputs.push_back({window});
  const Vectors each = windows.engine().embed(inputs), found = windows.embed(texts);
  EXPECT_EQ(found[0], each[0]);
  std::vector<float> mean(each[0].size());
  for (std::size_t i = 0; i < mean.size(); ++i) {
    for (const auto& vector : each) mean[i] += vector[i];
    mean[i] /= static_cast<float>(each.size());
  }
  EXPECT_THAT(found[1], Pointwise(FloatNear(1e-6F), mean));
}

}  // namespace
}  // namespace sharcs::internal::embed_test
