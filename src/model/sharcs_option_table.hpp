#pragma once

#include "io/option_table.hpp"
#include "sharcs/model_config.hpp"

namespace sharcs::internal {

template <>
struct EnumNames<FullWidthNorm> {
  static constexpr const char* what = "the norm of full width";
  static constexpr EnumName<FullWidthNorm> all[] = {{FullWidthNorm::plain, "plain"},
                                                    {FullWidthNorm::private_, "private"}};
};

template <>
struct EnumNames<ExitPooling> {
  static constexpr const char* what = "the pooling of exits";
  static constexpr EnumName<ExitPooling> all[] = {{ExitPooling::mean, "mean"},
                                                  {ExitPooling::first_token, "first_token"}};
};

/// What SharcsConfig has but the routing rule: the settings of "sharcs" in config.json, the flags of `sharcs train` for
/// them and their lines in docs/options.md.
const OptionTable<SharcsConfig>& sharcs_option_table();

}  // namespace sharcs::internal
