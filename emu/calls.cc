// Intercepted calls: deciding, answering, and what an interruption does to them.
//
// A notification can be voided at any moment: a signal or a PTRACE_INTERRUPT for the guest cancels it, and
// the guest comes to a stop with rax = -ERESTARTSYS. So every call is decided, then answered, and acted on
// only if the answer was taken. If it was refused, nothing has been done; the stop that follows decides the
// call again and writes its result into the guest's registers, which is the same answer by another road: the
// kernel restarts nothing, since rax holds no restart code any more. (ptrace(2) never returns EINTR.)
//
//   guest: ptrace(PTRACE_CONT) --notification--> decided: 0
//   guest: interrupted by SIGALRM                answer refused, nothing resumed
//   guest: signal-delivery-stop, rax = -512      decided again: 0; rax = 0 written; tracee resumed
//
// An answer may also be lost: the kernel marks it taken, but the guest had already left its sleep with a
// signal (seccomp_do_user_notification() looks at the error of its sleep before it looks at the reply). Then
// the guest turns up at a stop with the call interrupted although it was answered, and gets the same result
// again, by its registers.

#include <errno.h>
#include <string.h>

#include <algorithm>

#include "emu/core.h"

namespace nestrace {

namespace {

long PeekBytes(Kernel* kernel, Tid tid, uint64_t addr, absl::Span<char> out) {
  size_t done = 0;
  while (done < out.size()) {
    const uint64_t word_addr = (addr + done) & ~7ull;
    const size_t skip = (addr + done) - word_addr;
    char word[8];
    const long result = kernel->PtraceBuffer(Abi::kX86_64, kPeekData, tid, word_addr, absl::MakeSpan(word));
    if (result < 0) return result == -ESRCH ? -ESRCH : -EFAULT;
    const size_t count = std::min(out.size() - done, sizeof(word) - skip);
    memcpy(out.data() + done, word + skip, count);
    done += count;
  }
  return 0;
}

long PokeBytes(Kernel* kernel, Tid tid, uint64_t addr, absl::Span<const char> in) {
  size_t done = 0;
  while (done < in.size()) {
    const uint64_t word_addr = (addr + done) & ~7ull;
    const size_t skip = (addr + done) - word_addr;
    const size_t count = std::min(in.size() - done, sizeof(uint64_t) - skip);
    uint64_t word = 0;
    char bytes[8];
    if (count != sizeof(word)) {
      const long result = PeekBytes(kernel, tid, word_addr, absl::MakeSpan(bytes));
      if (result < 0) return result;
      memcpy(&word, bytes, sizeof(word));
    }
    memcpy(reinterpret_cast<char*>(&word) + skip, in.data() + done, count);
    const long result = kernel->Ptrace(Abi::kX86_64, kPokeData, tid, word_addr, word);
    if (result < 0) return result == -ESRCH ? -ESRCH : -EFAULT;
    done += count;
  }
  return 0;
}

}  // namespace

long Core::ReadCaller(Thread* caller, uint64_t addr, absl::Span<char> out) {
  const long result = kernel_->ReadMemory(caller->tid, GuestAddr{addr}, out);
  if (result != -EPERM || caller->state != Thread::State::kStopped) return result;
  return PeekBytes(kernel_, caller->tid, addr, out);
}

long Core::WriteCaller(Thread* caller, uint64_t addr, absl::Span<const char> in) {
  const long result = kernel_->WriteMemory(caller->tid, GuestAddr{addr}, in);
  if (result != -EPERM || caller->state != Thread::State::kStopped) return result;
  return PokeBytes(kernel_, caller->tid, addr, in);
}

void Core::OnNotification(const Notification& notification) {
  Thread* caller = Find(notification.tid);
  if (caller == nullptr) {
    // No thread of ours: it escaped the table by racing clone3's flags past us (see StripUntraced), or is
    // gone already. It gets no emulation, and tracing from it is refused.
    if (KindOf(notification.abi, notification.nr) == CallKind::kPtrace) {
      kernel_->Answer(notification.id, -EPERM);
    } else {
      kernel_->Continue(notification.id);
    }
    return;
  }
  caller->call.phase = Call::Phase::kPending;
  caller->call.notification = notification;
  Carry(caller, Decide(caller, notification));
  Pump();
}

Outcome Core::Decide(Thread* caller, const Notification& n) {
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
      return NoteSigaction(caller, n);
    case CallKind::kClone:
    case CallKind::kClone3:
      return StripUntraced(caller, n);
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
      return;
    case Outcome::Kind::kStopCaller:
      if (!stopped) Kick(caller);
      return;
    case Outcome::Kind::kContinue:
      if (stopped) {
        // The call starts again by itself once the thread runs, whatever handler runs before.
        if (kernel_->Ptrace(Abi::kX86_64, kPokeUser, caller->tid, kUserRax, -kErestartnointr) == 0) {
          call.phase = Call::Phase::kNone;
        }
        return;
      }
      if (kernel_->Continue(call.notification.id)) call.phase = Call::Phase::kContinued;
      return;
    case Outcome::Kind::kReturn:
      break;
  }
  bool taken;
  if (stopped) {
    taken = kernel_->Ptrace(Abi::kX86_64, kPokeUser, caller->tid, kUserRax, outcome.value) == 0;
    if (taken) {
      call.phase = Call::Phase::kNone;
      caller->registers.valid = false;
    }
  } else {
    taken = kernel_->Answer(call.notification.id, outcome.value);
    if (taken) {
      call.phase = Call::Phase::kAnswered;
      call.result = outcome.value;
    }
  }
  if (taken && outcome.then) outcome.then();
}

