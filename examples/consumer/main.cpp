// Classifies sentences, or says what each width of a BERT-base encoder costs when there are none:
//
//   consumer runs/quickstart/model "a wonderful film" "it is not a dull story"
#include <cstdio>
#include <sharcs/classifier.hpp>
#include <sharcs/error.hpp>
#include <sharcs/model.hpp>

namespace {

void print_costs() {
  const sharcs::ModelConfig config{.sharcs = sharcs::SharcsConfig{.width_mult_list = {0.25, 0.5, 1.0}}};
  const sharcs::WidthSet widths(config);
  const auto full = static_cast<double>(sharcs::multiply_adds(config, widths.widest(), 32));
  for (const sharcs::Width& width : widths) {
    const auto cost = static_cast<double>(sharcs::multiply_adds(config, width, 32));
    std::printf("width %.2f: %.2f of the multiply-adds\n", width.fraction(), cost / full);
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::printf("sharcs %s\n", sharcs::version());
  if (argc < 3) {
    print_costs();
    return 0;
  }
  try {
    const auto classifier = sharcs::Classifier::load(argv[1]);
    for (int i = 2; i < argc; ++i) {
      const sharcs::Prediction prediction = classifier.classify(std::string(argv[i]));
      std::printf("%s: %s, at width %g\n", argv[i], classifier.label_name(prediction.label).c_str(), prediction.width);
    }
  } catch (const sharcs::Error& error) {
    std::fprintf(stderr, "consumer: %s\n", error.what());
    return 2;
  }
}
