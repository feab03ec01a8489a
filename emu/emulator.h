// The emulation: a deterministic state machine. The supervisor feeds it what the kernel says of its guests
// (stops, exits, notifications); it calls out through Kernel. It makes no system call and reads no clock.
//
//   Emulator emulator(&kernel, {});
//   emulator.AddRoot(tid);                       // already seized with Emulator::kRealOptions, running
//   for (;;) {
//     ... emulator.OnStop(tid, code, usage);     // from waitid(WSTOPPED)
//     ... emulator.OnExit(tid, info);            // from waitid(WEXITED|WNOWAIT)
//     ... emulator.OnReceived(notification);     // from SECCOMP_IOCTL_NOTIF_RECV
//     ... emulator.OnNotification(notification); // at once, or when others have been handled
//     ... emulator.OnMemory(tid);                // when a Kernel::ReadMemory() that was -EAGAIN has ended
//     ... emulator.OnSigchld();                  // when SIGCHLD has come
//     ... emulator.OnDrained();                  // when waitid(2) shows no more
//   }
//
// The real attachment of every guest thread is PTRACE_SEIZE with kRealOptions. Each event is handled to its
// end before the call returns.

#ifndef NESTRACE_EMU_EMULATOR_H_
#define NESTRACE_EMU_EMULATOR_H_

#include <sys/resource.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "emu/interceptor.h"
#include "emu/kernel.h"
#include "emu/observer.h"
#include "emu/types.h"

namespace nestrace {

class Core;  // the state machine behind the facade, emu/core.h

class Emulator {
 public:
  struct Options {
    bool nesting = true;         // false: a second tracer is EPERM, as on the bare kernel
    uint32_t signal_cookie = 0;  // random: marks the signals that the supervisor itself queues
    // Random: with this in its sixth argument (its lower half in the i386 ABI), a call that the kernel is
    // to carry out in any case is not notified. 0: the filter knows no such thing.
    uint64_t pass = 0;
    pid_t supervisor = 0;                // own pid, as the guests' siginfo shows it
    Interceptor* interceptor = nullptr;  // the policy on calls; must outlive the emulator
    Observer* observer = nullptr;        // is told of all that happens; must outlive the emulator
  };

  // PTRACE_O_* of the real attachment: every event is reported, EXITKILL.
  static const uint64_t kRealOptions;

  Emulator(Kernel* kernel, const Options& options);
  ~Emulator();
  Emulator(const Emulator&) = delete;
  Emulator& operator=(const Emulator&) = delete;

  // The first thread of the tree: seized, running, a child of the supervisor.
  void AddRoot(Tid tid);

  // A thread entered a ptrace-stop. `code` is si_status of waitid(WSTOPPED): the wait status >> 8.
  void OnStop(Tid tid, int code, const struct rusage& usage);
  // A thread is a zombie (seen with WNOWAIT; it is reaped through Kernel::Reap, now or later).
  void OnExit(Tid tid, const ExitInfo& info);
  // A guest made an intercepted call, whose notification was received: in the order in which they were made.
  void OnReceived(const Notification& notification);
  // Carries the call out. Others may have been received and handled since; the caller is still in it.
  void OnNotification(const Notification& notification);
  // Instead of OnNotification: the call was interrupted. Its thread is at the stop or exit that is handed in
  // next, or was received in another call.
  void OnVoided(const Notification& notification);
  // An access to the memory of `tid`, which was -EAGAIN, has ended.
  void OnMemory(Tid tid);
  // The supervisor was sent SIGCHLD: a leader may be a zombie that no waitid(2) shows before its threads are
  // gone.
  void OnSigchld();
  // All stops and exits that there were have been handed in: a new thread may have lost the parent that would
  // have announced it.
  void OnDrained();

  // Threads (zombies held for a tracer included) that still exist. The run is over when it is 0.
  size_t thread_count() const;
  // Zombies that were announced by OnExit and are not reaped yet, because a tracer has to see them first.
  // While it is not 0, waitid(P_ALL, WEXITED|WNOWAIT) may keep returning one of them.
  size_t held_zombies() const;
  // True if the thread `tid` traces others.
  bool IsTracer(Tid tid) const;
  // True if OnExit was called for `tid` and the zombie is held.
  bool IsHeld(Tid tid) const;
  // What a guest would be seen as without the supervisor.
  struct Appearance {
    Tid tracer;            // the innermost of those that trace it; 0: nobody does
    bool stopped = false;  // one of them has it stopped; else a 't' is that of a stop which nobody has seen
    bool strict = false;   // it is in SECCOMP_MODE_STRICT
    char state = 0;        // as in proc(5): 'T' in a group-stop, 'R' in another stop of ours; 0: as it is
  };
  // Nothing if `tid` is no guest.
  std::optional<Appearance> AppearanceOf(Tid tid) const;
  // The ids of all threads that are not held zombies, in no special order.
  std::vector<Tid> LiveThreads() const;
  // Those that have stopped and whose births are still to be announced. They are no part of LiveThreads().
  std::vector<Tid> UnannouncedThreads() const;
  // Those that may be in a stop, or come to one, that was not handed in: all that are not in one which was.
  // (Of those, one that is killed comes to PTRACE_EVENT_EXIT.)
  std::vector<Tid> ThreadsThatMayStop() const;
  size_t may_stop_count() const;
  // Whom this ptrace(2) call is about; 0: no guest, or it is another call.
  Tid TraceeOf(const Notification& notification) const;

 private:
  std::unique_ptr<Core> core_;
};

}  // namespace nestrace

#endif  // NESTRACE_EMU_EMULATOR_H_
