// What the emulation knows of a guest: its processes, their threads, and who traces whom.

#ifndef NESTRACE_EMU_THREAD_H_
#define NESTRACE_EMU_THREAD_H_

#include <signal.h>
#include <sys/resource.h>
#include <sys/user.h>

#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "emu/abi.h"
#include "emu/guest_filters.h"
#include "emu/interceptor.h"
#include "emu/kernel.h"
#include "emu/stop.h"
#include "emu/types.h"

namespace nestrace {

struct Thread;
struct Process;

// How a tracer last resumed the tracee, weakest first.
enum class ResumeMode { kCont, kSingleBlock, kSingleStep, kSyscall, kSysemu, kSysemuSingleStep };

inline bool IsStep(ResumeMode mode) {
  return mode == ResumeMode::kSingleStep || mode == ResumeMode::kSingleBlock ||
         mode == ResumeMode::kSysemuSingleStep;
}

inline bool Emulates(ResumeMode mode) {
  return mode == ResumeMode::kSysemu || mode == ResumeMode::kSysemuSingleStep;
}

// One tracer-tracee relation. A thread's links stand in order from outermost to innermost.
struct Link {
  // What the tracer may do with the tracee now.
  enum class State {
    kRunning,    // the tracer sees it run; left by a report
    kStopped,    // a stop was reported; left by a resume request, DETACH, or the tracee's death
    kListening,  // PTRACE_LISTEN in a PTRACE_EVENT_STOP; left by the next PTRACE_EVENT_STOP
    kExited,     // the tracee is a zombie, its end is reported; left by the tracer's wait
  };

  Thread* tracee = nullptr;
  Thread* tracer = nullptr;
  uint64_t number = 0;   // in order of making, from 1
  bool seized = false;   // PTRACE_SEIZE; false: PTRACE_ATTACH or PTRACE_TRACEME
  uint64_t options = 0;  // PTRACE_O_*
  ResumeMode mode = ResumeMode::kCont;
  State state = State::kRunning;

  // The last stop reported over this link; meaningful in kStopped and kListening.
  StopKind kind = StopKind::kSignal;
  int code = 0;                    // as the tracer's wait shows it, >> 8
  bool waited = false;             // the tracer has seen it in a wait
  bool good_syscall_code = false;  // the stop was reported with SIGTRAP|0x80
  struct rusage usage = {};        // of the tracee, as of the stop
  uint64_t message = 0;            // PTRACE_GETEVENTMSG

  // The siginfo of a stop that is this link's alone, made by us beside the kernel's stop of the thread; or
  // what the tracer made of that of another stop.
  std::optional<siginfo_t> own_siginfo;

