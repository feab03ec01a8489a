// Intercepted calls: deciding, answering, and what an interruption does to them.
//
// A call is decided, acted on, and then answered: once it has returned, the caller may go by its effects in
// ways that we don't see, such as a byte in a pipe to a tracee that it has interrupted.
//
// A notification can be voided at any moment: a signal or a PTRACE_INTERRUPT for the guest cancels it, and
// the guest comes to a stop with rax = -ERESTARTSYS. If the answer is refused for that, it is written into
// the guest's registers at that stop, which is the same answer by another road: the kernel restarts nothing,
// since rax holds no restart code any more. (ptrace(2) never returns EINTR.) There need not be a stop: the
// kernel also interrupts for work of its own (TIF_NOTIFY_SIGNAL, as by io_uring), and for a signal that then
// another thread takes. So the call starts again, and its new notification is given the answer.
//
//   guest: ptrace(PTRACE_CONT) --notification--> decided: 0; tracee resumed
//   guest: interrupted by SIGALRM                answer refused
//   guest: signal-delivery-stop, rax = -512      rax = 0 written
//
// An answer may also be lost: the kernel takes it, but the guest had already left its sleep with a signal and
// only waits for the listener's lock (seccomp_do_user_notification() looks at the error of its sleep before
// it looks at the reply). With a signal pending before the call, and both processes on one processor, that is
// not even rare:
//
//   guest: wait4, signal pending       wakes the listener, is preempted on its way to the lock
//   we:    receive, answer             taken, says the kernel
//   guest: rax = -512                  and comes to the signal's stop with the call interrupted
//
// The same stop is seen if the answer arrived, and the guest made the same call once more, which was
// cancelled before we received it. If the guest's calls are traced, there was an enter-stop in between, or
// not. Otherwise the call is started again, and the number of the thread's next notification tells whether
// any was made since that we have not received. (That fails where the call also starts again without a stop:
// it acts twice. It takes a caller that is woken many thousand times by signals which another thread is
// quicker to take.) Answers that are certain to be refused are not given in the first place: Thread::kicked,
// interrupt_coming.

#include <errno.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <string.h>

#include <algorithm>

#include "emu/arguments.h"
#include "emu/core.h"

