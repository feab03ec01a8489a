// The process that the shell sees. nestrace is two processes: the supervisor, and in front of it this one,
// which the user started and whose stops, continuations and end are those of PROGRAM.
//
//   const Inherited inherited = Inherited::TakeOver();
//   absl::StatusOr<Front> front = Front::Split();   // the front itself never returns
//   options.signals = front->signals();
//   options.on_job_state = [&](int signal) { front->ShowJobState(signal); };
//
// Why two: when PROGRAM is stopped (Ctrl-Z), the shell has to see its child stopped; but a supervisor that
// stops itself can serve no other guest, and could not see PROGRAM being continued by one of them.
//
// The front
//   - passes signals that it gets to the supervisor, which judges and forwards them
//   - stops itself when PROGRAM is stopped, by the same signal, and goes on when PROGRAM does
//   - ends as the supervisor ends, dying of the same signal if it was one
//   - reaps what else becomes its child, as it is init in a pid namespace of its own.
// If it is killed, the supervisor dies too (PR_SET_PDEATHSIG), and with that all guests.

#ifndef NESTRACE_SUPERVISOR_FRONT_H_
#define NESTRACE_SUPERVISOR_FRONT_H_

#include <sys/types.h>

#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "supervisor/signal_forwarder.h"
#include "supervisor/unique_fd.h"

namespace nestrace {

class Front {
 public:
  // Forks the supervisor off, and returns in it only. All signals must be blocked.
  static absl::StatusOr<Front> Split();

  // The signals that are sent to the front.
  SignalSource signals() const { return {channel_.get(), pid_, early_}; }
  // PROGRAM was stopped by `signal`, or runs again if it is 0.
  void ShowJobState(int signal);

 private:
  Front(pid_t pid, UniqueFd channel, std::vector<int> early)
      : pid_(pid), channel_(std::move(channel)), early_(std::move(early)) {}

  pid_t pid_;
  UniqueFd channel_;
  std::vector<int> early_;
};

// Ends the process with exit code `value`, or of signal `value`, without a core file of its own.
[[noreturn]] void ExitWith(int value);
[[noreturn]] void DieOfSignal(int signal);

}  // namespace nestrace

#endif  // NESTRACE_SUPERVISOR_FRONT_H_
