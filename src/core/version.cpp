#include "sharcs/version.hpp"

namespace sharcs {
const char* version() { return SHARCS_VERSION; }
}  // namespace sharcs
