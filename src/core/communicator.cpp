#include "core/communicator.hpp"

namespace sharcs {
using namespace internal;

Communicator& Communicator::alone() {
  static SingleProcess only;
  return only;
}

}  // namespace sharcs