  // The tracee's memory is the tracer's to access; else that depends on whether the tracee is dumpable.
  bool accesses_memory = true;
  bool sets_debug_registers = false;  // the tracer has enabled a hardware breakpoint (DR7)
  bool interrupt_pending = false;     // PTRACE_INTERRUPT was asked and no stop was reported since
  bool sigstop_due = false;  // the SIGSTOP of PTRACE_ATTACH or of an auto-attach is still to be shown
  bool sigtrap_due = false;  // so is the SIGTRAP of an exec
  bool blind = false;        // a tracer further in emulates the system call under way
  // The tracee was in group-stop when this link came to be, and is about to enter the ptrace-stop that the
  // tracer is told of at once. Until then the tracer's requests and waits are held. (Does its attaching call
  // wait, too: Call::awaits.)
  bool trap_expected = false;
};

// Registers of a stopped thread, captured before anyone hears of the stop.
struct RegisterCache {
  bool valid = false;
  struct user_regs_struct general = {};
  std::vector<char> xstate;  // NT_X86_XSTATE, size as the kernel gave it
};

// The kernel's stop of a thread on its way through the thread's links.
struct Stop {
  StopKind kind = StopKind::kSignal;
  int event = 0;
  int signal = 0;        // what the kernel is to deliver (kSignal) or queue (kSyscall) on resume
  int code = 0;          // the kernel's own
  bool entry = false;    // kSyscall: syscall-enter-stop
  uint64_t message = 0;  // kEvent: PTRACE_GETEVENTMSG of the kernel
  struct rusage usage = {};
  uint32_t own_signal = 0;       // kSignal: an OwnSignal of core.h, if we queued it
  bool interrupted = false;      // a system call may start again or has failed with EINTR
  bool sigcont_pending = false;  // SIGCONT was pending when it stopped, if `ended_at` was set
  bool emulated = false;         // kEvent, kSyscall: made by us; the kernel's stop is another (seccomp.cc)
  bool step_trap = false;        // kSignal: the SIGTRAP of a single-step, only for those who step
  bool disarms = false;          // and the step is not armed any more
  // kSignal: a siginfo that would look like that of PTRACE_EVENT_EXIT, kept from the kernel until the resume.
  std::optional<siginfo_t> disguised;
  bool stayed = false;     // kGroupStop: it was in a group-stop, and not traced
  bool let_go = false;     // a tracer that held it is gone
  bool news = false;       // kGroupStop, kTrap: a group-stop began or ended, all are to know
  bool completes = false;  // kGroupStop: the last thread has stopped, the kernel has told the real parent
  bool continues = false;  // kTrap: SIGCONT has ended a group-stop, the leader's tracers were told
  bool skipped = false;    // kSyscall, entry: the kernel won't carry the call out (PTRACE_SYSEMU)
  bool kicked = false;     // our own PTRACE_INTERRUPT was under way
  // What Core::EndedByUs has said: asked again, it could say another thing, as signals come.
  std::optional<bool> ended_by_us;
  std::vector<NamespacedPid> message_pids;  // of the thread that `message` names, if it names one
  std::vector<Link*> ahead;                 // links whose turn is still to come, next one last
  std::vector<Link*>
      steppers;            // kSyscall: links that have stepped over the call, and are owed the trap of it
  Link* holder = nullptr;  // the link the stop was reported to and that has not resumed it
};

// A stop of the kernel that is still to be looked at.
struct RawStop {
  int code;
  struct rusage usage;
};

// An intercepted system call of a thread.
struct Call {
  enum class Phase {
    kNone,       // no intercepted call that could still matter
    kPending,    // undecided, as a parked wait; decided again at the next stop
    kActed,      // it has had its effects, and is still to be answered with `result`
    kAnswered,   // answered with `result`; the answer may have been lost on its way (calls.cc)
    kContinued,  // the kernel carries it out; a wait may be blocked in it
  };
  Phase phase = Phase::kNone;
  Notification notification;
  int64_t result = 0;
  bool held = false;  // kPending: until something that is certain to come, natively it would not sleep
  bool awaits_memory = false;  // kPending: until Core::OnMemory
  Tid awaits_stop_of;          // kPending: attaching, until a stop that this thread is in has been looked at
  bool stop_seen = false;      // and it has been
  bool entered_again = false;  // kAnswered: a syscall-enter-stop was seen since, so the answer arrived
  uint64_t awaits =
      0;  // kActed: the number of the link whose Link::trap_expected the answer waits for; 0: none
  // The notification is void. kAnswered: the answer is given again, at the next stop or notification.
  bool refused = false;
  uint64_t missing = 0;  // Core::missing_notifications_ when it was decided
  bool passed = false;   // the policy has let it run, and the emulation has it now (intercept.cc)

