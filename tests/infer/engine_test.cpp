#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <set>
#include <thread>

#include "core/random.hpp"
#include "core/threads.hpp"
#include "expect_error.hpp"
#include "formats/model_access.hpp"
#include "infer/thread_budget.hpp"
#include "kernels/backend.hpp"
#include "model/small_models.hpp"
#include "sharcs/classifier.hpp"
#include "sharcs/error.hpp"
#include "sharcs/model.hpp"
#include "temporary_folder.hpp"

namespace sharcs::internal::engine_test {
namespace {

using ::testing::HasSubstr;
using testing::random_batch;
using testing::small_config;

Model small_model() {
  Model model = Model::create(small_config());
  testing::randomise(network_of(model));
  return model;
}

/// Inputs of several lengths, and the memory that they view.
struct Inputs {
  RaggedBatch batch;
  std::vector<TokenSequence> sequences;

  explicit Inputs(const std::vector<Index>& lengths) : batch(random_batch(small_config(), lengths)) {
    for (Index s = 0; s < batch.samples(); ++s) {
      const auto from = static_cast<std::size_t>(batch.offsets[s]), count = static_cast<std::size_t>(batch.tokens(s));
      sequences.push_back(
          {std::span(batch.ids).subspan(from, count), std::span(batch.token_types).subspan(from, count)});
    }
  }
};

const std::vector<Index> lengths = {3, 9, 1, 5, 5, 2, 8, 4, 9, 1, 6, 7, 7, 3, 2, 9};

/// Spreads the samples over the widths, by what the router says.
Policy mixed() {
  return Policy::custom(
      [](const RoutingQuery& query) {
        const float logit = query.router_logits[0] * 1000;
        return static_cast<int>(static_cast<long>(logit < 0 ? -logit : logit) % query.widths.size());
      },
      "mixed");
}

void expect_same(const Prediction& a, const Prediction& b) {
  EXPECT_EQ(a.label, b.label);
  EXPECT_EQ(a.width, b.width);
  EXPECT_EQ(a.logits, b.logits);
  EXPECT_EQ(a.probabilities, b.probabilities);
  EXPECT_EQ(a.router_logits, b.router_logits);
  EXPECT_EQ(a.multiply_adds, b.multiply_adds);
}

TEST(Engine, BatchGivesTheBitsOfItsSamplesOneByOneInAnyOrder) {
  const Engine engine(small_model(), {.policy = mixed()});
  const Inputs inputs(lengths);
  const auto together = engine.run(inputs.sequences);
  ASSERT_EQ(together.size(), lengths.size());
  std::set<double> widths;
  for (std::size_t i = 0; i < together.size(); ++i) {
    SCOPED_TRACE(i);
    expect_same(together[i], engine.run(std::span(&inputs.sequences[i], 1)).front());
    widths.insert(together[i].width);
  }
  EXPECT_GT(widths.size(), 1u);

  std::vector<TokenSequence> reversed(inputs.sequences.rbegin(), inputs.sequences.rend());
  const auto backwards = engine.run(reversed);
  for (std::size_t i = 0; i < together.size(); ++i) expect_same(together[i], backwards[together.size() - 1 - i]);
}

TEST(Engine, MicroBatchesOfAnySizeGiveTheSameBits) {
  const Model model = small_model();
  const Inputs inputs(lengths);
  const auto expected = Engine(model, {.policy = mixed()}).run(inputs.sequences);
  for (const std::int64_t tokens : {1, 7, 20, 1000}) {
    const Engine engine(model, {.micro_batch_tokens = tokens, .policy = mixed()});
    const auto found = engine.run(inputs.sequences);
    for (std::size_t i = 0; i < expected.size(); ++i) expect_same(found[i], expected[i]);
  }
}

TEST(Engine, AnyNumberOfThreadsGivesTheSameBits) {
  const Model model = small_model();
  const Inputs inputs(lengths);
  const auto expected = Engine(model, {.threads = 1, .policy = mixed()}).run(inputs.sequences);
  for (const int threads : {2, 3, 5}) {
    const auto found = Engine(model, {.threads = threads, .policy = mixed()}).run(inputs.sequences);
    for (std::size_t i = 0; i < expected.size(); ++i) expect_same(found[i], expected[i]);
  }
}

TEST(Engine, PiecesSideBySideGiveTheSameBitsAndShareNothing) {
  const Model model = small_model();
  std::vector<Index> many;
  while (many.size() < 600) many.insert(many.end(), lengths.begin(), lengths.end());
  const Inputs inputs(many);
  const auto expected = Engine(model, {.threads = 1, .policy = mixed()}).run(inputs.sequences);
  const auto embedded = Engine(model, {.threads = 1}).embed(inputs.sequences);
  for (const int threads : {2, 5}) {
    const Engine engine(model, {.threads = threads, .policy = mixed()});
    const SharedWork before = shared_work();
    const auto found = engine.run(inputs.sequences);
    EXPECT_EQ((shared_work() - before).pieces, 1);
    for (std::size_t i = 0; i < expected.size(); ++i) expect_same(found[i], expected[i]);
    EXPECT_EQ(engine.embed(inputs.sequences), embedded);
  }
}

TEST(Engine, EightThreadsCallingAtOnceGetWhatOneGets) {
  const Engine engine(small_model(), {.threads = 4, .policy = mixed()});
  const Inputs inputs(lengths);
  const auto expected = engine.run(inputs.sequences);
  std::vector<std::vector<Prediction>> found(8);
  std::vector<std::thread> callers;
  for (auto& result : found)
    callers.emplace_back([&] {
      for (int i = 0; i < 5; ++i) result = engine.run(inputs.sequences);
    });
  for (auto& caller : callers) caller.join();
  for (const auto& result : found)
    for (std::size_t i = 0; i < expected.size(); ++i) expect_same(result[i], expected[i]);
}

TEST(Engine, SharesEachLayerInOnePieceOfFewStages) {
  if (kernels::backend() != kernels::Backend::simd) GTEST_SKIP() << "the portable kernels share their loops otherwise";
  const auto shared = [](int layers, Index tokens, Precision precision) {
    ModelConfig config;
    config.hidden_size = 256;
    config.num_attention_heads = 8;
    config.intermediate_size = 512;
    config.num_hidden_layers = layers;
    config.vocab_size = 50;
    const Engine engine(Model::create(config), {.threads = 2, .precision = precision});
    const std::vector<std::int32_t> sentence(static_cast<std::size_t>(tokens), 7);
    const SharedWork before = shared_work();
    engine.run(std::vector<TokenSequence>{{sentence}});
    return shared_work() - before;
  };
  for (const Precision precision : {Precision::fp32, Precision::bf16, Precision::int8}) {
    for (const Index tokens : {32, 400}) {
      const SharedWork of_layer = shared(3, tokens, precision) - shared(2, tokens, precision);
      EXPECT_EQ(of_layer.pieces, 1);
      // Query, key and value together; attention; its output; the feed-forward's two products. Where there are more
      // rows, both LayerNorms, too; in int8 the layer's input and the context are quantized, in bf16 four operands are
      // rounded.
      const Index more = precision == Precision::fp32 ? 2 : precision == Precision::int8 ? 4 : 6;
      EXPECT_EQ(of_layer.stages, tokens == 32 ? 5 : 5 + more);
    }
  }
}

TEST(Engine, LoadedFromADirectoryEqualsBuiltFromTheModel) {
  const TemporaryFolder folder;
  const Model model = small_model();
  model.save(folder.path());
  const Inputs inputs(lengths);
  const Engine built(model), loaded = Engine::load(folder.path());
  const auto expected = built.run(inputs.sequences), found = loaded.run(inputs.sequences);
  for (std::size_t i = 0; i < expected.size(); ++i) expect_same(found[i], expected[i]);
  EXPECT_EQ(loaded.weight_bytes(), built.weight_bytes());
}

TEST(Engine, PolicyFixesOrCapsTheWidth) {
  const Engine engine(small_model());
  const Inputs inputs(lengths);
  for (const Width& width : engine.widths())
    for (const Prediction& prediction : engine.run(inputs.sequences, Policy::fixed(width.fraction()))) {
      EXPECT_EQ(prediction.width, width.fraction());
    }
  const double middle = engine.widths()[1].fraction();
  const auto routed = engine.run(inputs.sequences, mixed());
  const auto capped = engine.run(inputs.sequences, mixed().capped(middle));
  for (std::size_t i = 0; i < routed.size(); ++i) EXPECT_EQ(capped[i].width, std::min(routed[i].width, middle));
}

TEST(Engine, CountsMultiplyAddsOfTheWidthAndLength) {
  const Engine engine(small_model(), {.policy = mixed()});
  const Inputs inputs(lengths);
  const auto predictions = engine.run(inputs.sequences);
  for (std::size_t i = 0; i < predictions.size(); ++i)
    EXPECT_EQ(predictions[i].multiply_adds,
              multiply_adds(engine.config(), engine.widths().at(predictions[i].width), lengths[i]));
}

/// As mixed(), but never sure before the widest width for about half of the samples.
Policy wary() {
  return mixed().accepting([](const AnswerQuery& query) { return query.tokens % 2 == 0; }, "wary");
}

TEST(Engine, CascadeAnswersAsTheWidthThatItEndedAt) {
  const Model model = small_model();
  const Engine engine(model, {.micro_batch_tokens = 1, .policy = wary()});
  const Inputs inputs(lengths);
  const auto found = engine.run(inputs.sequences), routed = engine.run(inputs.sequences, mixed());
  int again = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const bool escalated = lengths[i] % 2 == 1;
    again += escalated && routed[i].width < 1;
    EXPECT_EQ(found[i].width, escalated ? 1 : routed[i].width);
    const Prediction manual = engine.run(std::span(&inputs.sequences[i], 1), Policy::fixed(found[i].width))[0];
    EXPECT_EQ(found[i].logits, manual.logits);
    EXPECT_EQ(found[i].probabilities, manual.probabilities);
    EXPECT_EQ(found[i].router_logits, manual.router_logits);
  }
  EXPECT_GT(again, 0);
}

TEST(Engine, CascadeCountsTheStemOnceAndEveryAnswer) {
  const Engine engine(small_model(), {.policy = wary()});
  const Inputs inputs(lengths);
  const auto found = engine.run(inputs.sequences), routed = engine.run(inputs.sequences, mixed());
  for (std::size_t i = 0; i < found.size(); ++i) {
    const std::int64_t stem = stem_multiply_adds(engine.config(), lengths[i]);
    std::int64_t expected = stem;
    int asked = 0;
    for (const Width& width : engine.widths()) {
      if (width.fraction() < routed[i].width || width.fraction() > found[i].width) continue;
      expected += multiply_adds(engine.config(), width, lengths[i]) - stem;
      ++asked;
    }
    EXPECT_EQ(found[i].multiply_adds, expected);
    EXPECT_EQ(found[i].asked, asked);
  }
}

TEST(Engine, CascadeByConfidenceStopsAtTheFirstSureAnswer) {
  const Engine engine(small_model());
  const Inputs inputs(lengths);
  const double sure = 0.6;
  const auto found = engine.run(inputs.sequences, Policy::cascade(sure));
  std::set<double> widths;
  for (std::size_t i = 0; i < found.size(); ++i) {
    widths.insert(found[i].width);
    for (const Width& width : engine.widths()) {
      if (width.fraction() > found[i].width) break;
      const auto at = engine.run(std::span(&inputs.sequences[i], 1), Policy::fixed(width.fraction()))[0];
      const double confidence = *std::max_element(at.probabilities.begin(), at.probabilities.end());
      if (width.fraction() < found[i].width) {
        EXPECT_LT(confidence, sure);
      } else if (width.index() + 1 < engine.widths().size()) {
        EXPECT_GE(confidence, sure);
      }
    }
  }
  EXPECT_GT(widths.size(), 1u);
}

TEST(Engine, CascadeOfARegressionStopsWhereItsValueHardlyChanges) {
  ModelConfig config = small_config();
  config.labels = {"score"};
  Model model = Model::create(config);
  testing::randomise(network_of(model));
  const Engine engine(model);
  const Inputs inputs(lengths);
  const double sure = 0.7;
  const auto found = engine.run(inputs.sequences, Policy::cascade(sure));
  std::vector<std::vector<Prediction>> at;
  for (const Width& width : engine.widths())
    at.push_back(engine.run(inputs.sequences, Policy::fixed(width.fraction())));
  std::set<double> widths;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const auto change = std::abs(static_cast<double>(at[1][i].logits[0]) - static_cast<double>(at[0][i].logits[0]));
    const Prediction& expected = at[std::exp(-change) >= sure ? 1 : 2][i];
    EXPECT_EQ(found[i].logits, expected.logits);
    EXPECT_EQ(found[i].answer, expected.answer);
    EXPECT_TRUE(found[i].probabilities.empty());
    widths.insert(found[i].width);
  }
  EXPECT_GT(widths.size(), 1u);
}

