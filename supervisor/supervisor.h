// The supervisor as a library: runs one program, with everything it starts, under an Emulator.
//
//   Supervisor::Options options;
//   options.inherited = InheritedSignals::TakeOver();
//   absl::StatusOr<std::unique_ptr<Supervisor>> supervisor = Supervisor::Start({{"make", "-j2"}}, options);
//   if (!supervisor.ok()) ...
//   Result result = (*supervisor)->Run();
//
// One process, one thread, one loop: Start and Run belong to the same thread, which is the tracer of all
// guests and waits with P_ALL for any child of its process. SIGCHLD must be blocked and not ignored, which
// InheritedSignals::TakeOver sees to. The process is not dumpable from Start on. If it ends, all guests are
// killed (PTRACE_O_EXITKILL).

#ifndef NESTRACE_SUPERVISOR_SUPERVISOR_H_
#define NESTRACE_SUPERVISOR_SUPERVISOR_H_

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "emu/emulator.h"
#include "supervisor/inherited_signals.h"
#include "supervisor/launch.h"
#include "supervisor/linux_kernel.h"
#include "supervisor/listener.h"
#include "supervisor/proc_fs.h"
#include "supervisor/result.h"
#include "supervisor/signal_forwarder.h"
#include "supervisor/unique_fd.h"
#include "supervisor/waiter.h"

namespace nestrace {

class Supervisor {
 public:
  struct Options {
    Emulator::Options emulator;  // signal_cookie and supervisor are filled in
    InheritedSignals inherited;  // what PROGRAM gets
    // Signals to be passed on to PROGRAM. Once it has ended and others live on, SIGINT, SIGQUIT, SIGTERM or
    // SIGHUP end the run.
    SignalSource signals;
    // When PROGRAM has ended, the rest of its tree is killed.
    bool end_with_program = false;
    // PROGRAM was stopped by the stop signal `signal`; 0: it runs again.
    std::function<void(int signal)> on_job_state;
  };

  // Forks PROGRAM, traced. An error names what the kernel lacks or forbids.
  static absl::StatusOr<std::unique_ptr<Supervisor>> Start(const Command& command, const Options& options);

  // Runs until the last guest has ended, daemons included, or until the run is ended from outside: no guest
  // is alive when it returns.
  Result Run();

  Tid program() const { return program_; }

 private:
  Supervisor(ProcFs proc, UniqueFd sigchld, Launch launch, const Options& options);

  absl::Status Seize();
  void PassOnEarlySignals();
  void HandleRound(bool sigchld, bool launch, bool signals, bool notification);
  bool HandleLaunch();  // true if there was a message
  void HandleSignals();
  void HandleNotification();

  // --- what waitid(2) tells; true if there was something
  void DrainWaits();
  bool HandleStops();
  bool HandleExits();
  bool HandleAnyExit();
  bool HandleExitsWhileHeld();
  void HandleExit(Tid tid, const ExitInfo& info);
  // --- the end
  void KillGuests();
  void KillNewGuests(std::vector<Tid>* guests);
  bool ReapGuests(std::vector<Tid>* guests);

  void NoteJobState(Tid tid, int code);
  bool IsProgram(Tid tid) const;

  const Options options_;
  const ProcFs proc_;
  UniqueFd sigchld_;
  Launch launch_;
  const Tid program_;
  Waiter waiter_;
  LinuxKernel kernel_;
  Emulator emulator_;
  SignalForwarder forwarder_;
  std::optional<Listener> listener_;

  bool launching_ = true;
  bool waits_pending_ = false;  // a drain stopped early: the next poll(2) must not block
  bool no_children_ = false;
  bool ending_ = false;  // to end now, whoever lives on
  int job_signal_ = 0;   // what PROGRAM is stopped by, 0 while it runs
  // Zombies that were neither reaped nor held when they were announced: of a thread that ended before its
  // parent's event told of its birth, or a child of the process that is no guest.
  std::vector<Tid> unclaimed_;
  std::optional<Result> result_;
};

}  // namespace nestrace

#endif  // NESTRACE_SUPERVISOR_SUPERVISOR_H_
