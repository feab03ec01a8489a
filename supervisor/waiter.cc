#include "supervisor/waiter.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace nestrace {
namespace {

// The system call, whose fifth argument glibc does not pass on. `*info` must be zero.
Waited Wait(idtype_t type, pid_t id, siginfo_t* info, int options, struct rusage* usage) {
  if (syscall(SYS_waitid, type, id, info, options | __WALL | WNOHANG, usage) < 0) return Waited::kNoChildren;
  return info->si_pid == 0 ? Waited::kNothing : Waited::kFound;
}

// The wait(2) encoding of what waitid(2) takes apart.
int WaitStatus(const siginfo_t& info) {
  if (info.si_code == CLD_EXITED) return (info.si_status & 0xff) << 8;
  return info.si_status | (info.si_code == CLD_DUMPED ? WCOREFLAG : 0);
}

Waited Peek(idtype_t type, pid_t id, ExitEvent* exit) {
  siginfo_t info = {};
  const Waited waited = Wait(type, id, &info, WEXITED | WNOWAIT, &exit->info.usage);
  if (waited != Waited::kFound) return waited;
  exit->tid = Tid{info.si_pid};
  exit->info.status = WaitStatus(info);
  return waited;
}

}  // namespace

Waited NextStop(StopEvent* stop) {
  siginfo_t info = {};
  const Waited waited = Wait(P_ALL, 0, &info, WSTOPPED, &stop->usage);
  if (waited != Waited::kFound) return waited;
  stop->tid = Tid{info.si_pid};
  stop->code = info.si_status;
  return waited;
}

Waited PeekExit(ExitEvent* exit) { return Peek(P_ALL, 0, exit); }

Waited PeekExitOf(Tid tid, ExitEvent* exit) { return Peek(P_PID, tid.value, exit); }

long ReapZombie(Tid tid) {
  siginfo_t info = {};
  switch (Wait(P_PID, tid.value, &info, WEXITED, nullptr)) {
    case Waited::kFound:
      return 0;
    case Waited::kNothing:
      return -EAGAIN;
    case Waited::kNoChildren:
      return -ECHILD;
  }
  return -ECHILD;
}

long TakeContinued(Tid tid, bool leave) {
  siginfo_t info = {};
  switch (Wait(P_PID, tid.value, &info, WCONTINUED | (leave ? WNOWAIT : 0), nullptr)) {
    case Waited::kFound:
      return 1;
    case Waited::kNothing:
      return 0;
    case Waited::kNoChildren:
      return -ECHILD;
  }
  return -ECHILD;
}

}  // namespace nestrace
