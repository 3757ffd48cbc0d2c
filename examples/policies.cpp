// Gives each sentence the policy that its customer has, all of them in one batch:
//
//   policies runs/sst2 fast "a wonderful film" exact "it is not a dull story"

#include <iostream>
#include <sharcs/classifier.hpp>
#include <sharcs/error.hpp>

int main(int argc, char** argv) {
  if (argc < 4 || argc % 2 != 0) {
    std::cerr << "usage: policies MODEL {fast|careful|exact SENTENCE}...\n";
    return 1;
  }
  try {
    const auto classifier = sharcs::Classifier::load(argv[1]);
    const sharcs::WidthSet& widths = classifier.engine().widths();

    std::vector<std::string> sentences;
    std::vector<sharcs::Policy> policies;
    for (int i = 2; i < argc; i += 2) {
      const std::string wish = argv[i];
      sentences.emplace_back(argv[i + 1]);
      if (wish == "fast")
        policies.push_back(sharcs::Policy::fixed(widths[0].fraction()));
      else if (wish == "careful")
        policies.push_back(sharcs::Policy::cascade(0.95));  // the narrow width only where it is sure
      else
        policies.push_back(sharcs::Policy::fixed(widths.widest().fraction()));
    }

    const auto predictions = classifier.classify(sentences, {.policies = policies});
    for (std::size_t i = 0; i < sentences.size(); ++i) {
      const sharcs::Prediction& prediction = predictions[i];
      std::cout << sentences[i] << "\n  by " << policies[i].name() << ": answered by " << prediction.answer << ", "
                << prediction.multiply_adds << " multiply-adds";
      for (std::size_t label = 0; label < prediction.probabilities.size(); ++label)
        std::cout << ", " << classifier.label_name(static_cast<int>(label)) << ' ' << prediction.probabilities[label];
      std::cout << '\n';
    }
  } catch (const sharcs::Error& error) {
    std::cerr << "policies: " << error.what() << '\n';
    return 2;
  }
}
