// The signal mask, the disposition of SIGCHLD and the resource limits that nestrace was started with.
// nestrace needs others for itself; PROGRAM gets these back.
//
//   const Inherited inherited = Inherited::TakeOver();   // first thing in main()
//   ... in the child, last thing before exec:
//   inherited.Restore();
//
// Ignored signals other than SIGCHLD are never touched, so they pass on by themselves; a handler can't be
// inherited through exec.

#ifndef NESTRACE_SUPERVISOR_INHERITED_H_
#define NESTRACE_SUPERVISOR_INHERITED_H_

#include <sys/resource.h>

#include <cstdint>

namespace nestrace {

class Inherited {
 public:
  // Remembers them, then
  //   - blocks all signals that can be blocked
  //   - sets SIGCHLD to SIG_DFL (ignored, the guests' ends would go unseen)
  //   - raises the limits that would end or hinder the supervisor, which works for all guests, as far as its
  //     rights allow.
  // Called again, it does that again and returns what the first call has found.
  static Inherited TakeOver();

  // Sets all as it was. Async-signal-safe; 0 or a negative errno.
  int Restore() const;

 private:
  uint64_t mask_ = 0;  // the kernel's sigset_t
  bool sigchld_ignored_ = false;
  rlimit limits_[RLIM_NLIMITS] = {};
  bool raised_[RLIM_NLIMITS] = {};  // which of limits_ are known and are not those of the process any more
};

}  // namespace nestrace

#endif  // NESTRACE_SUPERVISOR_INHERITED_H_
