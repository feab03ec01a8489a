// What happens to threads in a World: stops, births, execs, deaths.

#include <errno.h>
#include <signal.h>

#include <algorithm>

#include "emu/stop.h"
#include "tests/emu/world.h"

namespace nestrace {

// A signal-delivery-stop with `signal`, or with what is queued if that is 0.
void World::StopWithSignal(Tid tid, int signal) {
  BeforeStop(tid);
  Actor& actor = actors_[tid.value];
  if (signal != 0) {
    Tell(std::to_string(tid.value) + " gets signal " + std::to_string(signal));
    actor.signal = signal;
    Signal(tid, signal);
  } else {
    FakeThread& thread = kernel.at(tid);
    std::deque<siginfo_t>& queue =
        thread.queued.empty() ? kernel.process_queue(thread.facts.tgid) : thread.queued;
    actor.signal = queue.front().si_signo;
    Tell(std::to_string(tid.value) + " gets queued signal " + std::to_string(actor.signal));
    DeliverQueued(tid);
  }
  AfterStop(tid);
}

void World::StopWithTrap(Tid tid) {
  const bool group = group_stopped_[ProcessOf(tid)];
  Tell(std::to_string(tid.value) + (group ? " traps in group-stop" : " traps"));
  BeforeStop(tid);
  actors_[tid.value].must_group_stop = false;
  if (group) {
    GroupStop(tid);
  } else {
    Trap(tid);
  }
  AfterStop(tid);
}

void World::BeforeStop(Tid tid) {
  current_ = tid.value;
  Actor& actor = actors_[tid.value];
  actor.signal = 0;
  actor.choices.clear();
  actor.dropped = false;
  if (actor.in_native_wait) {
    actor.in_native_wait = false;
    kernel.at(tid).blocked_in = -1;
    kernel.at(tid).regs.rax = -kErestartsys;
    actor.in_call = true;
  }
}

// The stop may have ended a call: by a result in rax, or with a restart.
void World::AfterStop(Tid tid) {
  current_ = 0;
  if (!Alive(tid)) return;
  Actor& actor = actors_[tid.value];
  actor.must_stop = false;
  if (!actor.in_call) return;
  actor.in_call = false;
  const int64_t rax = Rax(tid);
  if (rax == -kErestartsys || rax == -kErestartnointr) {
    actor.restarts = true;
    actor.must_restart = rax == -kErestartnointr;
    if (actor.lost) attempts_.erase(tid.value);
    return;
  }
  const auto attempt = attempts_.find(tid.value);
  if (attempt != attempts_.end()) {
    if (attempt->second.resumes && rax == 0 && Alive(attempt->second.target)) {
      actors_[attempt->second.target.value].told.erase(ProcessOf(tid));
    }
    attempts_.erase(attempt);
  }
  Tell("  " + std::to_string(tid.value) + "'s call ended with " + std::to_string(rax));
  if (actor.lost) {
    actor.lost = false;
    return;
  }
  if (actor.waits && rax > 0) Told(tid);
  // Of a SIGCONT for a process whose tracers hold it nobody is told, but who looks finds it.
  if (actor.waits && rax > 0 && actor.slept && Read<int>(tid, kStatusAt) != 0xffff) {
    Complain(std::to_string(tid.value) + " has slept through the report of " + std::to_string(rax));
  }
}

void World::Bear(Tid parent, bool thread) {
  const Tid child{next_++};
  Tell(std::to_string(parent.value) + (thread ? " clones " : " forks ") + std::to_string(child.value));
  actors_[child.value].rank = thread ? actors_[parent.value].rank : next_rank_++;
  actors_[child.value].traced = actors_[parent.value].traced;
  if (thread) {
    NewThread(parent, child);
    actors_[child.value].must_group_stop = group_stopped_[ProcessOf(parent)];
  } else {
    NewProcess(parent, child);
  }
  BeforeStop(parent);
  const int event = thread ? kEventClone : Chance(50) ? kEventFork : kEventVfork;
  kernel.at(parent).regs.orig_rax = thread ? 56 : 57;
  kernel.at(parent).regs.rdi = 0;
  if (Chance(50)) {
    BirthEvent(parent, child, event);
    FirstStop(child);
  } else {
    FirstStop(child);
    BirthEvent(parent, child, event);
  }
  kernel.at(parent).regs.orig_rax = ~0ull;
}

void World::Exec(Tid tid) {
  Tell(std::to_string(tid.value) + " execs");
  actors_[tid.value].execs = tid;
  for (const Tid other : Living()) {
    if (other != tid && ProcessOf(other) == ProcessOf(tid)) {
      actors_[other.value].execs.reset();
      kernel.Die(other);
    }
  }
}

// fs/exec.c:de_thread: all others are gone, the leader a zombie at most.
bool World::FinishExec(Tid tid) {
  const Tid leader{ProcessOf(tid)};
  for (const Tid other : Living()) {
    if (other == tid || ProcessOf(other) != leader.value) continue;
    if (other != leader || kernel.at(other).state != FakeThread::State::kRunning) return false;
    if (!actors_[other.value].exiting) return false;
  }
  Tell(std::to_string(tid.value) + " becomes " + std::to_string(leader.value));
  Actor actor = actors_[tid.value];
  actor.execs.reset();
  actor.must_group_stop = false;
  actor.told.clear();
  if (tid != leader) {
    FakeThread& thread = kernel.at(tid);
    FakeThread& taken = kernel.at(leader);
    taken.regs = thread.regs;
    taken.queued = thread.queued;
    taken.interrupt = thread.interrupt;
    taken.resume_request = thread.resume_request;
    thread.state = FakeThread::State::kReaped;
    thread.gone = true;
    actors_.erase(tid.value);
  }
  actors_[leader.value] = actor;
  BeforeStop(leader);
  Event(leader, kEventExec, tid.value);
  AfterStop(leader);
  return true;
}

// Killed: the exit event, unless the thread was as quick as to die without it.
bool World::StepOfDying(Tid tid) {
  Tell(std::to_string(tid.value) + " is at its exit event");
  Actor& actor = actors_[tid.value];
  if (actor.in_call && actor.waits) MaybeTold();
  actor.exiting = true;
  actor.in_call = actor.in_native_wait = actor.must_stop = actor.restarts = actor.must_restart =
      actor.must_group_stop = false;
  actor.lost = false;
  actor.execs.reset();
  actor.told.clear();
  actor.signal = 0;
  kernel.at(tid).notification = 0;
  // A call that was refused is still done: it had come before the kill.
  current_ = tid.value;
  ExitEvent(tid, SIGKILL);
  current_ = 0;
  attempts_.erase(tid.value);
  return true;
}

// Past its exit event: its tracees and children are others' now, and it becomes a zombie. A leader does so
// once its threads are gone (kernel/exit.c:delay_group_leader; it could not be waited for before).
bool World::Depart(Tid tid) {
  const pid_t tgid = ProcessOf(tid);
  int others = 0;
  for (const auto& [other, thread] : kernel.threads()) {
    if (thread.facts.tgid == tgid && other != tid.value && thread.state != FakeThread::State::kReaped) {
      ++others;
    }
  }
  if (tid.value == tgid && others > 0) return false;
  if (others == 0) {
    for (auto& [other, actor] : actors_) actor.told.erase(tgid);
    for (const auto& [other, thread] : kernel.threads()) {
      if (thread.facts.parent_tgid != tgid) continue;
      kernel.at(Tid{other}).facts.parent_tgid = 1;
      if (thread.state == FakeThread::State::kReaped) kernel.at(Tid{other}).gone = true;
    }
  }
  Tell(std::to_string(tid.value) + " is a zombie");
  Exit(tid, SIGKILL);
  return true;
}

void World::Sigcont(pid_t tgid) {
  Tell("SIGCONT to process " + std::to_string(tgid));
  const bool stopped = group_stopped_[tgid];
  group_stopped_[tgid] = false;
  for (const Tid tid : Living()) {
    if (!Alive(tid) || ProcessOf(tid) != tgid) continue;
    actors_[tid.value].must_group_stop = false;
    if (stopped) kernel.SetContinued(tgid, true);
    if (Listens(tid)) {
      StopWithTrap(tid);
    } else if (Stopped(tid) && (kernel.at(tid).code >> 8) == kEventStop) {
      kernel.at(tid).interrupt = true;  // JOBCTL_TRAP_NOTIFY
    }
  }
}

void World::CheckResume(const FakeThread& thread, int signal) {
  const auto it = actors_.find(thread.tid.value);
  if (it == actors_.end()) return;
  Actor& actor = it->second;
  if (actor.exiting) {  // its tracees are let go; those of its siblings stay, but who knows which they are
    for (auto& [tid, other] : actors_) {
      if (other.told.erase(thread.facts.tgid) != 0) other.dropped = true;
    }
  }
  std::set<int> allowed;
  bool attempted = false;
  for (const auto& [caller, attempt] : attempts_) {
    if (attempt.target != thread.tid || !attempt.resumes || caller == thread.tid.value) continue;
    // Of those calls only the one under way can be what resumes the thread, or one that is parked.
    const auto by = actors_.find(caller);
    const bool parked = by != actors_.end() && by->second.in_call && !by->second.must_stop;
    if (parked) allowed.insert(attempt.signal);
    if (caller != current_) continue;
    attempted = true;
    allowed.insert(attempt.signal);
    // The call of a caller that was killed in it is done or not.
    if (by != actors_.end() && by->second.exiting) allowed.insert({0, actor.signal});
    actor.told.erase(kernel.at(Tid{caller}).facts.tgid);
  }
  // Tracers that are dead or dying hold nothing.
  bool dropped = actor.dropped;
  for (auto teller = actor.told.begin(); teller != actor.told.end();) {
    bool found = false, dies = false;
    for (const auto& [tid, other] : actors_) {
      if (kernel.at(Tid{tid}).facts.tgid != *teller) continue;
      found = true;
      dies |= other.exiting || kernel.at(Tid{tid}).state == FakeThread::State::kDying;
    }
    const bool living = found && !dies;
    dropped |= !living;
    teller = living ? std::next(teller) : actor.told.erase(teller);
  }
  if (!actor.told.empty() && !actor.exiting) {
    Complain(std::to_string(thread.tid.value) + " runs though " + std::to_string(*actor.told.begin()) +
             " holds it");
  }
  if (dropped || (attempted && nesting_)) allowed.insert(0);
  // A stop that was waited for passes nothing on when its tracer dies.
  if ((!attempted && !dropped) || nesting_) allowed.insert(actor.signal);
  // A syscall-stop nobody waited for when its tracer died.
  if (actor.signal == 0 && (thread.code & 0xff) == (SIGTRAP | 0x80)) allowed.insert(SIGTRAP);
  if (nesting_ || actor.choices.count(0) != 0) allowed.insert(0);
  // Its tracer gone, it may be back in a group-stop, which keeps its signal; the ledger knows better.
  if (std::any_of(allowed.begin(), allowed.end(), IsStopSignal)) allowed.insert(0);
  if (nesting_) allowed.insert(actor.choices.begin(), actor.choices.end());
  // At an event the kernel would ignore it.
  if ((thread.code >> 8) != 0) allowed = {0};
  if (allowed.count(signal) == 0) {
    Complain(std::to_string(thread.tid.value) + " goes on with signal " + std::to_string(signal) +
             " instead of " + std::to_string(actor.signal));
  }
  if (actor.signal != 0 && signal == SIGSTOP && !actor.exiting) {
    group_stopped_[thread.facts.tgid] = true;
    for (auto& [tid, other] : actors_) {
      if (kernel.at(Tid{tid}).facts.tgid == thread.facts.tgid && !other.exiting) other.must_group_stop = true;
    }
  }
  actor.signal = 0;
  actor.choices.clear();
  actor.dropped = false;
}

}  // namespace nestrace
