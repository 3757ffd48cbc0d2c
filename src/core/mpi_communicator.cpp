// Compiled in builds with MPI only. No other file includes mpi.h.
#include "core/mpi_communicator.hpp"

#include <mpi.h>

#include <algorithm>
#include <cstdlib>

namespace sharcs::internal {
namespace {

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

/// MPI's own handler of errors ends the job with a message, so no result is looked at.
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

}  // namespace

std::unique_ptr<Communicator> mpi_world() { return std::make_unique<MpiCommunicator>(); }

}  // namespace sharcs::internal
