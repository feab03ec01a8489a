// Starting PROGRAM: a child that the supervisor traces and whose system calls it hears of from the first one
// on.
//
//   absl::StatusOr<Launch> launch = Launch::Fork(command, filter, inherited);
//   ptrace(PTRACE_SEIZE, launch->tid(), ...);
//   launch->Go();
//   ... poll(2) says POLLIN on launch->fd(), while the child's ptrace-stops are handled as any guest's:
//   LaunchNews news = launch->Receive();
//
// The child then sets PR_SET_NO_NEW_PRIVS, installs the filter, sends the listener, gets back the signal
// state and limits that nestrace was started with, and executes PROGRAM as execvp(3) does. It changes nothing
// else: the descriptors (all of ours are close-on-exec), directory, umask, environment, terminal and process
// group are those of nestrace. Between fork and exec it makes async-signal-safe calls only; what fails there
// is reported with the stage that failed.

#ifndef NESTRACE_SUPERVISOR_LAUNCH_H_
#define NESTRACE_SUPERVISOR_LAUNCH_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "emu/types.h"
#include "supervisor/command.h"
#include "supervisor/filter.h"
#include "supervisor/inherited.h"
#include "supervisor/unique_fd.h"

namespace nestrace {

// What the child tells of itself, in this order: kListener, then kExecuted or kFailed.
struct LaunchNews {
  enum class Kind {
    kNothing,   // no message is there after all
    kListener,  // the filter is installed; `listener` is its descriptor
    kExecuted,  // PROGRAM runs (or the child died, which waitid(2) tells)
    kNoExec,    // execve(2) of PROGRAM failed with `error`; the child ends
    kFailed,    // the child could not be prepared and ends; `status` is why
  };
  Kind kind = Kind::kNothing;
  UniqueFd listener;
  int error = 0;
  absl::Status status;
};

class Launch {
 public:
  // Forks; the child waits for Go(), and ends if the supervisor ends before that.
  static absl::StatusOr<Launch> Fork(const Command& command, const FilterProgram& filter,
                                     const Inherited& inherited);

  Tid tid() const { return tid_; }
  // Readable when there are news.
  int fd() const { return channel_.get(); }

  // Lets the child go on, once it is traced.
  absl::Status Go();
  // Takes one message; doesn't block.
  LaunchNews Receive();

 private:
  Launch(Tid tid, UniqueFd channel) : tid_(tid), channel_(std::move(channel)) {}

  Tid tid_;
  UniqueFd channel_;
};

}  // namespace nestrace

#endif  // NESTRACE_SUPERVISOR_LAUNCH_H_
