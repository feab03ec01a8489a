// waitid(2) on the guests: all of it.
//
//   StopEvent stop;
//   while (NextStop(&stop) == Waited::kFound) emulator.OnStop(stop.tid, stop.code, stop.usage);
//   ExitEvent exit;
//   if (PeekExit(&exit) == Waited::kFound) emulator.OnExit(exit.tid, exit.info);   // which may call Reap()
//
// Nothing here blocks.

#ifndef NESTRACE_SUPERVISOR_WAITER_H_
#define NESTRACE_SUPERVISOR_WAITER_H_

#include <sys/resource.h>

#include "emu/kernel.h"
#include "emu/types.h"

namespace nestrace {

enum class Waited {
  kFound,
  kNothing,     // nothing to report now
  kNoChildren,  // ECHILD: nothing to wait for, now or later
};

// A ptrace-stop.
struct StopEvent {
  Tid tid;
  int code = 0;  // si_status: the wait status >> 8, as 0x85 or PTRACE_EVENT_STOP << 8 | SIGTRAP
  struct rusage usage = {};
};

// The end of a thread.
struct ExitEvent {
  Tid tid;
  ExitInfo info;
};

// Takes one stop of any guest.
Waited NextStop(StopEvent* stop);

// Looks at one zombie, any or that of `tid`, and leaves it.
Waited PeekExit(ExitEvent* exit);
Waited PeekExitOf(Tid tid, ExitEvent* exit);

// Reaps the zombie `tid`: 0, or a negative errno; -EAGAIN if it is not one yet.
long ReapZombie(Tid tid);

// 1 if the process of `tid` was continued by SIGCONT and that was not waited for yet, which takes it unless
// `leave`; 0 if not, or a negative errno.
long TakeContinued(Tid tid, bool leave);

}  // namespace nestrace

#endif  // NESTRACE_SUPERVISOR_WAITER_H_
