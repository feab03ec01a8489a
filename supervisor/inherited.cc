#include "supervisor/inherited.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

namespace nestrace {
namespace {

// The system calls, since glibc keeps two signals for itself.
int SetMask(const uint64_t* mask, uint64_t* old) {
  return syscall(SYS_rt_sigprocmask, SIG_SETMASK, mask, old, sizeof(uint64_t)) < 0 ? -errno : 0;
}

struct KernelSigaction {
  void (*handler)(int);
  unsigned long flags;
  void (*restorer)();
  uint64_t mask;
};

int SetAction(int signal, const KernelSigaction* action, KernelSigaction* old) {
  return syscall(SYS_rt_sigaction, signal, action, old, sizeof(uint64_t)) < 0 ? -errno : 0;
}

// What would end the supervisor, or fail a call of its own. Not RLIMIT_CORE: who wants no core files wants
// none of nestrace.
constexpr __rlimit_resource kRaised[] = {RLIMIT_CPU, RLIMIT_RTTIME, RLIMIT_FSIZE,  RLIMIT_DATA,
                                         RLIMIT_AS,  RLIMIT_STACK,  RLIMIT_NOFILE, RLIMIT_NPROC};
constexpr rlim_t kMostFiles = 1024;  // RLIM_INFINITY is more than fs.nr_open (kernel/sys.c:do_prlimit)

// Raises the limit `old`; true if it is another now. Without CAP_SYS_RESOURCE the hard limit is the most.
bool Raise(__rlimit_resource resource, const rlimit& old) {
  const rlim_t most = resource == RLIMIT_NOFILE ? std::max(old.rlim_max, kMostFiles) : RLIM_INFINITY;
  for (const rlim_t limit : {most, old.rlim_max}) {
    if (limit == old.rlim_cur && limit == old.rlim_max) return false;
    const rlimit raised = {limit, limit};
    if (setrlimit(resource, &raised) == 0) return true;
  }
  return false;
}

}  // namespace

Inherited Inherited::TakeOver() {
  Inherited inherited;
  const uint64_t all = ~uint64_t{0};
  SetMask(&all, &inherited.mask_);
  const KernelSigaction standard = {SIG_DFL, 0, nullptr, 0};
  KernelSigaction old = {};
  SetAction(SIGCHLD, nullptr, &old);
  // To set it discards a SIGCHLD that is pending, and a Supervisor may be there that is to hear of it.
  if (old.handler != SIG_DFL || (old.flags & SA_NOCLDWAIT) != 0) SetAction(SIGCHLD, &standard, nullptr);
  inherited.sigchld_ignored_ = old.handler == SIG_IGN;
  for (const __rlimit_resource resource : kRaised) {
    rlimit* limit = &inherited.limits_[resource];
    inherited.raised_[resource] = getrlimit(resource, limit) == 0 && Raise(resource, *limit);
  }
  static const Inherited first = inherited;  // a later call finds what this one has left
  return first;
}

int Inherited::Restore() const {
  for (const __rlimit_resource resource : kRaised) {
    if (raised_[resource] && setrlimit(resource, &limits_[resource]) < 0) return -errno;
  }
  if (sigchld_ignored_) {
    const KernelSigaction ignore = {SIG_IGN, 0, nullptr, 0};
    if (const int error = SetAction(SIGCHLD, &ignore, nullptr); error < 0) return error;
  }
  return SetMask(&mask_, nullptr);
}

}  // namespace nestrace
