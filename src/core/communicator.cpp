#include "sharcs/communicator.hpp"

#include <cstdlib>

#include "core/mpi_communicator.hpp"
#include "sharcs/error.hpp"

namespace sharcs {
using namespace internal;
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

/// Whether a launcher has started several processes, as it says itself. Where none has, MPI must not be initialised:
/// that costs time, and where its daemons cannot be started it ends the program.
bool is_one_of_several() {
  const auto is_more_than_one = [](const char* number) { return std::atoi(number) > 1; };
  // Open MPI's mpirun; PMI-1 and PMI-2 of MPICH and Slurm.
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"})
    if (const char* value = std::getenv(name)) return is_more_than_one(value);
  // PMIx tells the rank alone, Slurm the number.
  const char* const tasks = std::getenv("SLURM_NTASKS");
  return std::getenv("PMIX_RANK") != nullptr && (tasks == nullptr || is_more_than_one(tasks));
}

}  // namespace

Communicator& Communicator::alone() {
  static Alone only;
  return only;
}

std::unique_ptr<Communicator> Communicator::world() {
  if (!is_one_of_several()) return std::make_unique<Alone>();
#ifdef SHARCS_HAS_MPI
  return mpi_world();
#else
  throw ConfigError(
      "started as one of several processes, but sharcs was built without MPI; expected one process, or a build with "
      "-DSHARCS_MPI=ON");
#endif
}

}  // namespace sharcs
