// The seccomp program that turns the system calls nestrace emulates into user notifications.
//
//   absl::StatusOr<FilterProgram> program = FilterProgram::Build();   // before fork(2)
//   ...
//   int listener = program->Install();                                // in the child: async-signal-safe
//
// Notified, in the x86_64 and the i386 ABI:
//   ptrace, wait4, waitid, waitpid (i386)   always
//   rt_sigaction, sigaction, signal         for SIGCHLD
//   clone                                   with CLONE_UNTRACED in its flags
//   clone3                                  always: its flags are in memory, where no filter can look
//   seccomp, prctl                          to install a filter, or for strict mode; prctl also for
//                                           PR_GET_SECCOMP
//   landlock_restrict_self, userfaultfd     always
//   mount, fsopen                           always: the type of the file system is in memory
//   ioctl                                   to do as userfaultfd, if the supervisor may open that device
//   what FilterSpec names                   always
// except that waits, sigaction and the like, what restricts, and what makes memory that others fill, pass
// with FilterSpec::pass as sixth argument. x32 calls and calls of any other ABI return ENOSYS; so do, if
// FilterSpec wants it, calls that are newer than nestrace. Everything else is allowed; so is call number -1,
// by which a tracer skips a call at its syscall-enter-stop.

#ifndef NESTRACE_SUPERVISOR_FILTER_H_
#define NESTRACE_SUPERVISOR_FILTER_H_

#include <linux/filter.h>

#include <vector>

#include "absl/status/statusor.h"
#include "supervisor/call_names.h"

namespace nestrace {

struct FilterSpec {
  std::vector<CallNumber> calls;      // notified besides
  bool new_calls_are_enosys = false;  // from kFirstUnknownCall on
  uint64_t pass = 0;                  // Emulator::Options::pass
};

class FilterProgram {
 public:
  // Assembles the program with libseccomp.
  static absl::StatusOr<FilterProgram> Build(const FilterSpec& spec = {});

  // Installs the program in the calling thread, which must have PR_SET_NO_NEW_PRIVS, and returns the
  // listener (close-on-exec), or a negative errno: -EBUSY if an outer filter has a listener already.
  // Makes one system call and is safe between fork and exec.
  int Install() const;

  const std::vector<sock_filter>& instructions() const { return instructions_; }

 private:
  std::vector<sock_filter> instructions_;
};

}  // namespace nestrace

#endif  // NESTRACE_SUPERVISOR_FILTER_H_
