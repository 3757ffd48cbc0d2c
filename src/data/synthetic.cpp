#include "data/synthetic.hpp"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <numeric>
#include <set>
#include <span>
#include <string_view>
#include <tuple>
#include <unordered_set>

#include "core/random.hpp"
#include "io/file.hpp"
#include "sharcs/error.hpp"

namespace sharcs::internal {
namespace {

using Words = std::span<const std::string_view>;

template <std::size_t n>
constexpr std::array<std::string_view, n> words(const char* const (&list)[n]) {
  std::array<std::string_view, n> array;
  std::copy(std::begin(list), std::end(list), array.begin());
  return array;
}

// clang-format off
constexpr auto good_adjectives = words({
    "absorbing", "brilliant", "captivating", "charming", "clever", "dazzling", "delightful", "elegant", "enchanting", "engaging",
    "excellent", "exquisite", "fascinating", "fresh", "gorgeous", "graceful", "gripping", "heartfelt", "hilarious", "inventive",
    "lovely", "luminous", "magnificent", "marvellous", "masterful", "memorable", "moving", "poignant", "radiant", "refreshing",
    "rewarding", "splendid", "stirring", "superb", "tender", "terrific", "thrilling", "touching", "witty", "wonderful"});
constexpr auto bad_adjectives = words({
    "annoying", "awful", "bland", "boring", "cheap", "clumsy", "dismal", "dreadful", "dreary", "dull",
    "flat", "forgettable", "grating", "hollow", "horrible", "incoherent", "insipid", "irritating", "lazy", "lifeless",
    "mediocre", "muddled", "painful", "plodding", "pointless", "predictable", "pretentious", "ridiculous", "shallow", "sloppy",
    "soulless", "stale", "tedious", "terrible", "tiresome", "ugly", "unbearable", "unwatchable", "vapid", "wooden"});
constexpr auto good_nouns = words({
    "blessing", "delight", "gem", "joy", "marvel", "masterpiece", "pleasure", "revelation", "success", "treasure", "treat", "triumph"});
constexpr auto bad_nouns = words({
    "bore", "catastrophe", "chore", "disaster", "disgrace", "failure", "fiasco", "flop", "letdown", "mess", "nightmare", "nuisance"});

struct Verb {
  std::string_view past, base;
};
constexpr Verb good_verbs[] = {{"admired", "admire"}, {"adored", "adore"}, {"applauded", "applaud"}, {"cherished", "cherish"},
                               {"enjoyed", "enjoy"}, {"loved", "love"}, {"relished", "relish"}, {"savoured", "savour"}};
constexpr Verb bad_verbs[] = {{"deplored", "deplore"}, {"despised", "despise"}, {"detested", "detest"}, {"disliked", "dislike"},
                              {"hated", "hate"}, {"loathed", "loathe"}, {"regretted", "regret"}, {"resented", "resent"}};

constexpr auto subjects = words({
    "acting", "atmosphere", "beginning", "camera work", "casting", "comedy", "dialogue", "directing", "drama", "editing",
    "ending", "film", "finale", "humour", "lead performance", "lighting", "main character", "middle part", "movie", "music",
    "mystery", "narration", "opening scene", "pacing", "picture", "plot", "premise", "production", "remake", "romance",
    "scenery", "score", "screenplay", "script", "second half", "sequel", "set design", "short film", "singing", "soundtrack",
    "story", "storytelling", "thriller", "title song", "villain", "voice acting", "western", "whole trilogy"});
constexpr auto links = words({"is", "was", "feels", "felt", "seems", "seemed", "looks", "looked"});
constexpr auto copulas = words({"is", "was"});
constexpr auto degrees = words({"absolutely", "deeply", "quite", "rather", "really", "remarkably", "thoroughly", "truly"});
constexpr auto negators = words({"not", "never", "hardly", "by no means", "in no way", "not at all"});
constexpr auto verb_negators = words({"did not", "could not", "did not at all", "could hardly", "could never", "did in no way"});
constexpr auto writers = words({"i", "we"});
constexpr auto own_views = words({"to my mind", "in my view", "for my part", "as i see it"});
constexpr auto others = words({
    "my neighbour", "the critics", "the usher", "his agent", "my brother", "her colleague", "some viewers", "the local paper",
    "a reviewer", "our teacher", "the jury", "their friends"});
constexpr auto findings = words({"found", "called", "considered", "declared", "thought"});

constexpr auto people = words({
    "baker", "captain", "clerk", "cook", "doctor", "farmer", "gardener", "lawyer", "librarian", "nurse", "painter", "pilot", "sailor",
    "shepherd", "student", "tailor", "teacher", "widow"});
constexpr auto places = words({
    "castle", "desert", "factory", "farm", "forest", "harbour", "hospital", "hotel", "island", "lighthouse", "monastery", "railway station",
    "school", "suburb", "valley", "village"});
constexpr auto cities = words({"bergen", "cairo", "cracow", "dublin", "genoa", "lima", "lisbon", "montreal", "nairobi", "osaka", "quito", "tunis"});
constexpr auto days = words({"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"});
constexpr auto day_times = words({"morning", "afternoon", "evening", "night"});
constexpr auto numbers = words({"two", "three", "four", "five", "six", "seven"});

// An opening affirms what follows unless exactly one of its two parts denies.
constexpr auto affirming_people = words({"anyone", "everybody", "every viewer", "each of us"});
constexpr auto denying_people = words({"nobody", "no one", "no viewer", "none of us"});
constexpr auto affirming_verbs = words({"affirm", "agree", "argue", "believe", "claim", "insist"});
constexpr auto denying_verbs = words({"contest", "deny", "dispute", "doubt", "question", "refute"});
constexpr auto affirming_links = words({"it is", "it is surely", "it remains", "it is indeed"});
constexpr auto denying_links = words({"it is not", "it is hardly", "it is by no means", "it is in no way"});
constexpr auto affirming_claims = words({"a fact", "certain", "clear", "the case", "the truth", "true"});
constexpr auto denying_claims = words({"a lie", "a myth", "a rumour", "an error", "false", "untrue"});

constexpr auto level_names = words({"plain", "negation", "contrast", "distance", "noise"});
// clang-format on

constexpr Words adjectives(bool good) { return good ? Words(good_adjectives) : Words(bad_adjectives); }
constexpr Words nouns(bool good) { return good ? Words(good_nouns) : Words(bad_nouns); }
constexpr std::span<const Verb> verbs(bool good) {
  return good ? std::span<const Verb>(good_verbs) : std::span<const Verb>(bad_verbs);
}

/// Whether typing errors may strike the word: not those that turn a meaning.
bool may_be_misspelt(const std::string& word) {
  static const std::set<std::string_view> open_words = [] {
    std::set<std::string_view> all;
    for (const Words list : {Words(good_adjectives), Words(bad_adjectives), Words(good_nouns), Words(bad_nouns),
                             Words(subjects), Words(degrees), Words(people), Words(places), Words(cities), Words(days)})
      all.insert(list.begin(), list.end());
    return all;
  }();
  return word.size() >= 4 && open_words.contains(word);
}

/// The parts, those that are there, with blanks between them. In a braced list the parts are made from left to right,
/// which the operands of + need not be: the same random numbers make the same sentence with every compiler.
std::string phrase(std::initializer_list<std::string> parts) {
  std::string joined;
  for (const std::string& part : parts)
    if (!part.empty()) joined += (joined.empty() ? "" : " ") + part;
  return joined;
}

/// Writes one sentence; every choice but that of its words of praise and blame is made without regard to the label.
class SentenceWriter {
 public:
  explicit SentenceWriter(Random random) : random_(random) {}

