// What happens to the guests, told to whoever wants to know. The emulation calls an Observer as it goes; it
// changes nothing by that, and asks nothing back.
//
//   class Births : public Observer {
//     void OnBirth(const Birth& birth) override { std::cout << birth.tid << "\n"; }
//   };
//   Births births;
//   Emulator emulator(&kernel, {.observer = &births});
//
// Every function is called in the middle of handling an event, in the order in which things happen: a request
// before its effects, a stop before its reports, a birth before all else of the thread. It must not call the
// emulator or resume a guest. What it wants to know besides, it may read: the thread of OnStop, OnReport and
// OnExec stands still.
//
// Thread ids are those of the supervisor's pid namespace. A Tid of 0 is nobody. Pointers are valid during the
// call. There are no times: an observer that wants them has a clock.

#ifndef NESTRACE_EMU_OBSERVER_H_
#define NESTRACE_EMU_OBSERVER_H_

#include <signal.h>

#include <cstdint>

#include "emu/kernel.h"
#include "emu/types.h"

namespace nestrace {

class Observer {
 public:
  virtual ~Observer() = default;

  // --- threads.

  struct Birth {
    Tid tid;
    Tid tgid;
    Tid parent;     // the thread that made it
    int event = 0;  // PTRACE_EVENT_FORK, _VFORK, _CLONE; 0: PROGRAM, or nobody was left to announce it
  };
  virtual void OnBirth(const Birth&) {}

  // A new program runs. If a thread that was not the leader made the call, it now has the leader's id, and
  // the former leader is gone without an OnExit.
  struct Exec {
    Tid tid;
    Tid old_tid;  // whose call it was
  };
  virtual void OnExec(const Exec&) {}

  // A zombie.
  struct Exit {
    Tid tid;
    const ExitInfo* info = nullptr;
  };
  virtual void OnExit(const Exit&) {}

  // The zombie was reaped: its tracers have seen it, and it is its real parent's if it led its process.
  virtual void OnReaped(Tid) {}

  // --- stops.

  // The thread is in a ptrace-stop of the kernel's, whoever may hear of it: its tracers, or nobody.
  struct Stop {
    Tid tid;
    int code = 0;  // emu/stop.h: wait status >> 8
  };
  virtual void OnStop(const Stop&) {}

  // A stop, or the end, of `tracee` is there for `tracer` to wait for.
  struct Report {
    Tid tracer;
    Tid tracee;
    int status = 0;                   // as wait(2) gives it to this tracer
    bool has_message = false;         // of a PTRACE_EVENT_*, except PTRACE_EVENT_STOP
    uint64_t message = 0;             // PTRACE_GETEVENTMSG
    const siginfo_t* info = nullptr;  // of a signal-delivery-stop, or one of our making; null: not read
  };
  virtual void OnReport(const Report&) {}

  // A wait has taken a report.
  struct Taken {
    Tid caller;
    Tid tracee;
    int status = 0;
    bool left = false;  // WNOWAIT: it can be taken again
  };
  virtual void OnTaken(const Taken&) {}

  // The thread really runs again. The kernel may say that it is dead; its exit follows.
  struct Resume {
    Tid tid;
    long request = 0;  // PTRACE_CONT, _SYSCALL, _SINGLESTEP, ...; PTRACE_LISTEN: it stays in group-stop
    int signal = 0;    // delivered to it, 0: none
  };
  virtual void OnResume(const Resume&) {}

  // A PTRACE_INTERRUPT of our own: the thread is to come to a stop that no guest sees.
  virtual void OnKick(Tid) {}

  // A signal that we send where the kernel would: SIGCHLD for a report, the SIGSTOP of PTRACE_ATTACH, SIGKILL
  // of PTRACE_KILL and PTRACE_O_EXITKILL, ... The kernel's own are not told.
  struct Signal {
    Tid tid;
    bool process = false;  // to the process that `tid` leads
    int signal = 0;
    int code = 0;  // si_code as the guest sees it
  };
  virtual void OnSignal(const Signal&) {}

  // --- who traces whom.

  enum class LinkOrigin { kTraceme, kAttach, kSeize, kInherited /* from the thread that made it */ };
  struct Attached {
    Tid tracer;
    Tid tracee;
    LinkOrigin origin = LinkOrigin::kAttach;
    bool seized = false;
    uint64_t options = 0;  // PTRACE_O_*
    int outer = 0;         // tracers that the tracee has had already outside this one,
    int inner = 0;         // and inside
  };
  virtual void OnAttached(const Attached&) {}

  enum class LinkEnd {
    kDetach,      // PTRACE_DETACH
    kTracerGone,  // the tracer ended
    kTraceeGone,  // the tracee ended, and the tracer knows; or an exec ended it and nobody can know
    kParent,      // the tracee ended, and the tracer, also its parent, hears of it from the kernel
  };
  struct Detached {
    Tid tracer;
    Tid tracee;
    LinkEnd reason = LinkEnd::kDetach;
  };
  virtual void OnDetached(const Detached&) {}

  // --- calls.

  // What became of a ptrace(2), wait4(2), waitid(2) or waitpid(2) call for now.
  enum class Road {
    kAnswered,     // with `result`
    kRegisters,    // the caller was interrupted; `result` was written into its registers at that stop
    kRefused,      // decided, but the caller is dead, or, before kKernel, interrupted: nothing was done
    kLost,         // `result` was answered, and did not arrive; it is given once more
    kParked,       // a wait with nothing to report yet, or a call whose memory is still to be filled
    kKernel,       // left to the kernel
    kRestarts,     // the caller is stopped; it makes the call again
    kInterrupted,  // a wait with nothing to report, which ends with EINTR or starts again, as the kernel says
    kNeedsStop,    // can be decided only when the caller is stopped, so that it is
  };
  struct Call {
    const Notification* call = nullptr;
    Tid target = {};  // ptrace(2): the thread that the caller means (TRACEME: its parent)
    Road road = Road::kAnswered;
    int64_t result = 0;  // kAnswered, kRegisters, kRefused, kLost: a negative errno, or a value
  };
  virtual void OnCall(const Call&) {}
};

}  // namespace nestrace

#endif  // NESTRACE_EMU_OBSERVER_H_
