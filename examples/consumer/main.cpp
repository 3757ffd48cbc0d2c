// Prints the library's version, and what each width of a BERT-base encoder costs.
#include <cstdio>
#include <sharcs/cost.hpp>
#include <sharcs/model_config.hpp>
#include <sharcs/version.hpp>
#include <sharcs/width_set.hpp>

int main() {
  std::printf("sharcs %s\n", sharcs::version());
  const sharcs::ModelConfig config{.sharcs = sharcs::SharcsConfig{.width_mult_list = {0.25, 0.5, 1.0}}};
  const sharcs::WidthSet widths(config);
  const double full = static_cast<double>(sharcs::multiply_adds(config, widths.widest(), 32));
  for (const sharcs::Width& width : widths) {
    const double cost = static_cast<double>(sharcs::multiply_adds(config, width, 32));
    std::printf("width %.2f: %.2f of the multiply-adds\n", width.fraction(), cost / full);
  }
}
