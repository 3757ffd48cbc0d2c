// Answers questions from a text, by a model that finds answers, and shows what each answer cost:
//
//   answer runs/squad "Paris is the capital of France. It lies on the Seine." "Where does Paris lie?"

#include <iostream>
#include <sharcs/classifier.hpp>
#include <sharcs/error.hpp>

int main(int argc, char** argv) {
  if (argc < 4) {
    std::cerr << "usage: answer MODEL TEXT QUESTION...\n";
    return 1;
  }
  try {
    const auto classifier = sharcs::Classifier::load(argv[1]);
    std::vector<sharcs::TextPair> questions;
    for (int i = 3; i < argc; ++i) questions.push_back({.text = argv[i], .pair = argv[2]});

    // All at once. A text that is too long for the model is read in windows.
    const std::vector<sharcs::FoundAnswer> answers = classifier.answer(questions);
    for (std::size_t i = 0; i < questions.size(); ++i) {
      const sharcs::FoundAnswer& found = answers[i];
      const double share = static_cast<double>(found.prediction.multiply_adds) /
                           static_cast<double>(found.prediction.full_multiply_adds);
      std::cout << questions[i].text << "\n  " << (found.text.empty() ? "(no answer)" : found.text) << " (bytes "
                << found.range.begin << " to " << found.range.end << ", probability " << found.probability
                << "), answered by " << found.prediction.answer << ", " << share << " of the multiply-adds\n";
    }
  } catch (const sharcs::Error& error) {
    std::cerr << "answer: " << error.what() << '\n';
    return 2;
  }
}
