// Communicator::world(): the processes that mpirun or srun has started. No other file includes mpi.h, and this one only
// in builds with MPI.
#include <cstdlib>

#include "core/communicator.hpp"
#include "sharcs/error.hpp"

#ifdef SHARCS_HAS_MPI
#include <mpi.h>

#include <algorithm>
#endif

namespace sharcs {
using namespace internal;
namespace {

/// Whether a launcher has started several processes, as its environment variables say. If not, MPI must not be
/// initialised: that takes time, and it ends the program where MPI's daemons cannot be started.
bool is_one_of_several() {
  const auto is_more_than_one = [](const char* number) { return std::atoi(number) > 1; };
  // Open MPI's mpirun; PMI-1 and PMI-2 of MPICH and Slurm.
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"})
    if (const char* value = std::getenv(name)) return is_more_than_one(value);
  // PMIx says which rank this is, but not how many there are; Slurm says how many.
  const char* const tasks = std::getenv("SLURM_NTASKS");
  return std::getenv("PMIX_RANK") != nullptr && (tasks == nullptr || is_more_than_one(tasks));
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
  if (!is_one_of_several()) return std::make_unique<SingleProcess>();
#ifdef SHARCS_HAS_MPI
  return std::make_unique<MpiCommunicator>();
#else
  throw ConfigError(
      "started as one of several processes, but sharcs was built without MPI; expected one process, or a build with "
      "-DSHARCS_MPI=ON");
#endif
}

}  // namespace sharcs
