#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/matrix_view.hpp"
#include "formats/tensor_source.hpp"

namespace sharcs::internal {

/// A run of elements that tensors share, as a pickle names it.
struct TorchStorage {
  std::string key;
  DType dtype;
  Index first = 0;  ///< where a view of it begins
  Index count;      ///< elements, of the view
  Index total;      ///< elements, of the whole
};

/// A tensor as a pickle describes it. Nothing is checked against the storage's size.
struct TorchTensor {
  const TorchStorage* storage;
  Index offset;
  std::vector<Index> shape, strides;
};

/// Reads the pickles that torch.save writes for a dictionary of tensors, and executes nothing. The few functions that
/// such a pickle calls (OrderedDict, torch._utils._rebuild_tensor_v2, …) are known by name. Any other name, instruction
/// or use of them is refused with a CheckpointError that says which.
///
/// Time and memory are linear in the length of the pickle, whatever it says.
/// Format: https://docs.python.org/3/library/pickletools.html
class TorchPickle {
 public:
  struct None {};
  enum class Callable { ordered_dict, rebuild_tensor, rebuild_tensor_v2, rebuild_parameter };
  struct Sequence;
  using Value = std::variant<None, bool, std::int64_t, double, std::string_view, Callable, DType, const TorchStorage*,
                             const TorchTensor*, Sequence*>;
  /// What a pickle builds up: the values of a tuple or a list, or a dictionary's keys and values by turns.
  struct Sequence {
    enum class Kind { tuple, list, dictionary } kind;
    std::vector<Value> values;
  };

  /// `place` begins messages: "pytorch_model.bin: data.pkl".
  explicit TorchPickle(std::string place) : place_(std::move(place)) {}
  TorchPickle(const TorchPickle&) = delete;
  TorchPickle& operator=(const TorchPickle&) = delete;

  /// Reads the pickle at the front of `bytes`, and moves the front behind it. The value lives as long as this object
  /// and `bytes`, which text refers to.
  Value run(std::span<const std::byte>& bytes);

  /// The storages that the pickles have named so far, each as often as it was named.
  const std::deque<TorchStorage>& storages() const { return storages_; }

  /// The name of a value's type, for messages.
  static std::string type_name(const Value& value);

 private:
  class Machine;

  std::string place_;
  // Values refer to each other, perhaps in circles. These own them.
  std::deque<Sequence> sequences_;
  std::deque<TorchStorage> storages_;
  std::deque<TorchTensor> tensors_;
};

}  // namespace sharcs::internal
