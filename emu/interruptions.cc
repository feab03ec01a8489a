// Calls that natively would not have been interrupted (unqueued.cc has the signals).

#include <errno.h>
#include <signal.h>
#include <string.h>

#include <algorithm>
#include <utility>

#include "emu/core.h"

namespace nestrace {

namespace {

// The register at this offset in the USER area, which begins with them.
uint64_t RegisterAt(const struct user_regs_struct& regs, uint64_t where) {
  uint64_t value = 0;
  memcpy(&value, reinterpret_cast<const char*>(&regs) + where, sizeof(value));
  return value;
}

// Where epoll_wait and epoll_pwait have their timeout, in milliseconds: offset in the USER area, 0 for
// another call.
uint64_t TimeoutArgument(const struct user_regs_struct& regs) {
  const int64_t nr = static_cast<int64_t>(regs.orig_rax);
  if (regs.cs == kUser64Cs) return nr == 232 || nr == 281 ? kUserR10 : 0;
  return nr == 256 || nr == 319 ? kUserRsi : 0;
}

// The arguments of write, sendto and sendfile that say what is to be moved: offsets in the USER area, 0 if
// there is no such.
struct Moved {
  uint64_t from = 0, size = 0;
};

Moved ArgumentsOfMove(const struct user_regs_struct& regs) {
  const int64_t nr = static_cast<int64_t>(regs.orig_rax);
  if (regs.cs == kUser64Cs) {
    if (nr == 1 || nr == 44) return {kUserRsi, kUserRdx};
    return nr == 40 ? Moved{0, kUserR10} : Moved{};
  }
  return nr == 4 || nr == 369 ? Moved{kUserRcx, kUserRdx} : Moved{};
}

}  // namespace

// `thread` has stopped behind a call that has failed with EINTR, which is never restarted (epoll_wait,
// sigtimedwait and the like, signal(7)), or that starts again. Was it our tracing alone that ended it? A kick
// may have come too late for the wait it was for. A signal that is ignored is natively not even queued, but
// every thread is traced by us. And SIGCONT, also one that is blocked, traps all threads of a process that
// are seized (kernel/signal.c:prepare_signal).
bool Core::EndedByUs(const Thread& thread, bool was_kicked) const {
  const Stop& stop = thread.stop;
  const bool seized = IsSeized(thread);
  const bool trap = stop.kind == StopKind::kTrap && !thread.in_group_stop && !seized;
  if (!was_kicked && !trap && stop.kind != StopKind::kSignal && stop.kind != StopKind::kSyscall) return false;
  ThreadFacts facts;
  if (!kernel_->ReadFacts(thread.tid, &facts)) return false;
  uint64_t pending = facts.pending_signals() & ~facts.blocked_signals;
  if (IsStepped(thread)) pending &= ~SignalBit(SIGTRAP);  // of a step over it
  const uint64_t unqueued = NeverQueued(thread, facts, pending);
  if (unqueued != pending) return false;
  const bool cause_is_shown = stop.kind == StopKind::kSignal && !IsStepTrap(thread);
  if (trap || (was_kicked && !cause_is_shown)) return true;
  if (!cause_is_shown) {  // it is to come
    return unqueued != 0 || (!seized && Has(facts.pending_signals() & facts.blocked_signals, SIGCONT));
  }
  siginfo_t info;
  if (KernelSigInfo(thread, &info) < 0) return false;
  MakeGenuine(thread, &info);
  return WasNeverQueued(thread, info, info.si_code == SI_USER);
}

bool Core::IsRestart(const struct user_regs_struct& regs) {
  return static_cast<int64_t>(regs.orig_rax) == (regs.cs == kUser64Cs ? kNrRestart : kNr32Restart);
}

// Behind the end of a call that was made ENOSYS (Offer).
void Core::PutRefusedCallBack(Thread* thread) {
  if (!thread->refused_call.has_value()) return;
  kernel_->Ptrace(Abi::kX86_64, kPokeUser, thread->tid, kUserOrigRax, *thread->refused_call);
  thread->refused_call.reset();
}

// The thread was killed inside a call, whose number is to be the one it was made with.
void Core::PutNumberBack(Thread* thread) {
  PutRefusedCallBack(thread);
  struct user_regs_struct regs;
  if (thread->timed_call != 0 && GetRegs(*thread, &regs) && IsRestart(regs))
    kernel_->Ptrace(Abi::kX86_64, kPokeUser, thread->tid, kUserOrigRax, thread->timed_call);
}

// A call with a time to wait that is interrupted goes on as restart_syscall(2), and has that number when it
// is interrupted again. If natively the first time would not have been one, it is given its own back.
void Core::NoteRestart(Thread* thread, const struct user_regs_struct& regs, bool by_us) {
  if (!IsRestart(regs)) {
    thread->timed_call = static_cast<int64_t>(regs.orig_rax);
  } else if (thread->timed_call != 0) {
    kernel_->Ptrace(Abi::kX86_64, kPokeUser, thread->tid, kUserOrigRax, thread->timed_call);
  }
  if (!by_us) thread->timed_call = 0;
}

// A call that writes sleeps till all is written, unless a signal comes. `thread` has stopped behind one that
// has written a part; if natively nothing has interrupted it, it goes on with the rest.
bool Core::GoOnMoving(Thread* thread, const struct user_regs_struct& regs, bool was_kicked) {
  constexpr uint64_t kMost = 0x7ffff000;  // of one call (MAX_RW_COUNT)
  const Moved arguments = ArgumentsOfMove(regs);
  const uint64_t size = std::min(RegisterAt(regs, arguments.size), kMost);
  const uint64_t done = regs.rax;
  const bool behind_call = thread->stop.kind == StopKind::kSignal || thread->stop.kind == StopKind::kTrap;
  if (!behind_call || arguments.size == 0 || static_cast<int64_t>(done) <= 0 || done >= size) return false;
  if (!thread->changed_arguments.empty() || !EndedByUs(*thread, was_kicked)) return false;
  const auto change = [&](uint64_t where, uint64_t changed) {
    thread->changed_arguments.push_back({where, RegisterAt(regs, where)});
    kernel_->Ptrace(Abi::kX86_64, kPokeUser, thread->tid, where, changed);
  };
  if (arguments.from != 0) change(arguments.from, RegisterAt(regs, arguments.from) + done);
  change(arguments.size, size - done);
  thread->moved = done;
  kernel_->Ptrace(Abi::kX86_64, kPokeUser, thread->tid, kUserRax, -kErestartnointr);
  return true;
}

// The call has ended, or is still to begin with the rest: what it says is to be that of the whole.
void Core::EndMoving(Thread* thread) {
  struct user_regs_struct regs;
  const uint64_t before = std::exchange(thread->moved, 0);
  if (before == 0 || !GetRegs(*thread, &regs)) return;
  PutArgumentsBack(thread);
  const int64_t more = std::max<int64_t>(static_cast<int64_t>(regs.rax), 0);
  kernel_->Ptrace(Abi::kX86_64, kPokeUser, thread->tid, kUserRax, before + more);
}

// The call that `thread` has been interrupted in starts again, with its whole time to wait, which is to be
// what is left. (When it began the first time is not known: it waits from here on.)
void Core::NoteTimeout(Thread* thread, const struct user_regs_struct& regs) {
  const uint64_t where = TimeoutArgument(regs);
  const int time = static_cast<int>(RegisterAt(regs, where));
  if (where == 0 || time <= 0) return;
  if (thread->timeout.has_value() && thread->timeout->behind == regs.rip) return;
  thread->timeout = Thread::Timeout{regs.rip, kernel_->Milliseconds() + time};
}

// At a syscall-stop.
void Core::ShortenTimeout(Thread* thread) {
  struct user_regs_struct regs;
  if (!thread->timeout.has_value() || !GetRegs(*thread, &regs)) return;
  const bool entry = thread->stop.entry;
  const uint64_t where = TimeoutArgument(regs);
  if (where == 0 || thread->timeout->behind != regs.rip || (!entry && !WillRestart(regs))) {
    thread->timeout.reset();
    return;
  }
  if (!entry) return;
  if (thread->changed_arguments.empty())
    thread->changed_arguments.push_back({where, RegisterAt(regs, where)});
  const int64_t left = std::max<int64_t>(thread->timeout->deadline - kernel_->Milliseconds(), 0);
  kernel_->Ptrace(Abi::kX86_64, kPokeUser, thread->tid, where, left);
}

// Does a system call start again at once that natively would not have ended at all? Then the address behind
// it.
std::optional<uint64_t> Core::RestartsForUs(const Thread& thread) const {
  struct user_regs_struct regs;
  const bool restarts = thread.stop.interrupted && GetRegs(thread, &regs) && WillRestart(regs);
  if (!restarts || thread.ended_at == regs.rip || !EndedByUs(thread, thread.stop.kicked)) return std::nullopt;
  return regs.rip;
}

// A system call has ended. True if that is not to be seen.
bool Core::RestartsUnseen(Thread* thread) {
  const std::optional<uint64_t> at = RestartsForUs(*thread);
  if (at.has_value()) thread->restarts_at = *at;
  return at.has_value();
}

// A system call begins that natively has not ended. (Whatever comes in between, its end is shown once.)
bool Core::EnteredUnseen(Thread* thread) {
  struct user_regs_struct regs;
  if (thread->restarts_at == 0 || !GetRegs(*thread, &regs) || regs.rip != thread->restarts_at) return false;
  thread->restarts_at = 0;
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

}  // namespace nestrace
