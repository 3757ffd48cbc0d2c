#pragma once

namespace sharcs {

/// "major.minor.patch" of the library that is linked (Semantic Versioning 2.0).
const char* version();

}  // namespace sharcs
