#include "sharcs/communicator.hpp"

#include <cstdlib>
#include <string>

#include "core/mpi_communicator.hpp"
#include "sharcs/error.hpp"

namespace sharcs {
namespace {

class Alone final : public Communicator {
 public:
  int rank() const override { return 0; }
  int ranks() const override { return 1; }
  void sum(std::span<float>) override {}
  void sum(std::span<double>) override {}
  void broadcast(std::span<std::byte>) override {}
  [[noreturn]] void end_job(int exit_code) override { std::exit(exit_code); }
};

/// How many processes a launcher has started together, as it says itself; 0: no launcher has. Without one MPI must not
/// be initialised: that costs time, and where its daemons cannot be started it ends the program.
int launched_processes() {
  // Open MPI's mpirun; PMI-1 and PMI-2 of MPICH and Slurm. Slurm's PMIx tells the rank alone, and the number as Slurm.
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"})
    if (const char* value = std::getenv(name)) return std::atoi(value);
  if (std::getenv("PMIX_RANK") == nullptr) return 0;
  const char* const tasks = std::getenv("SLURM_NTASKS");
  return tasks != nullptr ? std::atoi(tasks) : 1;
}

}  // namespace

Communicator& Communicator::alone() {
  static Alone only;
  return only;
}

std::unique_ptr<Communicator> Communicator::world() {
  const int processes = launched_processes();
  if (processes <= 1) return std::make_unique<Alone>();
#ifdef SHARCS_HAS_MPI
  return mpi_world();
#else
  throw ConfigError(
      "started as one of " + std::to_string(processes) +
      " processes, but sharcs was built without MPI; expected one process, or a build with -DSHARCS_MPI=ON");
#endif
}

}  // namespace sharcs
