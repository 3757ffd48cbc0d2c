// Classifies sentences with a trained model, and shows at which width each was read and what that cost:
//
//   classify runs/sst2 "a wonderful film" "it is not a dull story"

#include <algorithm>
#include <iostream>
#include <sharcs/classifier.hpp>
#include <sharcs/error.hpp>
#include <sharcs/model.hpp>

int main(int argc, char** argv) {
  if (argc < 3) {
    std::cerr << "usage: classify MODEL SENTENCE...\n";
    return 1;
  }
  try {
    const auto classifier = sharcs::Classifier::load(argv[1]);
    const sharcs::ModelConfig& config = classifier.engine().config();
    const sharcs::Width& widest = classifier.engine().widths().widest();

    // All at once: easy and hard sentences share a batch, each at its own width.
    const std::vector<std::string> sentences(argv + 2, argv + argc);
    const std::vector<sharcs::Prediction> predictions = classifier.classify(sentences);
    for (std::size_t i = 0; i < sentences.size(); ++i) {
      const sharcs::Prediction& prediction = predictions[i];
      const auto length =
          static_cast<std::int64_t>(classifier.tokenizer().encode(sentences[i], classifier.max_tokens()).ids.size());
      const double full = static_cast<double>(sharcs::multiply_adds(config, widest, length));
      std::cout << sentences[i] << "\n  ";
      if (config.is_regression())
        std::cout << "score " << prediction.logits[0];
      else
        std::cout << classifier.label_name(prediction.label) << " (probability "
                  << *std::max_element(prediction.probabilities.begin(), prediction.probabilities.end()) << ')';
      std::cout << ", width " << prediction.width << ", " << static_cast<double>(prediction.multiply_adds) / full
                << " of the multiply-adds\n";
    }
  } catch (const sharcs::Error& error) {
    std::cerr << "classify: " << error.what() << '\n';
    return 2;
  }
}
