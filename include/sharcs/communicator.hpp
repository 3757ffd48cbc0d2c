#pragma once

#include <cstddef>
#include <memory>
#include <span>

namespace [[gnu::visibility("default")]] sharcs {

/// The processes ("ranks") that train one model together, each with a copy of it (see Trainer). All functions but
/// rank(), ranks() and end_job() are collective: every rank calls them in the same order with spans of the same size,
/// and waits for the others.
class Communicator {
 public:
  /// This process by itself.
  static Communicator& alone();
  /// All processes that mpirun or srun has started together; this process by itself when no one has. Call it once.
  /// Throws ConfigError when there are several but the library was built without MPI.
  static std::unique_ptr<Communicator> world();

  virtual ~Communicator() = default;

  virtual int rank() const = 0;   ///< of this process, from 0
  virtual int ranks() const = 0;  ///< how many there are
  bool is_first() const { return rank() == 0; }

  /// Replaces each element by its sum over all ranks, which gets the same bits everywhere.
  virtual void sum(std::span<float> values) = 0;
  virtual void sum(std::span<double> values) = 0;
  /// Replaces the bytes by those of rank 0.
  virtual void broadcast(std::span<std::byte> bytes) = 0;

  /// Ends this process and all others at once, wherever they are.
  [[noreturn]] virtual void end_job(int exit_code) = 0;
};

}  // namespace gnu::visibility("default")]]sharcs
