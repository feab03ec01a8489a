// A kernel stop on its way through the links of its thread, and the resume at the end.
//
// The real thread stops once; each link that is entitled to the stop gets it in its turn, and the next link
// is offered it only when the one before has resumed the tracee. The thread really runs when none is left.
// Signals, group-stops, syscall-exit-stops, events and exits go from the outermost link to the innermost, as
// if each outer tracer were the machine for the inner one; syscall-enter-stops go the other way.

#include <errno.h>
#include <signal.h>
#include <string.h>

#include <algorithm>
#include <utility>

#include "emu/core.h"

namespace nestrace {

void Core::OnStop(Tid tid, int code, const struct rusage& usage) {
  Thread* thread = Find(tid);
  if (thread == nullptr) {
    early_stops_[tid] = {code, usage};
    return;
  }
  if (thread->state == Thread::State::kNewborn) {
    OnFirstStop(thread, code, usage);
    Pump();
    return;
  }
  const StopCode decoded = StopCode::Decode(code);
  thread->deferred_stop.reset();
  if (Awaits(thread->call) && decoded.kind != StopKind::kEvent) {
    thread->deferred_stop = RawStop{code, usage};
    LetAttach(tid);  // natively it comes behind the call, for whoever traces the thread by then
    Pump();
    return;
  }
  Thread* const caller = decoded.event == kEventExec ? nullptr : CallerOfFailedExec(*thread);
  if (caller != nullptr) {
    TakeNumber(thread, caller);
    thread = caller;
  }
  const bool stayed = thread->state == Thread::State::kListening && thread->links.empty();
  SetState(thread, Thread::State::kStopped);
  thread->returning = thread->registers.valid = false;
  thread->stop = Stop();
  Stop& stop = thread->stop;
  stop.kind = decoded.kind;
  stop.event = decoded.event;
  stop.signal = decoded.kind == StopKind::kSignal ? decoded.signal : 0;
  stop.code = code;
  stop.usage = usage;
  stop.stayed = stayed;
  if (observer_ != nullptr) observer_->OnStop({.tid = tid, .code = code});
  HandleStop(thread);
  if (Find(tid) == thread) AnswerAttachers(*thread);
  LetAttach(tid);
  Pump();
}

void Core::HandleStop(Thread* thread) {
  Stop& stop = thread->stop;
  if (interceptor_ != nullptr && HandleForbiddenProgram(thread)) return;
  if (thread->injection.has_value() && Inject(thread)) return;
  if (thread->discarding.has_value() && Discard(thread)) return;
  if (thread->filter_event && MakeFilterEvent(thread)) return;
  if (thread->changed_call.has_value() && HandleChangedCall(thread)) return;
  stop.kicked = thread->kicked;
  if (stop.kind == StopKind::kSyscall) {
    ReadEventMessage(thread);
    stop.entry = std::exchange(stop.message, 0) == 1;  // PTRACE_EVENTMSG_SYSCALL_ENTRY
  }
  const bool stripped = thread->untraced_clone;  // the call that has ended, not one that is to start again
  if (IsOfCallThatGoesOn(thread)) {
    ResumeThread(thread);
    return;
  }
  switch (stop.kind) {
    case StopKind::kSignal:
      RecogniseSignal(thread);
      if (IsFatalToInit(*thread)) {
        LeaveToDie(thread);
        return;
      }
      break;
    case StopKind::kGroupStop:
    case StopKind::kTrap:
      // The trap of the step over the call comes next, and that is still to come.
      if (thread->untraced_clone && IsStepped(*thread) && HasSprung(*thread)) RestartsUnseen(thread);
      NoteGroupStop(thread);
      break;
    case StopKind::kSyscall:
      if (!stop.entry && stripped) PutUntracedBack(thread);  // it has failed
      if (IsSyscallStopUnseen(thread)) {
        ResumeThread(thread);
        return;
      }
      break;
    case StopKind::kEvent:
      if (!ReadEventMessage(thread)) return;  // dead; the next event says so
      thread = HandleEvent(thread);
      if (thread == nullptr) return;
      break;
  }
  Offer(thread);
}

bool Core::ReadEventMessage(Thread* thread) {
  uint64_t* const message = &thread->stop.message;
  return kernel_->PtraceBuffer(Abi::kX86_64, kGetEventMsg, thread->tid, 0,
                               absl::MakeSpan(reinterpret_cast<char*>(message), sizeof(*message))) >= 0;
}

// Settles what becomes of a call that the stop has interrupted. True if that natively has not been, and the
// stop is nobody's.
bool Core::IsOfCallThatGoesOn(Thread* thread) {
  Stop& stop = thread->stop;
  const bool behind = !stop.entry && stop.kind != StopKind::kEvent;
  if (stop.kind != StopKind::kEvent) {
    PutRefusedCallBack(thread);
    if (thread->noted) PutArgumentsBack(thread);
    EndHolding(thread);
  }
  if (IsTrapOnTheWay(*thread)) {
    stop.signal = 0;
    return true;
  }
  if (HoldTillEntry(thread)) return true;
  if (behind && EndMoving(thread)) return true;
  Settle(thread);
  if (stop.kicked && stop.event != kEventStop && stop.event != kEventExit) {
    // The kick may have come before this stop, which ended it, or into it: now it is pending for certain, and
    // the stop that it makes is known for ours.
    InterruptUnseen(thread);
  }
  if (behind && thread->held_mask.has_value()) return true;
  if (stop.kind == StopKind::kSyscall && thread->changed_call.has_value()) return true;
  // Under PTRACE_SYSEMU no syscall-exit-stop tells of the end of a call that was under way.
  if (Emulates(thread->real_mode) && thread->was_in_call && stop.kind != StopKind::kEvent)
    RestartsUnseen(thread);
  return false;
}

// A system call begins or ends. True if nobody is to see that.
bool Core::IsSyscallStopUnseen(Thread* thread) {
  const bool entry = thread->stop.entry;
  ShortenTimeout(thread);
  if (entry ? EnteredUnseen(thread) : RestartsUnseen(thread)) return true;
  if (entry) thread->call.entered_again = true;
  if (!thread->changed_arguments.empty()) {
    if (!entry) PutArgumentsBack(thread);
    if (TracesNoCalls(*thread)) {
      if (!entry) EndChangedWait(thread);
      return true;
    }
  }
  if (entry && StoppedPastFilter(*thread)) return true;  // was shown before the filter's event
  return entry && IsMadeAgain(thread);
}

// Null if nobody is to see it; else the thread, under another number perhaps.
Thread* Core::HandleEvent(Thread* thread) {
  Stop& stop = thread->stop;
  switch (stop.event) {
    case kEventFork:
    case kEventVfork:
    case kEventClone:
      OnBirth(thread, Tid{static_cast<pid_t>(stop.message)}, stop.event);
      if (thread->untraced_clone) {
        thread->untraced_clone = false;
        ResumeThread(thread);
        return nullptr;
      }
      stop.message_pids = thread->child_pids;
      break;
    case kEventVforkDone:
      stop.message_pids = thread->child_pids;
      break;
    case kEventExec: {
      std::vector<NamespacedPid> pids = thread->pids;
      const Thread* named = Find(Tid{static_cast<pid_t>(stop.message)});
      if (named != nullptr) pids = named->pids;
      const Tid tid = thread->tid;
      OnExec(thread, stop.message);
      thread = Find(tid);  // perhaps the caller under the leader's number
      thread->stop.message_pids = pids;
      if (interceptor_ != nullptr && !MayRunItsProgram(thread)) return nullptr;
      break;
    }
    case kEventExit:
      stop.message = EndOf(*thread, static_cast<int>(stop.message));
      OnEventExit(thread);
      PutArgumentsBack(thread);
      break;
    case kEventSeccomp:
      if (IsStrict(*thread)) {
        KillStrictly(thread);
        return nullptr;
      }
      if (StoppedPastFilter(*thread)) {  // seccomp runs once more after an event, and lets RET_TRACE pass
        thread->past_filter.reset();
        ResumeThread(thread);
        return nullptr;
      }
      break;
    default:
      break;
  }
  return thread;
}

// Is no tracer of the thread to see its system calls?
bool Core::TracesNoCalls(const Thread& thread) {
  return std::all_of(thread.links.begin(), thread.links.end(),
                     [](const auto& link) { return link->mode == ResumeMode::kCont; });
}

bool Core::InterruptPending(const Thread& thread) {
  return std::any_of(thread.links.begin(), thread.links.end(),
                     [](const auto& link) { return link->interrupt_pending; });
}

// What a PTRACE_EVENT_STOP tells of the group-stop of the thread's process.
void Core::NoteGroupStop(Thread* thread) {
  Stop& stop = thread->stop;
  Process* process = thread->process;
  if (stop.kind == StopKind::kGroupStop) {
    stop.news = !thread->in_group_stop || HasNews(*thread);
    KeepStopSignal(thread);
    thread->in_group_stop = process->group_stopped = true;
    stop.completes = CompletesGroupStop(process);
    if (process->stop_complete) WakeParent(*process);
    return;
  }
  stop.continues = process->group_stopped;
  if (stop.continues) NotifyContinued(process);
  // SIGCONT may have come before the group-stop was seen.
  if (stop.continues || (MayBeWaitedFor(*process) && kernel_->WaitContinued(process->tgid, true) == 1))
    WakeParent(*process);
  // The trap of a SIGCONT that came before the tracer is not news to it.
  const bool stale = Has(process->stale_signals, SIGCONT);
  stop.news = thread->in_group_stop || (!stale && (HasNews(*thread) || TrapsForSigcont(*thread)));
  thread->in_group_stop = process->group_stopped = process->stop_complete = false;
  thread->passed_over_by = 0;
  for (const auto& link : thread->links) {  // whoever attached in the group-stop that is over now
    if (link->seized) continue;
    link->interrupt_pending = link->trap_expected = false;
    Reconsider(*link->tracer);
  }
}

// A thread that is stopped, and not traced, takes no part in a further group-stop, and keeps the signal of
// the first (kernel/signal.c:do_signal_stop). For us every thread is traced.
void Core::KeepStopSignal(Thread* thread) {
  Stop& stop = thread->stop;
  const int signal = stop.code & 0x7f;
  if (stop.stayed && signal != thread->stop_signal) thread->passed_over_by = signal;
  if (signal != thread->passed_over_by) {
    thread->stop_signal = signal;
    thread->passed_over_by = 0;
    return;
  }
  siginfo_t info;
  if (KernelSigInfo(*thread, &info) < 0) return;
  stop.code = thread->stop_signal | (kEventStop << 8);
  info.si_signo = thread->stop_signal;
  info.si_code = stop.code;
  WriteSigInfo(*thread, info);
}

// A thread has entered a group-stop. Was it the last (kernel/signal.c:task_participate_group_stop)?
bool Core::CompletesGroupStop(Process* process) {
  if (process->stop_complete) return false;
  process->stop_complete =
      std::all_of(process->threads.begin(), process->threads.end(),
                  [](const Thread* thread) { return thread->ends() || thread->in_group_stop; });
  return process->stop_complete;
}

// A PTRACE_EVENT_STOP that nobody has asked for is news of a group-stop.
bool Core::HasNews(const Thread& thread) { return !thread.stop.kicked && !InterruptPending(thread); }

// By a guest.
bool Core::IsSeized(const Thread& thread) {
  return std::any_of(thread.links.begin(), thread.links.end(), [](const auto& link) { return link->seized; });
}

// The trap that we have asked for is also that of a SIGCONT, which is behind it.
bool Core::TrapsForSigcont(const Thread& thread) const {
  ThreadFacts facts;
  if (!thread.stop.kicked || !IsSeized(thread) || !kernel_->ReadFacts(thread.tid, &facts)) return false;
  return Has(facts.pending_signals() & ~facts.blocked_signals, SIGCONT);
}

// A system call begins. One that the kernel skips (PTRACE_SYSEMU) is emulated by the innermost of the tracers
// that asked for that, and those outside it see nothing of it. True if no tracer emulates it any more: it is
// made again.
bool Core::IsMadeAgain(Thread* thread) {
  Stop& stop = thread->stop;
  stop.skipped = Emulates(thread->real_mode);
  bool emulated = false;
  for (auto link = thread->links.rbegin(); link != thread->links.rend(); ++link) {
    (*link)->blind = emulated;
    if (stop.skipped && Emulates((*link)->mode)) emulated = true;
  }
  if (emulated || !stop.skipped) return false;
  RewindCall(thread);
  return true;
}

// Is the signal that of PR_SET_PDEATHSIG? The end of the tracer lets the tracee go before it sends that
// (kernel/exit.c:forget_original_parent).
bool Core::IsOfTracersEnd(const Link& link) const {
  const Thread& tracer = *link.tracer;
  const Thread& tracee = *link.tracee;
  siginfo_t info;
  if (tracer.state != Thread::State::kExiting || (link.options & kOptExitKill) != 0) return false;
  const Thread* sender = Find(tracer.process->tgid);
  return sender != nullptr && KernelSigInfo(tracee, &info) == 0 && info.si_code == SI_USER &&
         info.si_pid == PidIn(tracee.pids, sender->pids);
}

// Is the stop for `link`? It is asked when the link's turn has come: the tracer may have changed its mode or
// its options since the thread stopped.
bool Core::Wants(const Thread& thread, const Link& link) const {
  const Stop& stop = thread.stop;
  switch (stop.kind) {
    case StopKind::kSignal:
      if (stop.step_trap) return IsStep(link.mode);
      if (stop.own_signal == kSignalExec) return link.sigtrap_due;
      if (stop.own_signal != kNotOurs) return link.sigstop_due;
      return stop.signal != 0 && !IsOfTracersEnd(link);  // nor suppressed by a tracer further out
    case StopKind::kGroupStop:
      return link.interrupt_pending || stop.news;
    case StopKind::kTrap:
      return link.seized && (link.interrupt_pending || stop.news);
    case StopKind::kSyscall:
      if (link.blind) return false;
      return link.mode == ResumeMode::kSyscall || (stop.entry && stop.skipped && Emulates(link.mode));
    case StopKind::kEvent:
      return (link.options & (1ull << stop.event)) != 0;
  }
  return false;
}

// Lines the links up for the stop.
void Core::Offer(Thread* thread) {
  Stop& stop = thread->stop;
  stop.ahead.clear();
  stop.steppers.clear();
  const bool innermost_first = stop.kind == StopKind::kSyscall && stop.entry;
  const bool call_ends = stop.kind == StopKind::kSyscall && (!stop.entry || stop.skipped);
  bool wanted = false;
  for (const auto& link : thread->links) {
    stop.ahead.push_back(link.get());
    wanted |= Wants(*thread, *link);
    const bool steps = link->mode == ResumeMode::kSingleStep || link->mode == ResumeMode::kSingleBlock;
    if (call_ends && steps && !link->blind) stop.steppers.push_back(link.get());
  }
  if (stop.kind == StopKind::kEvent && stop.event == kEventSeccomp && !wanted) {
    // SECCOMP_RET_TRACE without a tracer that asked for it is ENOSYS (kernel/seccomp.c:__seccomp_filter).
    uint64_t nr = 0;
    kernel_->PtraceBuffer(Abi::kX86_64, kPeekUser, thread->tid, kUserOrigRax,
                          absl::MakeSpan(reinterpret_cast<char*>(&nr), sizeof(nr)));
    kernel_->Ptrace(Abi::kX86_64, kPokeUser, thread->tid, kUserOrigRax, ~0ull);
    thread->refused_call = nr;
  }
  if (!innermost_first) std::reverse(stop.ahead.begin(), stop.ahead.end());
  if (stop.kind == StopKind::kSignal && stop.signal == SIGTRAP && stop.ahead.size() > 1) {
    const auto setter = std::find(stop.ahead.begin(), stop.ahead.end(), SetterOfTrap(*thread));
    if (setter != stop.ahead.end()) std::rotate(setter, setter + 1, stop.ahead.end());
  }
  Advance(thread);
}

// A tracer that comes while one outside it holds the thread is in time for what that one lets pass: for the
// new tracer, all of it is still to happen. (Not a birth: its child is there already, without the new tracer;
// nor the end of a group-stop, which it has not seen begin; nor a system call that has come past its place.)
void Core::JoinStop(Link* link) {
  Thread* thread = link->tracee;
  Stop& stop = thread->stop;
  if (thread->state != Thread::State::kStopped || stop.holder == nullptr) return;
  const bool birth = stop.event == kEventFork || stop.event == kEventVfork || stop.event == kEventClone;
  if (birth || stop.entry || stop.kind == StopKind::kTrap || stop.own_signal != kNotOurs) return;
  const auto place = [thread](const Link* of) {
    return std::find_if(thread->links.begin(), thread->links.end(),
                        [of](const auto& other) { return other.get() == of; });
  };
  if (place(stop.holder) > place(link)) return;
  const auto outside = [&](const Link* other) { return place(other) < place(link); };
  stop.ahead.insert(std::find_if(stop.ahead.begin(), stop.ahead.end(), outside), link);
}

uint64_t Core::MessageFor(const Link& link) const {
  const Stop& stop = link.tracee->stop;
  if (stop.kind == StopKind::kSyscall) return stop.entry ? 1 : 2;
  if (stop.kind != StopKind::kEvent) return 0;
  if (!stop.message_pids.empty()) return PidIn(link.tracer->pids, stop.message_pids);
  return stop.message;
}

// Offers the stop to the next link that is entitled to it; past the last, the thread goes on.
void Core::Advance(Thread* thread) {
  PassOn(thread);
  ReportInterrupts(thread);
}

void Core::PassOn(Thread* thread) {
  Stop& stop = thread->stop;
  while (!stop.ahead.empty()) {
    Link* link = stop.ahead.back();
    if (link->state == Link::State::kStopped)
      return;  // in a stop of its own; it is next when it has left that
    stop.ahead.pop_back();
    if (!Wants(*thread, *link)) continue;
    int code = stop.code;
    if (stop.kind == StopKind::kSignal && !stop.step_trap && stop.own_signal == kNotOurs) code = stop.signal;
    if (stop.kind == StopKind::kGroupStop && !link->seized) code &= 0x7f;
    if (stop.kind == StopKind::kSyscall && (link->options & kOptSysGood) == 0) code = SIGTRAP;
    if (!Report(link, stop.kind, code, MessageFor(*link))) return;
    if (stop.own_signal == kSignalExec) link->sigtrap_due = false;
    if (stop.own_signal == kSignalAttach || stop.own_signal == kSignalAutoAttach) link->sigstop_due = false;
    stop.holder = link;
    return;
  }
  Finish(thread);
}

// Has the system call of a syscall-stop ended, as far as stops go? One that is emulated has no
// syscall-exit-stop, unless a tracer inside the emulating one waits for it.
bool Core::CallEndsHere(const Thread& thread) const {
  const Stop& stop = thread.stop;
  if (stop.kind != StopKind::kSyscall) return false;
  if (!stop.entry) return true;
  bool emulates = false, leaves = false;
  for (const auto& link : thread.links) {
    emulates |= Emulates(link->mode);
    leaves |= link->mode == ResumeMode::kSyscall && !link->blind;
  }
  return stop.skipped && emulates && !leaves;
}

// The stop has passed all links: the thread goes on, unless one keeps it.
void Core::Finish(Thread* thread) {
  bool listening = false;
  Stop& stop = thread->stop;
  if (stop.emulated && stop.kind == StopKind::kEvent && !MakeCallAgain(thread)) {
    stop.kind = StopKind::kSyscall;
    stop.code = SIGTRAP | 0x80;
    Offer(thread);
    return;
  }
  if (CallEndsHere(*thread)) {
    std::vector<Link*> steppers;
    steppers.swap(stop.steppers);
    for (Link* link : steppers) {
      if (IsStep(link->mode) && link->state == Link::State::kRunning) ReportStepTrap(link);
    }
  }
  for (const auto& link : thread->links) {
    if (link->state == Link::State::kStopped) return;
    if (link->state == Link::State::kListening) listening = true;
  }
  if (listening && stop.kind != StopKind::kGroupStop && stop.kind != StopKind::kTrap) {
    // PTRACE_LISTEN in a stop of the link's own, beside a kernel stop of another kind: only a real
    // PTRACE_EVENT_STOP ends with SIGCONT, so the thread goes into one.
    InterruptUnseen(thread);
    ResumeThread(thread);
    return;
  }
  const bool stays =
      stop.kind == StopKind::kGroupStop && thread->links.empty() && !thread->killed_by_injection;
  if (listening || stays) {
    if (kernel_->Ptrace(Abi::kX86_64, kListen, thread->tid, 0, 0) == 0) {
      SetState(thread, Thread::State::kListening);
      thread->registers.valid = false;
      if (observer_ != nullptr) observer_->OnResume({.tid = thread->tid, .request = kListen});
    }
    return;
  }
  ResumeThread(thread);
}

}  // namespace nestrace
