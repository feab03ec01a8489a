// The ends of guests: exit, what it means for the tracees of a tracer, and reaping.

#include <signal.h>

#include <algorithm>

#include "emu/core.h"

namespace nestrace {

// The thread can do nothing any more but die: its tracees lose their tracer once it goes on (exit_notify() in
// kernel/exit.c comes right behind).
void Core::OnEventExit(Thread* thread) {
  NoteStaleSigchld(thread);
  ClaimChild(thread);
  // A parent that wants no zombies leaves none of those it has traced (kernel/ptrace.c:__ptrace_detach). It
  // is still there for the kernel to ask.
  const std::list<Link*> tracees = thread->tracees;
  for (Link* link : tracees) {
    Thread* tracee = link->tracee;
    const bool child = tracee->is_leader() && IsParent(*thread->process, *tracee->process);
    if (link->state != Link::State::kExited || tracee->links.size() != 1 || !child) continue;
    RemoveLink(link, Observer::LinkEnd::kTracerGone);
    Reap(tracee);
  }
  ForgetTraps(*thread);
  thread->call = Call();
  for (const auto& link : thread->links) {
    if (link->state != Link::State::kExited) link->state = Link::State::kRunning;
    link->interrupt_pending = link->trap_expected = false;
    Reconsider(*link->tracer);  // who waited for that stop
  }
}

// Does another thread end `dying` by execve(2)? The kernel forgets the traps that are pending for that one,
// too (kernel/signal.c:zap_other_threads).
void Core::ForgetTraps(const Thread& dying) {
  for (const Thread* other : dying.process->threads) {
    if (other == &dying || other->state != Thread::State::kRunning || !InterruptPending(*other)) continue;
    const long call = kernel_->BlockedIn(other->tid);
    if (call != kNrExecve && call != kNrExecveat) continue;
    for (const auto& link : other->links) link->interrupt_pending = false;
  }
}

// A fault ends the init of a pid namespace, unless a tracer is to see it: then the kernel drops it as it
// drops every other signal without a handler, and the instruction faults again (kernel/signal.c:
// force_sig_info_to_task, get_signal). Here every thread is traced.
bool Core::IsFatalToInit(const Thread& thread) const {
  siginfo_t info;
  ThreadFacts facts;
  return thread.process->is_init() && thread.links.empty() && thread.stop.signal != 0 &&
         KernelSigInfo(thread, &info) == 0 && IsFault(info) && kernel_->ReadFacts(thread.tid, &facts) &&
         !Has(facts.caught_signals, info.si_signo);
}

// Does the signal come of what the thread has executed?
bool Core::IsFault(const siginfo_t& info) {
  constexpr int kFaults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS};
  return info.si_code > 0 &&
         std::find(std::begin(kFaults), std::end(kFaults), info.si_signo) != std::end(kFaults);
}

// It is let go, faults once more, and dies. Of that we are not told, but its parent is.
void Core::LeaveToDie(Thread* thread) {
  constexpr uint16_t kInt3 = 0x03cd;  // the longer of two
  const Tid tid = thread->tid;
  struct user_regs_struct regs;
  siginfo_t info;
  if (GetRegs(*thread, &regs) && KernelSigInfo(*thread, &info) == 0) {
    // The instruction of a trap is behind it.
    if (info.si_signo == SIGSYS) regs.rip -= 2;
    if (info.si_signo == SIGTRAP && info.si_code == SI_KERNEL)
      regs.rip -= InstructionBefore(*thread, regs.rip, kInt3) ? 2 : 1;
    SetRegs(thread, regs);
  }
  kernel_->Ptrace(Abi::kX86_64, kDetach, tid, 0, thread->stop.signal);
  SetState(thread, Thread::State::kExiting);
  RemoveThread(thread);
  if (observer_ != nullptr) observer_->OnReaped(tid);
}

// Joined, a thread that nobody traces is gone at once (kernel/exit.c:exit_notify): unshare(2), tgkill(2) and
// /proc show that. As a tracee of ours it would be a zombie till we have waited for it, so it is let go at
// its PTRACE_EVENT_EXIT. Not if we need to know when it is gone: for its tracees, or, if it is the last of
// its process, to look at a leader before it whose zombie is not announced with SIGCHLD.
bool Core::DiesByItself(const Thread& thread) {
  return !thread.is_leader() && thread.links.empty() && thread.tracees.empty() &&
         thread.process->exit_signal == SIGCHLD;
}

void Core::RemoveDeparted() {
  std::vector<Tid> departed;
  departed.swap(departed_);
  for (const Tid tid : departed) {
    Thread* thread = Find(tid);
    const ExitInfo info = {static_cast<int>(thread->stop.message), thread->stop.usage};
    if (observer_ != nullptr) observer_->OnExit({.tid = tid, .info = &info});
    RemoveThread(thread);
    if (observer_ != nullptr) observer_->OnReaped(tid);
  }
}

