#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "expect_error.hpp"
#include "sharcs/model_config.hpp"

namespace sharcs::internal::width_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// BERT-base, if nothing else is said.
ModelConfig with_widths(std::vector<double> fractions, int heads = 12, int hidden = 768, int ffn = 3072) {
  ModelConfig config;
  config.num_attention_heads = heads;
  config.hidden_size = hidden;
  config.intermediate_size = ffn;
  config.sharcs = SharcsConfig{.width_mult_list = std::move(fractions)};
  return config;
}

template <class Size>
std::vector<int> sizes(const WidthSet& widths, Size size) {
  std::vector<int> all;
  for (const Width& width : widths) all.push_back((width.*size)());
  return all;
}

std::string refusal(const ModelConfig& config) {
  return message_of<ConfigError>([&] { const WidthSet widths(config, "m/config.json"); });
}

TEST(WidthSet, SlicesOfBertBaseAreThoseOfThePaper) {
  const WidthSet widths(with_widths({0.25, 0.5, 0.75, 1.0}));
  EXPECT_THAT(sizes(widths, &Width::heads), ElementsAre(3, 6, 9, 12));
  EXPECT_THAT(sizes(widths, &Width::attention), ElementsAre(192, 384, 576, 768));
  EXPECT_THAT(sizes(widths, &Width::hidden), ElementsAre(192, 384, 576, 768));
  EXPECT_THAT(sizes(widths, &Width::ffn), ElementsAre(768, 1536, 2304, 3072));
  EXPECT_THAT(sizes(widths, &Width::index), ElementsAre(0, 1, 2, 3));
  EXPECT_EQ(widths.widest().fraction(), 1.0);
  EXPECT_EQ(widths.full().index(), 3);
}

TEST(WidthSet, HalfAHeadIsRoundedToTheEvenNumber) {
  // 0.25 of 2 heads is a half: none, then at least one. 0.25 of 6 is 1.5: two. 0.25 of 10 is 2.5: two.
  const auto heads = [](double fraction, int of, int hidden) {
    return WidthSet(with_widths({fraction, 1.0}, of, hidden))[0].heads();
  };
  EXPECT_EQ(heads(1.0 / 2, 2, 8), 1);
  EXPECT_THAT(refusal(with_widths({0.25, 1.0}, 2, 8)), HasSubstr("keeps 1 of 2 heads"));
  EXPECT_THAT(refusal(with_widths({0.25, 1.0}, 6, 768)), HasSubstr("keeps 2 of 6 heads"));
  EXPECT_THAT(refusal(with_widths({0.25, 1.0}, 10, 640)), HasSubstr("keeps 2 of 10 heads"));
  EXPECT_THAT(refusal(with_widths({0.75, 1.0}, 10, 640)), HasSubstr("keeps 8 of 10 heads"));
  EXPECT_EQ(heads(0.4, 5, 10), 2);
}

TEST(WidthSet, WidthsThatCannotRunAreRefusedWithTheNearestThatDo) {
  EXPECT_EQ(
      refusal(with_widths({0.3, 1.0})),
      "m/config.json: \"width_mult_list\" has 0.3, which keeps 4 of 12 heads, so 256 hidden dimensions, where the "
      "reduction takes 230; the nearest widths that run are 0.25 and 0.3333333333333333");
  EXPECT_THAT(refusal(with_widths({0.01, 1.0})),
              HasSubstr("keeps 1 of 12 heads, so 64 hidden dimensions, where the reduction takes 7; the nearest widths "
                        "that run are 0.08333333333333333"));
  EXPECT_THAT(refusal(with_widths({0.5, 0.99})), HasSubstr("the nearest widths that run are 0.9166666666666666 and 1"));
  EXPECT_EQ(WidthSet(with_widths({1.0 / 3, 1.0}))[0].hidden(), 256);
}