/// Every width and exit, of which each keeps about a third of the samples that come to it.
class EngineOfManyAnswers : public ::testing::Test {
 protected:
  static ModelConfig config() {
    ModelConfig config = small_config();
    config.sharcs->exits = {1, 2};
    return config;
  }
  static Model model() {
    Model model = Model::create(config());
    testing::randomise(network_of(model));
    return model;
  }
  static Policy shrinking() {
    const auto keep = [](const AnswerQuery& query) {
      const float logit = query.logits[0] * 1000;
      return static_cast<long>(logit < 0 ? -logit : logit) % 3 == 0;
    };
    return Policy::combined(0.5, 0.5).accepting(keep, "a third");
  }
  const Inputs inputs_{lengths};
};

TEST_F(EngineOfManyAnswers, BatchGivesTheBitsOfItsSamplesOneByOneInAnyOrder) {
  const Engine engine(model(), {.policy = shrinking()});
  const auto together = engine.run(inputs_.sequences);
  std::set<std::string> answers;
  for (std::size_t i = 0; i < together.size(); ++i) {
    SCOPED_TRACE(i);
    expect_same(together[i], engine.run(std::span(&inputs_.sequences[i], 1)).front());
    answers.insert(together[i].answer);
  }
  EXPECT_GT(answers.size(), 3u);
  const std::vector<TokenSequence> reversed(inputs_.sequences.rbegin(), inputs_.sequences.rend());
  const auto backwards = engine.run(reversed);
  for (std::size_t i = 0; i < together.size(); ++i) expect_same(together[i], backwards[together.size() - 1 - i]);
}

