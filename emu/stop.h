// One ptrace-stop, decoded once. A code is what waitid(2) gives in si_status for a stop and wait(2) in bits 8
// and up: the signal in its low byte, SIGTRAP|0x80 for a syscall-stop, a PTRACE_EVENT_* above.

#ifndef NESTRACE_EMU_STOP_H_
#define NESTRACE_EMU_STOP_H_

#include <signal.h>

#include "emu/abi.h"

namespace nestrace {

// The kernel's SIGRTMIN: from here on each signal sent is queued, also beside others of its number.
constexpr int kFirstRealTime = 32;

// Does the signal's default action stop the process?
inline bool IsStopSignal(int signal) {
  return signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
}

// Is a siginfo with these fields that of PTRACE_EVENT_EXIT?
inline bool LooksLikeExit(int signal, int code) {
  return signal == SIGTRAP && code == (SIGTRAP | (kEventExit << 8));
}

enum class StopKind {
  kSignal,     // signal-delivery-stop
  kGroupStop,  // PTRACE_EVENT_STOP with a stopping signal
  kTrap,  // PTRACE_EVENT_STOP with SIGTRAP: an interrupt, a new thread's first stop, the end of a group-stop
  kSyscall,  // syscall-enter-stop or syscall-exit-stop
  kEvent,    // any other PTRACE_EVENT_*
};

// A stop code <-> its parts.
struct StopCode {
  StopKind kind = StopKind::kSignal;
  int signal = 0;  // kSignal, kGroupStop; SIGTRAP otherwise
  int event = 0;   // PTRACE_EVENT_*; 0 for kSignal and kSyscall

  static StopCode Decode(int code) {
    StopCode stop;
    stop.event = (code >> 8) & 0xffff;
    stop.signal = code & 0x7f;
    if (stop.event == kEventStop) {
      stop.kind = stop.signal == SIGTRAP ? StopKind::kTrap : StopKind::kGroupStop;
    } else if (stop.event != 0) {
      stop.kind = StopKind::kEvent;
    } else {
      stop.kind = (code & 0xff) == (SIGTRAP | 0x80) ? StopKind::kSyscall : StopKind::kSignal;
    }
    return stop;
  }
};

}  // namespace nestrace

#endif  // NESTRACE_EMU_STOP_H_
