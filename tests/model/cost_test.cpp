#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "golden_folder.hpp"
#include "io/file.hpp"
#include "model/small_models.hpp"
#include "sharcs/model.hpp"

namespace sharcs::internal::cost_test {
namespace {

/// The parameters of the layout that belong to no other width.
std::int64_t counted_in_layout(const ModelConfig& config, const Width& width) {
  const Network<float> network(config);
  std::int64_t count = 0;
  for (const ParameterSpec& spec : network.layout().specs())
    if (spec.width < 0 || spec.width == width.index()) count += spec.size();
  return count;
}

TEST(ParametersUsed, AtFullWidthAreAllButTheOtherWidthsOwn) {
  for (const std::string& type : testing::every_model_type())
    for (const bool weighted : {false, true}) {
      ModelConfig config = testing::small_config_of(type);
      config.max_position_embeddings = 20;
      config.sharcs->weighted_dim_reduction = weighted;
      config.sharcs->width_mult_list = {1.0 / 3, 1.0};
      const WidthSet widths(config);
      EXPECT_EQ(parameters_used(config, widths.widest()), counted_in_layout(config, widths.widest())) << type;
    }
}

TEST(ParametersUsed, AtANarrowWidthOfWholeTokenVectorsAreSlicesOfHeadsAndNeurons) {
  ModelConfig config = testing::small_config();  // of 12: stem of 1 layer, 2 adaptive ones; at 1/3: 4 of 12 and 5 of 15
  config.sharcs->slice_hidden = false;
  const WidthSet widths(config);
  const std::int64_t embeddings = (17 + 9 + 2 + 2) * 12;
  const std::int64_t full_layer = 4 * (12 * 12 + 12) + (15 * 12 + 15) + (12 * 15 + 12) + 4 * 12;
  const std::int64_t narrow_layer = 3 * (4 * 12 + 4) + (12 * 4 + 12) + (5 * 12 + 5) + (12 * 5 + 12) + 4 * 12;
  const std::int64_t router = (5 * 12 + 5) + (3 * 5 + 3), head = (12 * 12 + 12) + (3 * 12 + 3);
  EXPECT_EQ(parameters_used(config, widths[0]), embeddings + full_layer + 2 * narrow_layer + router + head);
  for (const std::string& type : testing::every_model_type()) {
    ModelConfig other = testing::small_config_of(type);
    other.max_position_embeddings = 20;
    other.sharcs->slice_hidden = false;
    const WidthSet all(other);
    EXPECT_EQ(parameters_used(other, all.widest()), counted_in_layout(other, all.widest())) << type;
  }
}

TEST(ParametersUsed, OfAPlainEncoderAreAll) {
  ModelConfig config = testing::small_config();
  config.sharcs.reset();
  const WidthSet widths(config);
  EXPECT_EQ(parameters_used(config, widths.widest()), counted_in_layout(config, widths.widest()));
}

TEST(ParametersUsed, AtANarrowWidthCountTheSlicesOnly) {
  const ModelConfig config = testing::small_config();  // of 12: stem of 1 layer, 2 adaptive ones; at 1/3: 4, 4 and 5
  const WidthSet widths(config);
  const std::int64_t embeddings = (17 + 9 + 2 + 2) * 12;
  const std::int64_t full_layer = 4 * (12 * 12 + 12) + (15 * 12 + 15) + (12 * 15 + 12) + 4 * 12;
  const std::int64_t narrow_layer = 4 * (4 * 4 + 4) + (5 * 4 + 5) + (4 * 5 + 4) + 4 * 4;
  const std::int64_t router = (5 * 12 + 5) + (3 * 5 + 3);
  const std::int64_t reduction_norm = 2 * 4, head = (12 * 4 + 12) + (3 * 12 + 3);
  EXPECT_EQ(parameters_used(config, widths[0]),
            embeddings + full_layer + 2 * narrow_layer + router + reduction_norm + head);
}

class GoldenMultiplyAdds : public testing::GoldenTest {};
SHARCS_FOR_EACH_GOLDEN_SET(GoldenMultiplyAdds);

TEST_P(GoldenMultiplyAdds, AreThoseOfThePapersCounting) {
  const auto rows = nlohmann::json::parse(read_text_file(golden("flops.json"))).at("rows");
  EXPECT_FALSE(rows.empty());
  for (const auto& row : rows) {
    ModelConfig config;
    config.hidden_size = row.at("hidden_size");
    config.num_attention_heads = row.at("heads");
    config.intermediate_size = row.at("intermediate_size");
    config.num_hidden_layers = row.at("layers");
    const double fraction = row.at("width");
    // Of the other widths only their number counts, for the router's outputs.
    const int others = row.at("widths").get<int>() - 1;
    SharcsConfig& sharcs = config.sharcs.emplace();
    sharcs.adaptive_layer_idx = row.at("adaptive_layer_idx");
    sharcs.hidden_size_router = row.at("hidden_size_router");
    sharcs.width_mult_list = {fraction};
    const Width width = WidthSet(config)[0];
    sharcs.width_mult_list.resize(static_cast<std::size_t>(others) + 1, 1.0);
    EXPECT_EQ(multiply_adds(config, width, row.at("tokens")), row.at("macs").get<std::int64_t>()) << row;
  }
}

TEST(MultiplyAdds, OfAPlainEncoderAreThoseOfItsLayers) {
  ModelConfig config = testing::small_config();
  config.sharcs.reset();
  // 3 layers; 4 projections of 12 x 12, a feed-forward of 15, and 12 dimensions of attention twice for 7 x 7 pairs.
  EXPECT_EQ(multiply_adds(config, WidthSet(config).full(), 7), 3 * (7 * (4 * 144 + 2 * 12 * 15) + 2 * 7 * 7 * 12));
}

}  // namespace
}  // namespace sharcs::internal::cost_test