  bool acted() const { return phase == Phase::kActed || phase == Phase::kAnswered; }
  // Acted on, and sure not to be answered yet.
  bool unanswered() const { return phase == Phase::kActed || (phase == Phase::kAnswered && refused); }
};

// A SIGCHLD that a tracer is made to send itself (inject.cc).
struct Injection {
  siginfo_t info = {};
  bool under_way = false;        // the thread runs the call
  bool entered = false;          // and has passed its syscall-enter-stop
  bool steps_over_call = false;  // it was stepping over a call that the stop has interrupted
  struct user_regs_struct saved = {};
};

// A Landlock domain (landlock(7)) and those around it, as the kernel's hierarchy: shared by children.
struct LandlockDomain {
  std::shared_ptr<const LandlockDomain> parent;
  int depth = 1;  // number of domains up to this one
};

struct Thread {
  enum class State {
    kNewborn,    // announced by its parent's event, first stop not seen; left by OnStop or OnExit
    kRunning,    // left by OnStop or OnExit
    kStopped,    // in the kernel stop `stop`; left by a resume, or by death (the next event tells)
    kListening,  // in group-stop under PTRACE_LISTEN; left by OnStop or OnExit
    kExiting,    // past PTRACE_EVENT_EXIT; left by OnExit, or gone at once (Core::DiesByItself)
    kZombie,     // OnExit came, held for its tracers; left by Reap
  };

