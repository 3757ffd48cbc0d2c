#pragma once

#include <string>
#include <string_view>

namespace sharcs {

/// Text from a file as it may stand in a one-line message: in double quotes, control characters as \x0a, cut after 100
/// bytes.
std::string quote(std::string_view text);

}  // namespace sharcs
