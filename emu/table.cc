// The table of guests: who exists, and who is whose child.

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

// The link over which a thread of `tracer` traces the leader of `process`; null if none does.
Link* Core::LinkToLeader(const Process& process, const Process* tracer) const {
  const Thread* leader = Find(process.tgid);
  return leader == nullptr ? nullptr : leader->LinkOfProcess(tracer);
}

Process* Core::FindProcess(Tid tgid) const {
  const auto it = processes_.find(tgid);
  return it == processes_.end() ? nullptr : it->second.get();
}

void Core::SetState(Thread* thread, Thread::State state) {
  thread->state = state;
  if (state == Thread::State::kStopped || state == Thread::State::kZombie) {
    may_stop_.erase(thread);
  } else {
    may_stop_.insert(thread);
  }
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

// The task, a guest or not, that `viewer` calls `pid`; 0 if there is none in its namespace, or, in ours,
// perhaps one that is not there.
Tid Core::TidOf(const Thread& viewer, pid_t pid) const {
  return viewer.pids.size() == 1 ? Tid{pid} : kernel_->FromNamespace(viewer.tid, pid);
}

// What the namespace of `viewer` calls `target`; 0 if it can't see it. (Of two that are as deep, one that
// can't be known is taken for the other.)
pid_t Core::PidIn(const std::vector<NamespacedPid>& viewer, const std::vector<NamespacedPid>& target) {
  const size_t depth = viewer.size() - 1;
  if (depth >= target.size()) return 0;
  const uint64_t own = viewer[depth].pid_namespace, others = target[depth].pid_namespace;
  const bool known = own != kUnknownNamespace && others != kUnknownNamespace;
  return known && own != others ? 0 : target[depth].pid;
}

bool Core::IsParent(const Process& process, const Process& child) {
  return child.parent != nullptr && child.parent->process == &process;
}

// Its real uid, in the supervisor's user namespace.
uid_t Core::UidOf(const Thread& thread) const {
  ThreadFacts facts;
  return kernel_->ReadFacts(thread.tid, &facts) ? facts.uid : 0;
}

// That of `target` in the user namespace of `viewer` (from_kuid_munged() in the kernel).
uid_t Core::UidIn(const Thread& viewer, const Thread& target) const {
  return kernel_->UidIn(viewer.tid, UidOf(target));
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
  shown.strict = IsStrict(*thread);
  if (!thread->links.empty()) shown.tracer = thread->links.back()->tracer->tid;
  const bool listening = thread->state == Thread::State::kListening;
  const bool stopped = listening || thread->state == Thread::State::kStopped;
  shown.stopped = std::any_of(thread->links.begin(), thread->links.end(),
                              [](const auto& link) { return link->state != Link::State::kRunning; });
  if (!stopped || shown.stopped) return shown;
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

std::vector<Tid> Core::ThreadsThatMayStop() const {
  std::vector<Tid> tids;
  tids.reserve(may_stop_.size());
  for (const Thread* thread : may_stop_) tids.push_back(thread->tid);
  return tids;
}

Tid Core::TraceeOf(const Notification& n) const {
  const Thread* caller = Find(n.tid);
  if (caller == nullptr || KindOf(n.abi, n.nr) != CallKind::kPtrace) return Tid{0};
  const Thread* target = FromGuest(*caller, static_cast<pid_t>(n.args[1]));
  return target == nullptr ? Tid{0} : target->tid;
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
      *process->sigchld = *creator->process->sigchld;
      process->breakpoints = creator->process->breakpoints;
      // CLONE_PARENT: the child of its creator's parent.
      const bool own = facts.parent_tgid == creator->process->tgid.value;
      process->parent = own ? creator : creator->process->parent;
      process->exec_id = creator->process->exec_id;
      process->parent_exec_id = own ? creator->process->exec_id : creator->process->parent_exec_id;
      if (process->parent != nullptr) {
        process->parent->process->children.push_back(process);
        process->parent->process->had_children = true;
        ForgetSwallowed(*process);
      }
    }
    processes_[tgid] = std::move(owned_process);
  }
  thread->process = process;
  process->had_threads |= !process->threads.empty();
  if (creator != nullptr) {
    thread->filters = creator->filters;
    thread->domain = creator->domain;
  }
  process->threads.push_back(thread);
  threads_[tid] = std::move(owned);
  may_stop_.insert(thread);
  if (observer_ != nullptr) {
    const Tid parent = creator == nullptr ? Tid{0} : creator->tid;
    observer_->OnBirth({.tid = tid, .tgid = process->tgid, .parent = parent, .event = event});
  }
  return thread;
}

