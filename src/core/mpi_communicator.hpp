#pragma once

#include <memory>

#include "sharcs/communicator.hpp"

namespace sharcs::internal {

/// MPI_COMM_WORLD. Initialises MPI unless someone has, and finalises it in the end if so. Only in builds with MPI.
std::unique_ptr<Communicator> mpi_world();

}  // namespace sharcs::internal
