// Calls that natively would not have been interrupted (unqueued.cc has the signals, timeouts.cc and moves.cc
// what of such a call is not simply made again).

#include <errno.h>
#include <signal.h>
#include <string.h>

#include <algorithm>
#include <utility>

#include "emu/core.h"

namespace nestrace {

// `thread` has stopped behind a call that has failed with EINTR, which is never restarted (epoll_wait,
// sigtimedwait and the like, signal(7)), or that starts again. Was it our tracing alone that ended it? A kick
// may have come too late for the wait it was for. A signal that is ignored is natively not even queued, but
// every thread is traced by us. And SIGCONT, also one that is blocked, traps all threads of a process that
// are seized (kernel/signal.c:prepare_signal).
bool Core::EndedByUs(Thread* thread) {
  Stop& stop = thread->stop;
  if (!stop.ended_by_us.has_value()) stop.ended_by_us = LooksEndedByUs(*thread);
  return *stop.ended_by_us;
}

bool Core::LooksEndedByUs(const Thread& thread) const {
  const Stop& stop = thread.stop;
  const bool seized = IsSeized(thread);
  const bool trap = stop.kind == StopKind::kTrap && !thread.in_group_stop && !seized;
  // What made the stop before interrupt it is the cause of this one, too.
  const bool ours = stop.kicked || (stop.kind != StopKind::kGroupStop && IsToRestart(thread));
  if (!ours && !trap && stop.kind != StopKind::kSignal && stop.kind != StopKind::kSyscall) return false;
  ThreadFacts facts;
  if (!kernel_->ReadFacts(thread.tid, &facts)) return false;
  uint64_t pending = facts.pending_signals() & ~facts.blocked_signals;
  if (IsStepped(thread)) pending &= ~SignalBit(SIGTRAP);  // of a step over it
  const uint64_t unqueued = NeverQueued(thread, facts, pending);
  if (unqueued != pending) return false;
  const bool cause_is_shown = stop.kind == StopKind::kSignal && !IsStepTrap(thread);
  if (trap || (ours && !cause_is_shown)) return true;
  if (!cause_is_shown) {  // it is to come
    return unqueued != 0 || (!seized && Has(facts.pending_signals() & facts.blocked_signals, SIGCONT));
  }
  if (Has(thread.process->stale_signals, stop.signal)) return true;
  siginfo_t info;
  if (KernelSigInfo(thread, &info) < 0) return false;
  MakeGenuine(thread, &info);
  return WasNeverQueued(thread, info, info.si_code == SI_USER);
}

// Behind the end of a call that was made ENOSYS (Offer).
void Core::PutRefusedCallBack(Thread* thread) {
  if (!thread->refused_call.has_value()) return;
  kernel_->Ptrace(Abi::kX86_64, kPokeUser, thread->tid, kUserOrigRax, *thread->refused_call);
  thread->refused_call.reset();
}

// `thread` starts the call again, behind which it is, as one that natively has not ended.
void Core::GoOn(Thread* thread, const struct user_regs_struct& regs) {
  const auto& going_on = thread->going_on;
  if (!going_on.has_value() || going_on->behind != regs.rip || going_on->stack != regs.rsp)
    thread->going_on = Thread::GoingOn{regs.rip, regs.rsp};
}

// `thread` is shown to be out of its call. (Whatever comes in between, the end is shown once.)
void Core::SeenOut(Thread* thread) {
  if (thread->going_on.has_value() && !thread->going_on->exit_hidden) thread->going_on.reset();
}

// A system call has ended. True if that is not to be seen: it starts again at once, and natively would not
// have ended at all.
bool Core::RestartsUnseen(Thread* thread) {
  const Stop& stop = thread->stop;
  struct user_regs_struct regs;
  const bool restarts = stop.interrupted && GetRegs(*thread, &regs) && WillRestart(regs);
  if (!restarts || thread->ended_at == regs.rip || !EndedByUs(thread)) return false;
  GoOn(thread, regs);
  if (stop.kind == StopKind::kSyscall) thread->going_on->exit_hidden = true;
  return true;
}

// Is the stopped thread about to make a call again that natively has not ended?
bool Core::IsToRestart(const Thread& thread) const {
  struct user_regs_struct regs;
  if (!thread.going_on.has_value()) return false;
  const uint64_t behind = thread.going_on->behind;
  if (behind == thread.ended_at || !GetRegs(thread, &regs) || regs.rsp != thread.going_on->stack)
    return false;
  return regs.rip == behind ? WillRestart(regs) : regs.rip + 2 == behind;
}

// A system call begins that natively has not ended.
bool Core::EnteredUnseen(Thread* thread) {
  struct user_regs_struct regs;
  if (!thread->going_on.has_value() || !GetRegs(*thread, &regs)) return false;
  if (regs.rip != thread->going_on->behind || regs.rsp != thread->going_on->stack) return false;
  thread->going_on.reset();
  return true;
}

// `thread` has just stopped: the trap of a SIGCONT that is pending by now was before.
void Core::NoteSigcont(Thread* thread) {
  ThreadFacts facts;
  if (thread->ended_at == 0 || !kernel_->ReadFacts(thread->tid, &facts)) return;
  thread->stop.sigcont_pending = Has(facts.pending_signals(), SIGCONT);
}

// Has a stopped thread more to stop for before it is back in its program?
bool Core::StopsOnItsWay(const Thread& thread) const {
  ThreadFacts facts;
  if (!kernel_->ReadFacts(thread.tid, &facts)) return false;
  if (StopsGroup(thread, facts)) return true;
  // The SIGCHLD of a tracer that was its child, and is about to be reaped (OnExit).
  for (const Process* child : thread.process->children) {
    const Thread* leader = Find(child->tgid);
    if (leader != nullptr && leader->state == Thread::State::kZombie && leader->links.empty()) return true;
  }
  // SIGCONT has a trap go before it, also if it is blocked and therefore sent anew (ptrace_signal()).
  const bool sent_anew = thread.stop.signal == SIGCONT && Has(facts.blocked_signals, SIGCONT);
  const uint64_t stops = ~facts.blocked_signals | (thread.stop.sigcont_pending ? 0 : SignalBit(SIGCONT));
  return sent_anew || (facts.pending_signals() & stops) != 0;
}

// A wait that a signal has kept from a zombie is made again, and natively would have found it first: no
// handler runs before, no tracer sees the signal or an end of the call. So all signals are blocked until the
// call has ended; the one that `thread` has stopped for the kernel queues again (kernel/signal.c:
// ptrace_signal). Not where another thread may take the zombie, since the wait would sleep then.
void Core::HoldSignals(Thread* thread) {
  const Stop& stop = thread->stop;
  const bool holds = stop.kind == StopKind::kSyscall || stop.kind == StopKind::kSignal;
  if (!holds || IsEmulated(*thread) || IsStepped(*thread) || !MayHold(*thread)) return;
  const std::optional<WaitSpec> spec = ParseWait(thread, thread->call.notification);
  if (!spec.has_value()) return;
  if ((spec->flags & kWnohang) == 0 && !Evaluate(thread, *spec).zombie) return;
  struct user_regs_struct regs;
  if (!GetRegs(*thread, &regs) || !Hold(thread)) return;
  GoOn(thread, regs);
  thread->going_on->exit_hidden = true;
}

// A signal has come between the end of a call that natively has not ended and its new beginning. If it
// natively interrupts the call, with all that is seen of that, it is blocked till the call has begun. (Not if
// another thread could take it meanwhile: then, as where it can't be blocked, it finds the thread behind the
// call.)
bool Core::HoldTillEntry(Thread* thread) {
  const Stop& stop = thread->stop;
  if (stop.kind != StopKind::kSignal || !IsToRestart(*thread)) return false;
  if (!MayHold(*thread) || EndedByUs(thread) || !Hold(thread)) return false;
  thread->held_till_entry = true;
  return true;
}

// Has `thread`, about to make its call again, come upon a hardware breakpoint there? Natively it is in the
// call.
bool Core::IsTrapOnTheWay(const Thread& thread) const {
  struct user_regs_struct regs;
  siginfo_t info;
  return thread.stop.signal == SIGTRAP && IsToRestart(thread) && GetRegs(thread, &regs) &&
         regs.rip != thread.going_on->behind && KernelSigInfo(thread, &info) == 0 &&
         info.si_code == TRAP_HWBKPT;
}

// Another thread would take what is sent to the process.
bool Core::MayHold(const Thread& thread) { return thread.process->threads.size() == 1; }

// Blocks all signals. The kernel queues the one that `thread` has stopped for again: behind others of its
// number; if it stops by default, a SIGCONT is lost that has come since; SIGCONT itself traps once more; and
// a fault, or the trap of a step, comes again without that.
bool Core::Hold(Thread* thread) {
  const Stop& stop = thread->stop;
  uint64_t own = 0;
  if (stop.kind == StopKind::kSignal) {
    siginfo_t info;
    ThreadFacts facts;
    if (KernelSigInfo(*thread, &info) < 0 || !kernel_->ReadFacts(thread->tid, &facts)) return false;
    if (stop.signal == SIGCONT || IsFault(info)) return false;
    const uint64_t pending = facts.pending_signals();
    if (stop.signal >= kFirstRealTime && Has(pending, stop.signal)) return false;
    if (IsStopSignal(stop.signal) && (Has(pending, SIGCONT) || !Has(facts.caught_signals, stop.signal)))
      return false;
  }
  if (!GetMask(*thread, &own) || !SetMask(thread, ~0ull)) return false;
  thread->held_mask = own;
  return true;
}

void Core::EndHolding(Thread* thread) {
  if (!thread->held_mask.has_value() || (thread->stop.entry && !thread->held_till_entry)) return;
  SetMask(thread, *thread->held_mask);
  thread->held_mask.reset();
  thread->held_till_entry = false;
}

}  // namespace nestrace
