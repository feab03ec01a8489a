#include "supervisor/inherited_signals.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

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

}  // namespace

InheritedSignals InheritedSignals::TakeOver() {
  InheritedSignals inherited;
  const uint64_t all = ~uint64_t{0};
  SetMask(&all, &inherited.mask_);
  const KernelSigaction standard = {SIG_DFL, 0, nullptr, 0};
  KernelSigaction old = {};
  SetAction(SIGCHLD, nullptr, &old);
  // To set it discards a SIGCHLD that is pending, and a Supervisor may be there that is to hear of it.
  if (old.handler != SIG_DFL || (old.flags & SA_NOCLDWAIT) != 0) SetAction(SIGCHLD, &standard, nullptr);
  inherited.sigchld_ignored_ = old.handler == SIG_IGN;
  static const InheritedSignals first = inherited;  // a later call finds what this one has left
  return first;
}

int InheritedSignals::Restore() const {
  if (sigchld_ignored_) {
    const KernelSigaction ignore = {SIG_IGN, 0, nullptr, 0};
    if (const int error = SetAction(SIGCHLD, &ignore, nullptr); error < 0) return error;
  }
  return SetMask(&mask_, nullptr);
}

}  // namespace nestrace
