#include "core/threads.hpp"

#include <omp.h>

#include <utility>

#include "core/available_cores.hpp"

namespace sharcs::internal {
namespace {

/// What a thread has to know of its parallel work.
struct Standing {
  int count = 0;                         // of the innermost scope; 0: no scope
  int scopes = 0;                        // that are open
  double spin_of_scopes = spin_of_call;  // what the outermost one says
  bool in_part = false;                  // of a piece
  double spin_seconds = 0;               // of the part's crew
  Crew* crew = nullptr;                  // of the scopes
  SharedWork shared;
};
thread_local Standing standing;

/// Runs a part with thread_count() of 1.
void run_part(const Piece& piece, int part, double spin_seconds) {
  struct Inside {
    bool was_in_part;
    double spin_before;
    ~Inside() {
      standing.in_part = was_in_part;
      standing.spin_seconds = spin_before;
    }
  } inside = {std::exchange(standing.in_part, true), std::exchange(standing.spin_seconds, spin_seconds)};
  piece.run(piece.body, part);
}

/// A piece whose parts run as parts.
struct CrewPiece {
  const Piece& piece;
  double spin_seconds;

  Piece inside() const {
    return {this, [](const void* typed, int part) {
              const auto& outer = *static_cast<const CrewPiece*>(typed);
              run_part(outer.piece, part, outer.spin_seconds);
            }};
  }
};

/// A crew for so many parts, the scope's where it is large enough. It has no more threads than there are cores: one too
/// many takes a core from another one, which the rest then wait for.
Crew* crew_of(int count) {
  const int most = std::max(2, available_cores());
  Crew*& crew = standing.crew;
  if (crew != nullptr && crew->is_alive() && crew->size() >= std::min(count, most)) return crew;
  if (crew != nullptr) Crew::give_back(std::exchange(crew, nullptr));
  return Crew::take(std::min(std::max(count, standing.count), most), standing.spin_of_scopes);
}

}  // namespace

int thread_count() {
  if (standing.in_part || omp_in_parallel()) return 1;
  if (standing.count > 0) return standing.count;
  // Another number than that of the processors is somebody's wish.
  const int wished = omp_get_max_threads();
  return wished == omp_get_num_procs() ? available_cores() : wished;
}

ThreadScope::ThreadScope(int count, double spin_seconds) : before_(std::exchange(standing.count, count)) {
  if (standing.scopes++ == 0) standing.spin_of_scopes = spin_seconds;
}

ThreadScope::~ThreadScope() {
  standing.count = before_;
  if (--standing.scopes > 0) return;
  standing.spin_of_scopes = spin_of_call;
  if (standing.crew != nullptr) Crew::give_back(std::exchange(standing.crew, nullptr));
}

void run_parts(int count, const Piece& piece) {
  Crew* const crew = count > 1 && !standing.in_part && !omp_in_parallel() ? crew_of(count) : nullptr;
  if (crew == nullptr) {
    for (int part = 0; part < count; ++part) run_part(piece, part, 0);
    return;
  }
  struct Loan {
    Crew* crew;
    Loan(Crew* lent) : crew(lent) {
      if (standing.scopes > 0) standing.crew = crew;
    }
    ~Loan() {
      if (standing.scopes == 0) Crew::give_back(crew);
    }
  } loan(crew);
  standing.shared += {.pieces = 1, .stages = 1};
  const CrewPiece of_crew = {piece, crew->spin_seconds()};
  crew->run(count, of_crew.inside());
}

double spin_seconds() { return standing.spin_seconds; }

SharedWork shared_work() { return standing.shared; }
void count_shared_stages(std::int64_t stages) { standing.shared += {.pieces = 0, .stages = stages}; }

}  // namespace sharcs::internal