  std::string write(int level, bool positive) {
    const std::string sentence = phrase({body(level, positive), maybe(0.8, ".")});
    return level == 4 ? with_typing_errors(sentence) : sentence;
  }

 private:
  std::string body(int level, bool positive) {
    switch (level) {
      case 0: {
        const std::string first = phrase({clause(positive), maybe_aside(0.4)});
        return chance(0.5) ? first : phrase({first, chance(0.5) ? "and" : ",", clause(positive)});
      }
      case 1:
        return phrase({negated_clause(positive), maybe_aside(0.6)});
      case 2:
        return contrast(positive);
      case 3:
        return distant(positive);
      default:
        return noisy(positive);
    }
  }

  // "the acting was truly superb", "the film is a triumph", "we loved the music"
  std::string clause(bool good) {
    switch (random_.below(3)) {
      case 0:
        return phrase({subject(), pick(links), maybe(0.4, pick(degrees)), pick(adjectives(good))});
      case 1:
        return phrase({subject(), pick(copulas), a(pick(nouns(good)))});
      default:
        return phrase({pick(writers), std::string(verb(good).past), subject()});
    }
  }

  // "the acting was by no means superb", "the film is hardly a triumph", "we did not love the music"
  std::string negated_clause(bool meaning) {
    const bool good = !meaning;
    switch (random_.below(3)) {
      case 0:
        return phrase({subject(), pick(copulas), pick(negators), maybe(0.4, pick(degrees)), pick(adjectives(good))});
      case 1:
        return phrase({subject(), pick(copulas), pick(negators), a(pick(nouns(good)))});
      default:
        return phrase({pick(writers), pick(verb_negators), std::string(verb(good).base), subject()});
    }
  }

