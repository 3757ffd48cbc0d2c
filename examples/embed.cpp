// Finds the sentence that is most like the first one, by the vectors of a layer:
//
//   embed models/minilm 6 "a wonderful film" "the weather is fine" "a great movie"

#include <cstdlib>
#include <iostream>
#include <numeric>
#include <sharcs/classifier.hpp>
#include <sharcs/error.hpp>

int main(int argc, char** argv) {
  if (argc < 5) {
    std::cerr << "usage: embed MODEL LAYER SENTENCE SENTENCE...\n";
    return 1;
  }
  try {
    const auto classifier = sharcs::Classifier::load(argv[1]);
    const std::vector<std::string> sentences(argv + 3, argv + argc);

    // The mean of each sentence's tokens after the layer, with length 1: layers behind it do not run.
    const auto vectors = classifier.embed(sentences, {.layer = std::atoi(argv[2]), .normalize = true});

    std::size_t nearest = 1;
    std::vector<float> cosines(sentences.size());
    for (std::size_t i = 1; i < sentences.size(); ++i) {
      cosines[i] = std::inner_product(vectors[0].begin(), vectors[0].end(), vectors[i].begin(), 0.0F);
      if (cosines[i] > cosines[nearest]) nearest = i;
      std::cout << cosines[i] << "  " << sentences[i] << '\n';
    }
    std::cout << "most like \"" << sentences[0] << "\": " << sentences[nearest] << '\n';
  } catch (const sharcs::Error& error) {
    std::cerr << "embed: " << error.what() << '\n';
    return 2;
  }
}
