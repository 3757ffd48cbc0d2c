#pragma once

#include <cstddef>
#include <memory>
#include <span>

namespace [[gnu::visibility("default")]] sharcs {

/// How several processes, the "ranks", train one model together. Each has its own copy of the model (see Trainer).
///
/// sum() and broadcast() are collective: all ranks make the same calls in the same order, with spans of the same size,
/// and each call waits for the other ranks.
class Communicator {
 public:
  /// This process by itself, as the only rank.
  static Communicator& alone();
  /// All processes that mpirun or srun has started together; just this process when neither has. Call it once.
  /// Throws ConfigError when there are several processes but the library was built without MPI.
  static std::unique_ptr<Communicator> world();

  virtual ~Communicator() = default;

  virtual int rank() const = 0;   ///< the number of this process, from 0
  virtual int ranks() const = 0;  ///< how many processes there are
  bool is_first() const { return rank() == 0; }

  /// Replaces each element by its sum over all ranks. All ranks get the same bits.
  virtual void sum(std::span<float> values) = 0;
  virtual void sum(std::span<double> values) = 0;  ///< the same
  /// Replaces the bytes by those of rank 0.
  virtual void broadcast(std::span<std::byte> bytes) = 0;

  /// Ends this process and all others at once, whatever they are doing.
  [[noreturn]] virtual void end_job(int exit_code) = 0;
};

}  // namespace sharcs