// `child` is new. If its parent was still to be kept from the SIGCHLD of another with the same number, that
// has come to nothing: one was pending already.
void Core::ForgetSwallowed(const Process& child) {
  Process* parent = child.parent->process;
  ThreadFacts facts;
  if (parent->swallow_death_of == 0 || parent->swallow_death_of != PidIn(parent->pids, child.pids)) return;
  if (kernel_->ReadFacts(child.parent->tid, &facts) && Has(facts.pending_signals(), SIGCHLD)) return;
  parent->swallow_death_of = 0;
}

bool Core::IsTracer(Tid tid) const {
  const Thread* thread = Find(tid);
  return thread != nullptr && !thread->tracees.empty();
}

void Core::AddRoot(Tid tid) {
  ThreadFacts facts;
  if (!kernel_->ReadFacts(tid, &facts)) {
    facts.tgid = tid.value;
    facts.pids = {{0, tid.value}};
  }
  SetState(AddThread(tid, facts, nullptr, 0), Thread::State::kRunning);
}

// The last a thread is heard of. A process whose last thread this was stays as its parent's zombie.
void Core::RemoveThread(Thread* thread) {
  Process* process = thread->process;
  if (thread->state == Thread::State::kZombie) --held_zombies_;
  OnTracerGone(thread);
  while (!thread->links.empty()) {
    RemoveLink(thread->links.back().get(), Observer::LinkEnd::kTraceeGone);
  }
  auto& siblings = process->threads;
  siblings.erase(std::find(siblings.begin(), siblings.end(), thread));
  if (process->discarding == thread) process->discarding = nullptr;
  LeaveChildren(thread);
  may_stop_.erase(thread);
  threads_.erase(thread->tid);
  if (!siblings.empty()) return;
  AdoptChildren(process);
  if (process->parent == nullptr) {
    DropProcess(process);
  } else {
    process->natural_zombie = true;
    Wake(process->zombie_tracer != nullptr ? *process->zombie_tracer : *process->parent, process->tgid);
  }
}

// The children of a dying thread go to the oldest of its process that lives on
// (kernel/exit.c:find_alive_thread), behind its own. If none does, they stay with the process until it is
// gone (AdoptChildren).
void Core::LeaveChildren(Thread* thread) {
  const auto& threads = thread->process->threads;
  const auto living = std::find_if(threads.begin(), threads.end(), [thread](const Thread* other) {
    return other != thread && !other->ends();
  });
  const bool gone = std::find(threads.begin(), threads.end(), thread) == threads.end();
  if (living == threads.end() && !gone) return;
  Thread* const any = threads.empty() ? nullptr : threads.front();
  auto& children = thread->process->children;
  const auto left = std::stable_partition(children.begin(), children.end(),
                                          [thread](const Process* child) { return child->parent != thread; });
  for (Process* child : children) {
    if (child->zombie_tracer == thread) child->zombie_tracer = nullptr;
  }
  for (auto child = left; child != children.end(); ++child) {
    (*child)->parent = living != threads.end() ? *living : any;
  }
}

// The children of a dead process go to init or the nearest subreaper, which may be a guest.
void Core::AdoptChildren(Process* dead) {
  std::vector<Process*> orphans;
  orphans.swap(dead->children);
  for (Process* orphan : orphans) {
    ThreadFacts facts;
    Process* reaper = nullptr;
    if (kernel_->ReadFacts(orphan->tgid, &facts)) reaper = FindProcess(Tid{facts.parent_tgid});
    if (reaper == dead && !dead->threads.empty()) {  // a thread that was let go is still dying (DiesByItself)
      dead->children.push_back(orphan);
      continue;
    }
    orphan->parent = nullptr;
    orphan->zombie_tracer = nullptr;
    orphan->exit_signal = SIGCHLD;  // kernel/exit.c:reparent_leader
    if (reaper == nullptr || reaper == dead || reaper->threads.empty()) {
      if (orphan->natural_zombie && orphan->threads.empty()) DropProcess(orphan);
      continue;
    }
    orphan->parent = reaper->threads.front();
    reaper->children.push_back(orphan);
    reaper->had_children = true;
    if (orphan->natural_zombie) Wake(*orphan->parent, orphan->tgid);
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