namespace nestrace {

// The call that stopped registers show, into `n`, whose ABI is known.
void Core::TakeCall(const struct user_regs_struct& regs, Notification* n) {
  n->nr = static_cast<int>(regs.orig_rax);
  n->instruction_pointer = regs.rip;
  for (int i = 0; i < 6; ++i) {
    const uint64_t argument = RegisterAt(regs, PlaceOfArgument(n->abi, i));
    n->args[i] = n->abi == Abi::kX86_64 ? argument : static_cast<uint32_t>(argument);
  }
}

bool Core::SameCall(const Notification& a, const Notification& b) {
  return a.nr == b.nr && a.instruction_pointer == b.instruction_pointer &&
         std::equal(std::begin(a.args), std::end(a.args), std::begin(b.args));
}

// The thread is behind this call, or about to make it (the kernel leaves orig_rax as it is then).
void Core::PutCall(const Notification& call, struct user_regs_struct* regs) {
  for (int i = 0; i < 6; ++i) PutRegister(regs, PlaceOfArgument(call.abi, i), call.args[i]);
  const bool behind = regs->rip == call.instruction_pointer;
  (behind ? regs->orig_rax : regs->rax) = static_cast<uint32_t>(call.nr);
}

// Notifications are numbered as they are made. If none was made between an answered call and the next of the
// same thread but those that were received, or were the call itself, started again, the answer was lost.
void Core::OnReceived(const Notification& notification) {
  missing_notifications_ += notification.id - last_notification_ - 1;
  last_notification_ = notification.id;
  Thread* caller = Find(notification.tid);
  if (caller == nullptr || !caller->doubt.has_value() || caller->doubt->lost) return;
  Thread::Doubt& doubt = *caller->doubt;
  if (missing_notifications_ != doubt.missing) {
    caller->doubt.reset();
    return;
  }
  doubt.lost = true;
  if (observer_ != nullptr) ObserveCall(*caller, doubt.notification, Observer::Road::kLost, doubt.result);
}

// The answer of the call before has arrived.
void Core::OnVoided(const Notification& notification) {
  Thread* caller = Find(notification.tid);
  if (caller == nullptr) return;
  Call& call = caller->call;
  if (call.phase == Call::Phase::kAnswered && !call.refused) call.phase = Call::Phase::kNone;
}

void Core::OnNotification(const Notification& notification) {
  Thread* caller = Find(notification.tid);
  if (caller == nullptr) {
    // No thread of ours: it escaped the table by racing clone3's flags past us (see StripUntraced), or is
    // gone already. It gets no emulation, and tracing from it is refused.
    if (MayMakeSlowMemory(notification)) kernel_->ExpectSlowMemory();
    if (KindOf(notification.abi, notification.nr) == CallKind::kPtrace || Intercepted(notification)) {
      kernel_->Answer(notification.id, -EPERM);
    } else {
      kernel_->Continue(notification.id);
    }
    return;
  }
  if (caller->call.unanswered() && SameCall(caller->call.notification, notification)) {
    // It was interrupted, but with nothing to stop for, and starts again.
    if (caller->call.phase == Call::Phase::kActed) {
      caller->call.notification = notification;  // for the answer that is to come
      return;
    }
    Doubted(caller, caller->call);
  }
  caller->call.phase = Call::Phase::kPending;
  caller->call.notification = notification;
  caller->call.passed = caller->call.refused = caller->call.stop_seen = false;
  caller->call.awaits_stop_of = Tid{};
  caller->call.missing = missing_notifications_;
  caller->wait_interrupted = false;
  if (notification.abi == Abi::kX86_64) caller->behind_syscall = notification.instruction_pointer;
  if (caller->injection.has_value() && caller->injection->under_way) {  // a call of ours
    kernel_->Continue(notification.id);
    return;
  }
  if (caller->kicked || caller->interrupt_coming) return;  // it is interrupted already
  if (caller->doubt.has_value() && SameCall(caller->doubt->notification, notification)) {
    const Thread::Doubt doubt = *caller->doubt;
    caller->doubt.reset();
    if (doubt.lost) {
      Carry(caller, Outcome::Return(doubt.result));
      return;
    }
  }
  Carry(caller, Decide(caller, notification));
  Pump();
}

Outcome Core::Decide(Thread* caller, const Notification& n) {
  caller->call.awaits_memory = false;
  if (std::optional<Outcome> outcome = TraceByFilter(caller, n)) return *std::move(outcome);
  if (std::optional<Outcome> outcome = AskPolicy(caller, n)) return *std::move(outcome);
  return Emulate(caller, n);
}

// A call may be here for the policy alone, with arguments that the filter would not have notified of.
Outcome Core::Emulate(Thread* caller, const Notification& n) {
  const bool notes = OnlyTakesNote(n);
  switch (KindOf(n.abi, n.nr)) {
    case CallKind::kPtrace:
      return Ptrace(caller, n);
    case CallKind::kWait4:
    case CallKind::kWaitpid:
    case CallKind::kWaitid:
      return Wait(caller, n);
    case CallKind::kSigaction:
    case CallKind::kOldSigaction:
    case CallKind::kSignal:
      return notes ? NoteSigaction(caller, n) : Outcome::Continue();
    case CallKind::kClone:
    case CallKind::kClone3:
      return StripUntraced(caller, n);
    case CallKind::kSeccomp:
      return notes ? NoteFilter(caller, n) : BeStrict(caller, n);
    case CallKind::kPrctl:
      if (static_cast<uint32_t>(n.args[0]) == kPrGetSeccomp) return GetSeccomp(*caller);
      return notes ? NoteFilter(caller, n) : BeStrict(caller, n);
    case CallKind::kLandlock:
      return NoteDomain(caller, n);
    case CallKind::kUserfaultfd:
    case CallKind::kIoctl:
      if (notes) kernel_->ExpectSlowMemory();
      return Outcome::Continue();
    case CallKind::kMount:
    case CallKind::kFsopen:
      return NoteFileSystem(caller, n);
    case CallKind::kOther:
      break;
  }
  return Outcome::Continue();
}

// Carries the decision on the call under way out: through its notification, or, at a stop, through registers.
void Core::Carry(Thread* caller, Outcome outcome) {
  Call& call = caller->call;
  const bool stopped = caller->state == Thread::State::kStopped;
  switch (outcome.kind) {
    case Outcome::Kind::kPark:
      call.held = outcome.value != 0;
      Observe(*caller, Observer::Road::kParked);
      return;
    case Outcome::Kind::kStopCaller:
      if (!stopped && call.awaits_memory) {
        call.held = false;
        Observe(*caller, Observer::Road::kParked);
        return;
      }
      Observe(*caller, stopped ? Observer::Road::kRestarts : Observer::Road::kNeedsStop);
      if (!stopped) {
        Kick(caller);
      } else {
        kernel_->Ptrace(Abi::kX86_64, kPokeUser, caller->tid, kUserRax, -kErestartnointr);
      }
      return;
    case Outcome::Kind::kContinue:
      if (stopped) {
        // The call starts again by itself once the thread runs, whatever handler runs before.
        if (kernel_->Ptrace(Abi::kX86_64, kPokeUser, caller->tid, kUserRax, -kErestartnointr) == 0) {
          call.phase = Call::Phase::kNone;
        }
        Observe(*caller, Observer::Road::kRestarts);
        return;
      }
      call.refused = !kernel_->Continue(call.notification.id);
      if (!call.refused) End(caller, Call::Phase::kContinued);
      Observe(*caller,
              call.phase == Call::Phase::kContinued ? Observer::Road::kKernel : Observer::Road::kRefused);
      if (call.phase == Call::Phase::kContinued && outcome.then) outcome.then();
      return;
    case Outcome::Kind::kDescriptor:
      CarryDescriptor(caller, std::move(outcome));
      return;
    case Outcome::Kind::kChange:
      if (!stopped) {
        Kick(caller);
      } else if (ChangeCall(caller, outcome.made)) {
        if (outcome.then) outcome.then();
      } else {
        kernel_->Ptrace(Abi::kX86_64, kPokeUser, caller->tid, kUserRax, -kErestartnointr);
      }
      return;
    case Outcome::Kind::kReturn:
      break;
  }
  if (stopped) {
    const bool alive = kernel_->Ptrace(Abi::kX86_64, kPokeUser, caller->tid, kUserRax, outcome.value) == 0;
    Observe(*caller, alive ? Observer::Road::kRegisters : Observer::Road::kRefused, outcome.value);
    if (!alive) return;
    End(caller, Call::Phase::kNone);
    caller->registers.valid = false;
    if (outcome.then) outcome.then();
    return;
  }
  Observe(*caller, Observer::Road::kAnswered, outcome.value);
  End(caller, Call::Phase::kActed);
  call.result = outcome.value;
  call.entered_again = false;
  call.awaits = 0;
  if (outcome.then) outcome.then();
  if (call.awaits == 0) GiveAnswer(caller);
}

// The call under way has its result, or is the kernel's now.
void Core::End(Thread* caller, Call::Phase phase) {
  caller->call.phase = phase;
  caller->past_filter.reset();
}

void Core::GiveAnswer(Thread* caller) {
  Call& call = caller->call;
  if (caller->deferred_stop.has_value()) {  // the call was interrupted, and is given its result there
    due_stops_.push_back(caller->tid);
    return;
  }
  call.phase = Call::Phase::kAnswered;
  const bool taken = kernel_->Answer(call.notification.id, call.result);
  // With an interrupt of ours on its way it may have come in time; then no call is interrupted at the stop.
  call.refused = !taken || caller->kicked;
  if (!taken) Observe(*caller, Observer::Road::kLost, call.result);
}

void Core::Observe(const Thread& caller, Observer::Road road, int64_t result) const {
  if (observer_ == nullptr) return;
  ObserveCall(caller, caller.call.notification, road, result);
}

void Core::ObserveCall(const Thread& caller, const Notification& n, Observer::Road road,
                       int64_t result) const {
  const CallKind kind = KindOf(n.abi, n.nr);
  if (kind != CallKind::kPtrace && !IsWait(kind)) return;
  Observer::Call call = {.call = &n, .road = road, .result = result};
  if (kind == CallKind::kPtrace) {
    const Thread* target =
        n.args[0] == kTraceme ? caller.process->parent : FromGuest(caller, static_cast<pid_t>(n.args[1]));
    if (target != nullptr) call.target = target->tid;
  }
  observer_->OnCall(call);
}

// A descriptor can be given through a notification only; at a stop the call starts again. It never gets lost
// on its way: the guest itself takes it before the kernel says that it was given
// (kernel/seccomp.c:seccomp_handle_addfd).
void Core::CarryDescriptor(Thread* caller, Outcome outcome) {
  Call& call = caller->call;
  if (caller->state == Thread::State::kStopped) {
    kernel_->Ptrace(Abi::kX86_64, kPokeUser, caller->tid, kUserRax, -kErestartnointr);
    return;
  }
  const long given =
      kernel_->AnswerDescriptor(call.notification.id, static_cast<int>(outcome.value), outcome.close_on_exec);
  if (given == -ESRCH) return;  // interrupted, or dead
  if (given < 0) {
    Outcome refusal = Outcome::ReturnThen(given, [caller] { caller->owed.reset(); });
    Carry(caller, std::move(refusal));
    return;
  }
  End(caller, Call::Phase::kNone);
  if (outcome.then) outcome.then();
}

// The call that `thread` is behind. True if it is one that we, or the policy, intercept.
bool Core::TakeInterceptedCall(const Thread& thread, const struct user_regs_struct& regs,
                               Notification* n) const {
  n->abi = AbiOfCall(thread);
  TakeCall(regs, n);
  const CallKind kind = KindOf(n->abi, n->nr);
  const bool ours = kind != CallKind::kOther && (kind != CallKind::kIoctl || OnlyTakesNote(*n));
  return ours || Intercepted(*n);
}

// `thread` has just stopped. If that interrupted an intercepted call, the call's fate is decided here. The
// call is read from the registers: it may be one whose notification was gone before it was received.
void Core::Settle(Thread* thread) {
  Call& call = thread->call;
  const bool was_kicked = thread->kicked;
  const bool was_continued = call.phase == Call::Phase::kContinued;
  const Call before = call;
  const bool was_interrupted = thread->wait_interrupted;
  thread->kicked = false;
  thread->interrupt_coming = false;
  thread->wait_interrupted = false;
  call.phase = Call::Phase::kNone;
  if (thread->stop.event == kEventExit) {
    PutResult(thread, before);
    PutNumberBack(thread);
  }
  if (thread->stop.kind == StopKind::kEvent) return;  // inside a call that is going on, or behind the last
  struct user_regs_struct regs;
  if (!GetRegs(*thread, &regs)) return;  // dead; the next event says so
  EndPastFilter(thread, regs);
  const int64_t rax = static_cast<int64_t>(regs.rax);
  const bool in_call = static_cast<int64_t>(regs.orig_rax) >= 0;
  // Made to start again at the stop before, for which there was no other cause then.
  const bool restarted = in_call && rax == -kErestartnointr && thread->going_on.has_value() &&
                         thread->going_on->failed && thread->going_on->behind == regs.rip;
  const bool ended = (rax == -EINTR && in_call) || restarted;
  thread->stop.interrupted = ended || WillRestart(regs);
  // A group-stop ends every call, natively too.
  const bool by_group_stop = thread->stop.kind == StopKind::kGroupStop && thread->stop.interrupted;
  if (before.unanswered() && IsAboutTo(before.notification, regs)) Doubted(thread, before);
  Notification& n = call.notification;
  const bool starts_again =
      rax == -kErestartsys || (was_kicked && was_continued && LosesTracees(thread, before, regs));
  if (!starts_again || !TakeInterceptedCall(*thread, regs, &n)) {
    const bool restarts = rax == -kErestartRestartblock && in_call;
    // (Under PTRACE_SYSEMU HandleStop knows whether it was in that call.)
    const bool again = (rax == -kErestartsys || rax == -kErestartnohand) && in_call;
    const bool interrupted = ended || restarts || (again && !Emulates(thread->real_mode));
    if (GoOnMoving(thread, regs)) return;
    if (thread->stop.interrupted && thread->ended_at == regs.rip) {
      NoteSigcont(thread);
      return;  // settled, whatever else it stops for
    }
    // What comes behind an end that was not shown is held till the call has begun again (HoldTillEntry).
    const bool goes_on =
        thread->stop.kind == StopKind::kTrap && !InterruptPending(*thread) && IsToRestart(*thread);
    const bool by_us = interrupted && (goes_on || EndedByUs(thread));
    thread->ended_at = (interrupted && !by_us) || by_group_stop ? regs.rip : 0;
    NoteSigcont(thread);
    if (by_us) {
      GoOn(thread, regs);
    } else if (interrupted) {
      SeenOut(thread);
    }
    if (restarts) {
      NoteRestart(thread, regs, by_us);
    } else if (!thread->stop.entry) {
      PutNumberBack(thread);  // it has ended
    }
    if (ended && by_us) {
      NoteTimeout(thread, regs);
      thread->going_on->failed = true;
      kernel_->Ptrace(Abi::kX86_64, kPokeUser, thread->tid, kUserRax, -kErestartnointr);
    } else if (restarted) {
      kernel_->Ptrace(Abi::kX86_64, kPokeUser, thread->tid, kUserRax, -EINTR);
    }
    return;
  }
  if (by_group_stop) {
    thread->ended_at = regs.rip;
    SeenOut(thread);
  }
  n.id = 0;
  n.tid = thread->tid;
  call.phase = Call::Phase::kPending;
  if (SettleAnswered(thread, before) || SettleIntercepted(thread, before)) {
    call.phase = Call::Phase::kNone;
    return;
  }
  if (!IsWait(KindOf(n.abi, n.nr))) {
    Outcome outcome = Decide(thread, n);
    Carry(thread, outcome.kind == Outcome::Kind::kPark ? Outcome::Continue() : std::move(outcome));
  } else if (was_interrupted) {
    thread->wait_interrupted = true;
    Observe(*thread, Observer::Road::kInterrupted);
  } else {
    SettleWait(thread, was_continued);
  }
  call.phase = Call::Phase::kNone;
}

// A wait in the kernel ends with ECHILD where its caller has a child, but only as a tracee, of which the
// kernel does not know (__WCLONE, and the child has executed). True if it is one, which is then interrupted.
bool Core::LosesTracees(Thread* thread, const Call& wait, const struct user_regs_struct& regs) {
  const Notification& n = wait.notification;
  if (static_cast<int64_t>(regs.rax) != -ECHILD || !IsWait(KindOf(n.abi, n.nr)) || !InterruptedIn(n, regs))
    return false;
  const std::optional<WaitSpec> spec = ParseWait(thread, n);
  if (!spec.has_value()) return false;
  const WaitFinding::Kind found = Evaluate(thread, *spec).kind;
  if (found == WaitFinding::Kind::kNative || found == WaitFinding::Kind::kNoChild) return false;
  return kernel_->Ptrace(Abi::kX86_64, kPokeUser, thread->tid, kUserRax, -kErestartsys) == 0;
}

// A call that was answered, or one that equals it, is interrupted. True if that is dealt with.
bool Core::SettleAnswered(Thread* thread, const Call& before) {
  const Notification& n = thread->call.notification;
  if (thread->doubt.has_value() && SameCall(thread->doubt->notification, n)) {
    if (thread->doubt->lost) {  // given once more, and refused
      const int64_t result = thread->doubt->result;
      thread->doubt.reset();
      Carry(thread, Outcome::Return(result));
    } else {
      ++thread->doubt->missing;  // the call was made again, and had a number
      Observe(*thread, Observer::Road::kRestarts);
      kernel_->Ptrace(Abi::kX86_64, kPokeUser, thread->tid, kUserRax, -kErestartnointr);
    }
    return true;
  }
  if (!before.acted() || !SameCall(before.notification, n)) return false;
  const bool every_call_stops =
      IsStepped(*thread) || std::any_of(thread->links.begin(), thread->links.end(),
                                        [](const auto& link) { return link->mode == ResumeMode::kSyscall; });
  if (every_call_stops || before.unanswered()) {
    if (before.entered_again && !before.unanswered()) return false;  // another call
    if (!before.refused) Observe(*thread, Observer::Road::kLost, before.result);
    Carry(thread, Outcome::Return(before.result));
    return true;
  }
  Doubted(thread, before);
  Observe(*thread, Observer::Road::kRestarts);
  kernel_->Ptrace(Abi::kX86_64, kPokeUser, thread->tid, kUserRax, -kErestartnointr);
  return true;
}

// The thread was killed in a call that has had its effects.
void Core::PutResult(Thread* thread, const Call& before) {
  struct user_regs_struct regs;
  if (before.acted() && GetRegs(*thread, &regs) && HasLost(before, regs))
    kernel_->Ptrace(Abi::kX86_64, kPokeUser, thread->tid, kUserRax, before.result);
}

void Core::Doubted(Thread* thread, const Call& answered) {
  const bool lost = answered.unanswered();
  thread->doubt = Thread::Doubt{answered.notification, answered.result, lost, answered.missing};
}

// Do the registers say that the thread is in this call?
bool Core::InterruptedIn(const Notification& call, const struct user_regs_struct& regs) {
  Notification now = call;
  TakeCall(regs, &now);
  return SameCall(call, now);
}

// ... that the call has had its effects, and not its result?
bool Core::HasLost(const Call& call, const struct user_regs_struct& regs) {
  return call.acted() && static_cast<int64_t>(regs.rax) == -kErestartsys &&
         InterruptedIn(call.notification, regs);
}

// ... that it starts the call again, with nothing to show of the first time?
bool Core::IsAboutTo(const Notification& call, const struct user_regs_struct& regs) {
  constexpr uint64_t kInstruction = 2;  // bytes
  struct user_regs_struct made = regs;
  made.orig_rax = regs.rax;
  made.rip += kInstruction;
  return InterruptedIn(call, made);
}

// The signal at which `thread` has stopped may tell of a child's group-stop that we have still to see.
void Core::NoteChildStop(const Thread& thread) {
  siginfo_t info;
  if (thread.stop.signal != SIGCHLD || KernelSigInfo(thread, &info) < 0 || info.si_code != CLD_STOPPED)
    return;
  for (Process* child : thread.process->children) {
    if (PidIn(thread.pids, child->pids) != info.si_pid || child->stop_complete) continue;
    const Thread* leader = Find(child->tgid);
    const bool untraced = leader != nullptr && leader->links.empty();
    if (!untraced || kernel_->GroupExitCode(child->tgid) == 0) continue;  // SIGCONT has come since
    child->stop_complete = true;
  }
}

// Like do_wait() when a signal wakes it, an interrupted wait looks once more for something to report before
// it gives up with EINTR or a restart.
void Core::SettleWait(Thread* thread, bool was_continued) {
  const Notification& n = thread->call.notification;
  NoteChildStop(*thread);
  Outcome outcome = Wait(thread, n);
  bool gives_up = outcome.kind == Outcome::Kind::kPark ||
                  (outcome.kind == Outcome::Kind::kContinue && (was_continued || outcome.value == 0));
  const std::optional<WaitSpec> spec = gives_up ? ParseWait(thread, n) : std::nullopt;
  if (!spec.has_value() && !was_continued) gives_up = false;  // the kernel refuses it, and is still to say so
  if (spec.has_value() && outcome.kind == Outcome::Kind::kContinue) {
    const std::optional<int64_t> result = EmptyAnswer(*thread, *spec);
    if (result.has_value()) outcome = AnswerNothing(thread, *spec, *result);
    gives_up = !result.has_value();
  }
  if (!gives_up) {
    if (outcome.kind == Outcome::Kind::kContinue) HoldSignals(thread);
    Carry(thread, std::move(outcome));
    return;
  }
  thread->wait_interrupted = true;
  thread->past_filter.reset();  // it starts again as natively, filters and all
  Observe(*thread, Observer::Road::kInterrupted);
  // Cleared whenever waitid finds nothing.
  if (spec.has_value() && spec->waitid) WriteInfo(thread, *spec, 0, 0, 0, 0, 0);
}

// Makes `thread` stop, for a reason that nobody may see.
void Core::Kick(Thread* thread) {
  if (thread->deferred_stop.has_value()) return;  // that is the stop
  if (thread->state == Thread::State::kRunning && !thread->kicked) InterruptUnseen(thread);
}

void Core::InterruptUnseen(Thread* thread) {
  thread->kicked = kernel_->Ptrace(Abi::kX86_64, kInterrupt, thread->tid, 0, 0) == 0;
  if (observer_ != nullptr && thread->kicked) observer_->OnKick(thread->tid);
}

}  // namespace nestrace
