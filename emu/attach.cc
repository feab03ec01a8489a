// PTRACE_TRACEME, PTRACE_ATTACH, PTRACE_SEIZE: who may trace whom, and where the new link stands.

#include <errno.h>
#include <signal.h>

#include <algorithm>

#include "emu/core.h"

namespace nestrace {

// Is `thread` traced by `ancestor`, directly or through its tracers? (Guests may trace each other in a
// circle.)
bool Core::TracedUpTo(const Thread& thread, const Process& ancestor) {
  absl::flat_hash_set<const Thread*> seen = {&thread};
  std::vector<const Thread*> open = {&thread};
  while (!open.empty()) {
    const Thread* next = open.back();
    open.pop_back();
    for (const auto& link : next->links) {
      if (link->tracer->process == &ancestor) return true;
      if (seen.insert(link->tracer).second) open.push_back(link->tracer);
    }
  }
  return false;
}

// The place of a new link tracer -> target among the target's links, or nothing if the tracer may not stack:
// inside every tracer that traces the new one, outside every tracer that the new one traces; a stranger to
// any of them is refused as by the kernel.
std::optional<size_t> Core::PlaceFor(const Thread& tracer, const Thread& target) const {
  if (target.links.empty()) return 0;
  if (!options_.nesting) return std::nullopt;
  size_t place = 0;
  for (size_t i = 0; i < target.links.size(); ++i) {
    const Thread& other = *target.links[i]->tracer;
    if (other.process == tracer.process) return std::nullopt;
    if (TracedUpTo(tracer, *other.process)) {
      if (place != i) return std::nullopt;
      place = i + 1;
    } else if (!TracedUpTo(other, *tracer.process)) {
      return std::nullopt;
    }
  }
  return place;
}

Link* Core::AddLink(Thread* tracer, Thread* tracee, size_t place, Observer::LinkOrigin origin, bool seized,
                    uint64_t options) {
  auto owned = std::make_unique<Link>();
  Link* link = owned.get();
  link->number = ++last_link_;
  link->tracer = tracer;
  link->tracee = tracee;
  link->seized = seized;
  link->options = options;
  tracee->links.insert(tracee->links.begin() + place, std::move(owned));
  tracer->tracees.push_front(link);
  if (observer_ != nullptr) {
    observer_->OnAttached({.tracer = tracer->tid,
                           .tracee = tracee->tid,
                           .origin = origin,
                           .seized = seized,
                           .options = options,
                           .outer = static_cast<int>(place),
                           .inner = static_cast<int>(tracee->links.size() - 1 - place)});
  }
  Wake(*tracer, tracee->tid);
  return link;
}

void Core::RemoveLink(Link* link, Observer::LinkEnd reason) {
  Thread* tracee = link->tracee;
  if (observer_ != nullptr) {
    observer_->OnDetached({.tracer = link->tracer->tid, .tracee = tracee->tid, .reason = reason});
  }
  Reconsider(*link->tracer);
  AnswerAttacher(*link);
  const bool stopped = tracee->state == Thread::State::kStopped;
  if (link->interrupt_pending && !stopped) tracee->kicked = true;  // the stop it asked for is nobody's now
  link->tracer->tracees.remove(link);
  Stop& stop = tracee->stop;
  stop.ahead.erase(std::remove(stop.ahead.begin(), stop.ahead.end(), link), stop.ahead.end());
  stop.steppers.erase(std::remove(stop.steppers.begin(), stop.steppers.end(), link), stop.steppers.end());
  if (stop.holder == link) stop.holder = nullptr;
  auto& links = tracee->links;
  links.erase(
      std::find_if(links.begin(), links.end(), [link](const auto& other) { return other.get() == link; }));
}

Outcome Core::Traceme(Thread* caller) {
  Thread* parent = caller->process->parent;
  if (parent != nullptr && IsDead(*parent->process)) {  // and its leader's death was not told (IsZombie)
    AdoptChildren(parent->process);
    parent = caller->process->parent;
  }
  if (parent == nullptr) {
    // The parent is no guest and can't be served: traced by nobody, as with a parent that is exiting.
    if (caller->traceme_by_outsider || !caller->links.empty()) return Outcome::Return(-EPERM);
    return Outcome::ReturnThen(0, [caller] { caller->traceme_by_outsider = true; });
  }
  const std::optional<size_t> place = PlaceFor(*parent, *caller);
  if (!place.has_value()) return Outcome::Return(-EPERM);
  if (parent->ends()) return Outcome::Return(0);
  if (!LandlockAllows(*parent, *caller) || kernel_->MayTraceChild(parent->tid, caller->tid) < 0) {
    return Outcome::Return(-EPERM);
  }
  return Outcome::ReturnThen(0, [this, parent, caller, place] {
    Link* link = AddLink(parent, caller, *place, Observer::LinkOrigin::kTraceme, false, 0);
    link->accesses_memory = kernel_->AccessesAllMemory(caller->tid);  // its own rights
  });
}

// A leader whose threads live on has no end to report yet (OnExit), and is one all the same.
bool Core::IsZombie(const Thread& thread) const {
  if (thread.state == Thread::State::kZombie) return true;
  ThreadFacts facts;
  return thread.state == Thread::State::kExiting && kernel_->ReadFacts(thread.tid, &facts) && facts.zombie;
}

// A thread that the kernel has made in a guest's process is a thread like any other to who traces: a debugger
// finds it in /proc/PID/task, and must be able to stop it. Till somebody attaches to it, nothing is to be
// known of it. Null if `pid` is none.
Thread* Core::TakeWorkerIn(const Thread& viewer, pid_t pid) {
  if (pid <= 0) return nullptr;
  const Tid tid = TidOf(viewer, pid);
  ThreadFacts facts;
  if (tid == Tid{} || !kernel_->IsWorker(tid) || !kernel_->ReadFacts(tid, &facts)) return nullptr;
  const Process* process = FindProcess(Tid{facts.tgid});
  if (process == nullptr || process->threads.empty()) return nullptr;
  if (kernel_->Ptrace(Abi::kX86_64, kSeize, tid, 0, Emulator::kRealOptions) < 0) return nullptr;
  Thread* worker = AddThread(tid, facts, process->threads.front(), 0);
  SetState(worker, Thread::State::kRunning);
  return worker;
}

// `target`, which nobody traces and which is not in a group-stop, is attached to. Is it in a stop that is
// still to be looked at? That is of what came before, and nobody is to be shown it. (A signal is pending, and
// noted here, or its stop is there: the kernel takes it and stops under one lock.) Nothing but death
// interrupts the call then. It waits once: of what comes meanwhile nobody can tell what was first.
bool Core::AwaitsStopOf(Thread* caller, const Thread& target) {
  Call& call = caller->call;
  NoteStaleSignals(target, call.stop_seen);
  const bool may_wait = !call.stop_seen && caller->state != Thread::State::kStopped;
  const bool stopped = target.state == Thread::State::kRunning && kernel_->HasStopped(target.tid);
  if (!stopped || !may_wait) return false;
  call.awaits_stop_of = target.tid;
  attaching_.push_back(caller->tid);
  return true;
}

// A stop of `target`, or its end, has been looked at.
void Core::LetAttach(Tid target) {
  std::vector<Tid> attaching;
  attaching.swap(attaching_);
  for (const Tid tid : attaching) {
    Thread* caller = Find(tid);
    if (caller == nullptr || !Awaits(caller->call) || caller->call.phase != Call::Phase::kPending) continue;
    Call& call = caller->call;
    if (call.awaits_stop_of != target && Find(call.awaits_stop_of) != nullptr) {
      attaching_.push_back(tid);
      continue;
    }
    call.awaits_stop_of = Tid{};
    call.stop_seen = true;
    Carry(caller, Decide(caller, call.notification));
    if (caller->deferred_stop.has_value() && !Awaits(call)) due_stops_.push_back(tid);
  }
}

// kernel/ptrace.c:ptrace_attach, in its order.
Outcome Core::Attach(Thread* caller, Thread* target, long request, uint64_t addr, uint64_t data) {
  const bool seize = request == kSeize;
  if (seize) {
    if (addr != 0) return Outcome::Return(-EIO);
    if ((data & ~static_cast<uint64_t>(kOptMask)) != 0) return Outcome::Return(-EIO);
    const long result = CheckOptions(data);
    if (result < 0) return Outcome::Return(result);
  }
  if (target->process == caller->process) return Outcome::Return(-EPERM);
  if (!LandlockAllows(*caller, *target) || kernel_->MayAttach(caller->tid, target->tid) < 0) {
    return Outcome::Return(-EPERM);
  }
  if (IsZombie(*target)) return Outcome::Return(-EPERM);  // not before it is one
  const std::optional<size_t> place = PlaceFor(*caller, *target);
  if (!place.has_value()) return Outcome::Return(-EPERM);
  const bool waits = target->links.empty() && target->state == Thread::State::kListening;
  // The call has to wait, which it can't at a stop: it is made again.
  if (waits && caller->state == Thread::State::kStopped) return Outcome::Continue();
  if (target->links.empty() && !waits && AwaitsStopOf(caller, *target)) return Outcome::Park();
  return Outcome::ReturnThen(0, [this, caller, target, place, seize, data, waits] {
    if (waits) DiscardStaleSignals(target);
    const auto origin = seize ? Observer::LinkOrigin::kSeize : Observer::LinkOrigin::kAttach;
    Link* link = AddLink(caller, target, *place, origin, seize, seize ? data : 0);
    link->accesses_memory = kernel_->AccessesAllMemory(caller->tid);
    const bool listens = target->state == Thread::State::kListening;
    if (listens || target->returning) {
      // A stopped task enters ptrace-stop at once, whichever way it is attached, and before the call returns
      // (kernel/ptrace.c: JOBCTL_TRAPPING): a SIGCONT behind it does not take the stop away.
      link->trap_expected = true;
      link->interrupt_pending = true;
      if (listens) {
        kernel_->Ptrace(Abi::kX86_64, kInterrupt, target->tid, 0, 0);
        if (waits) caller->call.awaits = link->number;
      }
    }
    link->sigstop_due = !seize;
    if (target->discarding.has_value()) {
      target->discarding->attached |= !seize;
    } else if (!seize) {
      QueueSignal(target, SIGSTOP, kSignalAttach);
    }
    // SIGSTOP flushes a SIGCONT that has not been taken.
    if (!seize && (target->state != Thread::State::kRunning || !kernel_->HasStopped(target->tid)))
      target->process->stale_signals &= ~SignalBit(SIGCONT);
    JoinStop(link);
  });
}

// The attaching calls that wait for `tracee`, where it is settled whether it stops.
void Core::AnswerAttachers(const Thread& tracee) {
  for (const auto& link : tracee.links) {
    if (!link->trap_expected) AnswerAttacher(*link);
  }
}

// Only its death interrupts an attaching call that waits (TASK_KILLABLE). For us anything does, but what
// tells of it, a stop, is looked at behind the call.
void Core::AnswerAttacher(const Link& link) {
  Thread* tracer = link.tracer;
  if (!Awaits(tracer->call) || tracer->call.awaits != link.number) return;
  tracer->call.awaits = 0;
  GiveAnswer(tracer);
}

void Core::TakeDueStops() {
  while (!due_stops_.empty()) {
    const Tid tid = due_stops_.back();
    due_stops_.pop_back();
    const Thread* thread = Find(tid);
    if (thread == nullptr || !thread->deferred_stop.has_value()) continue;
    const RawStop stop = *thread->deferred_stop;
    OnStop(tid, stop.code, stop.usage);
  }
}

}  // namespace nestrace
