#include "sharcs/cost.hpp"

#include <gtest/gtest.h>

#include "model/small_models.hpp"

namespace sharcs {
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
  for (const char* type : {"bert", "roberta", "distilbert"})
    for (const bool weighted : {false, true}) {
      ModelConfig config = testing::small_config();
      config.model_type = type;
      config.max_position_embeddings = 20;
      config.sharcs->weighted_dim_reduction = weighted;
      config.sharcs->width_mult_list = {1.0 / 3, 1.0};
      const WidthSet widths(config);
      EXPECT_EQ(parameters_used(config, widths.widest()), counted_in_layout(config, widths.widest())) << type;
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

}  // namespace
}  // namespace sharcs
