#include "data/synthetic.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>
#include <sstream>

#include "expect_error.hpp"
#include "io/file.hpp"
#include "sharcs/task.hpp"
#include "temporary_folder.hpp"

namespace sharcs::internal::synthetic_test {
namespace {

const SyntheticData& large() {
  static const SyntheticData data = SyntheticData::generate({.train = 20000, .dev = 2000, .test = 500, .seed = 7});
  return data;
}

std::vector<std::string> words_of(const std::string& sentence) {
  std::istringstream stream(sentence);
  return {std::istream_iterator<std::string>(stream), {}};
}

std::vector<std::string> texts_of(const Dataset& dataset) {
  std::vector<std::string> texts;
  for (const Sample& sample : dataset.samples) texts.push_back(sample.text);
  return texts;
}

/// Reads sentences as a person would, by rules of its own. Which words praise and which blame it learns from the plain
/// sentences, and from the negated ones for words that only those have ("did not enjoy").
class Reader {
 public:
  explicit Reader(const Dataset& dataset) {
    for (const int level : {0, 1}) {
      std::map<std::string, std::array<int, 2>> counts;
      for (const Sample& sample : dataset.samples)
        if (sample.difficulty == level)
          for (const std::string& word : words_of(sample.text)) ++counts[word][static_cast<std::size_t>(*sample.label)];
      for (const auto& [word, count] : counts)
        if ((count[0] == 0 || count[1] == 0) && count[0] + count[1] >= 10)
          polarity_.try_emplace(word, (count[1] > 0) != (level == 1));
    }
  }

  bool knows(const std::string& word) const { return polarity_.contains(word); }
  std::size_t vocabulary() const { return polarity_.size(); }

  /// Whether a clause praises; nothing when it has no word that is known, or words of both kinds.
  std::optional<bool> clause(const std::string& text) const {
    std::optional<bool> good;
    for (const std::string& word : words_of(text)) {
      const auto found = polarity_.find(word);
      if (found == polarity_.end()) continue;
      if (good && *good != found->second) return std::nullopt;
      good = found->second;
    }
    if (!good) return std::nullopt;
    return *good == (count_of(text, {"not", "never", "hardly", "no"}) % 2 == 0);
  }

  std::optional<bool> sentence(const std::string& text) const {
    if (const std::size_t that = text.find(" that "); that != std::string::npos) {
      const int denials = count_of(text.substr(0, that),
                                   {"nobody", "no", "none", "not", "hardly", "contest", "deny", "dispute", "doubt",
                                    "question", "refute", "lie", "myth", "rumour", "error", "false", "untrue"});
      const std::optional<bool> claimed = clause(text.substr(that));
      return claimed ? std::optional(*claimed == (denials % 2 == 0)) : std::nullopt;
    }
    for (const std::string& concession : {std::string("although "), std::string("even though ")}) {
      if (text.starts_with(concession)) return clause(text.substr(text.rfind(" , ")));
      if (const std::size_t at = text.find(" , " + concession); at != std::string::npos)
        return clause(text.substr(0, at));
    }
    for (const std::string& turn : {std::string(" , but "), std::string(" ; still , ")})
      if (const std::size_t at = text.find(turn); at != std::string::npos) return clause(text.substr(at + turn.size()));
    return clause(text);
  }

  /// What the writer says, where others have their say, too.
  std::optional<bool> among_others(std::string text) const {
    for (const std::string& own : {std::string("to my mind "), std::string("in my view "), std::string("for my part "),
                                   std::string("as i see it ")}) {
      const std::size_t at = text.find(own);
      if (at == std::string::npos) continue;
      if (at > 0) return sentence(text.substr(at + own.size()));
      return sentence(text.substr(own.size(), text.rfind(" ; ") - own.size()));
    }
    return std::nullopt;
  }

 private:
  static int count_of(const std::string& text, const std::set<std::string>& wanted) {
    int count = 0;
    for (const std::string& word : words_of(text)) count += static_cast<int>(wanted.count(word));
    return count;
  }