TEST(WidthSet, FractionsAreAscendingAndAtMostOne) {
  const std::string key = "m/config.json: \"width_mult_list\" ";
  EXPECT_EQ(refusal(with_widths({})), key + "is empty; expected ascending numbers in (0, 1]");
  for (const double fraction : {0.0, -0.25, 1.25})
    EXPECT_THAT(refusal(with_widths({fraction})), HasSubstr("expected ascending numbers in (0, 1]"));
  EXPECT_EQ(refusal(with_widths({std::numeric_limits<double>::quiet_NaN()})),
            key + "has nan; expected ascending numbers in (0, 1]");
  EXPECT_EQ(refusal(with_widths({0.5, 0.25})), key + "has 0.25 after 0.5; expected ascending numbers");
  EXPECT_EQ(refusal(with_widths({0.5, 0.5})), key + "has 0.5 after 0.5; expected ascending numbers");
}

TEST(WidthSet, WeightedReductionNeedsWholeGroups) {
  ModelConfig config = with_widths({0.75, 1.0});
  config.sharcs->weighted_dim_reduction = true;
  EXPECT_EQ(refusal(config),
            "m/config.json: \"width_mult_list\" has 0.75 with \"weighted_dim_reduction\", which needs 1/width to be "
            "whole; the nearest widths that run are 0.5 and 1");
  config.sharcs->width_mult_list = {0.25, 1.0 / 3, 0.5, 1.0};
  EXPECT_EQ(WidthSet(config).size(), 4);
}

TEST(WidthSet, TokenVectorsMayStayWhole) {
  ModelConfig config = with_widths({0.05, 0.3, 1.0});  // neither of the first two runs with sliced vectors
  config.sharcs->slice_hidden = false;
  const WidthSet widths(config);
  for (const Width& width : widths) EXPECT_EQ(width.hidden(), 768);
  EXPECT_EQ(widths[0].heads(), 1);
  EXPECT_EQ(widths[0].ffn(), 256);
  EXPECT_EQ(widths[1].heads(), 4);
  EXPECT_EQ(widths[1].attention(), 256);
  EXPECT_EQ(widths[1].ffn(), 1024);
  config.sharcs->weighted_dim_reduction = true;
  EXPECT_EQ(refusal(config),
            "m/config.json: \"weighted_dim_reduction\" is true where \"slice_hidden\" is false; expected one of them, "
            "since token vectors that stay whole are not reduced");
}

TEST(WidthSet, TheLargestWidthNeedNotBeTheWholeEncoder) {
  const WidthSet widths(with_widths({0.25, 0.5}));
  EXPECT_EQ(widths.widest().hidden(), 384);
  EXPECT_EQ(widths.full().hidden(), 768);
  EXPECT_EQ(widths.full().fraction(), 1.0);
}

TEST(WidthSet, APlainEncoderHasTheWholeWidthAlone) {
  ModelConfig config;
  const WidthSet widths(config);
  EXPECT_EQ(widths.size(), 1);
  EXPECT_EQ(widths[0].hidden(), 768);
}

TEST(WidthSet, AHeadSizeOfItsOwnChangesTheAttentionAlone) {
  ModelConfig config = with_widths({0.5, 1.0});
  config.attention_head_size = 20;
  const WidthSet widths(config);
  EXPECT_THAT(sizes(widths, &Width::attention), ElementsAre(120, 240));
  EXPECT_THAT(sizes(widths, &Width::hidden), ElementsAre(384, 768));
}

TEST(WidthSet, SuffixesAreThoseOfTheAuthorsParameterNames) {
  std::vector<std::string> suffixes;
  for (const Width& width : WidthSet(with_widths({0.25, 0.5, 0.75, 1.0}))) suffixes.push_back(width.suffix());
  EXPECT_THAT(suffixes, ElementsAre("025", "05", "075", "10"));
}

TEST(WidthSet, AWidthIsFoundByItsFraction) {
  const WidthSet widths(with_widths({0.25, 1.0}));
  EXPECT_EQ(&widths.at(0.25), &widths[0]);
  EXPECT_EQ(message_of<ConfigError>([&] { widths.at(0.5); }), "width 0.5 is not one of the model's: 0.25, 1");
}

}  // namespace
}  // namespace sharcs::internal::width_test
