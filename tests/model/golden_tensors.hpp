#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "formats/tensor_source.hpp"

namespace sharcs::internal::testing {

/// The tensors of a golden file, as doubles (F32) or integers (I64).
class GoldenTensors {
 public:
  explicit GoldenTensors(const std::filesystem::path& file) : source_(open_checkpoint(file)) {}

  bool has(const std::string& name) const { return source_.find(name) != nullptr; }
  std::vector<Index> shape(const std::string& name) const { return source_.find(name)->shape; }
  std::vector<double> values(const std::string& name) const { return source_.read<double>(name); }
  std::vector<std::int64_t> integers(const std::string& name) const { return source_.read<std::int64_t>(name); }
  std::span<const TensorInfo> tensors() const { return source_.tensors(); }

 private:
  TensorSource source_;
};

}  // namespace sharcs::internal::testing