TEST_F(EngineOfManyAnswers, ThreadsAndMicroBatchesOfAnyNumberGiveTheSameBits) {
  const Model of_all = model();
  const auto expected = Engine(of_all, {.threads = 1, .policy = shrinking()}).run(inputs_.sequences);
  for (const EngineOptions& options :
       {EngineOptions{.threads = 3}, EngineOptions{.threads = 5}, EngineOptions{.threads = 1, .micro_batch_tokens = 1},
        EngineOptions{.threads = 2, .micro_batch_tokens = 20}}) {
    const auto found = Engine(of_all, options).run(inputs_.sequences, shrinking());
    for (std::size_t i = 0; i < expected.size(); ++i) expect_same(found[i], expected[i]);
  }
}

TEST_F(EngineOfManyAnswers, EachIsThatOfTheFixedPolicy) {
  const Engine engine(model());
  const auto found = engine.run(inputs_.sequences, shrinking());
  for (std::size_t i = 0; i < found.size(); ++i) {
    const bool is_exit = found[i].answer.starts_with("exit ");
    const Policy fixed =
        is_exit ? Policy::fixed_exit(std::stoi(found[i].answer.substr(5))) : Policy::fixed(found[i].width);
    const Prediction alone = engine.run(std::span(&inputs_.sequences[i], 1), fixed).front();
    EXPECT_EQ(found[i].logits, alone.logits);
    EXPECT_EQ(found[i].router_logits, alone.router_logits);
    EXPECT_EQ(found[i].answer, alone.answer);
    EXPECT_EQ(alone.asked, 1);
    EXPECT_EQ(found[i].router_logits.empty(), found[i].answer == "exit 1") << "that exit stands before the router";
  }
}

