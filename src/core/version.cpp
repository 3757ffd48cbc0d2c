#include "sharcs/error.hpp"

namespace sharcs {
using namespace internal;
const char* version() { return SHARCS_VERSION; }
}  // namespace sharcs