  Tid tid;
  Process* process = nullptr;
  State state = State::kNewborn;             // changed by Core::SetState
  std::vector<NamespacedPid> pids;           // front: the supervisor's namespace
  std::vector<NamespacedPid> child_pids;     // of the child it has made last, which may be gone
  std::vector<std::unique_ptr<Link>> links;  // outermost first
  std::list<Link*> tracees;  // links whose tracer this thread is, newest first (as the kernel's list)
  Stop stop;                 // valid in kStopped
  RegisterCache registers;
  Call call;
  ExitInfo exit;             // valid in kZombie
  bool ended_first = false;  // a leader: its tracers have been told of its end before that of its threads
  // An answered call that turned up interrupted at a stop: its answer was lost, or it is another one, equal
  // in all arguments, that was cancelled before it was received. It starts again, and the number of the next
  // notification of this thread tells (calls.cc).
  struct Doubt {
    Notification notification;
    int64_t result = 0;
    bool lost = false;     // known by now
    uint64_t missing = 0;  // what Core::missing_notifications_ is then, if it was lost
  };
  std::optional<Doubt> doubt;
  std::optional<Injection> injection;
  // A stop that came while it was in an attaching call that nothing but its death interrupts (Call::awaits):
  // looked at behind that.
  std::optional<RawStop> deferred_stop;
  // Signals that are discarded before a new tracer sees the thread stopped (unqueued.cc).
  struct Discarding {
    bool attached = false;   // PTRACE_ATTACH: its SIGSTOP is sent behind all this
    uint64_t signals = 0;    // those that may be; once it is under way, those that are still to be
    uint64_t twice = 0;      // those that both the thread and its process have
    bool under_way = false;  // from here on:
    uint64_t mask = 0;       // to be put back
  };
  std::optional<Discarding> discarding;
  // Argument registers that were changed for one call, to be put back at its syscall-exit-stop.
  struct ChangedArgument {
    uint64_t where = 0;  // offset in the USER area
    uint64_t value = 0;
  };
  std::vector<ChangedArgument> changed_arguments;
  // The signals that it blocks, while all are: it makes a call again (Core::HoldSignals, HoldTillEntry).
  std::optional<uint64_t> held_mask;
  bool held_till_entry = false;  // till that has begun; else till it has ended
  bool noted = false;  // they are those of a call that passes the filter (notes.cc), till the next stop
  bool wnohang_added = false;  // one of those is the options of a wait: if it finds nothing, it is made again
  // Other calls are made in the place of one: it with other arguments, by policy (intercept.cc), or what
  // makes the thread as restricted as SECCOMP_MODE_STRICT would (seccomp.cc).
  struct ChangedCall {
    Notification original;
    Notification made;
    std::vector<Notification> next;  // to be made behind that
    bool entered = false;            // the syscall-enter-stop of `made` was seen
  };
  std::optional<ChangedCall> changed_call;
  // A call that has had its effects already, while its result has not reached the thread.
  struct Owed {
    Notification call;
    Interceptor::Decision decision;
  };
  std::optional<Owed> owed;
  std::shared_ptr<const GuestFilter> filters;    // its own seccomp filters, newest first; null: none
  std::shared_ptr<const LandlockDomain> domain;  // null: none
  bool filter_event = false;  // it is being stopped for a PTRACE_EVENT_SECCOMP of our making (seccomp.cc)
  uint32_t filter_data = 0;
  bool killed_strictly = false;  // it exits, and is to look killed by SECCOMP_MODE_STRICT
  // The call that it makes again, whose event was shown; till that has its result. Of the registers, the
  // call's number and its instruction are what counts.
  std::optional<Notification> past_filter;
  uint64_t behind_syscall =
      0;  // address behind a syscall instruction of this thread's 64-bit code; 0: none seen
  // A signal of ours is sure to interrupt the parked wait of this thread; the wait is decided at that stop.
  bool interrupt_coming = false;
  bool wait_interrupted =
      false;  // at the last stop: an interrupted wait was left to end with EINTR or restart
  // A call that has moved a part, and is made again for the rest (moves.cc).
  struct Moving {
    Notification call;  // as the thread has made it
    uint64_t done = 0;
    uint64_t rest = 0;  // what the call that is made now is to move
  };
  std::optional<Moving> moving;
  // A call with a time to wait that starts again from the beginning, and would wait as long once more.
  struct Timeout {
    uint64_t behind = 0;   // address behind the call
    int64_t deadline = 0;  // Kernel::Milliseconds()
  };
  std::optional<Timeout> timeout;
  // Number of a call with a time to wait, where only our tracing has interrupted it; 0: none.
  int64_t timed_call = 0;
  // Address behind a call that was interrupted as it would be natively; until the thread is on its way on.
  uint64_t ended_at = 0;
  // A call that natively has not ended, and starts again; until it does, or the thread is seen out of it.
  struct GoingOn {
    uint64_t behind = 0;       // address behind it
    uint64_t stack = 0;        // and the stack pointer: a handler may make another call there
    bool failed = false;       // it had failed with EINTR
    bool exit_hidden = false;  // a syscall-exit-stop of it was not shown: nor is that of its new beginning
  };
  std::optional<GoingOn> going_on;
  // The last tracer died and left a step armed; left by the trap, or by a request of another tracer.
  bool left_step = false;
  bool kicked = false;  // PTRACE_INTERRUPT of our own is under way, nobody may see its stop
  ResumeMode real_mode = ResumeMode::kCont;  // of the last real resume
  bool was_in_call = false;                  // at that, inside a system call that goes on
  // The group-stop that is in effect was entered; the thread may have been resumed from it by its tracers.
  bool in_group_stop = false;
  int stop_signal = 0;     // that began the group-stop it entered last
  int passed_over_by = 0;  // that of a later one, in which it had no part
  // The last tracer, which had resumed it from that, is gone, and our PTRACE_INTERRUPT takes it back.
  bool returning = false;
  // PTRACE_DETACH has passed a fatal signal on: it dies before it takes part in a group-stop again.
  bool killed_by_injection = false;
  // Number of a call whose PTRACE_EVENT_SECCOMP no tracer asked for: it was made ENOSYS, without a number
  // till the next stop.
  std::optional<uint64_t> refused_call;
  bool owes_sigstop = false;  // its first stop is still to be made SIGSTOP for a tracer that did not seize it
  // What we have queued for it, as an OwnSignal of core.h, till it takes one.
  uint32_t queued_stop = 0;          // SIGSTOP
  uint32_t queued_trap = 0;          // SIGTRAP
  bool traceme_by_outsider = false;  // PTRACE_TRACEME succeeded, but its parent is no guest
  // CLONE_UNTRACED was taken out of the clone call under way: the register or memory to restore after it.
  bool untraced_clone = false;
  uint64_t untraced_value = 0;  // the original flags
  uint64_t untraced_where = 0;  // clone: USER offset of the register; clone3: address of the flags