  std::map<std::string, bool> polarity_;
};

TEST(SyntheticData, LabelsAreWhatAReaderWithRulesOfItsOwnFinds) {
  const Reader reader(large().train);
  ASSERT_GT(reader.vocabulary(), 100u);
  std::array<std::size_t, difficulty_levels> read = {}, all = {};
  for (const Dataset* dataset : {&large().train, &large().dev})
    for (const Sample& sample : dataset->samples) {
      const auto level = static_cast<std::size_t>(*sample.difficulty);
      const std::optional<bool> positive = level == 4 ? reader.among_others(sample.text) : reader.sentence(sample.text);
      ++all[level];
      if (!positive) continue;
      ++read[level];
      ASSERT_EQ(*positive, *sample.label == 1) << "level " << level << ": " << sample.text;
    }
  for (std::size_t level = 0; level < 4; ++level) EXPECT_EQ(read[level], all[level]);
  EXPECT_GT(read[4], all[4] * 7 / 10) << "typing errors may hide the word that decides, but not often";
}

TEST(SyntheticData, EverySplitHasTheSharesOfLevelsAndIsBalanced) {
  const SyntheticData data =
      SyntheticData::generate({.train = 1001, .dev = 200, .test = 37, .level_shares = {4, 1, 0, 3, 2}});
  for (const auto& [dataset, size] :
       {std::pair(&data.train, 1001), std::pair(&data.dev, 200), std::pair(&data.test, 37)}) {
    ASSERT_EQ(dataset->size(), static_cast<std::size_t>(size));
    std::map<int, std::array<int, 2>> counts;
    std::array<int, 2> labels = {};
    for (const Sample& sample : dataset->samples) {
      ++counts[*sample.difficulty][static_cast<std::size_t>(*sample.label)];
      ++labels[static_cast<std::size_t>(*sample.label)];
    }
    EXPECT_LE(std::abs(labels[0] - labels[1]), 1);
    EXPECT_FALSE(counts.contains(2));
    for (const auto& [level, share] : {std::pair(0, 0.4), {1, 0.1}, {3, 0.3}, {4, 0.2}}) {
      EXPECT_NEAR(counts[level][0] + counts[level][1], share * size, 1) << "level " << level;
      EXPECT_LE(std::abs(counts[level][0] - counts[level][1]), 1) << "level " << level;
    }
  }
}

TEST(SyntheticData, DependsOnTheSeedAlone) {
  const SyntheticOptions options = {.train = 300, .dev = 50, .test = 50, .seed = 3};
  const SyntheticData data = SyntheticData::generate(options);
  EXPECT_EQ(texts_of(data.train), texts_of(SyntheticData::generate(options).train));
  EXPECT_NE(texts_of(data.train),
            texts_of(SyntheticData::generate({.train = 300, .dev = 50, .test = 50, .seed = 4}).train));
  const SyntheticData more = SyntheticData::generate({.train = 900, .dev = 50, .test = 50, .seed = 3});
  EXPECT_EQ(texts_of(data.dev), texts_of(more.dev));
  EXPECT_EQ(texts_of(data.test), texts_of(more.test));
}

// What was generated once can be generated again, by any later version.
TEST(SyntheticData, SentencesOfASeedStayWhatTheyAre) {
  const SyntheticData data =
      SyntheticData::generate({.train = 2, .dev = 5, .test = 0, .level_shares = {1, 1, 1, 1, 1}});
  EXPECT_THAT(
      texts_of(data.dev),
      ::testing::ElementsAre("i loathed the sequel .",
                             "the pacing is not at all predictable about a gardener in a railway station",
                             "it is not certain that , about a baker in a school , i loathed the script",
                             "my brother declared the caasting a pelasure ; for my part the fim looked derary , "
                             "even though the dialogue feels quite poignant .",
                             "i admired the dialogue , but the finale was a failure"));
}

TEST(SyntheticData, NoSentenceOccursTwice) {
  std::set<std::string> distinct;
  for (const Dataset* dataset : {&large().train, &large().dev, &large().test})
    for (const Sample& sample : dataset->samples) EXPECT_TRUE(distinct.insert(sample.text).second) << sample.text;
}

TEST(SyntheticData, NoWordButPraiseAndBlameTellsTheLabel) {
  const Reader reader(large().train);
  std::map<std::string, std::array<double, 2>> counts;
  for (const Sample& sample : large().train.samples) {
    const std::vector<std::string> words = words_of(sample.text);
    for (const std::string& word : std::set<std::string>(words.begin(), words.end()))
      ++counts[word][static_cast<std::size_t>(*sample.label)];
  }
  int looked_at = 0;
  for (const auto& [word, count] : counts) {
    const double total = count[0] + count[1];
    if (reader.knows(word) || total < 100) continue;
    ++looked_at;
    EXPECT_LT(std::abs(count[1] - count[0]) / std::sqrt(total), 4.5) << word;
  }
  EXPECT_GT(looked_at, 150);
}

TEST(SyntheticData, LengthDoesNotTellTheLabel) {
  for (int level = 0; level < static_cast<int>(difficulty_levels); ++level) {
    std::array<double, 2> n = {}, sum = {}, squares = {};
    for (const Sample& sample : large().train.samples) {
      if (sample.difficulty != level) continue;
      const auto label = static_cast<std::size_t>(*sample.label);
      const auto length = static_cast<double>(words_of(sample.text).size());
      ++n[label], sum[label] += length, squares[label] += length * length;
    }
    double variance = 0;
    for (const std::size_t label : {0u, 1u})
      variance += (squares[label] / n[label] - std::pow(sum[label] / n[label], 2)) / n[label];
    EXPECT_LT(std::abs(sum[1] / n[1] - sum[0] / n[0]) / std::sqrt(variance), 4.0) << "level " << level;
  }
}

// Naive Bayes: adds up what each word says by itself.
TEST(SyntheticData, WordsWithoutTheirOrderSolveThePlainSentencesOnly) {
  std::map<std::string, std::array<double, 2>> counts;
  for (const Sample& sample : large().train.samples)
    for (const std::string& word : words_of(sample.text)) ++counts[word][static_cast<std::size_t>(*sample.label)];
  std::array<double, difficulty_levels> right = {}, all = {};
  for (const Sample& sample : large().dev.samples) {
    double evidence = 0;
    for (const std::string& word : words_of(sample.text))
      if (const auto found = counts.find(word); found != counts.end())
        evidence += std::log((found->second[1] + 1) / (found->second[0] + 1));
    const auto level = static_cast<std::size_t>(*sample.difficulty);
    right[level] += (evidence > 0) == (sample.label == 1);
    ++all[level];
  }
  EXPECT_GT(right[0] / all[0], 0.9);
  for (std::size_t level = 1; level < difficulty_levels; ++level) EXPECT_LT(right[level] / all[level], 0.65) << level;
}

TEST(SyntheticData, IsReadBackAsSst2WithItsDifficulties) {
  const TemporaryFolder folder;
  const SyntheticData data = SyntheticData::generate({.train = 60, .dev = 20, .test = 10});
  data.save(folder / "new" / "folder");
  EXPECT_THAT(read_text_file(folder / "new" / "folder" / "dev.tsv"),
              ::testing::StartsWith("sentence\tlabel\tdifficulty\n"));
  const Task task = Task::named("sst-2");
  for (const auto& [split, dataset] :
       {std::pair(Split::train, &data.train), {Split::dev, &data.dev}, {Split::test, &data.test}}) {
    const Dataset read = task.read(folder / "new" / "folder", split);
    ASSERT_EQ(texts_of(read), texts_of(*dataset));
    for (std::size_t i = 0; i < read.size(); ++i) {
      EXPECT_EQ(read.samples[i].label, dataset->samples[i].label);
      EXPECT_EQ(read.samples[i].difficulty, dataset->samples[i].difficulty);
      EXPECT_EQ(read.samples[i].line, dataset->samples[i].line);
    }
  }
  EXPECT_TRUE(read_text_file(folder / "new" / "folder" / "train.tsv").ends_with("\n"));
}

TEST(SyntheticData, RefusesOptionsThatMakeNoData) {
  EXPECT_EQ(message_of<ConfigError>([] { SyntheticData::generate({.train = 1}); }),
            "1 samples are asked for; train and dev have at least 2");
  EXPECT_EQ(message_of<ConfigError>([] { SyntheticData::generate({.train = 10'000'000, .dev = 2}); }),
            "more than 10000000 samples are asked for");
  EXPECT_EQ(message_of<ConfigError>([] {
              SyntheticData::generate({.level_shares = {1, -1}});
            }),
            "the share of a level is -1.000000; expected a number ≥ 0");
  EXPECT_EQ(message_of<ConfigError>([] { SyntheticData::generate({.level_shares = {}}); }),
            "the shares of all levels are 0");
  EXPECT_EQ(message_of<ConfigError>([] { difficulty_name(5); }), "there is no difficulty 5; expected 0 to 4");
  EXPECT_EQ(difficulty_name(2), "contrast");
}

TEST(SyntheticData, DoesNotWriteWhereItMayNot) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "file", "x");
  EXPECT_THAT(message_of<IoError>(
                  [&] { SyntheticData::generate({.train = 2, .dev = 2, .test = 0}).save(folder / "file" / "folder"); }),
              ::testing::HasSubstr("cannot make the folder"));
}

}  // namespace
}  // namespace sharcs::internal::synthetic_test
