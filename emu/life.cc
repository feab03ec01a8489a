// Birth, exec, exit and reaping of guests, and the death of a tracer.
//
// Birth: the parent's PTRACE_EVENT_FORK/VFORK/CLONE and the child's first PTRACE_EVENT_STOP come in either
// order. The child becomes a thread of the table at the parent's event; an earlier first stop waits in
// early_stops_ until then.

#include <errno.h>
#include <signal.h>

#include <algorithm>

#include "emu/core.h"

namespace nestrace {

bool Thread::is_leader() const { return process->tgid == tid; }

Link* Thread::LinkOf(const Thread* tracer) const {
  for (const auto& link : links) {
    if (link->tracer == tracer) return link.get();
  }
  return nullptr;
}

Link* Thread::LinkOfProcess(const Process* traced_by) const {
  for (const auto& link : links) {
    if (link->tracer->process == traced_by) return link.get();
  }
  return nullptr;
}

Thread* Core::Find(Tid tid) const {
  const auto it = threads_.find(tid);
  return it == threads_.end() ? nullptr : it->second.get();
}

Process* Core::FindProcess(Tid tgid) const {
  const auto it = processes_.find(tgid);
  return it == processes_.end() ? nullptr : it->second.get();
}

// The thread that `viewer` calls `pid`: ids are numbers of the caller's pid namespace.
Thread* Core::FromGuest(const Thread& viewer, pid_t pid) const {
  if (pid <= 0) return nullptr;
  if (viewer.pids.size() == 1) return Find(Tid{pid});
  for (const auto& [tid, thread] : threads_) {
    if (PidIn(viewer.pids, thread->pids) == pid) return thread.get();
  }
  return nullptr;
}

// What the namespace of `viewer` calls `target`; 0 if it can't see it.
pid_t Core::PidIn(const std::vector<NamespacedPid>& viewer, const std::vector<NamespacedPid>& target) {
  const size_t depth = viewer.size() - 1;
  if (depth >= target.size()) return 0;
  if (target[depth].pid_namespace != viewer[depth].pid_namespace) return 0;
  return target[depth].pid;
}

bool Core::IsParent(const Process& process, const Process& child) {
  return child.parent != nullptr && child.parent->process == &process;
}

uid_t Core::UidOf(const Thread& thread) const {
  ThreadFacts facts;
  return kernel_->ReadFacts(thread.tid, &facts) ? facts.uid : 0;
}

bool Core::IsHeld(Tid tid) const {
  const Thread* thread = Find(tid);
  return thread != nullptr && thread->state == Thread::State::kZombie;
}

std::optional<Emulator::Appearance> Core::AppearanceOf(Tid tid) const {
  Emulator::Appearance shown;
  const Thread* thread = Find(tid);
  if (thread == nullptr) {
    const Process* zombie = FindProcess(tid);
    if (zombie == nullptr) return std::nullopt;
    if (zombie->zombie_tracer != nullptr) shown.tracer = zombie->zombie_tracer->tid;
    return shown;
  }
  if (!thread->links.empty()) shown.tracer = thread->links.back()->tracer->tid;
  const bool listening = thread->state == Thread::State::kListening;
  const bool stopped = listening || thread->state == Thread::State::kStopped;
  const auto is_stopped = [](const auto& link) { return link->state != Link::State::kRunning; };
  if (!stopped || std::any_of(thread->links.begin(), thread->links.end(), is_stopped)) return shown;
  shown.state = listening || thread->stop.kind == StopKind::kGroupStop ? 'T' : 'R';
  return shown;
}

std::vector<Tid> Core::LiveThreads() const {
  std::vector<Tid> live;
  live.reserve(threads_.size());
  for (const auto& [tid, thread] : threads_) {
    if (thread->state != Thread::State::kZombie) live.push_back(tid);
  }
  return live;
}

std::vector<Tid> Core::UnannouncedThreads() const {
  std::vector<Tid> unannounced;
  unannounced.reserve(early_stops_.size());
  for (const auto& [tid, stop] : early_stops_) unannounced.push_back(tid);
  return unannounced;
}

Thread* Core::AddThread(Tid tid, const ThreadFacts& facts, Thread* creator, int event) {
  auto owned = std::make_unique<Thread>();
  Thread* thread = owned.get();
  thread->tid = tid;
  thread->pids = facts.pids;
  const Tid tgid{facts.tgid};
  Process* process = FindProcess(tgid);
  if (process != nullptr && tgid == tid) {  // the number of a process that is gone, used again
    DropProcess(process);
    process = nullptr;
  }
  if (process == nullptr) {
    auto owned_process = std::make_unique<Process>();
    process = owned_process.get();
    process->tgid = tgid;
    process->pids = facts.pids;
    if (creator != nullptr) {
      process->sigchld = creator->process->sigchld;
      process->breakpoints = creator->process->breakpoints;
      // CLONE_PARENT: the child of its creator's parent.
      process->parent =
          facts.parent_tgid == creator->process->tgid.value ? creator : creator->process->parent;
      if (process->parent != nullptr) {
        process->parent->process->children.push_back(process);
        dirty_.insert(process->parent->process->tgid);
      }
    }
    processes_[tgid] = std::move(owned_process);
  }
  thread->process = process;
  if (creator != nullptr) {
    thread->filters = creator->filters;
    thread->domain = creator->domain;
  }
  process->threads.push_back(thread);
  threads_[tid] = std::move(owned);
  if (observer_ != nullptr) {
    const Tid parent = creator == nullptr ? Tid{0} : creator->tid;
    observer_->OnBirth({.tid = tid, .tgid = process->tgid, .parent = parent, .event = event});
  }
  return thread;
}

void Core::AddRoot(Tid tid) {
  ThreadFacts facts;
  if (!kernel_->ReadFacts(tid, &facts)) {
    facts.tgid = tid.value;
    facts.pids = {{0, tid.value}};
  }
  AddThread(tid, facts, nullptr, 0)->state = Thread::State::kRunning;
}

// What `parent`, stopped at the event of its new child, has asked for: SIGCHLD and no flags if that is not to
// be read.
Core::CloneArgs Core::ReadCloneArgs(Thread* parent) {
  constexpr uint64_t kExitSignal = 32;  // offset in struct clone_args
  CloneArgs args;
  struct user_regs_struct regs;
  if (kernel_->PtraceBuffer(Abi::kX86_64, kGetRegs, parent->tid, 0,
                            absl::MakeSpan(reinterpret_cast<char*>(&regs), sizeof(regs))) < 0) {
    return args;
  }
  const Abi abi = regs.cs == kUser64Cs ? Abi::kX86_64 : Abi::kI386;
  const uint64_t first = abi == Abi::kX86_64 ? regs.rdi : regs.rbx;
  const CallKind kind = KindOf(abi, static_cast<int>(regs.orig_rax));
  if (kind == CallKind::kClone) {
    args.flags = first;
    args.exit_signal = static_cast<int>(first & 0xff);
  } else if (kind == CallKind::kClone3) {
    uint64_t signal = SIGCHLD;
    ReadCaller(parent, first, absl::MakeSpan(reinterpret_cast<char*>(&args.flags), sizeof(args.flags)));
    ReadCaller(parent, first + kExitSignal, absl::MakeSpan(reinterpret_cast<char*>(&signal), sizeof(signal)));
    args.exit_signal = static_cast<int>(signal);
  }
  return args;
}

// `parent` is stopped at the event of its new child `tid`.
void Core::OnBirth(Thread* parent, Tid tid, int event) {
  if (Find(tid) != nullptr) return;
  ThreadFacts facts;
  if (!kernel_->ReadFacts(tid, &facts)) {
    facts.tgid = tid.value;
    facts.parent_tgid = parent->process->tgid.value;
    facts.pids = {{0, tid.value}};
  }
  Thread* child = AddThread(tid, facts, parent, event);
  const CloneArgs clone = ReadCloneArgs(parent);
  if (child->is_leader()) {
    // kernel/fork.c:copy_process.
    const bool inherits = (clone.flags & kCloneParent) != 0;
    child->process->exit_signal = inherits ? parent->process->exit_signal : clone.exit_signal;
  }
  const bool untraced = parent->untraced_clone;
  if (untraced) {
    RestoreCloneFlags(parent, *parent);
    child->untraced_clone = true;
    child->untraced_value = parent->untraced_value;
    child->untraced_where = parent->untraced_where;
    child->call.notification = parent->call.notification;  // says which call the flags belong to
  }
  for (const auto& link : parent->links) {
    const bool by_event = !untraced && (link->options & (1ull << event)) != 0;
    if (!by_event && (clone.flags & kClonePtrace) == 0) continue;
    Link* inherited = AddLink(link->tracer, child, child->links.size(), Observer::LinkOrigin::kInherited,
                              link->seized, link->options);
    // Its first stop: PTRACE_EVENT_STOP of a seized child, SIGSTOP of any other.
    if (inherited->seized) {
      inherited->interrupt_pending = true;
    } else {
      child->owes_sigstop = inherited->sigstop_due = true;
    }
  }
  const auto early = early_stops_.find(tid);
  if (early != early_stops_.end()) {
    const EarlyStop stop = early->second;
    early_stops_.erase(early);
    OnFirstStop(child, stop.code, stop.usage);
  }
  const auto gone = early_exits_.find(tid);
  if (gone != early_exits_.end()) {
    const ExitInfo info = gone->second;
    early_exits_.erase(gone);
    OnExit(tid, info);
  }
}

// A thread that is killed inside fork or clone may die without the event of the child it made: ptrace_stop()
// does not stop for a thread with a fatal signal. Its child, stopped already, would wait for that event for
// ever.
void Core::ClaimChildren(Thread* dying) {
  if (early_stops_.empty() && early_exits_.empty()) return;
  struct user_regs_struct regs;
  if (kernel_->PtraceBuffer(Abi::kX86_64, kGetRegs, dying->tid, 0,
                            absl::MakeSpan(reinterpret_cast<char*>(&regs), sizeof(regs))) < 0) {
    return;
  }
  const Abi abi = regs.cs == kUser64Cs ? Abi::kX86_64 : Abi::kI386;
  if (!MakesChild(abi, static_cast<int>(regs.orig_rax))) return;
  std::vector<Tid> waiting;
  for (const auto& [tid, stop] : early_stops_) waiting.push_back(tid);
  for (const auto& [tid, info] : early_exits_) {
    if (!early_stops_.contains(tid)) waiting.push_back(tid);
  }
  for (const Tid tid : waiting) {
    ThreadFacts facts;
    if (!kernel_->ReadFacts(tid, &facts)) continue;
    const bool sibling = facts.tgid == dying->process->tgid.value;
    if (sibling || facts.parent_tgid == dying->process->tgid.value) {
      OnBirth(dying, tid, sibling ? kEventClone : kEventFork);
    }
  }
}

// Is there a process whose event may still tell of the new thread `tid`?
bool Core::MayBeAnnounced(Tid tid, const ThreadFacts& facts) const {
  if (facts.parent_tgid == options_.supervisor) return true;
  const Process* process = FindProcess(Tid{facts.tgid == tid.value ? facts.parent_tgid : facts.tgid});
  return process != nullptr && !process->threads.empty();
}

// A thread has made its first stop and no parent has announced it. If there is none any more that could (it
// was killed inside fork and is gone), the thread is taken in without.
bool Core::AdoptOrphan(Tid tid) {
  ThreadFacts facts;
  if (!kernel_->ReadFacts(tid, &facts) || MayBeAnnounced(tid, facts)) return false;
  Thread* thread = AddThread(tid, facts, nullptr, 0);
  const EarlyStop stop = early_stops_[tid];
  early_stops_.erase(tid);
  OnFirstStop(thread, stop.code, stop.usage);
  return true;
}

void Core::OnFirstStop(Thread* child, int code, const struct rusage& usage) {
  child->state = Thread::State::kStopped;
  child->stop = Stop();
  child->stop.usage = usage;
  child->stop.code = code;
  const StopCode decoded = StopCode::Decode(code);
  child->stop.kind = decoded.kind;
  child->stop.event = decoded.event;
  if (observer_ != nullptr) observer_->OnStop({.tid = child->tid, .code = code});
  if (decoded.event != kEventStop) {  // killed before it ran
    HandleStop(child);
    return;
  }
  if (child->untraced_clone) {
    RestoreCloneFlags(child, *child);
    child->untraced_clone = false;
    child->call = Call();
  }
  NoteGroupStop(child);  // it takes part in one (kernel/signal.c:task_join_group_stop)
  child->stop.news = true;
  for (auto it = child->links.rbegin(); it != child->links.rend(); ++it) {
    if (!(*it)->interrupt_pending && child->stop.kind != StopKind::kGroupStop) continue;
    (*it)->interrupt_pending = false;  // this is the stop that it stands for
    child->stop.ahead.push_back(it->get());
  }
  if (child->owes_sigstop) QueueSignal(child, SIGSTOP, kSignalAutoAttach);
  child->owes_sigstop = false;
  Advance(child);
}

// PTRACE_EVENT_EXEC is reported by the thread that now is the leader. If another thread made the call, the
// old leader and all others are gone (de_thread(), fs/exec.c): the caller takes the leader's number.
void Core::OnExec(Thread* thread, uint64_t old_tid) {
  Thread* caller = Find(Tid{static_cast<pid_t>(old_tid)});
  if (caller != nullptr && caller != thread) {
    const Tid tgid = thread->tid;
    caller->state = thread->state;
    caller->stop = thread->stop;
    caller->stop.holder = nullptr;
    caller->stop.ahead.clear();
    caller->stop.steppers.clear();
    caller->pids = thread->pids;
    caller->kicked =
        thread->kicked;  // the event has ended a kick of the caller; HandleStop may have made one
    RemoveThread(thread);
    const auto it = threads_.find(caller->tid);
    std::unique_ptr<Thread> owned = std::move(it->second);
    threads_.erase(it);
    caller->tid = tgid;
    threads_[tgid] = std::move(owned);
    thread = caller;
  }
  if (observer_ != nullptr) {
    observer_->OnExec({.tid = thread->tid, .old_tid = Tid{static_cast<pid_t>(old_tid)}});
  }
  // Whatever was under way with its old self is over.
  thread->call = Call();
  thread->interrupt_coming = thread->wait_interrupted = false;
  thread->filter_event = thread->past_filter = false;
  thread->injection.reset();
  thread->doubt.reset();
  thread->changed_argument.reset();
  thread->changed_call.reset();
  thread->owed.reset();
  thread->behind_syscall = 0;
  thread->process->breakpoints.clear();
  for (const auto& link : thread->links) link->sets_debug_registers = false;
  thread->process->exit_signal = SIGCHLD;  // fs/exec.c:de_thread
  SigchldDisposition& sigchld = thread->process->sigchld;
  if (sigchld.action != SigchldDisposition::Action::kIgnore) sigchld = SigchldDisposition();
  sigchld.no_stop = sigchld.no_wait = false;
  for (const auto& link : thread->links) {
    if (link->seized || (link->options & kOptTraceExec) != 0) continue;
    link->sigtrap_due = true;
    QueueSignal(thread, SIGTRAP, kSignalExec);
  }
}

// The thread can do nothing any more but die: its tracees lose their tracer once it goes on (exit_notify() in
// kernel/exit.c comes right behind).
void Core::OnEventExit(Thread* thread) {
  ClaimChildren(thread);
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
  thread->call = Call();
  for (const auto& link : thread->links) {
    if (link->state != Link::State::kExited) link->state = Link::State::kRunning;
    link->interrupt_pending = link->trap_expected = false;
    dirty_.insert(link->tracer->process->tgid);  // who waited for that stop
  }
}

void Core::OnTracerGone(Thread* tracer) {
  while (!tracer->tracees.empty()) {
    Link* link = tracer->tracees.front();
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
    if (IsStep(link->mode)) tracee->left_step = true;
    if (link->state == Link::State::kExited) {
      RemoveLink(link, Observer::LinkEnd::kTracerGone);
      ReportExit(tracee);
    } else {
      LetGo(link, signal, Observer::LinkEnd::kTracerGone);
    }
  }
}

void Core::OnExit(Tid tid, const ExitInfo& info) {
  Thread* thread = Find(tid);
  if (thread == nullptr) {
    ThreadFacts facts;
    if (kernel_->ReadFacts(tid, &facts) && !MayBeAnnounced(tid, facts)) {
      kernel_->Reap(tid);
    } else {
      early_exits_[tid] = info;  // its parent's event is still to come
    }
    return;
  }
  if (thread->state == Thread::State::kZombie) return;
  thread->state = Thread::State::kZombie;
  ++held_zombies_;
  thread->exit = info;
  thread->call = Call();
  thread->registers.valid = false;
  if (observer_ != nullptr) observer_->OnExit({.tid = tid, .info = &info});
  for (const auto& link : thread->links) {
    link->state = Link::State::kRunning;
    link->trap_expected = false;
  }
  OnTracerGone(thread);
  const auto& members = thread->process->threads;
  // Its children have another parent now, though its zombie may be here for long.
  if (std::all_of(members.begin(), members.end(),
                  [](const Thread* member) { return member->state == Thread::State::kZombie; })) {
    AdoptChildren(thread->process);
  }
  ReportExit(thread);
  Pump();
}

// A zombie is its tracers' first, outermost before innermost, and then its real parent's.
void Core::ReportExit(Thread* thread) {
  if (thread->links.empty()) {
    Reap(thread);
    return;
  }
  Link* link = thread->links.front().get();
  if (link->state == Link::State::kExited) return;
  if (ServesParent(*link)) {
    LeaveToParent(link);
    return;
  }
  link->state = Link::State::kExited;
  link->usage = thread->exit.usage;
  dirty_.insert(link->tracer->process->tgid);
  const int status = thread->exit.status;
  ObserveReport(*link, status);
  if ((status & 0x7f) == 0) {
    NotifyTracer(link, CLD_EXITED, (status >> 8) & 0xff);
  } else {
    NotifyTracer(link, (status & 0x80) != 0 ? CLD_DUMPED : CLD_KILLED, status & 0x7f);
  }
}

// Does one wait for the dead tracee serve the tracer and the parent? A parent that wants no zombies has one
// all the same of a child that it traces (kernel/signal.c:do_notify_parent).
bool Core::ServesParent(const Link& link) {
  const Thread& tracee = *link.tracee;
  const Process& parent = *link.tracer->process;
  const bool reaped_at_once = parent.sigchld.auto_reap() && tracee.process->exit_signal == SIGCHLD;
  return tracee.links.size() == 1 && tracee.is_leader() && IsParent(parent, *tracee.process) &&
         !reaped_at_once;
}

// The kernel's own report says it all.
void Core::LeaveToParent(Link* link) {
  Thread* tracee = link->tracee;
  tracee->process->zombie_tracer = link->tracer;
  tracee->process->zombie_seized = link->seized;
  RemoveLink(link, Observer::LinkEnd::kParent);
  Reap(tracee);
}

// A leader that exits before its threads can't be waited for yet, but its tracers hear of it at once
// (kernel/exit.c:exit_notify), and again when the last thread is gone.
void Core::NotifyZombieLeader(Thread* leader) {
  if (!leader->is_leader() || leader->process->threads.size() == 1) return;
  const int status = static_cast<int>(leader->stop.message);
  for (const auto& link : leader->links) {
    link->usage = leader->stop.usage;
    if ((status & 0x7f) == 0) {
      NotifyTracer(link.get(), CLD_EXITED, (status >> 8) & 0xff);
    } else {
      NotifyTracer(link.get(), CLD_KILLED, status & 0x7f);
    }
  }
}

// The supervisor's half of the zombie goes; the kernel now tells the real parent.
void Core::Reap(Thread* thread) {
  kernel_->Reap(thread->tid);
  const Tid tid = thread->tid;
  RemoveThread(thread);
  if (observer_ != nullptr) observer_->OnReaped(tid);
}

// The last a thread is heard of. A process whose last thread this was stays as its parent's zombie.
void Core::RemoveThread(Thread* thread) {
  Process* process = thread->process;
  if (thread->state == Thread::State::kZombie) --held_zombies_;
  OnTracerGone(thread);
  while (!thread->links.empty()) {
    Link* link = thread->links.back().get();
    dirty_.insert(link->tracer->process->tgid);
    RemoveLink(link, Observer::LinkEnd::kTraceeGone);
  }
  auto& siblings = process->threads;
  siblings.erase(std::find(siblings.begin(), siblings.end(), thread));
  for (Process* child : process->children) {
    if (child->zombie_tracer == thread) child->zombie_tracer = nullptr;
    if (child->parent == thread) child->parent = siblings.empty() ? nullptr : siblings.front();
  }
  threads_.erase(thread->tid);
  if (!siblings.empty()) return;
  AdoptChildren(process);
  if (process->parent == nullptr) {
    DropProcess(process);
  } else {
    process->natural_zombie = true;
    dirty_.insert(process->parent->process->tgid);
  }
}

// The children of a dead process go to init or the nearest subreaper, which may be a guest.
void Core::AdoptChildren(Process* dead) {
  std::vector<Process*> orphans;
  orphans.swap(dead->children);
  for (Process* orphan : orphans) {
    orphan->parent = nullptr;
    orphan->zombie_tracer = nullptr;
    orphan->exit_signal = SIGCHLD;  // kernel/exit.c:reparent_leader
    ThreadFacts facts;
    Process* reaper = nullptr;
    if (kernel_->ReadFacts(orphan->tgid, &facts)) reaper = FindProcess(Tid{facts.parent_tgid});
    if (reaper == nullptr || reaper == dead || reaper->threads.empty()) {
      if (orphan->natural_zombie) DropProcess(orphan);
      continue;
    }
    orphan->parent = reaper->threads.front();
    reaper->children.push_back(orphan);
    dirty_.insert(reaper->tgid);
  }
}

void Core::DropProcess(Process* process) {
  if (process->parent != nullptr) {
    auto& siblings = process->parent->process->children;
    siblings.erase(std::remove(siblings.begin(), siblings.end(), process), siblings.end());
  }
  processes_.erase(process->tgid);
}

}  // namespace nestrace
