// The supervisor's one loop: takes what the kernel says of the guests and hands it to the emulation.
// supervisor.h is how it is used.

#ifndef NESTRACE_SUPERVISOR_EVENT_LOOP_H_
#define NESTRACE_SUPERVISOR_EVENT_LOOP_H_

#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "emu/emulator.h"
#include "supervisor/launch.h"
#include "supervisor/linux_kernel.h"
#include "supervisor/listener.h"
#include "supervisor/policy_interceptor.h"
#include "supervisor/proc_fs.h"
#include "supervisor/result.h"
#include "supervisor/signal_forwarder.h"
#include "supervisor/supervisor.h"
#include "supervisor/unique_fd.h"
#include "supervisor/waiter.h"

namespace nestrace {

class EventLoop {
 public:
  using Options = Supervisor::Options;

  // Forks PROGRAM, traced. `interceptor` may be null.
  static absl::StatusOr<std::unique_ptr<EventLoop>> Start(const Command& command, const Options& options,
                                                          std::unique_ptr<PolicyInterceptor> interceptor);
  // Kills the guests that are left.
  ~EventLoop();

  // Runs until the last guest has ended, daemons included. No guest is left when it returns.
  absl::StatusOr<Result> Run();

  Tid program() const { return program_; }
  std::optional<Emulator::Appearance> AppearanceOf(Tid tid) const { return emulator_.AppearanceOf(tid); }

 private:
  EventLoop(ProcFs proc, UniqueFd sigchld, Launch launch, const Options& options,
            std::unique_ptr<PolicyInterceptor> interceptor);

  absl::Status Seize();
  absl::Status RunToEnd();
  void PassOnEarlySignals();
  void HandleRound(bool sigchld, bool launch, bool signals, bool notification, bool memory);
  bool HandleLaunch();  // true if there was a message
  void HandleSignals();
  bool IsGuest(Tid tid) const;  // or was one a moment ago
  void ReceiveNotifications();
  void DropNotificationOf(Tid tid);
  void HandleNotifications();
  void HandleNotification(const Notification& notification);
  void HandleMemory();
  void DrainIfReaped(uint64_t before);

  // --- what waitid(2) tells; true if there was something
  void DrainWaits();
  bool HandleStops();
  bool HandleStopsBeforeCalls();
  void HandleStop(const StopEvent& stop);
  bool HandleExits();
  bool HandleAnyExit();
  bool HandleExitsWhileHeld();
  void HandleExit(Tid tid, const ExitInfo& info);
  // --- the end
  void End();
  void KillGuests();
  void KillNewGuests(std::vector<Tid>* guests);
  bool ReapGuests(std::vector<Tid>* guests);

  void NoteJobState(Tid tid, int code);
  bool IsProgram(Tid tid) const;

  const Options options_;
  const std::unique_ptr<PolicyInterceptor> interceptor_;
  const ProcFs proc_;
  UniqueFd sigchld_;
  Launch launch_;
  const Tid program_;
  Waiter waiter_;
  LinuxKernel kernel_;
  Emulator emulator_;
  SignalForwarder forwarder_;
  std::optional<Listener> listener_;
  // Received, and still to be handled.
  std::deque<Notification> received_of_tracers_, received_;
  absl::flat_hash_set<Tid> callers_;  // of both

  bool launching_ = true;
  bool tracer_answered_ = false;  // in the round before
  bool waits_pending_ = false;    // a drain stopped early: the next poll(2) must not block
  bool no_children_ = false;
  bool ending_ = false;  // to end now, whoever lives on
  bool ended_ = false;   // KillGuests was called, or nobody was left
  absl::Status status_;  // what it failed of
  int job_signal_ = 0;   // what PROGRAM is stopped by, 0 while it runs
  // Zombies that were neither reaped nor held when they were announced: of a thread that ended before its
  // parent's event told of its birth, or a child of the process that is no guest.
  std::vector<Tid> unclaimed_;
  std::optional<Result> result_;
};

}  // namespace nestrace

#endif  // NESTRACE_SUPERVISOR_EVENT_LOOP_H_
