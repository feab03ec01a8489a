// The calls that threads of a World make, and what they are told.

#include <errno.h>
#include <signal.h>

#include "tests/emu/world.h"

namespace nestrace {

namespace {

bool IsResumeRequest(long request) {
  return request == kCont || request == kSyscall || request == kSingleStep || request == kDetach ||
         request == kListen;
}

}  // namespace

// A target that makes the call worth while: a tracee that has been waited for, a tracee, anybody.
Tid World::RandomTarget(Tid tid) {
  std::vector<Tid> held, traced, all;
  for (const Tid other : Living()) {
    all.push_back(other);
    if (other == tid) continue;
    if (actors_[other.value].told.count(ProcessOf(tid)) != 0) held.push_back(other);
    if (actors_[other.value].traced) traced.push_back(other);
  }
  const std::vector<Tid>& from = !held.empty() && Chance(75)     ? held
                                 : !traced.empty() && Chance(40) ? traced
                                                                 : all;
  return from[Random(static_cast<int>(from.size()))];
}

void World::RandomPtrace(Tid tid) {
  const Tid target = RandomTarget(tid);
  const bool held = actors_[target.value].told.count(ProcessOf(tid)) != 0;
  const uint64_t kOptions[] = {0,
                               kOptSysGood | kOptTraceFork | kOptTraceVfork | kOptTraceClone,
                               kOptTraceExec | kOptTraceExit,
                               kOptTraceClone | kOptTraceFork | kOptTraceVforkDone,
                               kOptTraceFork | kOptTraceExit | kOptTraceClone | kOptExitKill,
                               1 << 30};
  const int kSignals[] = {0, 0, actors_[target.value].signal, SIGUSR2, SIGSTOP, 99};
  const long kResumes[] = {kCont,    kCont,        kCont,       kSyscall,   kSyscall, kSingleStep, kDetach,
                           kGetRegs, kGetEventMsg, kSetOptions, kInterrupt, kListen,  kListen,     kSeize};
  const long kOthers[] = {kSeize,     kSeize,     kSeize,     kAttach, kAttach,  kTraceme,
                          kInterrupt, kInterrupt, kInterrupt, kCont,   kGetRegs, kKill};
  const long request = held ? kResumes[Random(14)] : kOthers[Random(12)];
  uint64_t data = 0;
  if (request == kSeize || request == kSetOptions) data = kOptions[Random(6)];
  if (IsResumeRequest(request)) data = kSignals[Random(6)];
  if (request == kGetRegs || request == kGetEventMsg) data = kFree;
  if (request == kKill && !Chance(10)) return;
  if (request == kTraceme && !Chance(30)) return;
  if (request == kAttach || request == kSeize) {
    if (actors_[tid.value].rank >= actors_[target.value].rank) return;
  }
  if (Chance(5)) kernel.DieAtCall(Chance(70) ? target : tid, 1 + Random(6));
  const int64_t result = PtraceOf(tid, request, target, data);
  if (result != 0) return;
  if ((request == kAttach || request == kSeize) && Alive(target)) actors_[target.value].traced = true;
  if (request == kTraceme && Alive(tid)) actors_[tid.value].traced = true;
}

int64_t World::PtraceOf(Tid tid, long request, Tid target, uint64_t data) {
  Actor& actor = actors_[tid.value];
  actor.waits = false;
  attempts_[tid.value] = {request == kTraceme ? Tid{} : target, static_cast<int>(data),
                          IsResumeRequest(request)};
  if (IsResumeRequest(request)) actors_[target.value].choices.insert(static_cast<int>(data));
  actor.lost = losing_ && !quiet_ && Chance(4);
  if (actor.lost) kernel.LoseNextAnswer();
  if (!actor.lost && !quiet_ && Chance(6)) kernel.RefuseNextAnswer();
  current_ = tid.value;
  const int64_t result = Ptrace(tid, request, target, 0, data);
  current_ = 0;
  Tell(std::to_string(tid.value) + ": " + RequestName(request) + "(" + std::to_string(target.value) + ", " +
       std::to_string(data) + ") = " + std::to_string(result) + (actor.lost ? " (lost)" : ""));
  if (!Alive(tid)) return result;
  CallEnded(tid, result);
  if (result == 0 && IsResumeRequest(request) && Alive(target)) {
    actors_[target.value].told.erase(ProcessOf(tid));
  }
  return result;
}

void World::ChangeSigaction(Tid tid, uint64_t handler, uint64_t flags) {
  actors_[tid.value].waits = false;
  attempts_.erase(tid.value);
  const int64_t result = Sigaction(tid, handler, flags);
  Tell(std::to_string(tid.value) + ": sigaction(" + std::to_string(handler) + ", " + std::to_string(flags) +
       ")");
  CallEnded(tid, result);
}

void World::RandomWait(Tid tid) {
  uint32_t flags = Chance(70) ? kWnohang : 0;
  if (Chance(50)) flags |= kWall;
  if (Chance(10)) flags |= kWnothread;
  if (Chance(10)) flags |= kWcontinued;
  const std::vector<Tid> living = Living();
  const pid_t pid = Chance(85) ? -1 : living[Random(static_cast<int>(living.size()))].value;
  WaitOfActor(tid, pid, flags);
}

int64_t World::WaitOfActor(Tid tid, pid_t pid, uint32_t flags) {
  Actor& actor = actors_[tid.value];
  actor.waits = true;
  attempts_.erase(tid.value);
  actor.lost = false;
  if (!quiet_ && Chance(6)) kernel.RefuseNextAnswer();
  const Waited waited = Wait(tid, pid, flags);
  Tell(std::to_string(tid.value) + ": wait4(" + std::to_string(pid) + ", " + std::to_string(flags) +
       ") = " + ::testing::PrintToString(waited));
  if (!Alive(tid)) return waited.result;
  CallEnded(tid, waited.result);
  if (waited.result == kNative && (flags & kWnohang) == 0 && Alive(tid) && Runs(tid)) {
    if (NativeWait(tid).value == 0 && !quiet_ && Chance(50)) {
      actor.in_native_wait = true;
      kernel.at(tid).blocked_in = 61;
      kernel.at(tid).regs.orig_rax = 61;
    }
  } else if (waited.result == kNative) {
    NativeWait(tid);
  }
  return waited.result;
}

// What the kernel itself reports: a child's zombie that is no tracer's any more.
Tid World::NativeWait(Tid tid) {
  kernel.at(tid).blocked_in = -1;
  for (const auto& [other, thread] : kernel.threads()) {
    if (thread.state == FakeThread::State::kReaped && !thread.gone &&
        thread.facts.parent_tgid == ProcessOf(tid)) {
      kernel.at(Tid{other}).gone = true;
      Tell("  " + std::to_string(tid.value) + " reaps its child " + std::to_string(other));
      return Tid{other};
    }
  }
  return Tid{};
}

// A call has come to `result` (of its notification).
void World::CallEnded(Tid tid, int64_t result) {
  kernel.CancelMishaps();
  Actor& actor = actors_[tid.value];
  const bool dead = kernel.at(tid).state != FakeThread::State::kRunning;
  if (dead) {
    if (result != kVoid) attempts_.erase(tid.value);
    actor.lost = false;
    return;
  }
  if (result == kParked) {
    actor.in_call = true;
    actor.lost = false;
    return;
  }
  if (result == kVoid) {  // refused: the stop is to come
    if (actor.waits) MaybeTold();
    actor.in_call = actor.must_stop = true;
    actor.lost = false;
    return;
  }
  actor.in_call = false;
  if (result == kNative) {
    actor.lost = false;
    attempts_.erase(tid.value);
    return;
  }
  if (actor.waits && result > 0) Told(tid);
  attempts_.erase(tid.value);
  actor.lost |= WasRefused(tid);
  if (actor.lost) actor.in_call = actor.must_stop = true;
}

// Calls that were parked may be answered by now: waits first, a resume that was parked behind the same stop
// then.
void World::LookForAnswers() {
  for (const bool waits : {true, false}) {
    for (const Tid tid : Living()) {
      if (!Alive(tid) || actors_[tid.value].waits != waits) continue;
      if (!actors_[tid.value].in_call || actors_[tid.value].must_stop || !Runs(tid)) continue;
      const int64_t result = ResultOf(tid);
      if (result == kParked || result == kVoid) continue;
      Tell("  " + std::to_string(tid.value) + "'s parked call: " + ::testing::PrintToString(WaitOf(tid)));
      const auto attempt = attempts_.find(tid.value);
      if (attempt != attempts_.end() && attempt->second.resumes && result == 0 &&
          Alive(attempt->second.target)) {
        actors_[attempt->second.target.value].told.erase(ProcessOf(tid));
      }
      CallEnded(tid, result);
      if (result == kNative) NativeWait(tid);
    }
  }
}

// `tid` has waited, with success.
void World::Told(Tid tid) {
  const Tid tracee{static_cast<pid_t>(Rax(tid) > 0 ? Rax(tid) : ResultOf(tid))};
  const int status = Read<int>(tid, kStatusAt);
  if (status == 0xffff) return;
  const pid_t process = ProcessOf(tid);
  if ((status & 0xff) != 0x7f) {
    if (Alive(tracee)) {
      if (!actors_[tracee.value].buried.insert(process).second) {
        Complain(std::to_string(tracee.value) + " has died twice for " + std::to_string(process));
      }
      if (kernel.at(tracee).state == FakeThread::State::kReaped) actors_.erase(tracee.value);
    }
    return;
  }
  if (!Alive(tracee)) {
    Complain("a stop of " + std::to_string(tracee.value) + ", which is gone");
    return;
  }
  const FakeThread& thread = kernel.at(tracee);
  if (thread.state == FakeThread::State::kZombie) Complain("a stop of a zombie");
  if (thread.state == FakeThread::State::kDying) return;
  if (!actors_[tracee.value].told.insert(process).second) {
    Complain(std::to_string(process) + " is told twice of one stop of " + std::to_string(tracee.value));
  }
}

// A wait may have taken a report without anybody having heard of it: its caller is to die.
void World::MaybeTold() {
  for (auto& [tid, actor] : actors_) actor.choices.insert(0);
}

// Are its signals held till its wait, which is to find a zombie, has ended (Core::HoldSignals)?
bool World::IsHeld(Tid tid) { return kernel.at(tid).facts.blocked_signals == ~0ull; }

void World::Restarted(Tid tid) {
  if (IsHeld(tid)) SyscallEnter(tid, 61);
  const bool held = IsHeld(tid);  // not till it has begun only
  actors_[tid.value].lost = false;
  current_ = tid.value;
  const int64_t result = Restart(tid);
  current_ = 0;
  Tell(std::to_string(tid.value) + " restarts its call: " + ::testing::PrintToString(WaitOf(tid)));
  const auto attempt = attempts_.find(tid.value);
  if (attempt != attempts_.end() && attempt->second.resumes && result == 0 && Alive(attempt->second.target)) {
    actors_[attempt->second.target.value].told.erase(ProcessOf(tid));
  }
  CallEnded(tid, result);
  const int64_t found = result == kNative ? NativeWait(tid).value : result;
  if (!held || !Alive(tid) || !Runs(tid)) return;
  const bool may_sleep = (kernel.at(tid).regs.rdx & kWnohang) == 0;
  if (found <= 0 && may_sleep) Complain(std::to_string(tid.value) + " is held for a wait that finds nothing");
  SyscallExit(tid, found);
}

// May it make a call?
bool World::IsFree(Tid tid) {
  if (!Alive(tid) || !Runs(tid)) return false;
  const Actor& actor = actors_[tid.value];
  return !actor.in_call && !actor.in_native_wait && !actor.exiting && !actor.must_stop && !actor.restarts &&
         !actor.execs.has_value();
}

// What a patient tracer does: wait for whatever there is, and resume it. True if it found something.
bool World::DrainOf(Tid tid) {
  if (!IsFree(tid)) return false;
  bool busy = false;
  for (const Tid tracee : Living()) {
    if (!IsFree(tid)) return true;
    if (!Alive(tracee) || !Stopped(tracee)) continue;
    if (WaitOfActor(tid, tracee.value, kWnohang | kWall) > 0) busy = true;
    if (!IsFree(tid) || !Alive(tracee)) return true;
    LookForAnswers();  // a sibling's wait may have been told before
    if (PtraceOf(tid, kCont, tracee, 0) == 0) busy = true;
  }
  for (const Tid tracee : Living()) {
    if (!IsFree(tid)) return true;
    if (!Alive(tracee) || kernel.at(tracee).state != FakeThread::State::kZombie) continue;
    if (WaitOfActor(tid, tracee.value, kWnohang | kWall) > 0) busy = true;
    if (kernel.at(tracee).state == FakeThread::State::kReaped) busy = true;
  }
  return busy;
}

// A last resort: interrupts what still seems to be stopped, once.
bool World::InterruptOf(Tid tid) {
  bool busy = false;
  for (const Tid tracee : Living()) {
    if (!IsFree(tid) || !Alive(tracee) || !Stopped(tracee)) continue;
    if (actors_[tracee.value].interrupted) continue;
    if (PtraceOf(tid, kInterrupt, tracee, 0) == 0) busy = actors_[tracee.value].interrupted = true;
  }
  return busy;
}

}  // namespace nestrace