  bool is_leader() const;
  bool ends() const { return state == State::kExiting || state == State::kZombie; }  // past PTRACE_EVENT_EXIT
  Link* LinkOf(const Thread* tracer) const;           // over which `tracer` itself traces this thread
  Link* LinkOfProcess(const Process* process) const;  // over which any thread of `process` does
};

// What a process does with SIGCHLD.
struct SigchldDisposition {
  enum class Action { kDefault, kIgnore, kHandler };
  Action action = Action::kDefault;
  bool no_stop = false;  // SA_NOCLDSTOP
  bool no_wait = false;  // SA_NOCLDWAIT
  bool auto_reap() const { return action == Action::kIgnore || no_wait; }
  // What execve(2) and CLONE_CLEAR_SIGHAND leave of it (kernel/signal.c:flush_signal_handlers).
  void Flush() {
    if (action == Action::kHandler) action = Action::kDefault;
    no_stop = no_wait = false;
  }
};

// A SIGCHLD that we have queued, or an exit signal of another kind, and its siginfo as the kernel would have
// it.
struct QueuedSigchld {
  uint32_t sequence;
  siginfo_t info;
};

struct Process {
  Tid tgid;
  std::vector<Thread*> threads;  // not yet reaped by the supervisor, in order of birth
  Thread* parent = nullptr;      // the real parent: thread that forked it (or a live sibling); null: no guest
  std::vector<Process*> children;  // those of each thread in the kernel's order: of birth, adopted ones last
  // Shared with those it was made by, or has made, with CLONE_SIGHAND, till an exec.
  std::shared_ptr<SigchldDisposition> sigchld = std::make_shared<SigchldDisposition>();
  // What its parent is sent when it ends. A child whose signal is not SIGCHLD is found by waits with __WCLONE
  // or __WALL only (kernel/exit.c:eligible_child).
  int exit_signal = SIGCHLD;
  // How often it has executed, counted on from its parent; and its parent had, when it made this child.
  int exec_id = 0;
  int parent_exec_id = 0;
  // Reaped by the supervisor; its zombie is still its real parent's to wait for.
  bool natural_zombie = false;
  // Who traced its leader until then, with which request: requests on the zombie still tell the difference.
  const Thread* zombie_tracer = nullptr;
  bool zombie_seized = false;
  uint64_t zombie_number = 0;  // Link::number of that
  // A child that both waited for and traced this process: the kernel's SIGCHLD for its end, sent when it was
  // reaped, is one too many. 0 if none.
  pid_t swallow_death_of = 0;
  // int3 instructions that tracers have put into its memory -> the tracer's process (traps.cc).
  absl::flat_hash_map<uint64_t, Tid> breakpoints;
  std::deque<QueuedSigchld> sigchlds;  // that may be pending, oldest first
  const Thread* discarding = nullptr;  // the thread of it whose Thread::discarding is under way; null: none
  uint64_t stale_signals = 0;          // pending, though natively they were never queued (unqueued.cc)
  uint64_t kept_signals = 0;   // pending since a thread of it was traced, therefore queued natively, too
  bool closed = false;         // its memory is not the supervisor's to access (memory.cc)
  bool group_stopped = false;  // a group-stop is in effect, as far as the stops seen tell
  bool stop_complete = false;  // and all threads have taken part
  // It has memory of a program that the policy does not let it execute, and is being killed: no tracer sees
  // another stop of it.
  bool forbidden_program = false;
  // What a wait says of the time it has used, or that of one of its threads, may be that of others, too.
  bool had_threads = false;
  bool had_children = false;
  std::vector<NamespacedPid> pids;

  // The init of a pid namespace inside the supervisor's (pid_namespaces(7)).
  bool is_init() const { return pids.size() > 1 && pids.back().pid == 1; }
};

}  // namespace nestrace

#endif  // NESTRACE_EMU_THREAD_H_
