// waitid(2) on the guests: all of it.
//
//   Waiter waiter;
//   StopEvent stop;
//   while (waiter.NextStop(&stop) == Waited::kFound) emulator.OnStop(stop.tid, stop.code, stop.usage);
//   ExitEvent exit;
//   if (waiter.PeekExit(&exit) == Waited::kFound) emulator.OnExit(exit.tid, exit.info);  // which may Reap()
//
// Nothing here blocks. A tracer's wait reports ptrace-stops whether it asked for stops or not
// (kernel/exit.c:wait_task_stopped), so each of these functions may come across one: no stop is lost by that.

#ifndef NESTRACE_SUPERVISOR_WAITER_H_
#define NESTRACE_SUPERVISOR_WAITER_H_

#include <signal.h>
#include <sys/resource.h>

#include <deque>

#include "absl/types/span.h"
#include "emu/kernel.h"
#include "emu/types.h"

namespace nestrace {

enum class Waited {
  kFound,
  kNothing,     // nothing to report now
  kStopFirst,   // there is a stop, which NextStop() has to take before anything else can be seen
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

class Waiter {
 public:
  // Takes one stop of any guest.
  Waited NextStop(StopEvent* stop);

  // Is there a stop to take of one of `tids`, as far as can be told? One that is gone may have taken the
  // number of its leader, in exec.
  bool MayHaveStopped(absl::Span<const Tid> tids);

  // Is there a stop to take of `tid`?
  bool HasStopped(Tid tid);

  // Looks at one zombie, any or that of `tid`, and leaves it.
  Waited PeekExit(ExitEvent* exit);
  Waited PeekExitOf(Tid tid, ExitEvent* exit);

  // Reaps the zombie `tid`: 0, or a negative errno; -EAGAIN if it is not one.
  long Reap(Tid tid);

  // 1 if the process of `tid` was continued by SIGCONT and that was not waited for yet, which takes it unless
  // `leave`; 0 if not, or a negative errno.
  long TakeContinued(Tid tid, bool leave);

 private:
  // Keeps a stop that was taken by a call that wanted something else.
  void KeepIfStop(const siginfo_t& info, const struct rusage& usage);

  std::deque<StopEvent> kept_;
};

}  // namespace nestrace

#endif  // NESTRACE_SUPERVISOR_WAITER_H_