  std::string clause(bool meaning, double negated_share) {
    return chance(negated_share) ? negated_clause(meaning) : clause(meaning);
  }

  // The concession says the opposite of the main clause, which stands on either side of it.
  std::string contrast(bool positive) {
    constexpr double negated = 0.2;
    const std::string main = clause(positive, negated), concession = clause(!positive, negated);
    switch (random_.below(6)) {
      case 0:
        return phrase({concession, ", but", main});
      case 1:
        return phrase({concession, "; still ,", main});
      case 2:
        return phrase({"although", concession, ",", main});
      case 3:
        return phrase({"even though", concession, ",", main});
      case 4:
        return phrase({main, ", although", concession});
      default:
        return phrase({main, ", even though", concession});
    }
  }

  std::string distant(bool positive) {
    const bool affirming = chance(0.5), first_affirms = chance(0.5), second_affirms = first_affirms == affirming;
    const std::string opening =
        chance(0.5) ? phrase({pick(first_affirms ? Words(affirming_people) : Words(denying_people)), "would",
                              pick(second_affirms ? Words(affirming_verbs) : Words(denying_verbs)), "that"})
                    : phrase({pick(first_affirms ? Words(affirming_links) : Words(denying_links)),
                              pick(second_affirms ? Words(affirming_claims) : Words(denying_claims)), "that"});
    return phrase(
        {opening, ",", aside(), chance(0.5) ? "and " + aside() : "", ",", clause(positive == affirming, 0.3)});
  }

  // What others say is the opposite of what the writer says, in either order.
  std::string noisy(bool positive) {
    const std::string theirs =
        phrase({pick(others), pick(findings), subject(),
                chance(0.5) ? pick(adjectives(!positive)) : a(pick(nouns(!positive))), maybe_aside(0.5)});
    std::string own = pick(own_views);
    switch (random_.below(3)) {
      case 0:
        own = phrase({own, clause(positive, 0.5)});
        break;
      case 1:
        own = phrase({own, contrast(positive)});
        break;
      default:
        own = phrase({own, distant(positive)});
    }
    return chance(0.5) ? phrase({theirs, ";", own}) : phrase({own, ";", theirs});
  }

  // Words that say nothing about the sentiment.
  std::string aside() {
    switch (random_.below(6)) {
      case 0:
        return phrase({"after", pick(numbers), "hours in", a(pick(places)), "near", pick(cities)});
      case 1:
        return phrase({"on a", pick(days), pick(day_times), "in", pick(cities)});
      case 2:
        return phrase({"with", a(pick(people)), "and", pick(numbers), pick(people) + "s"});
      case 3:
        return phrase({"about", a(pick(people)), "in", a(pick(places))});
      case 4:
        return phrase({"between the", pick(places), "and the", pick(places)});
      default:
        return phrase({"as told by", a(pick(people)), "from", pick(cities)});
    }
  }
  std::string maybe_aside(double probability) { return chance(probability) ? aside() : ""; }

  static std::string a(const std::string& noun) {
    return (std::string_view("aeiou").find(noun.front()) == std::string_view::npos ? "a " : "an ") + noun;
  }
  std::string subject() { return "the " + pick(subjects); }
  const Verb& verb(bool good) {
    const std::span<const Verb> list = verbs(good);
    return list[random_.below(list.size())];
  }
  std::string pick(Words list) { return std::string(list[random_.below(list.size())]); }
  bool chance(double probability) { return random_.uniform() < probability; }
  std::string maybe(double probability, std::string words) { return chance(probability) ? std::move(words) : ""; }

  std::string with_typing_errors(const std::string& sentence) {
    std::string result;
    for (std::size_t begin = 0; begin < sentence.size();) {
      const std::size_t end = std::min(sentence.find(' ', begin), sentence.size());
      std::string word = sentence.substr(begin, end - begin);
      if (may_be_misspelt(word) && chance(0.2)) misspell(word);
      result += (begin == 0 ? "" : " ") + word;
      begin = end + 1;
    }
    return result;
  }

  // The first letter stays, as it does when people type. No word of praise or blame is one step from another.
  void misspell(std::string& word) {
    const std::size_t at = 1 + random_.below(word.size() - 2);
    switch (random_.below(3)) {
      case 0:
        std::swap(word[at], word[at + 1]);
        break;
      case 1:
        word.erase(at, 1);
        break;
      default:
        word.insert(at, 1, word[at]);
    }
  }