// The init of a pid namespace waits for the ends of all its other processes, also of those that it traces:
// when its last thread dies, it has no tracees any more (kernel/exit.c:forget_original_parent).
void Core::LetTraceesOfInitGo(const Process& process) {
  const auto ends = [](const Thread* member) { return member->ends(); };
  if (!process.is_init() || !std::all_of(process.threads.begin(), process.threads.end(), ends)) return;
  const std::vector<Thread*> members = process.threads;
  for (Thread* member : members) OnTracerGone(member);
}

// Has a step that was asked for come to an end? Its trap may still be pending behind a stop of another kind.
bool Core::HasSprung(const Thread& thread) const {
  if (thread.state == Thread::State::kStopped && thread.stop.disarms) return true;
  ThreadFacts facts;
  if (!kernel_->ReadFacts(thread.tid, &facts)) return false;
  // It is sent to the thread, and unblocked by force.
  const uint64_t pending = facts.thread_signals & ~facts.blocked_signals;
  return Has(pending, SIGTRAP);
}

// kernel/exit.c:exit_notify lets the tracees go and sends SIGCHLD under one lock. So of `parent`, which is
// sent it (null: nobody), those go when that is done that wait, or that are stopped, and find it pending as
// they go on. (Not so if there are other threads that could take it meanwhile; and one that runs may have to
// be back in its group-stop first.)
void Core::OnTracerGone(Thread* tracer, const Process* parent) {
  const auto goes = [parent](const Link* link) {
    const Thread& tracee = *link->tracee;
    if (tracee.process != parent) return true;
    const bool held_alone = parent->threads.size() == 1 && tracee.state == Thread::State::kStopped;
    return !held_alone && !IsInWait(tracee);
  };
  for (;;) {
    const auto first = std::find_if(tracer->tracees.begin(), tracer->tracees.end(), goes);
    if (first == tracer->tracees.end()) return;
    Link* link = *first;
    Thread* tracee = link->tracee;
    const bool kill = (link->options & kOptExitKill) != 0;
    if (kill) Kill(tracee);
    // What the stop would have passed on, had nobody looked: exit_code of ptrace_stop() is left as it is
    // until a wait takes it (kernel/exit.c:wait_task_stopped).
    int signal = 0;
    if (link->state == Link::State::kStopped && !link->waited) {
      if (link->kind == StopKind::kSignal) {
        signal = link->code & 0x7f;
      } else if (link->kind == StopKind::kSyscall && !link->good_syscall_code) {
        signal = SIGTRAP;
      }
    }
    // A step that was asked for stays armed (PTRACE_DETACH alone disarms it, ptrace_disable()).
    // To further tracers it never was.
    if (IsStep(link->mode) && tracee->links.size() == 1 && !HasSprung(*tracee)) tracee->left_step = true;
    if (link->state == Link::State::kExited) {
      RemoveLink(link, Observer::LinkEnd::kTracerGone);
      ReportExit(tracee);
    } else {
      LetGo(link, signal, Observer::LinkEnd::kTracerGone);
      // What is left of PTRACE_SYSEMU_SINGLESTEP is a step, which traps where a system call ends.
      if (tracee->left_step && tracee->real_mode == ResumeMode::kSysemuSingleStep) Kick(tracee);
    }
  }
}

bool Core::IsDead(const Process& process) const {
  return std::all_of(process.threads.begin(), process.threads.end(),
                     [this](const Thread* member) { return IsZombie(*member); });
}

void Core::OnExit(Tid tid, const ExitInfo& info) {
  Thread* thread = Find(tid);
  if (thread == nullptr) {
    ThreadFacts facts;
    if (IsOrphan(tid, &facts)) {
      kernel_->Reap(tid);
    } else {
      early_exits_[tid] = info;  // its parent's event is still to come
    }
    return;
  }
  if (thread->state == Thread::State::kZombie) return;
  if (thread->state != Thread::State::kExiting) lost_exit_event_ = true;
  SetState(thread, Thread::State::kZombie);
  ++held_zombies_;
  thread->exit = info;
  thread->exit.status = EndOf(*thread, info.status);
  thread->call = Call();
  if (thread->discarding.has_value()) EndDiscarding(thread);
  thread->registers.valid = false;
  if (observer_ != nullptr) observer_->OnExit({.tid = tid, .info = &info});
  for (const auto& link : thread->links) {
    link->state = Link::State::kRunning;
    link->trap_expected = false;
  }
  AnswerAttachers(*thread);
  KeepSignals(*thread);
  const bool is_held = !thread->links.empty() && !ServesParent(*thread->links.front());
  const Thread* parent = is_held ? nullptr : thread->process->parent;
  OnTracerGone(thread, parent == nullptr ? nullptr : parent->process);
  // Its children have another parent now, though its zombie may be here for long.
  if (IsDead(*thread->process)) AdoptChildren(thread->process);
  ReportExit(thread);
  LetAttach(tid);
  Pump();
}

