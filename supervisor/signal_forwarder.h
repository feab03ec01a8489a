// Passes signals that were sent to nestrace on to PROGRAM.
//
//   SignalForwarder forwarder(program, receiver);
//   forwarder.NoteSignalStop(tid, SIGTERM);   // a guest is at the delivery of a signal, not yet resumed
//   forwarder.NoteEnd(tid);                   // a guest is a zombie
//   if (!forwarder.HasJustEnded(sender)) forwarder.Forward(info);   // nestrace got a signal of no guest
//
// A signal for a whole process group (kill %1 in a shell, timeout(1)) reaches nestrace and PROGRAM both, and
// nothing in it tells so. The copy that PROGRAM got does: it came from the same sender a moment ago. Then
// the one of nestrace is dropped. (PROGRAM, the younger, gets its own first; while it is pending, a second
// one of the same number merges with it.)
//
// A guest that means PROGRAM reaches it itself. What guests send to nestrace (they share a process group, or
// it was for all processes) is not forwarded.

#ifndef NESTRACE_SUPERVISOR_SIGNAL_FORWARDER_H_
#define NESTRACE_SUPERVISOR_SIGNAL_FORWARDER_H_

#include <sys/signalfd.h>
#include <sys/types.h>

#include <chrono>
#include <deque>
#include <vector>

#include "emu/types.h"
#include "supervisor/signal_source.h"

namespace nestrace {

// Takes the pending signals of the terminal, SIGHUP, SIGINT, SIGQUIT and SIGTSTP, from the calling process,
// in which they are blocked. Appends those that the kernel made, and if `all` those that were sent too.
void TakeTerminalSignals(bool all, std::vector<int>* signals);

class SignalForwarder {
 public:
  // `receiver`: the process that gets the signals.
  SignalForwarder(Tid program, pid_t receiver) : program_(program), receiver_(receiver) {}

  // Call it before the stop is handed to the emulation.
  void NoteSignalStop(Tid tid, int signal);

  // A guest may have ended before the front has passed on what it has sent. Its number is not forgotten
  // before that has come; nor is it kept until the kernel may have given it to another process.
  void NoteEnd(Tid tid);
  bool HasJustEnded(Tid tid) const;

  // Signals that the kernel made are not for nestrace alone (those of the terminal reach PROGRAM by
  // themselves), but for SIGALRM of an alarm(2) set before nestrace was executed, and SIGHUP and SIGCONT to
  // nestrace as the session leader, which are the leader's alone (drivers/tty/tty_jobctrl.c:
  // tty_signal_session_leader).
  void Forward(const signalfd_siginfo& info);

 private:
  struct Delivery {
    int sender = 0;
    std::chrono::steady_clock::time_point when;
  };

  bool IsForReceiverAlone(const signalfd_siginfo& info) const;
  bool ReachedProgram(const signalfd_siginfo& info);

  const Tid program_;
  const pid_t receiver_;
  Delivery delivered_[65];  // the last one of each signal
  struct End {
    Tid tid;
    std::chrono::steady_clock::time_point when;
  };
  std::deque<End> ended_;
};

}  // namespace nestrace

#endif  // NESTRACE_SUPERVISOR_SIGNAL_FORWARDER_H_
