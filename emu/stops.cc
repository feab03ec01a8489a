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
  thread->state = Thread::State::kStopped;
  thread->registers.valid = false;
  thread->stop = Stop();
  Stop& stop = thread->stop;
  const StopCode decoded = StopCode::Decode(code);
  stop.kind = decoded.kind;
  stop.event = decoded.event;
  stop.signal = decoded.kind == StopKind::kSignal ? decoded.signal : 0;
  stop.code = code;
  stop.usage = usage;
  HandleStop(thread);
  Pump();
}

void Core::HandleStop(Thread* thread) {
  Stop& stop = thread->stop;
  stop.kicked = thread->kicked;
  Settle(thread);
  switch (stop.kind) {
    case StopKind::kSignal:
      RecogniseSignal(thread);
      break;
    case StopKind::kGroupStop:
      thread->process->group_stopped = true;
      break;
    case StopKind::kTrap:
      thread->process->group_stopped = false;
      thread->runs_in_group_stop = false;
      break;
    case StopKind::kSyscall: {
      uint64_t message = 0;
      kernel_->PtraceBuffer(Abi::kX86_64, kGetEventMsg, thread->tid, 0,
                            absl::MakeSpan(reinterpret_cast<char*>(&message), sizeof(message)));
      stop.entry = message == 1;  // PTRACE_EVENTMSG_SYSCALL_ENTRY
      if (!stop.entry && thread->refused_by_seccomp) {
        thread->refused_by_seccomp = false;
        kernel_->Ptrace(Abi::kX86_64, kPokeUser, thread->tid, kUserOrigRax, thread->refused_call);
      }
      break;
    }
    case StopKind::kEvent: {
      if (kernel_->PtraceBuffer(
              Abi::kX86_64, kGetEventMsg, thread->tid, 0,
              absl::MakeSpan(reinterpret_cast<char*>(&stop.message), sizeof(stop.message))) < 0) {
        return;  // dead; the next event says so
      }
      const Thread* named = nullptr;
      switch (stop.event) {
        case kEventFork:
        case kEventVfork:
        case kEventClone: {
          OnBirth(thread, stop.event);
          if (thread->untraced_clone) {
            thread->untraced_clone = false;
            ResumeThread(thread);
            return;
          }
          named = Find(Tid{static_cast<pid_t>(stop.message)});
          break;
        }
        case kEventVforkDone:
          named = Find(Tid{static_cast<pid_t>(stop.message)});
          break;
        case kEventExec: {
          std::vector<NamespacedPid> pids = thread->pids;
          if ((named = Find(Tid{static_cast<pid_t>(stop.message)})) != nullptr) pids = named->pids;
          OnExec(thread, stop.message);
          thread = Find(thread->tid);
          thread->stop.message_pids = pids;
          named = nullptr;
          break;
        }
        case kEventExit:
          OnEventExit(thread);
          break;
        default:
          break;
      }
      if (named != nullptr) thread->stop.message_pids = named->pids;
      break;
    }
  }
  Offer(thread);
}

bool Core::Wants(const Thread& thread, const Link& link) const {
  const Stop& stop = thread.stop;
  switch (stop.kind) {
    case StopKind::kSignal:
      if (stop.signal == 0) return false;  // a tracer before suppressed it
      if (stop.own_signal == kSignalExec) return !link.seized && (link.options & kOptTraceExec) == 0;
      return stop.own_signal == kNotOurs || !link.seized;
    case StopKind::kGroupStop:
      return !(stop.kicked && thread.runs_in_group_stop) || link.interrupt_pending;
    case StopKind::kTrap: {
      if (!link.seized) return false;
      if (link.interrupt_pending) return true;
      const bool interrupted = std::any_of(thread.links.begin(), thread.links.end(),
                                           [](const auto& other) { return other->interrupt_pending; });
      return !interrupted && !stop.kicked;  // else: the group-stop began or ended
    }
    case StopKind::kSyscall:
      if (link.mode == ResumeMode::kSyscall) return true;
      return stop.entry && (link.mode == ResumeMode::kSysemu || link.mode == ResumeMode::kSysemuSingleStep);
    case StopKind::kEvent:
      return (link.options & (1ull << stop.event)) != 0;
  }
  return false;
}