  Random random_;
};

struct Plan {
  int level;
  bool positive;
};

/// The level and label of every sample of a split: shares by largest remainders, halves of each level, shuffled.
std::vector<Plan> make_plan(std::size_t count, const SyntheticOptions& options, Split split) {
  const double total = std::accumulate(options.level_shares.begin(), options.level_shares.end(), 0.0);
  std::array<std::size_t, difficulty_levels> counts;
  std::array<double, difficulty_levels> remainders;
  for (std::size_t level = 0; level < difficulty_levels; ++level) {
    const double exact = static_cast<double>(count) * options.level_shares[level] / total;
    counts[level] = static_cast<std::size_t>(exact);
    remainders[level] = exact - std::floor(exact);
  }
  while (std::accumulate(counts.begin(), counts.end(), std::size_t{0}) < count) {
    const auto largest = std::max_element(remainders.begin(), remainders.end());
    ++counts[static_cast<std::size_t>(largest - remainders.begin())];
    *largest = -1;
  }
  std::vector<Plan> plan;
  plan.reserve(count);
  // Odd levels take turns in which label gets the one more, so that the whole split is balanced, too.
  bool positive = false;
  for (std::size_t level = 0; level < difficulty_levels; ++level)
    for (std::size_t i = 0; i < counts[level]; ++i, positive = !positive)
      plan.push_back({static_cast<int>(level), positive});
  Random(derive_key(options.seed, "synthetic order", static_cast<std::uint64_t>(split))).shuffle(plan);
  return plan;
}

}  // namespace

std::string difficulty_name(int level) {
  if (level < 0 || level >= static_cast<int>(difficulty_levels))
    throw ConfigError("there is no difficulty " + std::to_string(level) + "; expected 0 to " +
                      std::to_string(difficulty_levels - 1));
  return std::string(level_names[static_cast<std::size_t>(level)]);
}

SyntheticData SyntheticData::generate(const SyntheticOptions& options) {
  constexpr std::size_t most = 10'000'000;
  for (const std::size_t count : {options.train, options.dev})
    if (count < 2) throw ConfigError(std::to_string(count) + " samples are asked for; train and dev have at least 2");
  if (options.train > most || options.dev > most || options.test > most ||
      options.train + options.dev + options.test > most)
    throw ConfigError("more than " + std::to_string(most) + " samples are asked for");
  for (const double share : options.level_shares)
    if (!(share >= 0 && std::isfinite(share)))
      throw ConfigError("the share of a level is " + std::to_string(share) + "; expected a number ≥ 0");
  if (std::all_of(options.level_shares.begin(), options.level_shares.end(), [](double share) { return share == 0; }))
    throw ConfigError("the shares of all levels are 0");

  SyntheticData data;
  std::unordered_set<std::string> taken;
  // Test and dev come first: they stay the same when train grows.
  for (const auto& [split, count, dataset] :
       {std::tuple(Split::test, options.test, &data.test), std::tuple(Split::dev, options.dev, &data.dev),
        std::tuple(Split::train, options.train, &data.train)}) {
    dataset->file = to_string(split) + ".tsv";
    const std::vector<Plan> plan = make_plan(count, options, split);
    const std::uint64_t split_key = derive_key(options.seed, "synthetic sentences", static_cast<std::uint64_t>(split));
    for (std::size_t i = 0; i < count; ++i) {
      SentenceWriter writer(Random(derive_key(split_key, "sentence", i)));
      std::string sentence = writer.write(plan[i].level, plan[i].positive);
      while (!taken.insert(sentence).second) sentence = writer.write(plan[i].level, plan[i].positive);
      dataset->samples.push_back(
          {.text = std::move(sentence), .label = plan[i].positive ? 1 : 0, .difficulty = plan[i].level, .line = i + 2});
    }
  }
  return data;
}

void SyntheticData::save(const std::filesystem::path& folder) const {
  make_folder(folder);
  for (const Dataset* dataset : {&train, &dev, &test}) {
    if (dataset->empty()) continue;
    write_file_atomically(folder / dataset->file, [&](FileWriter& out) {
      out.write("sentence\tlabel\tdifficulty\n");
      for (const Sample& sample : dataset->samples)
        out.write(sample.text + '\t' + std::to_string(*sample.label) + '\t' + std::to_string(*sample.difficulty) +
                  '\n');
    });
  }
}

}  // namespace sharcs::internal
