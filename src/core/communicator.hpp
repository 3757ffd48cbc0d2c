#pragma once

#include <cstdlib>

#include "sharcs/communicator.hpp"

namespace sharcs::internal {

/// A process that works alone: it is the only rank.
class SingleProcess final : public Communicator {
 public:
  int rank() const override { return 0; }
  int ranks() const override { return 1; }
  void sum(std::span<float>) override {}
  void sum(std::span<double>) override {}
  void broadcast(std::span<std::byte>) override {}
  [[noreturn]] void end_job(int exit_code) override { std::exit(exit_code); }
};

}  // namespace sharcs::internal
