#include "train/adamw.hpp"

#include <cmath>

#include "kernels/elementwise.hpp"

namespace sharcs {

template <class T>
Adamw<T>::Adamw(const ParameterLayout& layout, const AdamwOptions& options)
    : options_(options), first_moments_(layout), second_moments_(layout), step_counts_(layout.specs().size(), 0) {}

template <class T>
void Adamw<T>::step(ParameterStore<T>& values, const ParameterStore<T>& gradients,
                    const std::vector<bool>& participates, double learning_rate, double gradient_scale) {
  const auto specs = values.layout().specs();
  for (std::size_t i = 0; i < specs.size(); ++i) {
    if (!participates[i]) continue;
    const double t = static_cast<double>(++step_counts_[i]);
    const double correction = std::sqrt(1 - std::pow(options_.beta2, t)) / (1 - std::pow(options_.beta1, t));
    kernels::adamw<T>(values.values(i), first_moments_.values(i), second_moments_.values(i), gradients.values(i),
                      {.step_size = learning_rate * correction,
                       .beta1 = options_.beta1,
                       .beta2 = options_.beta2,
                       .eps = options_.eps,
                       .decay = specs[i].decays() ? learning_rate * options_.weight_decay : 0,
                       .gradient_scale = gradient_scale});
  }
}

template class Adamw<float>;
template class Adamw<double>;

}  // namespace sharcs
