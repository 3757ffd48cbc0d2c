// Fills the masks of texts, by a model that was trained by masked tokens, and shows what each text cost:
//
//   fill runs/encoder "the film was [MASK]" "[MASK] and cheese"

#include <iostream>
#include <sharcs/classifier.hpp>
#include <sharcs/error.hpp>

int main(int argc, char** argv) {
  if (argc < 3) {
    std::cerr << "usage: fill MODEL TEXT...\n";
    return 1;
  }
  try {
    const auto classifier = sharcs::Classifier::load(argv[1]);
    const std::vector<std::string> texts(argv + 2, argv + argc);

    // All at once, the three likeliest tokens for each mask.
    const std::vector<sharcs::FilledText> filled = classifier.fill(texts, 3);
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const sharcs::Prediction& prediction = filled[i].prediction;
      const double share =
          static_cast<double>(prediction.multiply_adds) / static_cast<double>(prediction.full_multiply_adds);
      std::cout << texts[i] << "\n  answered by " << prediction.answer << ", " << share << " of the multiply-adds\n";
      for (const std::vector<sharcs::MaskFilling>& mask : filled[i].masks) {
        for (const sharcs::MaskFilling& filling : mask)
          std::cout << "  " << filling.token << ' ' << filling.probability;
        std::cout << '\n';
      }
    }
  } catch (const sharcs::Error& error) {
    std::cerr << "fill: " << error.what() << '\n';
    return 2;
  }
}
