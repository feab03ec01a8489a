// The ptrace(2) call itself, and the requests that change what a tracee does: resumes, DETACH, INTERRUPT,
// LISTEN, KILL, SETOPTIONS. The order of the checks is that of kernel/ptrace.c:SYSCALL_DEFINE4(ptrace).

#include <errno.h>
#include <signal.h>
#include <string.h>

#include <algorithm>

#include "emu/core.h"

namespace nestrace {

namespace {

std::optional<ResumeMode> ModeOf(long request) {
  switch (request) {
    case kCont:
      return ResumeMode::kCont;
    case kSyscall:
      return ResumeMode::kSyscall;
    case kSingleStep:
      return ResumeMode::kSingleStep;
    case kSingleBlock:
      return ResumeMode::kSingleBlock;
    case kSysemu:
      return ResumeMode::kSysemu;
    case kSysemuSingleStep:
      return ResumeMode::kSysemuSingleStep;
    default:
      return std::nullopt;
  }
}

}  // namespace

Outcome Core::Ptrace(Thread* caller, const Notification& n) {
  RequestArgs args;
  args.caller = caller;
  args.abi = n.abi;
  // The i386 ABI's request is a signed 32-bit compat_long_t.
  args.request = n.abi == Abi::kX86_64 ? static_cast<long>(n.args[0]) : static_cast<int32_t>(n.args[0]);
  args.addr = n.args[2];
  args.data = n.args[3];
  if (args.request == kTraceme) return Traceme(caller);
  Thread* target = FromGuest(*caller, static_cast<pid_t>(n.args[1]));
  if (target == nullptr && (args.request == kAttach || args.request == kSeize))
    target = TakeWorkerIn(*caller, static_cast<pid_t>(n.args[1]));
  if (target == nullptr)
    return OnZombie(caller, args.request, static_cast<pid_t>(n.args[1]), args.addr, args.data);
  if (args.request == kAttach || args.request == kSeize) {
    return Attach(caller, target, args.request, args.addr, args.data);
  }
  // ptrace_check_attach: the caller's own tracee, and stopped unless the request needs no stop.
  Link* link = target->LinkOf(caller);
  if (link == nullptr) return Outcome::Return(-ESRCH);
  args.link = link;
  if (args.request == kInterrupt) return Interrupt(link);
  if (args.request == kKill) {
    return Outcome::ReturnThen(0, [this, target] {
      if (target->state != Thread::State::kZombie) Kill(target);
    });
  }
  if (link->trap_expected) return Outcome::Hold();
  // A thread that took its leader's number in exec answers only once the event was waited for
  // (kernel/ptrace.c:looks_like_a_spurious_pid).
  if (link->state == Link::State::kStopped && link->code == (SIGTRAP | (kEventExec << 8)) && !link->waited &&
      link->message != static_cast<uint64_t>(PidIn(caller->pids, target->pids))) {
    return Outcome::Return(-ESRCH);
  }
  if (link->state != Link::State::kStopped || !InItsStop(*target)) return Outcome::Return(-ESRCH);
  if (ModeOf(args.request).has_value()) return Resume(args);
  switch (args.request) {
    case kDetach:
      return Detach(args);
    case kListen:
      return Listen(args);
    case kSetOptions:
    case kOldSetOptions:
      return SetOptions(args);
    default:
      return Inspect(args);
  }
}

// A stopped tracee may have been killed since its stop was taken. The kernel is asked, so that a dead thread
// answers ESRCH and never a register of its former life. To be stopped is not enough: a killed thread stops
// once more, at PTRACE_EVENT_EXIT, and that stop may not have been taken yet.
bool Core::InItsStop(const Thread& thread) const {
  if (thread.state != Thread::State::kStopped) return false;
  siginfo_t info;
  const long result = KernelSigInfo(thread, &info);
  if (result == -ESRCH) return false;
  const bool at_exit = thread.stop.kind == StopKind::kEvent && thread.stop.event == kEventExit;
  return at_exit || result < 0 || !LooksLikeExit(info.si_signo, info.si_code);
}

// Does `viewer` see a process by this number that is no guest? It is known that the table has no such thread.
// One of a guest is as good as gone (DiesByItself).
bool Core::ExistsOutside(const Thread& viewer, pid_t pid) const {
  if (pid <= 0) return false;
  const Tid tid = TidOf(viewer, pid);
  if (tid == Tid{} || !kernel_->Exists(tid)) return false;
  ThreadFacts facts;
  return !kernel_->ReadFacts(tid, &facts) || FindProcess(Tid{facts.tgid}) == nullptr;
}

// `pid` is no thread of the table; it may be a zombie that only its real parent has still to wait for, or no
// guest at all, which can't be traced.
Outcome Core::OnZombie(Thread* caller, long request, pid_t pid, uint64_t addr, uint64_t data) {
  const Process* zombie = nullptr;
  for (const auto& [tgid, process] : processes_) {
    if (process->natural_zombie && PidIn(caller->pids, process->pids) == pid) zombie = process.get();
  }
  const bool attaches = request == kSeize || request == kAttach;
  const bool is_zombie = pid > 0 && zombie != nullptr && kernel_->Exists(zombie->tgid);
  if (!is_zombie && !(attaches && ExistsOutside(*caller, pid))) return Outcome::Return(-ESRCH);
  if (request == kSeize) {
    if (addr != 0 || (data & ~static_cast<uint64_t>(kOptMask)) != 0) return Outcome::Return(-EIO);
    const long result = CheckOptions(data);
    return Outcome::Return(result < 0 ? result : -EPERM);
  }
  if (request == kAttach) return Outcome::Return(-EPERM);
  if (zombie->zombie_tracer != caller) return Outcome::Return(-ESRCH);
  if (request == kKill) return Outcome::Return(0);
  if (request == kInterrupt) return Outcome::Return(zombie->zombie_seized ? 0 : -EIO);
  return Outcome::Return(-ESRCH);
}

Outcome Core::Resume(const RequestArgs& args) {
  if (args.data > 64) return Outcome::Return(-EIO);  // valid_signal()
  return Outcome::ReturnThen(0, [this, link = args.link, request = args.request, signal = args.data] {
    link->mode = *ModeOf(request);
    link->tracee->left_step = false;  // kernel/ptrace.c:ptrace_resume
    ContinueFrom(link, static_cast<int>(signal));
  });
}

// The tracer of `link` resumes its tracee with `signal`.
void Core::ContinueFrom(Link* link, int signal) {
  Thread* thread = link->tracee;
  Stop& stop = thread->stop;
  link->state = Link::State::kRunning;
  if (thread->state != Thread::State::kStopped) return;
  if (stop.holder != link) {
    // A stop of the link's own, beside the thread's: that one goes on if nobody else holds it.
    if (stop.holder == nullptr) {
      Advance(thread);
    } else {
      ReportInterrupts(thread);
    }
    return;
  }
  stop.holder = nullptr;
  if (stop.kind == StopKind::kSignal) {
    ChooseSignal(link, signal, link->tracer);
  } else {
    AddSignal(&stop, signal);
  }
  Advance(thread);
}

// At a syscall-stop the kernel queues the signal that the tracee is resumed with, at others it is ignored
// (ptrace(2), "signal injection").
void Core::AddSignal(Stop* stop, int signal) {
  if (stop->kind == StopKind::kSyscall && signal != 0) stop->signal = signal;
}

// A tracer has made another signal of the one that we queued: for those who still wait for theirs there is
// one more.
void Core::LetOwnSignalGo(Thread* thread) {
  const bool exec = thread->stop.own_signal == kSignalExec;
  thread->stop.own_signal = kNotOurs;
  const bool due = std::any_of(thread->links.begin(), thread->links.end(), [exec](const auto& link) {
    return exec ? link->sigtrap_due : link->sigstop_due;
  });
  if (due) QueueSignal(thread, exec ? SIGTRAP : SIGSTOP, exec ? kSignalExec : kSignalAttach);
}

// At a signal-delivery-stop: the tracer of `link` lets `signal` through. Another one than the siginfo says
// comes from `sender` (kernel/signal.c:ptrace_signal: the tracer, or, when that has let the tracee go, its
// real parent; null if that is no guest).
void Core::ChooseSignal(const Link* link, int signal, const Thread* sender) {
  Thread* thread = link->tracee;
  Stop& stop = thread->stop;
  if (stop.own_signal != kNotOurs) {
    if (signal == 0) return;  // its own one; the others have theirs
    if (signal != (stop.code & 0x7f)) LetOwnSignalGo(thread);
  }
  if (signal != 0) stop.step_trap = false;  // the step's tracer lets it through as a signal
  stop.signal = signal;
  siginfo_t info;
  if (signal == 0 || KernelSigInfo(*thread, &info) < 0) return;
  if (info.si_signo == signal) return;
  stop.disguised.reset();  // of the signal that this one replaces
  memset(&info, 0, sizeof(info));
  info.si_signo = signal;
  info.si_code = SI_USER;
  if (sender != nullptr) {
    info.si_pid = PidIn(thread->pids, sender->pids);
    info.si_uid = UidIn(*thread, *sender);
  } else {
    info.si_pid = ParentOf(*thread);
  }
  WriteSigInfo(*thread, info);
}

// The number of a real parent that is no guest, as the thread sees it; 0 from a pid namespace further in.
pid_t Core::ParentOf(const Thread& thread) const {
  ThreadFacts facts;
  return thread.pids.size() == 1 && kernel_->ReadFacts(thread.tid, &facts) ? facts.parent_tgid : 0;
}

Outcome Core::Detach(const RequestArgs& args) {
  const uint32_t signal = static_cast<uint32_t>(args.data);  // ptrace_detach() takes an unsigned int
  if (signal > 64) return Outcome::Return(-EIO);
  return Outcome::ReturnThen(0, [this, link = args.link, signal] {
    link->tracee->left_step = false;  // kernel/ptrace.c:ptrace_disable
    KeepSignalsOf(link->tracee);
    LetGo(link, static_cast<int>(signal), Observer::LinkEnd::kDetach);
  });
}

// Does the signal that a stopped thread goes on with stop its process?
bool Core::StopsGroup(const Thread& thread, const ThreadFacts& facts) {
  const int signal = thread.stop.signal;
  const uint64_t harmless = facts.ignored_signals | facts.caught_signals;
  return thread.state == Thread::State::kStopped && IsStopSignal(signal) && !Has(harmless, signal);
}

// The link ends; what it held goes on with `signal`.
void Core::LetGo(Link* link, int signal, Observer::LinkEnd reason) {
  Thread* thread = link->tracee;
  const bool held = link->state == Link::State::kStopped || link->state == Link::State::kListening;
  const bool holder = thread->stop.holder == link;
  const bool ran = thread->state == Thread::State::kRunning;
  if (held && holder && thread->state == Thread::State::kStopped) {
    if (thread->stop.kind == StopKind::kSignal) {
      // To tracers further in it comes from the one that goes.
      ChooseSignal(link, signal, thread->links.size() > 1 ? link->tracer : thread->process->parent);
    } else {
      AddSignal(&thread->stop, signal);
    }
  }
  RemoveLink(link, reason);
  thread->stop.let_go = held;
  ThreadFacts facts;
  if (thread->links.empty() && kernel_->ReadFacts(thread->tid, &facts)) {
    // Back in its group-stop, which keeps the signal that began it (__ptrace_unlink(), do_signal_stop()).
    const bool stops = thread->stop.kind == StopKind::kSignal && StopsGroup(*thread, facts);
    // Sent, and dropped: it is not traced any more (ptrace_report_syscall(), sig_ignored()). But SIGCONT and
    // the signals that stop have done their work by then (prepare_signal()).
    const int signal = thread->stop.signal;
    const bool sent = thread->stop.kind == StopKind::kSyscall && signal != SIGCONT && !IsStopSignal(signal);
    const bool dropped = sent && Has(facts.ignored_signals & ~facts.blocked_signals, signal);
    if ((thread->process->group_stopped && stops) || dropped) thread->stop.signal = 0;
  }
  if (thread->state == Thread::State::kStopped && held && thread->stop.holder == nullptr) Advance(thread);
  // An untraced thread is kept by a group-stop (__ptrace_unlink()); it may have been resumed from it.
  const bool keeps = thread->links.empty() && thread->process->group_stopped;
  if (ran && keeps) {
    thread->returning = thread->in_group_stop;
    kernel_->Ptrace(Abi::kX86_64, kInterrupt, thread->tid, 0, 0);
  }
  if (thread->state != Thread::State::kListening) return;
  const bool listened = std::any_of(thread->links.begin(), thread->links.end(), [](const auto& other) {
    return other->state == Link::State::kListening;
  });
  if (!listened && !keeps) InterruptUnseen(thread);  // what only this link kept from running runs
}

Outcome Core::Interrupt(Link* link) {
  if (!link->seized) return Outcome::Return(-EIO);
  return Outcome::ReturnThen(0, [this, link] {
    Thread* thread = link->tracee;
    const bool exits = thread->stop.kind == StopKind::kEvent && thread->stop.event == kEventExit;
    if (thread->state == Thread::State::kZombie || exits) return;  // it will not stop any more
    link->interrupt_pending = true;
    if (thread->state == Thread::State::kStopped) {
      ReportInterrupts(thread);  // if another tracer holds it; else the kernel is asked as it is resumed
    } else {
      kernel_->Ptrace(Abi::kX86_64, kInterrupt, thread->tid, 0, 0);
    }
  });
}

// Only in a PTRACE_EVENT_STOP of a seized tracee.
Outcome Core::Listen(const RequestArgs& args) {
  Link* link = args.link;
  if (!link->seized || (link->kind != StopKind::kGroupStop && link->kind != StopKind::kTrap)) {
    return Outcome::Return(-EIO);
  }
  siginfo_t info;  // the tracer may have changed it
  const long read = ReadSigInfo(*link, &info);
  if (read == -ESRCH) return Outcome::Return(-ESRCH);
  if (read < 0 || info.si_code >> 8 != kEventStop) return Outcome::Return(-EIO);
  return Outcome::ReturnThen(0, [this, link] {
    Thread* thread = link->tracee;
    link->state = Link::State::kListening;
    if (thread->stop.holder == link) {
      thread->stop.holder = nullptr;
      Advance(thread);
    } else if (thread->stop.holder == nullptr) {
      Advance(thread);
    } else {
      ReportInterrupts(thread);
    }
  });
}

// kernel/ptrace.c:check_ptrace_options.
long Core::CheckOptions(uint64_t options) const {
  if ((options & ~static_cast<uint64_t>(kOptMask)) != 0) return -EINVAL;
  // Only a tracer without a seccomp filter may suspend one; every guest has ours.
  if ((options & kOptSuspendSeccomp) != 0) return -EPERM;
  return 0;
}

Outcome Core::SetOptions(const RequestArgs& args) {
  const long result = CheckOptions(args.data);
  if (result < 0) return Outcome::Return(result);
  return Outcome::ReturnThen(0, [link = args.link, options = args.data] { link->options = options; });
}

}  // namespace nestrace