// `thread` has just stopped. If that interrupted an intercepted call, the call's fate is decided here.
void Core::Settle(Thread* thread) {
  Call& call = thread->call;
  const bool was_kicked = thread->kicked;
  thread->kicked = false;
  if (call.phase == Call::Phase::kNone && !was_kicked) return;
  struct user_regs_struct regs;
  if (kernel_->PtraceBuffer(Abi::kX86_64, kGetRegs, thread->tid, 0,
                            absl::MakeSpan(reinterpret_cast<char*>(&regs), sizeof(regs))) < 0) {
    return;  // dead; the next event says so
  }
  const int64_t rax = static_cast<int64_t>(regs.rax);
  if (call.phase == Call::Phase::kNone || rax != -kErestartsys ||
      static_cast<int>(regs.orig_rax) != call.notification.nr) {
    // A kick that came too late for the wait may have ended another call that is never restarted (epoll_wait
    // and the like, signal(7)): nobody but us interrupted it, so it starts again.
    ThreadFacts facts;
    if (was_kicked && rax == -EINTR && static_cast<int64_t>(regs.orig_rax) >= 0 &&
        kernel_->ReadFacts(thread->tid, &facts) && (facts.pending_signals & ~facts.blocked_signals) == 0) {
      kernel_->Ptrace(Abi::kX86_64, kPokeUser, thread->tid, kUserRax, -kErestartnointr);
    }
    call.phase = Call::Phase::kNone;
    return;
  }
  const CallKind kind = KindOf(call.notification.abi, call.notification.nr);
  switch (call.phase) {
    case Call::Phase::kNone:
      return;
    case Call::Phase::kAnswered:  // the answer was lost
      Carry(thread, Outcome::Return(call.result));
      return;
    case Call::Phase::kContinued:
      if (!IsWait(kind)) {
        Carry(thread, Outcome::Continue());
        return;
      }
      if (!was_kicked) {
        call.phase = Call::Phase::kNone;  // a wait that the kernel itself interrupted
        return;
      }
      break;
    case Call::Phase::kPending:
      break;
  }
  if (kind == CallKind::kClone && call.phase == Call::Phase::kPending) {
    Carry(thread, StripUntraced(thread, call.notification));
    return;
  }
  Outcome outcome = Decide(thread, call.notification);
  if (outcome.kind == Outcome::Kind::kPark) {
    call.phase = Call::Phase::kNone;  // an interrupted wait with nothing to report: EINTR or restart
    return;
  }
  Carry(thread, std::move(outcome));
}

// Makes `thread` stop, for a reason that nobody may see.
void Core::Kick(Thread* thread) {
  if (thread->state != Thread::State::kRunning || thread->kicked) return;
  if (kernel_->Ptrace(Abi::kX86_64, kInterrupt, thread->tid, 0, 0) == 0) thread->kicked = true;
}

// rt_sigaction(2) & co. for SIGCHLD: what the caller will do with SIGCHLD decides whether its stops send it.
Outcome Core::NoteSigaction(Thread* caller, const Notification& n) {
  SigchldDisposition next;
  uint64_t handler = 0, flags = 0;
  if (KindOf(n.abi, n.nr) == CallKind::kSignal) {
    handler = n.args[1];
  } else {
    if (n.args[1] == 0) return Outcome::Continue();
    long result;
    if (n.abi == Abi::kX86_64) {
      uint64_t action[2];  // sa_handler, sa_flags
      result = ReadCaller(caller, n.args[1], absl::MakeSpan(reinterpret_cast<char*>(action), sizeof(action)));
      handler = action[0];
      flags = action[1];
    } else {
      // struct compat_sigaction: handler, flags, restorer, mask; the old one: handler, mask, flags, restorer.
      uint32_t action[4] = {0};
      const bool old = KindOf(n.abi, n.nr) == CallKind::kOldSigaction;
      result = ReadCaller(caller, n.args[1], absl::MakeSpan(reinterpret_cast<char*>(action), old ? 12 : 8));
      handler = action[0];
      flags = action[old ? 2 : 1];
    }
    if (result == -EPERM) return Outcome::StopCaller();
    if (result < 0) return Outcome::Continue();  // the kernel says EFAULT
  }
  next.action = handler == 0   ? SigchldDisposition::Action::kDefault
                : handler == 1 ? SigchldDisposition::Action::kIgnore
                               : SigchldDisposition::Action::kHandler;
  next.no_stop = (flags & SA_NOCLDSTOP) != 0;
  next.no_wait = (flags & SA_NOCLDWAIT) != 0;
  caller->process->sigchld = next;
  return Outcome::Continue();
}

