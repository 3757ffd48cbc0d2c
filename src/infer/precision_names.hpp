#pragma once

#include "core/enum_names.hpp"
#include "sharcs/engine.hpp"

namespace sharcs::internal {

template <>
struct EnumNames<Precision> {
  static constexpr const char* what = "the precision";
  static constexpr EnumName<Precision> all[] = {
      {Precision::fp32, "fp32"}, {Precision::bf16, "bf16"}, {Precision::int8, "int8"}};
};

}  // namespace sharcs::internal
