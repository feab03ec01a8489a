// Signals that natively would not have been queued.
//
// What an untraced thread ignores and does not block is dropped as it is sent (kernel/signal.c:sig_ignored).
// Every guest is traced, by us, so for it such a signal is queued, and discarded as it is delivered. A thread
// that does not run, above all in a group-stop, keeps it: whoever attaches then is not to see it, and the
// next signal of that number, which natively is queued, must find its place free.

#include <signal.h>

#include <algorithm>

#include "emu/core.h"

namespace nestrace {

namespace {

// Was `thread` traced when the signals were sent that it has pending?
bool WasTraced(const Thread& thread) { return !thread.links.empty() && !thread.discarding.has_value(); }

}  // namespace

// Whether a signal is ignored is decided for a thread: the one it is sent to, the leader of the process, or,
// if the kernel sends it for a child, the thread that traces the child, or whose child it is. Which one was
// it for the signal with this siginfo, that `thread` has, or its process? Null: unknown.
const Thread* Core::TargetOf(const Thread& thread, const siginfo_t& info, bool to_process) const {
  const Thread* target = to_process ? Find(thread.process->tgid) : &thread;
  if (info.si_code <= 0) return target;
  for (const Process* child : thread.process->children) {
    if (info.si_signo != SIGCHLD && info.si_signo != child->exit_signal) continue;
    if (PidIn(thread.pids, child->pids) != info.si_pid) continue;
    target = child->zombie_tracer != nullptr ? child->zombie_tracer : child->parent;
  }
  if (info.si_signo != SIGCHLD) return target;
  for (const Thread* member : thread.process->threads) {
    for (const Link* link : member->tracees) {
      if (PidIn(thread.pids, link->tracee->pids) == info.si_pid) target = member;
    }
  }
  return target;
}

// Is the signal with this siginfo, which the process of `thread` ignores, one of those?
bool Core::WasNeverQueued(const Thread& thread, const siginfo_t& info, bool to_process) const {
  const Thread* target = TargetOf(thread, info, to_process);
  if (target == nullptr || WasTraced(*target)) return false;
  ThreadFacts facts;
  if (!kernel_->ReadFacts(target->tid, &facts) || !Has(facts.ignored_signals, info.si_signo)) return false;
  return target == &thread || !Has(facts.blocked_signals, info.si_signo);
}

// Those among the signals `among` that are pending for `thread` and its process, as far as can be known:
// whose a signal of the process is shows only at a stop.
uint64_t Core::NeverQueued(const Thread& thread, const ThreadFacts& facts, uint64_t among) const {
  const uint64_t stale = facts.pending_signals() & thread.process->stale_signals & among;
  const uint64_t ignored =
      facts.pending_signals() & facts.ignored_signals & ~thread.process->kept_signals & among;
  const auto& threads = thread.process->threads;
  // Through any that is stopped the signals of the process can be seen.
  const auto stopped = [](const Thread* member) { return member->state == Thread::State::kStopped; };
  const auto first = std::find_if(threads.begin(), threads.end(), stopped);
  const Thread* window = stopped(&thread) ? &thread : first == threads.end() ? nullptr : *first;
  const bool untraced =
      std::none_of(threads.begin(), threads.end(), [](const Thread* member) { return WasTraced(*member); });
  if (ignored == 0 || (untraced && (threads.size() == 1 || window == nullptr))) return ignored | stale;
  if (threads.size() == 1) return stale;
  uint64_t found = stale | (WasTraced(thread) ? 0 : ignored & ~facts.process_signals);
  uint64_t of_process = ignored & facts.process_signals;
  if (of_process == 0 || window == nullptr) return found;
  for (siginfo_t& info : PendingForProcess(*window)) {
    if (!Has(of_process, info.si_signo)) continue;
    of_process &= ~SignalBit(info.si_signo);  // of several the first decides
    MakeGenuine(thread, &info);
    if (WasNeverQueued(thread, info, true)) found |= SignalBit(info.si_signo);
    if (of_process == 0) break;
  }
  return found;
}

// A thread that is not traced is about to die. The SIGCHLD of a child of its own is pending for the threads
// that it leaves, which may be traced. If they all block SIGCHLD, so did it, most likely.
void Core::NoteStaleSigchld(Thread* thread) {
  const auto& threads = thread->process->threads;
  if (threads.size() == 1 || !thread->links.empty() || thread->process->children.empty()) return;
  ThreadFacts facts;
  if (!kernel_->ReadFacts(thread->tid, &facts)) return;
  const uint64_t stale = NeverQueued(*thread, facts, SignalBit(SIGCHLD)) & facts.process_signals;
  if (stale == 0) return;
  const bool others_take_it =
      std::any_of(threads.begin(), threads.end(), [this, thread](const Thread* other) {
        ThreadFacts of_other;
        return other != thread && kernel_->ReadFacts(other->tid, &of_other) &&
               !Has(of_other.blocked_signals, SIGCHLD);
      });
  if (others_take_it) thread->process->stale_signals |= stale;
}

// A tracer lets `tracee` go: what is pending now was queued natively, too, unless another thread decided
// that.
void Core::KeepSignalsOf(Thread* tracee) {
  ThreadFacts facts;
  if (tracee->links.size() > 1 || tracee->discarding.has_value()) return;
  if (!kernel_->ReadFacts(tracee->tid, &facts)) return;
  const uint64_t pending = facts.pending_signals();
  tracee->process->kept_signals |= pending & ~NeverQueued(*tracee, facts, pending);
}

// `tracer` lets all its tracees go. (To be called before one of them, or its end, sends another a signal.)
void Core::KeepSignals(const Thread& tracer) {
  for (Link* link : tracer.tracees) KeepSignalsOf(link->tracee);
}

// `target`, which nobody has traced and which is not in a group-stop, is attached to: its stale signals are
// dropped as they come. `more`: to those that were noted a moment ago.
void Core::NoteStaleSignals(const Thread& target, bool more) {
  ThreadFacts facts;
  if (!kernel_->ReadFacts(target.tid, &facts)) return;
  const uint64_t pending = facts.pending_signals() & ~facts.blocked_signals & kStandardSignals;
  const uint64_t stale = NeverQueued(target, facts, pending);
  target.process->stale_signals = stale | (more ? target.process->stale_signals : 0);
}

// The same in a group-stop: they are discarded before the tracer sees it stopped:
//
//   PTRACE_EVENT_STOP, which ends the group-stop for us: all signals but those are blocked; PTRACE_CONT
//   signal-delivery-stop of each of them: PTRACE_CONT without it; at the last, PTRACE_INTERRUPT before that
//   PTRACE_EVENT_STOP, which is shown
//
// All this is within the kernel's get_signal(); the thread runs no code of its own, if no other thread of its
// process takes the signal. So one of them does this at a time, while none runs; and if one is let go
// meanwhile, the discarding thread is interrupted before (StopDiscarding).
void Core::DiscardStaleSignals(Thread* target) {
  ThreadFacts facts;
  if (!kernel_->ReadFacts(target->tid, &facts)) return;
  target->process->stale_signals &= facts.pending_signals();
  const uint64_t pending = facts.pending_signals() & ~facts.blocked_signals;
  if ((pending & facts.ignored_signals) == 0) return;
  target->discarding.emplace();
  target->discarding->signals = pending & facts.ignored_signals;
}

// The signals that `thread`, which is at a PTRACE_EVENT_STOP, can discard now.
uint64_t Core::Discardable(const Thread& thread, const ThreadFacts& facts) const {
  const Thread::Discarding& discarding = *thread.discarding;
  const auto& threads = thread.process->threads;
  const bool alone = std::none_of(threads.begin(), threads.end(), [&thread](const Thread* other) {
    const bool moves = other->state == Thread::State::kRunning || other->state == Thread::State::kNewborn;
    return other != &thread && moves;
  });
  // SIGSTOP can't be blocked, and would come in between. In sigsuspend(2) and the like PTRACE_GETSIGMASK
  // shows the mask that is put back behind the call, and PTRACE_SETSIGMASK would have the call's stay.
  uint64_t own = 0;
  GetMask(thread, &own);
  const bool can = alone && thread.process->discarding == nullptr && own == facts.blocked_signals &&
                   !Has(facts.pending_signals(), SIGSTOP);
  return can ? NeverQueued(thread, facts, discarding.signals & ~facts.blocked_signals) : 0;
}

// A stop of a thread that has signals to discard. True if nobody is to see it.
bool Core::Discard(Thread* thread) {
  Thread::Discarding& discarding = *thread->discarding;
  const Stop& stop = thread->stop;
  ThreadFacts facts;
  const bool known = kernel_->ReadFacts(thread->tid, &facts);
  if (!discarding.under_way && stop.kind == StopKind::kGroupStop && known) {
    const uint64_t signals = Discardable(*thread, facts);
    if (signals != 0 && SetMask(thread, ~signals)) {
      discarding.under_way = true;
      thread->process->discarding = thread;
      discarding.signals = signals;
      discarding.twice = facts.thread_signals & facts.process_signals;
      discarding.mask = facts.blocked_signals;
      ResumeUnseen(thread, ResumeMode::kCont);
      return true;
    }
  } else if (discarding.under_way) {
    const uint64_t bit = stop.kind == StopKind::kSignal ? SignalBit(stop.signal) : 0;
    const bool one = (discarding.signals & bit) != 0;
    if (one) {
      thread->process->stale_signals &= ~bit;
      thread->process->kept_signals &= ~bit;
      // Of a standard signal there is one of the thread and one of its process; another has come since.
      const bool more = (kStandardSignals & bit) != 0 ? (discarding.twice & bit) != 0
                                                      : (facts.pending_signals() & bit) != 0;
      discarding.twice &= ~bit;
      if (!more) discarding.signals &= ~bit;
    }
    if (one && discarding.signals != 0) {
      ResumeUnseen(thread, ResumeMode::kCont);
      return true;
    }
    SetMask(thread, discarding.mask);
    if (one) {
      kernel_->Ptrace(Abi::kX86_64, kInterrupt, thread->tid, 0, 0);
      ResumeUnseen(thread, ResumeMode::kCont);
      EndDiscarding(thread);
      return true;
    }
  }
  // What is left is dropped as it comes.
  if (known)
    thread->process->stale_signals |= NeverQueued(*thread, facts, discarding.signals & kStandardSignals);
  EndDiscarding(thread);
  return false;
}

// The SIGSTOP of PTRACE_ATTACH follows, unless SIGCONT has come, which would have flushed it.
void Core::EndDiscarding(Thread* thread) {
  const bool attached = thread->discarding->attached;
  thread->discarding.reset();
  if (thread->process->discarding == thread) thread->process->discarding = nullptr;
  if (attached && thread->stop.kind == StopKind::kTrap) {
    for (const auto& link : thread->links) link->sigstop_due = false;
  } else if (attached) {
    QueueSignal(thread, SIGSTOP, kSignalAttach);
  }
}

// `thread` is about to run, and may take a signal that another one of its process discards.
void Core::StopDiscarding(const Thread* thread) {
  const Thread* other = thread->process->discarding;
  if (other != nullptr && other != thread) kernel_->Ptrace(Abi::kX86_64, kInterrupt, other->tid, 0, 0);
}

bool Core::GetMask(const Thread& thread, uint64_t* mask) const {
  return kernel_->PtraceBuffer(Abi::kX86_64, kGetSigMask, thread.tid, sizeof(*mask),
                               absl::MakeSpan(reinterpret_cast<char*>(mask), sizeof(*mask))) >= 0;
}

bool Core::SetMask(Thread* thread, uint64_t mask) {
  return kernel_->PtraceBuffer(Abi::kX86_64, kSetSigMask, thread->tid, sizeof(mask),
                               absl::MakeSpan(reinterpret_cast<char*>(&mask), sizeof(mask))) >= 0;
}

}  // namespace nestrace
