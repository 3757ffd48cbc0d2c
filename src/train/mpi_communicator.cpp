// Communicator::world(): the processes that mpirun or srun has started. No other file includes mpi.h, and this one only
// in builds with MPI.
#include <cstdlib>
#include <optional>
#include <string>

#include "core/communicator.hpp"
#include "sharcs/error.hpp"

#ifdef SHARCS_HAS_MPI
#include <mpi.h>

#include <algorithm>
#endif

namespace sharcs {
using namespace internal;
namespace {

/// What an environment variable says; none where it is not set or is no number.
std::optional<int> number_in(const char* name) {
  const char* const value = std::getenv(name);
  const int number = value == nullptr ? 0 : std::atoi(value);
  return number > 0 ? std::optional(number) : std::nullopt;
}

/// How many processes a launcher has started together, as its environment variables say; none where they do not. 1: MPI
/// must not be initialised, since that takes time and ends the program where MPI's daemons cannot be started.
std::optional<int> launched_processes() {
  // Open MPI's mpirun; PMI-1 and PMI-2 of MPICH and Slurm.
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"})
    if (const auto number = number_in(name)) return number;
  // PMIx says which rank this is, but not how many there are; Slurm says how many.
  if (std::getenv("PMIX_RANK") != nullptr) return number_in("SLURM_NTASKS");
  return 1;
}

/// Slurm has several tasks, and this process does not know the others: each would train all of it by itself.
void refuse_lonely_task() {
  const auto tasks = number_in("SLURM_NTASKS");
  const bool has_launcher = std::getenv("OMPI_COMM_WORLD_SIZE") || std::getenv("PMI_SIZE") || std::getenv("PMIX_RANK");
  if (!has_launcher && tasks.value_or(1) > 1)
    throw ConfigError("Slurm has " + std::to_string(*tasks) +
                      " tasks (SLURM_NTASKS), but this process is alone; expected srun --mpi=pmix or mpirun before the "
                      "command, or srun -n 1 for one process");
}

#ifdef SHARCS_HAS_MPI

// Larger pieces leave the caches between the passes of an all-reduce; smaller ones make the ranks wait for each other
// more often, which costs most where they share cores with something else.
constexpr std::size_t piece_bytes = 1 << 22;
constexpr std::size_t most_bytes = 1 << 30;  // MPI counts in int

/// Calls body(piece, elements) for consecutive pieces of at most `bytes` bytes.
template <class T, class Body>
void for_each_piece(std::span<T> values, std::size_t bytes, const Body& body) {
  const std::size_t size = bytes / sizeof(T);
  for (std::size_t first = 0; first < values.size(); first += size) {
    const auto piece = values.subspan(first, std::min(size, values.size() - first));
    body(piece.data(), static_cast<int>(piece.size()));
  }
}

/// MPI_COMM_WORLD. Initialises MPI unless someone has done so already, and then also finalises it in the end.
///
/// No return value is checked: on an error MPI's own handler prints a message and ends the job.
class MpiCommunicator final : public Communicator {
 public:
  MpiCommunicator() {
    int is_initialized = 0;
    MPI_Initialized(&is_initialized);
    owns_mpi_ = is_initialized == 0;
    if (owns_mpi_) {
      int provided = 0;
      MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided);
    }
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks_);
  }
  ~MpiCommunicator() override {
    if (owns_mpi_) MPI_Finalize();
  }
  MpiCommunicator(const MpiCommunicator&) = delete;
  MpiCommunicator& operator=(const MpiCommunicator&) = delete;

  int rank() const override { return rank_; }
  int ranks() const override { return ranks_; }

  void sum(std::span<float> values) override { sum(values, MPI_FLOAT); }
  void sum(std::span<double> values) override { sum(values, MPI_DOUBLE); }
  void broadcast(std::span<std::byte> bytes) override {
    for_each_piece(bytes, most_bytes,
                   [](std::byte* data, int count) { MPI_Bcast(data, count, MPI_BYTE, 0, MPI_COMM_WORLD); });
  }
  [[noreturn]] void end_job(int exit_code) override {
    MPI_Abort(MPI_COMM_WORLD, exit_code);
    std::abort();  // MPI_Abort does not return, but does not say so
  }

 private:
  template <class T>
  void sum(std::span<T> values, MPI_Datatype type) {
    for_each_piece(values, piece_bytes, [type](T* data, int count) {
      MPI_Allreduce(MPI_IN_PLACE, data, count, type, MPI_SUM, MPI_COMM_WORLD);
    });
  }

  bool owns_mpi_ = false;
  int rank_ = 0;
  int ranks_ = 1;
};

#endif

}  // namespace

std::unique_ptr<Communicator> Communicator::world() {
  refuse_lonely_task();
  const std::optional<int> launched = launched_processes();
  if (launched == 1) return std::make_unique<SingleProcess>();
#ifdef SHARCS_HAS_MPI
  auto world = std::make_unique<MpiCommunicator>();
  if (launched && world->ranks() != *launched)
    throw ConfigError(std::to_string(*launched) + " processes were started, but MPI knows " +
                      std::to_string(world->ranks()) +
                      "; expected the launcher of the MPI library that sharcs was built with");
  return world;
#else
  throw ConfigError(
      "started as one of several processes, but sharcs was built without MPI; expected one process, or a build with "
      "-DSHARCS_MPI=ON");
#endif
}

}  // namespace sharcs
