#include "data/tag_set.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "data/entity_scores.hpp"
#include "data/metrics.hpp"
#include "expect_error.hpp"
#include "golden_folder.hpp"

namespace sharcs::internal::tag_set_test {
namespace {

using ::testing::ElementsAre;

/// The entities of tags by name: "PER 0-1".
std::vector<std::string> entities_of(const std::vector<std::string>& tags) {
  std::vector<std::string> names = tags;
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  const TagSet set(names);
  std::vector<int> numbers;
  for (const std::string& tag : tags)
    numbers.push_back(static_cast<int>(std::ranges::find(names, tag) - names.begin()));
  std::vector<std::string> found;
  for (const Entity& entity : set.entities(numbers))
    found.push_back(set.types()[entity.type] + " " + std::to_string(entity.first) + "-" + std::to_string(entity.last));
  return found;
}

TEST(TagSet, ReadsTheSameEntitiesInEachScheme) {
  const auto names = ElementsAre("PER 1-2", "PER 3-3", "LOC 4-4");
  EXPECT_THAT(entities_of({"O", "I-PER", "I-PER", "B-PER", "I-LOC", "O"}), names);                     // IOB1
  EXPECT_THAT(entities_of({"O", "B-PER", "I-PER", "B-PER", "B-LOC", "O"}), names);                     // IOB2
  EXPECT_THAT(entities_of({"O", "B-PER", "E-PER", "S-PER", "S-LOC", "O"}), names);                     // IOBES
  EXPECT_THAT(entities_of({"O", "B-PER", "L-PER", "U-LOC", "O"}), ElementsAre("PER 1-2", "LOC 3-3"));  // BILOU
}

TEST(TagSet, NeighbouringWordsOfBilouAreOneEntityAsInSeqeval) {
  EXPECT_THAT(entities_of({"U-PER", "U-PER", "O"}), ElementsAre("PER 0-1"));
}

TEST(TagSet, TypesMayHoldHyphensAndBeAbsent) {
  EXPECT_THAT(entities_of({"B-work-of-art", "I-work-of-art", "O"}), ElementsAre("work-of-art 0-1"));
  EXPECT_THAT(entities_of({"B", "I", "O", "B"}), ElementsAre("_ 0-1", "_ 3-3"));
}

TEST(TagSet, OtherTagsAreNotThoseOfEntities) {
  EXPECT_FALSE(TagSet({"NN", "VBD", "O"}).has_entities());
  EXPECT_FALSE(TagSet({"O"}).has_entities());
  EXPECT_FALSE(TagSet({"O", "B-PER", "X-PER"}).has_entities());
  EXPECT_FALSE(TagSet({"O", "U"}).has_entities());
  EXPECT_TRUE(TagSet({"O", "B-PER"}).has_entities());
  EXPECT_THAT(TagSet({"O", "I-PER", "B-LOC", "B-PER"}).types(), ElementsAre("LOC", "PER"));
}

TEST(EntityScores, NothingThereAndNothingFoundIsZero) {
  const TagSet set({"B-PER", "O"});
  const TagCounts counts = count_tags(set, std::vector{1, 1}, std::vector{1, 1});
  EXPECT_EQ(counts.f1(), 0);
  EXPECT_EQ(counts.precision(), 0);
  EXPECT_EQ(counts.word_accuracy(), 1);
  EXPECT_EQ(TagCounts().word_accuracy(), 0);
}

TEST(EntityScores, AnEntityIsRightWhereTypeAndBothEndsAre) {
  const TagSet set({"B-LOC", "B-PER", "I-LOC", "I-PER", "O"});
  const std::vector truth = {1, 3, 4, 0, 2, 2};
  EXPECT_EQ(count_tags(set, truth, truth).entities, (EntityCounts{2, 2, 2}));
  EXPECT_EQ(count_tags(set, truth, std::vector{1, 3, 4, 0, 2, 4}).entities, (EntityCounts{2, 2, 1}));  // ends early
  EXPECT_EQ(count_tags(set, truth, std::vector{0, 2, 4, 0, 2, 2}).entities, (EntityCounts{2, 2, 1}));  // another type
  EXPECT_EQ(count_tags(set, truth, std::vector{4, 4, 4, 4, 4, 4}).entities, (EntityCounts{2, 0, 0}));
  EXPECT_EQ(count_tags(set, truth, std::vector{4, 4, 4, 4, 4, 4}).right_words, 1u);
}

// tests/golden/entities.json is what make_entities.py wrote with the package seqeval: random tags, well formed and not.
TEST(EntityScores, EqualSeqevalsOnRandomTags) {
  const std::filesystem::path file = testing::small_golden_set().folder / "entities.json";
  int compared = 0;
  for (const auto& entry : nlohmann::json::parse(std::ifstream(file))) {
    const auto names = entry.at("tags").get<std::vector<std::string>>();
    const auto truth = entry.at("truth").get<std::vector<std::vector<int>>>();
    const auto predicted = entry.at("predicted").get<std::vector<std::vector<int>>>();
    const TagSet set(names);
    ASSERT_TRUE(set.has_entities());
    TagCounts counts;
    std::vector<EntityCounts> by_type(set.types().size());
    for (std::size_t i = 0; i < truth.size(); ++i) {
      counts += count_tags(set, truth[i], predicted[i]);
      add_entities(set, truth[i], predicted[i], by_type);
    }
    EXPECT_NEAR(measure("entity_f1", counts), entry.at("f1").get<double>(), 1e-12) << entry.at("scheme");
    EXPECT_NEAR(measure("entity_precision", counts), entry.at("precision").get<double>(), 1e-12);
    EXPECT_NEAR(measure("entity_recall", counts), entry.at("recall").get<double>(), 1e-12);
    EXPECT_NEAR(measure("word_accuracy", counts), entry.at("accuracy").get<double>(), 1e-12);
    for (std::size_t type = 0; type < by_type.size(); ++type) {
      const auto& support = entry.at("support");
      const auto& name = set.types()[type];
      EXPECT_EQ(by_type[type].truth, support.contains(name) ? support.at(name).get<std::size_t>() : 0) << name;
    }
    ++compared;
  }
  EXPECT_GE(compared, 100);
}

TEST(EntityScores, MetricsOfOtherKindsAreRefused) {
  EXPECT_EQ(message_of([] { measure("accuracy", TagCounts()); }),
            "accuracy is a metric of classification; expected one of token_classification");
  EXPECT_EQ(message_of([] { measure("entity_f1", std::vector{1}, std::vector{1}); }),
            "entity_f1 is a metric of token_classification; expected one of classification");
}

}  // namespace
}  // namespace sharcs::internal::tag_set_test