TEST(Engine, RunsNothingForNoInputs) { EXPECT_TRUE(Engine(small_model()).run({}).empty()); }

TEST(Engine, RefusesInputsThatTheModelCannotRead) {
  const Engine engine(small_model());
  const auto run = [&](std::vector<std::int32_t> ids, std::vector<std::int32_t> types) {
    const TokenSequence input{ids, types};
    engine.run(std::span(&input, 1));
  };
  EXPECT_THAT(message_of<ShapeError>([&] { run({}, {}); }), HasSubstr("input 0 has no tokens; expected at least one"));
  EXPECT_THAT(message_of<ShapeError>([&] { run(std::vector<std::int32_t>(10, 1), {}); }),
              HasSubstr("has 10 tokens; expected at most 9"));
  EXPECT_THAT(message_of<ShapeError>([&] { run({1, 17}, {}); }), HasSubstr("has the token id 17; expected 0 to 16"));
  EXPECT_THAT(message_of<ShapeError>([&] { run({-1}, {}); }), HasSubstr("has the token id -1"));
  EXPECT_THAT(message_of<ShapeError>([&] { run({1, 2}, {0}); }), HasSubstr("has 1 token types for 2 tokens"));
  EXPECT_THAT(message_of<ShapeError>([&] { run({1}, {2}); }), HasSubstr("has the token type 2; expected 0 to 1"));
}

