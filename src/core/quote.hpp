#pragma once

#include <string>
#include <string_view>

namespace sharcs::internal {

/// Text from a file as it may stand in a one-line message: in double quotes, control characters as \x0a, cut after
/// about 100 bytes, between two characters.
std::string quote(std::string_view text);

}  // namespace sharcs::internal
