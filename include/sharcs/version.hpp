#pragma once

namespace [[gnu::visibility("default")]] sharcs {

/// "major.minor.patch" of the library that is linked (Semantic Versioning 2.0).
const char* version();

}  // namespace gnu::visibility("default")]]sharcs
