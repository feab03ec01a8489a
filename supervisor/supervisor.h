// The supervisor as a library: runs one program, with everything it starts, and lets the debuggers among them
// work as if it were not there.
//
//   const Inherited inherited = Inherited::TakeOver();   // first thing in main()
//   Supervisor::Options options;
//   options.inherited = inherited;
//   options.policy = &policy;               // may be left out: policy.h
//   options.emulator.observer = &observer;  // may be left out: emu/observer.h
//   absl::StatusOr<std::unique_ptr<Supervisor>> supervisor = Supervisor::Start({{"make", "-j2"}}, options);
//   if (!supervisor.ok()) ...               // says what the kernel lacks, or what was wrong with the call
//   absl::StatusOr<Result> result = (*supervisor)->Run();
//   if (!result.ok()) ...                   // the run was ended early: all guests are dead
//   return result->ExitCode();
//
// Life cycle. Start forks PROGRAM, which the calling thread traces from then on. Run returns when the last
// guest has ended, daemons included, and may be called once. The destructor kills what is left; so does the
// end of the process (PTRACE_O_EXITKILL), however it comes.
//
// Threads. Start, Run and the destructor belong to one thread, the tracer of all guests; policies and
// observers are called in it. The process may have other threads, but not one Supervisor beside another, and
// no children of its own during the run: the supervisor waits for any child of the process.
//
// The process. SIGCHLD must be blocked and not ignored, or Start fails. Inherited::TakeOver sees to that, and
// blocks all other signals, so that none is handled between fork and PROGRAM. It raises the process's
// resource limits, too, under which the supervisor would have to do its work for all guests; PROGRAM gets
// those that TakeOver has found. From Start on the process is not dumpable, so that no guest can trace it or
// look into /proc/PID/mem. It is PROGRAM's parent. PROGRAM has NO_NEW_PRIVS set, and has the descriptors that
// are not close-on-exec.
//
// Ownership. Options are copied; what they point to (policy, observer) must outlive the Supervisor.
//
// Errors. absl::Status for what the embedder or the machine did wrong, with the failed call or the wrong
// argument named; the code is InvalidArgument for a wrong argument, FailedPrecondition for a call in the
// wrong order, or what the errno of the failed call maps to. A policy, an observer or another callback that
// throws an exception is an error too: Start or Run returns it. What happens to guests is never an error.

#ifndef NESTRACE_SUPERVISOR_SUPERVISOR_H_
#define NESTRACE_SUPERVISOR_SUPERVISOR_H_

#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "emu/emulator.h"
#include "supervisor/command.h"
#include "supervisor/inherited.h"
#include "supervisor/policy.h"
#include "supervisor/result.h"
#include "supervisor/signal_source.h"

namespace nestrace {

class EventLoop;

class Supervisor {
 public:
  struct Options {
    // `nesting` and `observer`; the rest is filled in.
    Emulator::Options emulator;
    Inherited inherited;       // what PROGRAM gets
    Policy* policy = nullptr;  // null: every call is let run
    // Signals to be passed on to PROGRAM, but for those that guests sent. Once it has ended and others live
    // on, SIGINT, SIGQUIT, SIGTERM or SIGHUP end the run.
    SignalSource signals;
    // When PROGRAM has ended, the rest of its tree is killed.
    bool end_with_program = false;
    // PROGRAM was stopped by the stop signal `signal`; 0: it runs again.
    std::function<void(int signal)> on_job_state;
  };

  // Forks PROGRAM. That it can't be executed shows in the Result of Run.
  static absl::StatusOr<std::unique_ptr<Supervisor>> Start(const Command& command, const Options& options);
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  // Runs until the last guest has ended, or until the run is ended from outside: no guest is alive when it
  // returns. An error: the policy or another callback failed, or the supervisor.
  absl::StatusOr<Result> Run();

  // The thread group leader of PROGRAM.
  Tid program() const;
  // For policies: what a guest would be seen as without nestrace; nothing if `tid` is no guest.
  std::optional<Emulator::Appearance> AppearanceOf(Tid tid) const;

 private:
  explicit Supervisor(std::unique_ptr<EventLoop> loop);

  std::unique_ptr<EventLoop> loop_;
  pid_t thread_;  // that called Start
  bool run_ = false;
};

}  // namespace nestrace

#endif  // NESTRACE_SUPERVISOR_SUPERVISOR_H_
