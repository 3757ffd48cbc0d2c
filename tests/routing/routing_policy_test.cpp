#include <gtest/gtest.h>

#include "expect_error.hpp"
#include "model/small_models.hpp"
#include "sharcs/error.hpp"
#include "sharcs/model_config.hpp"
#include "sharcs/routing.hpp"

namespace sharcs::internal {
namespace {

using ::testing::HasSubstr;

const WidthSet& three_widths() {
  static const WidthSet widths(testing::small_config());
  return widths;
}

int choice(const RoutingPolicy& policy, std::vector<float> router_logits) {
  return policy.choose({router_logits, three_widths(), 5});
}

int next(const RoutingPolicy& policy, int width, std::vector<float> probabilities) {
  return policy.escalate({{{}, three_widths(), 5}, width, {}, probabilities});
}

TEST(RoutingPolicy, ArgmaxTakesTheNarrowerOfEquals) {
  EXPECT_EQ(choice(RoutingPolicy::argmax(), {0, 2, 1}), 1);
  EXPECT_EQ(choice(RoutingPolicy::argmax(), {0, 2, 2}), 1);
}

TEST(RoutingPolicy, WithoutCascadeEveryAnswerIsKept) {
  EXPECT_FALSE(RoutingPolicy::argmax().escalates());
  EXPECT_EQ(next(RoutingPolicy::argmax(), 0, {0.5f, 0.5f}), 0);
}

TEST(RoutingPolicy, CascadeGoesOneWidthWiderBelowTheConfidence) {
  const RoutingPolicy cascade = RoutingPolicy::argmax().cascade(0.75);
  EXPECT_TRUE(cascade.escalates());
  EXPECT_EQ(cascade.name(), "argmax, wider below confidence 0.75");
  EXPECT_EQ(choice(cascade, {0, 2, 1}), 1);
  EXPECT_EQ(next(cascade, 0, {0.3f, 0.7f}), 1);
  EXPECT_EQ(next(cascade, 0, {0.25f, 0.75f}), 0);
  EXPECT_EQ(next(cascade, 2, {0.5f, 0.5f}), 2);
}

TEST(RoutingPolicy, CapHoldsForTheCascadeToo) {
  const double middle = three_widths()[1].fraction();
  const RoutingPolicy capped = RoutingPolicy::argmax().cascade(0.75).capped(middle);
  EXPECT_EQ(next(capped, 0, {0.5f, 0.5f}), 1);
  EXPECT_EQ(next(capped, 1, {0.5f, 0.5f}), 1);
  EXPECT_EQ(choice(capped, {0, 1, 2}), 1);
}

TEST(RoutingPolicy, RefusesConfidencesThatAreNone) {
  for (const double confidence : {0.0, -1.0, 1.5})
    EXPECT_THAT(message_of<ConfigError>([&] { RoutingPolicy::argmax().cascade(confidence); }),
                HasSubstr("expected a number above 0 and at most 1"));
}

TEST(RoutingPolicy, RefusesAnEscalationToANarrowerOrUnknownWidth) {
  const auto to = [](int width) {
    return RoutingPolicy::argmax().escalating([width](const EscalationQuery&) { return width; }, "mine");
  };
  EXPECT_EQ(next(to(2), 0, {}), 2);
  EXPECT_THAT(message_of<ConfigError>([&] { next(to(0), 1, {}); }),
              HasSubstr("\"mine\" chose width number 0 after width number 1; expected 1 to 2"));
  EXPECT_THROW(next(to(3), 1, {}), ConfigError);
}

}  // namespace
}  // namespace sharcs::internal
