// The signal mask and the disposition of SIGCHLD that nestrace was started with. nestrace needs others for
// itself; PROGRAM gets these back.
//
//   const InheritedSignals inherited = InheritedSignals::TakeOver();   // first thing in main()
//   ... in the child, last thing before exec:
//   inherited.Restore();
//
// Ignored signals other than SIGCHLD are never touched, so they pass on by themselves; a handler can't be
// inherited through exec.

#ifndef NESTRACE_SUPERVISOR_INHERITED_SIGNALS_H_
#define NESTRACE_SUPERVISOR_INHERITED_SIGNALS_H_

#include <cstdint>

namespace nestrace {

class InheritedSignals {
 public:
  // Remembers both, then blocks all signals that can be blocked and sets SIGCHLD to SIG_DFL (ignored, the
  // guests' ends would go unseen). Called again, it does that again and returns what the first call has
  // found.
  static InheritedSignals TakeOver();

  // Sets both as they were. Async-signal-safe; 0 or a negative errno.
  int Restore() const;

 private:
  uint64_t mask_ = 0;  // the kernel's sigset_t
  bool sigchld_ignored_ = false;
};

}  // namespace nestrace

#endif  // NESTRACE_SUPERVISOR_INHERITED_SIGNALS_H_