// A child made with CLONE_UNTRACED would run without us. The flag is taken out of the call, and put back into
// the caller's register (clone) or memory (clone3) once the kernel has read it; nobody is told of the child.
// A thread that races the flag back into clone3's memory gets a child that is in no table: it runs, but its
// own tracing is refused.
Outcome Core::StripUntraced(Thread* caller, const Notification& n) {
  if (KindOf(n.abi, n.nr) == CallKind::kClone) {
    if ((n.args[0] & kCloneUntraced) == 0) return Outcome::Continue();
    if (caller->state != Thread::State::kStopped) return Outcome::StopCaller();
    caller->untraced_clone = true;
    caller->untraced_value = n.args[0];
    caller->untraced_where = n.abi == Abi::kX86_64 ? kUserRdi : kUserRbx;
    kernel_->Ptrace(Abi::kX86_64, kPokeUser, caller->tid, caller->untraced_where,
                    n.args[0] & ~kCloneUntraced);
    return Outcome::Continue();
  }
  uint64_t flags = 0;
  auto bytes = absl::MakeSpan(reinterpret_cast<char*>(&flags), sizeof(flags));
  const long result = ReadCaller(caller, n.args[0], bytes);
  if (result == -EPERM) return Outcome::StopCaller();
  if (result < 0 || (flags & kCloneUntraced) == 0) return Outcome::Continue();
  const uint64_t stripped = flags & ~kCloneUntraced;
  if (WriteCaller(caller, n.args[0],
                  absl::MakeConstSpan(reinterpret_cast<const char*>(&stripped), sizeof(stripped))) < 0) {
    return Outcome::Return(-EFAULT);
  }
  caller->untraced_clone = true;
  caller->untraced_value = flags;
  caller->untraced_where = n.args[0];
  return Outcome::Continue();
}

// `thread` (the caller of a stripped clone, or its new child) is stopped behind the call.
void Core::RestoreCloneFlags(Thread* thread, const Thread& caller) {
  if (KindOf(caller.call.notification.abi, caller.call.notification.nr) == CallKind::kClone3) {
    const uint64_t flags = caller.untraced_value;
    WriteCaller(thread, caller.untraced_where,
                absl::MakeConstSpan(reinterpret_cast<const char*>(&flags), sizeof(flags)));
  } else {
    kernel_->Ptrace(Abi::kX86_64, kPokeUser, thread->tid, caller.untraced_where, caller.untraced_value);
  }
}

void Core::Pump() {
  // Deciding a wait may reap, and reaping may make others' waits decidable.
  while (!dirty_.empty()) {
    const Tid tgid = *dirty_.begin();
    dirty_.erase(dirty_.begin());
    Process* process = FindProcess(tgid);
    if (process == nullptr) continue;
    const std::vector<Thread*> waiters = process->threads;
    for (Thread* waiter : waiters) {
      const bool listed =
          std::find(process->threads.begin(), process->threads.end(), waiter) != process->threads.end();
      if (!listed || waiter->state != Thread::State::kRunning) continue;
      Call& call = waiter->call;
      if (call.phase == Call::Phase::kPending && !waiter->kicked) {
        Carry(waiter, Decide(waiter, call.notification));
      } else if (call.phase == Call::Phase::kContinued &&
                 IsWait(KindOf(call.notification.abi, call.notification.nr))) {
        const std::optional<WaitSpec> spec = ParseWait(waiter, call.notification);
        if (!spec.has_value()) continue;
        const WaitFinding finding = Evaluate(waiter, *spec);
        if (finding.kind == WaitFinding::Kind::kNative || finding.kind == WaitFinding::Kind::kNothing)
          continue;
        const long blocked = kernel_->BlockedIn(waiter->tid);
        if (blocked >= 0 && blocked != call.notification.nr) {
          call.phase = Call::Phase::kNone;  // it has long returned
        } else {
          Kick(waiter);
        }
      }
    }
  }
}

}  // namespace nestrace
