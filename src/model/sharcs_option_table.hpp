#pragma once

#include "io/option_table.hpp"
#include "sharcs/model_config.hpp"

namespace sharcs::internal {

/// What SharcsConfig has but the routing rule: the settings of "sharcs" in config.json, the flags of `sharcs train` for
/// them and their lines in docs/options.md.
const OptionTable<SharcsConfig>& sharcs_option_table();

}  // namespace sharcs::internal
