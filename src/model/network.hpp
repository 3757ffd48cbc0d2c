#pragma once

#include <memory>
#include <string>
#include <utility>

#include "model/encoder.hpp"

namespace sharcs::internal {

/// A trainable model: the parameters in one buffer, and an encoder over them.
template <class T>
class Network {
 public:
  /// All parameters zero; pack() has to follow once they have values. Throws ConfigError.
  explicit Network(const ModelConfig& config);
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  const ModelConfig& config() const { return encoder_.config; }
  /// As Model::set_task.
  void set_task(const std::optional<TaskSpec>& task) { encoder_.config.task = task; }
  /// How many tokens training cuts its texts to (ModelConfig::max_length).
  void set_max_length(int tokens) { encoder_.config.max_length = tokens; }
  /// As Model::set_policy.
  void set_policy(std::optional<PolicyRule> rule);
  const WidthSet& widths() const { return encoder_.widths; }
  const ParameterLayout& layout() const { return layout_; }
  ParameterStore<T>& values() { return values_; }
  const ParameterStore<T>& values() const { return values_; }
  /// What passes run on: as of the last pack().
  const Encoder<T>& encoder() const { return encoder_; }

  /// Gives every parameter its starting value, as BERT does: N(0, initializer_range²), zero biases, LayerNorms (1, 0),
  /// reduction weights r. Each parameter draws from a stream of its own, so adding one does not change the others.
  void initialise(std::uint64_t seed);
  void initialise(std::size_t parameter, std::uint64_t seed);

  /// Packs the linear layers' weights anew after the values have changed.
  void pack();
  /// What the operands of the large products are rounded to from the next pack() on; see becomes_bf16(). The values
  /// themselves are never rounded.
  void set_product_numbers(kernels::Numbers numbers) { product_numbers_ = numbers; }

 private:
  ParameterLayout layout_;
  ParameterStore<T> values_;
  Encoder<T> encoder_;
  kernels::Numbers product_numbers_ = kernels::Numbers::whole;
};

}  // namespace sharcs::internal