// Lines the links up for the stop.
void Core::Offer(Thread* thread) {
  Stop& stop = thread->stop;
  stop.ahead.clear();
  const bool innermost_first = stop.kind == StopKind::kSyscall && stop.entry;
  for (const auto& link : thread->links) {
    if (Wants(*thread, *link)) stop.ahead.push_back(link.get());
  }
  if (stop.kind == StopKind::kEvent && stop.event == kEventSeccomp && stop.ahead.empty()) {
    // SECCOMP_RET_TRACE without a tracer that asked for it is ENOSYS (kernel/seccomp.c:__seccomp_filter).
    uint64_t nr = 0;
    kernel_->PtraceBuffer(Abi::kX86_64, kPeekUser, thread->tid, kUserOrigRax,
                          absl::MakeSpan(reinterpret_cast<char*>(&nr), sizeof(nr)));
    kernel_->Ptrace(Abi::kX86_64, kPokeUser, thread->tid, kUserOrigRax, ~0ull);
    thread->refused_by_seccomp = true;
    thread->refused_call = nr;
  }
  if (!innermost_first) std::reverse(stop.ahead.begin(), stop.ahead.end());
  Advance(thread);
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
  Stop& stop = thread->stop;
  while (!stop.ahead.empty()) {
    Link* link = stop.ahead.back();
    stop.ahead.pop_back();
    if (stop.kind == StopKind::kSignal && stop.signal == 0) continue;
    int code = stop.code;
    if (stop.kind == StopKind::kSignal) code = stop.signal;
    if (stop.kind == StopKind::kGroupStop && !link->seized) code &= 0x7f;
    if (stop.kind == StopKind::kSyscall && (link->options & kOptSysGood) == 0) code = SIGTRAP;
    if (!Report(link, stop.kind, code, MessageFor(*link))) return;
    stop.holder = link;
    return;
  }
  Finish(thread);
}

// The stop has passed all links: the thread goes on, unless one keeps it.
void Core::Finish(Thread* thread) {
  bool listening = false;
  for (const auto& link : thread->links) {
    if (link->state == Link::State::kStopped) return;
    if (link->state == Link::State::kListening) listening = true;
  }
  Stop& stop = thread->stop;
  if (listening || (stop.kind == StopKind::kGroupStop && thread->links.empty())) {
    if (kernel_->Ptrace(Abi::kX86_64, kListen, thread->tid, 0, 0) == 0) {
      thread->state = Thread::State::kListening;
      thread->registers.valid = false;
    }
    return;
  }
  ResumeThread(thread);
}

ResumeMode Core::CombinedMode(const Thread& thread) const {
  ResumeMode mode = ResumeMode::kCont;
  for (const auto& link : thread.links) mode = std::max(mode, link->mode);
  return mode;
}

void Core::ResumeThread(Thread* thread) {
  static constexpr long kRequests[] = {kCont,    kSingleBlock, kSingleStep,
                                       kSyscall, kSysemu,      kSysemuSingleStep};
  Stop& stop = thread->stop;
  const bool exiting = stop.kind == StopKind::kEvent && stop.event == kEventExit;
  bool interrupt = false;
  for (const auto& link : thread->links) interrupt |= link->interrupt_pending;
  if (thread->links.empty() && thread->process->group_stopped && !exiting) interrupt = true;
  // Any ptrace-stop ends a pending interrupt (kernel/signal.c:ptrace_stop); it is asked again for those who
  // have not seen a stop since.
  if (interrupt) kernel_->Ptrace(Abi::kX86_64, kInterrupt, thread->tid, 0, 0);
  if (stop.kind == StopKind::kGroupStop) thread->runs_in_group_stop = true;
  thread->registers.valid = false;
  const int signal = stop.signal;
  const long request = kRequests[static_cast<int>(CombinedMode(*thread))];
  thread->state = exiting ? Thread::State::kExiting : Thread::State::kRunning;
  kernel_->Ptrace(Abi::kX86_64, request, thread->tid, 0, signal);  // -ESRCH: dead; the next event says so
  if (exiting) OnTracerGone(thread);
}

}  // namespace nestrace