TEST(Engine, RefusesWidthsThatTheModelDoesNotHave) {
  const Engine engine(small_model());
  const Inputs inputs({3});
  EXPECT_THAT(message_of<ConfigError>([&] { engine.run(inputs.sequences, Policy::fixed(0.9)); }),
              HasSubstr("width 0.9"));
  const auto wild = Policy::custom([](const RoutingQuery&) { return 7; }, "wild");
  EXPECT_THAT(message_of<ConfigError>([&] { engine.run(inputs.sequences, wild); }),
              HasSubstr("the policy \"wild\" chose width number 7; expected 0 to 2"));
}

TEST(Engine, RefusesACheckpointThatLacksWeights) {
  const TemporaryFolder folder;
  ModelConfig config = small_config();
  config.sharcs.reset();
  Model::create(config).save(folder.path());
  config.sharcs = small_config().sharcs;
  Model::create(config);  // the configuration itself is fine
  std::ofstream(folder.path() / "config.json") << config.to_json();
  EXPECT_THAT(message_of<CheckpointError>([&] { Engine::load(folder.path()); }),
              HasSubstr("lacks bert.encoder.layer.0.output.router.0"));
}

TEST(Engine, KeepsEveryWeightOnce) {
  ModelConfig config;
  config.vocab_size = 100;
  config.hidden_size = 256;
  config.num_hidden_layers = 4;
  config.num_attention_heads = 4;
  config.intermediate_size = 1024;
  config.sharcs = SharcsConfig{.adaptive_layer_idx = 1, .hidden_size_router = 64};
  const Model model = Model::create(config);
  const double bytes = static_cast<double>(model.parameter_count()) * sizeof(float);
  EXPECT_GE(static_cast<double>(Engine(model).weight_bytes()), bytes);
  EXPECT_LE(static_cast<double>(Engine(model).weight_bytes()), 1.05 * bytes);
}

TEST(ThreadBudget, LaterCallsGetWhatIsLeftAndAtLeastOne) {
  ThreadBudget budget(4);
  {
    const auto first = budget.take();
    EXPECT_EQ(first.count(), 4);
    const auto second = budget.take();
    EXPECT_EQ(second.count(), 1);
  }
  EXPECT_EQ(budget.take().count(), 4);
}

}  // namespace
}  // namespace sharcs::internal::engine_test
