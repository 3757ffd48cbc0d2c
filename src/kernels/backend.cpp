#include "kernels/backend.hpp"

#include <atomic>
#include <cstdlib>
#include <string>

#include "sharcs/error.hpp"

namespace sharcs::internal::kernels {
namespace {

Backend from_name(const std::string& name, const char* source) {
  if (name == "simd") return Backend::simd;
  if (name == "portable") return Backend::portable;
  throw ConfigError(std::string(source) + ": found \"" + name + "\", expected \"simd\" or \"portable\"");
}

std::atomic<Backend>& current() {
  static std::atomic<Backend> backend = [] {
    const char* name = std::getenv("SHARCS_KERNELS");
    return name != nullptr ? from_name(name, "environment variable SHARCS_KERNELS")
                           : from_name(SHARCS_DEFAULT_KERNELS, "SHARCS_KERNELS");
  }();
  return backend;
}

}  // namespace

Backend backend() { return current(); }
void set_backend(Backend backend) { current() = backend; }

}  // namespace sharcs::internal::kernels
