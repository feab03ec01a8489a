#include "supervisor/waiter.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

namespace nestrace {
namespace {

// The system call, whose fifth argument glibc does not pass on. `*info` must be zero.
Waited Wait(idtype_t type, pid_t id, siginfo_t* info, int options, struct rusage* usage) {
  if (syscall(SYS_waitid, type, id, info, options | __WALL | WNOHANG, usage) < 0) return Waited::kNoChildren;
  return info->si_pid == 0 ? Waited::kNothing : Waited::kFound;
}

bool IsStop(const siginfo_t& info) { return info.si_code == CLD_TRAPPED || info.si_code == CLD_STOPPED; }

// The wait(2) encoding of what waitid(2) takes apart.
int WaitStatus(const siginfo_t& info) {
  if (info.si_code == CLD_EXITED) return (info.si_status & 0xff) << 8;
  return info.si_status | (info.si_code == CLD_DUMPED ? WCOREFLAG : 0);
}

Waited Peek(idtype_t type, pid_t id, ExitEvent* exit) {
  siginfo_t info = {};
  const Waited waited = Wait(type, id, &info, WEXITED | WNOWAIT, &exit->info.usage);
  if (waited != Waited::kFound) return waited;
  if (IsStop(info)) return Waited::kStopFirst;
  exit->tid = Tid{info.si_pid};
  exit->info.status = WaitStatus(info);
  return waited;
}

}  // namespace

Waited Waiter::NextStop(StopEvent* stop) {
  if (!kept_.empty()) {
    *stop = kept_.front();
    kept_.pop_front();
    return Waited::kFound;
  }
  siginfo_t info = {};
  const Waited waited = Wait(P_ALL, 0, &info, WSTOPPED, &stop->usage);
  if (waited != Waited::kFound) return waited;
  stop->tid = Tid{info.si_pid};
  stop->code = info.si_status;
  return waited;
}

bool Waiter::MayHaveStopped(absl::Span<const Tid> tids) {
  return !kept_.empty() || std::any_of(tids.begin(), tids.end(), [](Tid tid) {
    siginfo_t info = {};
    return Wait(P_PID, tid.value, &info, WSTOPPED | WNOWAIT, nullptr) != Waited::kNothing;
  });
}

bool Waiter::HasStopped(Tid tid) {
  const auto is_its = [tid](const StopEvent& stop) { return stop.tid == tid; };
  if (std::any_of(kept_.begin(), kept_.end(), is_its)) return true;
  siginfo_t info = {};
  return Wait(P_PID, tid.value, &info, WSTOPPED | WNOWAIT, nullptr) == Waited::kFound;
}

Waited Waiter::PeekExit(ExitEvent* exit) { return Peek(P_ALL, 0, exit); }

Waited Waiter::PeekExitOf(Tid tid, ExitEvent* exit) { return Peek(P_PID, tid.value, exit); }

void Waiter::KeepIfStop(const siginfo_t& info, const struct rusage& usage) {
  if (IsStop(info)) kept_.push_back({Tid{info.si_pid}, info.si_status, usage});
}

long Waiter::Reap(Tid tid) {
  siginfo_t info = {};
  struct rusage usage = {};
  const Waited waited = Wait(P_PID, tid.value, &info, WEXITED, &usage);
  if (waited == Waited::kNoChildren) return -ECHILD;
  if (waited == Waited::kNothing) return -EAGAIN;
  KeepIfStop(info, usage);
  return IsStop(info) ? -EAGAIN : 0;
}

// A stop that nobody has taken hides that it was continued (kernel/exit.c:wait_consider_task).
long Waiter::TakeContinued(Tid tid, bool leave) {
  for (;;) {
    siginfo_t info = {};
    struct rusage usage = {};
    const Waited waited = Wait(P_PID, tid.value, &info, WCONTINUED | (leave ? WNOWAIT : 0), &usage);
    if (waited == Waited::kNoChildren) return -ECHILD;
    if (waited == Waited::kNothing) return 0;
    if (info.si_code == CLD_CONTINUED) return 1;
    if (leave) {
      info = {};
      if (Wait(P_PID, tid.value, &info, WSTOPPED, &usage) != Waited::kFound) continue;
    }
    KeepIfStop(info, usage);
  }
}

}  // namespace nestrace
