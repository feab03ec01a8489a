// Passes signals that were sent to nestrace on to PROGRAM.
//
//   SignalForwarder forwarder(program);
//   forwarder.NoteSignalStop(tid, SIGTERM);   // a guest is at the delivery of a signal, not yet resumed
//   forwarder.Forward(info);                  // nestrace got a signal
//
// A signal for a whole process group (kill %1 in a shell, timeout(1)) reaches nestrace and PROGRAM both, and
// nothing in it tells so. The copy that PROGRAM got does: it came from the same sender a moment ago. Then
// the one of nestrace is dropped. (PROGRAM, the younger, gets its own first; while it is pending, a second
// one of the same number merges with it.)

#ifndef NESTRACE_SUPERVISOR_SIGNAL_FORWARDER_H_
#define NESTRACE_SUPERVISOR_SIGNAL_FORWARDER_H_

#include <sys/signalfd.h>
#include <sys/types.h>

#include <chrono>

#include "emu/types.h"

namespace nestrace {

class SignalForwarder {
 public:
  explicit SignalForwarder(Tid program) : program_(program) {}

  // Call it before the stop is handed to the emulation. Cheap for threads of other processes and for signals
  // that come from faults.
  void NoteSignalStop(Tid tid, int signal);

  // Signals that the kernel made are not for nestrace alone (those of the terminal reach PROGRAM by
  // themselves), but for two: SIGALRM of an alarm(2) set before nestrace was executed, and SIGHUP to nestrace
  // as the session leader while PROGRAM is in another process group.
  void Forward(const signalfd_siginfo& info);

 private:
  struct Delivery {
    int sender = 0;
    std::chrono::steady_clock::time_point when;
  };

  bool ReachedProgram(const signalfd_siginfo& info);

  const Tid program_;
  Delivery delivered_[65];  // the last one of each signal
};

}  // namespace nestrace

#endif  // NESTRACE_SUPERVISOR_SIGNAL_FORWARDER_H_
