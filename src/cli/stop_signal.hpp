#pragma once

namespace sharcs::internal {

/// While one exists, the first SIGINT or SIGTERM is only noted, and a second one ends the program as usual. At most one
/// at a time.
class StopSignal {
 public:
  StopSignal();
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  /// The signal that came; 0: none.
  int received() const;
};

}  // namespace sharcs::internal