// A zombie is its tracers' first, outermost before innermost, and then its real parent's.
void Core::ReportExit(Thread* thread) {
  if (thread->links.empty()) {
    ReapForParent(thread);
    return;
  }
  Link* link = thread->links.front().get();
  if (link->state == Link::State::kExited) return;
  if (ServesParent(*link)) {
    LeaveToParent(link);
    ReapForParent(thread);
    return;
  }
  link->state = Link::State::kExited;
  link->usage = thread->exit.usage;
  Wake(*link->tracer, thread->tid);
  ObserveReport(*link, thread->exit.status);
  // Of a leader that has ended before, it is release_task() that tells (kernel/exit.c), as it would a parent.
  NotifyOfEnd(link, thread->exit.status,
              thread->ended_first ? EndSignal(*thread->process, *link->tracer->process) : SIGCHLD);
}

void Core::NotifyOfEnd(Link* link, int status, int signal) {
  if ((status & 0x7f) == 0) {
    NotifyTracer(link, CLD_EXITED, (status >> 8) & 0xff, signal);
  } else {
    NotifyTracer(link, (status & 0x80) != 0 ? CLD_DUMPED : CLD_KILLED, status & 0x7f, signal);
  }
}

// What `receiver`, its parent or its tracer, is sent when `process` has ended: SIGCHLD if it is not the
// program that the parent was when it made it (kernel/signal.c:do_notify_parent). 0: nothing.
int Core::EndSignal(const Process& process, const Process& receiver) {
  return process.parent_exec_id == receiver.exec_id ? process.exit_signal : SIGCHLD;
}

// Does one wait for the dead tracee serve the tracer and the parent? A parent that wants no zombies has one
// all the same of a child that it traces (kernel/signal.c:do_notify_parent).
bool Core::ServesParent(const Link& link) {
  const Thread& tracee = *link.tracee;
  return tracee.links.size() == 1 && tracee.is_leader() && IsParent(*link.tracer->process, *tracee.process) &&
         LeavesZombie(*tracee.process);
}

// Does the parent of `child`, a guest, want its zombie (kernel/signal.c:do_notify_parent)?
bool Core::LeavesZombie(const Process& child) {
  const Process& parent = *child.parent->process;
  return EndSignal(child, parent) != SIGCHLD || !parent.sigchld->auto_reap();
}

// The kernel's own report says it all.
void Core::LeaveToParent(Link* link) {
  Thread* tracee = link->tracee;
  tracee->process->zombie_tracer = link->tracer;
  tracee->process->zombie_seized = link->seized;
  tracee->process->zombie_number = link->number;
  RemoveLink(link, Observer::LinkEnd::kParent);
}

// The kernel reports the zombie of a leader only when its threads are gone. SIGCHLD is all that tells of it
// before.
void Core::LookForZombieLeaders() {
  std::vector<Tid> dying;
  dying.swap(dying_leaders_);
  for (const Tid tid : dying) {
    Thread* leader = Find(tid);
    if (leader == nullptr || leader->state != Thread::State::kExiting) continue;
    if (!IsZombie(*leader)) {
      dying_leaders_.push_back(tid);
      continue;
    }
    KeepSignals(*leader);
    OnTracerGone(leader);
    NotifyZombieLeader(leader);
  }
}

void Core::OnSigchld() {
  if (dying_leaders_.empty()) return;
  LookForZombieLeaders();
  Pump();
}

void Core::OnDrained() {
  if (early_stops_.empty() && early_exits_.empty()) return;
  AdoptOrphans();
  Pump();
}

// A leader that exits before its threads can't be waited for yet, but its tracers hear of it at once
// (kernel/exit.c:exit_notify), and again when the last thread is gone.
void Core::NotifyZombieLeader(Thread* leader) {
  if (!leader->is_leader() || leader->process->threads.size() == 1) return;
  const int status = static_cast<int>(leader->stop.message);
  leader->ended_first = true;
  for (const auto& link : leader->links) {
    link->usage = leader->stop.usage;
    NotifyOfEnd(link.get(), status, SIGCHLD);
  }
}

// The supervisor's half of the zombie goes; the kernel now tells the real parent.
void Core::Reap(Thread* thread) {
  kernel_->Reap(thread->tid);
  const Tid tid = thread->tid;
  RemoveThread(thread);
  if (observer_ != nullptr) observer_->OnReaped(tid);
}

// The same outside a decision: waits of the parent that are parked go to the kernel first, where they find
// the zombie before SIGCHLD stops the waiter.
void Core::ReapForParent(Thread* thread) {
  Process* process = thread->process;
  if (process->threads.size() == 1 && process->parent != nullptr && LeavesZombie(*process)) {
    process->natural_zombie = true;
    Serve({process->parent->process->tgid, process->parent->tid, process->tgid}, true);
  }
  Reap(thread);
}

}  // namespace nestrace
