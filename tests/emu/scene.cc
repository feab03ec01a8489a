#include "tests/emu/scene.h"

#include <errno.h>
#include <signal.h>

#include <algorithm>

namespace nestrace {

namespace {

using Op = Step::Op;
using Mishap = Step::Mishap;
using State = FakeThread::State;

constexpr uint64_t kSyscallAt = FakeKernel::kGuestMemory + 0xffe;  // see FakeKernel::Add
constexpr uint64_t kBehindSyscall = kSyscallAt + 2;
constexpr uint64_t kOwnStatusAt = FakeKernel::kGuestMemory + 0x800;  // one int for each thread
constexpr int kNrFork = 57, kNrClone = 56, kNrVfork = 58, kNrWait4 = 61, kNrGetpid = 39;

bool IsSteppingRequest(long request) { return request == kSingleStep || request == kSysemuSingleStep; }
bool IsEmulatingRequest(long request) { return request == kSysemu || request == kSysemuSingleStep; }
bool TracesCalls(long request) { return request == kSyscall || IsEmulatingRequest(request); }

uint64_t StatusAt(Tid tid) { return kOwnStatusAt + 8 * (tid.value % 64); }

bool IsEntry(int code, uint64_t message) { return code == kSysGoodCode && message == 1; }

}  // namespace

Scene::Scene(bool tell) : ledger_([this](const std::string& what) { Complain(what); }), tell_(tell) {
  kernel.KeepLog(tell);
  kernel.on_resume = [this](const FakeThread& thread, long request, int signal) {
    resumed_.push_back({thread.tid, request, signal, thread.code, thread.message, thread.regs});
  };
  Root(kShell);
  ledger_.Add(kShell, kShell.value, 0, {});
  actors_[kShell.value];
}

void Scene::Complain(const std::string& what) {
  if (beyond_) return;
  Tell("*** " + what);
  if (complaint_.empty()) complaint_ = what;
}

// --- what may happen.

std::vector<Tid> Scene::Living() {
  std::vector<Tid> living;
  for (const auto& [tid, thread] : kernel.threads()) {
    if (Alive(thread)) living.push_back(thread.tid);
  }
  return living;
}

bool Scene::Stoppable(Tid tid) {
  const Actor& actor = actors_[tid.value];
  return kernel.at(tid).state == State::kRunning && !actor.exiting && !actor.execs && !actor.in_syscall;
}

// An attaching call that waits is not natively. (Here its caller's stop is looked at behind the call, which
// attach_test is about.)
bool Scene::Interruptible(Tid tid) {
  const Actor& actor = actors_[tid.value];
  const bool attaches = actor.attaches && actor.in_call && !actor.must_stop;
  return Stoppable(tid) && !actor.steps_out && !attaches;
}

bool Scene::Free(Tid tid) {
  const Actor& actor = actors_[tid.value];
  return Stoppable(tid) && !actor.in_call && !actor.native && !actor.steps_out;
}

bool Scene::MayCall(Tid tid) {
  const long request = kernel.at(tid).resume_request;
  return Free(tid) && (request == 0 || request == kCont);
}

bool Scene::HasQueued(Tid tid) {
  return !kernel.at(tid).queued.empty() || !kernel.process_queue(ProcessOf(tid)).empty();
}

bool Scene::Possible(const Step& step) {
  if (!Lives(step.who)) return false;
  const FakeThread& thread = kernel.at(step.who);
  const Actor& actor = actors_[step.who.value];
  switch (step.op) {
    case Op::kCall:
      if (step.request == kTraceme) {  // of a parent that has not left it to somebody else
        const Tid parent = ledger_.Find(step.who)->forked_by;
        if (!Lives(parent) || ProcessOf(parent) != thread.facts.parent_tgid) return false;
        const auto& all = kernel.threads();
        const bool dead = std::none_of(all.begin(), all.end(), [&](const auto& other) {
          return other.second.facts.tgid == thread.facts.parent_tgid && !other.second.facts.zombie &&
                 other.second.state != State::kZombie && other.second.state != State::kReaped;
        });
        if (dead) return false;
      }
      return MayCall(step.who) && kernel.Has(step.whom) && Lives(step.whom);
    case Op::kWait:
    case Op::kSigaction:
      return MayCall(step.who);
    case Op::kRestart:
      return Stoppable(step.who) && actor.restarts && !actor.must_stop && !TracesCalls(thread.resume_request);
    case Op::kBirth:
    case Op::kEvent:
    case Op::kExec:
      if (step.op == Op::kBirth && kernel.Has(step.whom)) return false;
      if (actor.in_syscall) return !actor.skipped && thread.state == State::kRunning;
      return Free(step.who) && !TracesCalls(thread.resume_request) &&
             !IsSteppingRequest(thread.resume_request);
    case Op::kExit:
      return Free(step.who);
    case Op::kSignal:
      return Interruptible(step.who);
    case Op::kDeliver:
      return Interruptible(step.who) && HasQueued(step.who);
    case Op::kTrap:
      return (thread.state == State::kListening || Interruptible(step.who)) &&
             (thread.interrupt || thread.notify);
    case Op::kEnter:
      return Free(step.who) && TracesCalls(thread.resume_request) &&
             !(thread.resume_request == kSysemuSingleStep && !actor.at_syscall);
    case Op::kLeave:
      return thread.state == State::kRunning && actor.in_syscall && !actor.execs;
    case Op::kStepTrap:
      if (thread.state != State::kRunning || actor.exiting || actor.execs || actor.in_call) return false;
      if (actor.steps_out) return true;
      return Free(step.who) && IsSteppingRequest(thread.resume_request) &&
             !(thread.resume_request == kSysemuSingleStep && actor.at_syscall);
    case Op::kSigcont: {
      if (!group_stopped_[ProcessOf(step.who)]) return false;
      // Of a thread that has not come to its group-stop yet, the stop that ends it would tell nothing else.
      for (const Tid tid : Living()) {
        if (ProcessOf(tid) == ProcessOf(step.who) && kernel.at(tid).notify && !actors_[tid.value].exiting) {
          return false;
        }
      }
      return true;
    }
    case Op::kKill:
      return true;
    case Op::kExitEvent:
      return thread.state == State::kDying;
    case Op::kZombie:
      if (!actor.exiting || thread.state != State::kRunning) return false;
      if (step.who.value != thread.facts.tgid) return true;
      break;
    case Op::kBecome:
      if (!actor.execs || thread.state != State::kRunning) return false;
      break;
    case Op::kNativeDone:
      return actor.native && Stoppable(step.who) && !thread.interrupt;
  }
  // Once all other threads of the process are gone; for exec, the leader may be behind its exit event.
  for (const auto& [tid, other] : kernel.threads()) {
    if (other.facts.tgid != thread.facts.tgid || tid == step.who.value || other.state == State::kReaped)
      continue;
    const bool leader = step.op == Op::kBecome && tid == other.facts.tgid;
    if (!leader || other.state != State::kRunning || !actors_[tid].exiting) return false;
  }
  return true;
}

bool Scene::Perform(const Step& step) {
  if (beyond_) return false;
  if (!complaint_.empty() || !kernel.Has(step.who) || !Possible(step)) return false;
  Play(step);
  kernel.CancelMishaps();
  AfterStep();
  return true;
}

void Scene::Play(const Step& step) {
  const Tid tid = step.who;
  const std::string name = std::to_string(tid.value);
  switch (step.op) {
    case Op::kCall:
      return PlayCall(step);
    case Op::kWait:
      return PlayWait(step);
    case Op::kRestart:
      return PlayRestart(step);
    case Op::kBirth:
      return PlayBirth(step);
    case Op::kExec:
      return PlayExec(tid);
    case Op::kBecome:
      return PlayBecome(tid);
    case Op::kZombie:
      return PlayZombie(tid);
    case Op::kTrap:
      return PlayTrap(tid);
    case Op::kSigcont:
      return PlaySigcont(ProcessOf(tid));
    case Op::kSigaction:
      Tell(name + (step.coin ? ": ignores SIGCHLD" : ": handles SIGCHLD"));
      Sigaction(tid, step.coin ? 1 : 0x1234);
      kernel.at(tid).blocked_in = -1;
      ledger_.IgnoresSigchld(ProcessOf(tid), step.coin);
      return;
    case Op::kEvent:
      Tell(name + " is at event " + std::to_string(step.request));
      if (step.request == kEventSeccomp) kernel.at(tid).regs.orig_rax = kNrGetpid;
      return Befall(tid,
                    {.kind = StopKind::kEvent,
                     .code = EventCode(step.request),
                     .event = static_cast<int>(step.request)},
                    [&] { Event(tid, step.request, step.request == kEventSeccomp ? 7 : kShell.value); });
    case Op::kExit:
      Tell(name + " exits");
      return kernel.Die(tid);
    case Op::kKill:
      Tell(name + "'s process is killed");
      return kernel.KillProcess(ProcessOf(tid));
    case Op::kSignal:
      Tell(name + " gets signal " + std::to_string(step.data));
      if (!actors_[tid.value].in_call) {
        actors_[tid.value].at_syscall = step.coin;
        kernel.at(tid).regs.rip = step.coin ? kSyscallAt : kBehindSyscall;
      }
      return Befall(tid,
                    {.kind = StopKind::kSignal,
                     .code = static_cast<int>(step.data),
                     .signal = static_cast<int>(step.data)},
                    [&] { Signal(tid, static_cast<int>(step.data)); });
    case Op::kDeliver: {
      const FakeThread& thread = kernel.at(tid);
      const siginfo_t info =
          thread.queued.empty() ? kernel.process_queue(ProcessOf(tid)).front() : thread.queued.front();
      Ledger::KernelStop stop{.kind = StopKind::kSignal, .code = info.si_signo, .signal = info.si_signo};
      if (info.si_code == SI_QUEUE && info.si_signo == SIGSTOP) stop.own = Ledger::Own::kSigstop;
      if (info.si_code == SI_QUEUE && info.si_signo == SIGTRAP) stop.own = Ledger::Own::kSigtrapOfExec;
      Tell(name + " gets queued signal " + std::to_string(info.si_signo));
      return Befall(tid, stop, [&] { DeliverQueued(tid); });
    }
    case Op::kEnter: {
      Actor& actor = actors_[tid.value];
      actor.skipped = IsEmulatingRequest(kernel.at(tid).resume_request);
      Tell(name +
           (actor.skipped ? " enters a system call that is not carried out" : " enters a system call"));
      actor.at_syscall = false;
      kernel.at(tid).regs.rip = kBehindSyscall;
      return Befall(
          tid, {.kind = StopKind::kSyscall, .code = kSysGoodCode, .entry = true, .skipped = actor.skipped},
          [&] { SyscallEnter(tid); });
    }
    case Op::kLeave:
      Tell(name + " leaves its system call");
      return Befall(tid, {.kind = StopKind::kSyscall, .code = kSysGoodCode}, [&] { SyscallExit(tid); });
    case Op::kStepTrap: {
      siginfo_t info = {};
      info.si_signo = SIGTRAP;
      info.si_code = actors_[tid.value].steps_out ? TRAP_BRKPT : TRAP_TRACE;
      Tell(name + " has made a step");
      actors_[tid.value].at_syscall = step.coin;
      kernel.at(tid).regs.rip = step.coin ? kSyscallAt : kBehindSyscall;
      kernel.at(tid).regs.orig_rax = ~0ull;
      return Befall(tid, {.kind = StopKind::kSignal, .code = SIGTRAP, .signal = SIGTRAP, .step = true},
                    [&] { SignalWith(tid, info); });
    }
    case Op::kExitEvent:
      Tell(name + " is at its exit event");
      return Befall(tid, {.kind = StopKind::kEvent, .code = EventCode(kEventExit), .event = kEventExit},
                    [&] { ExitEvent(tid, SIGKILL); });
    case Op::kNativeDone:
      Tell(name + " returns from its wait in the kernel");
      actors_[tid.value].native = false;
      kernel.at(tid).blocked_in = -1;
      kernel.at(tid).regs.rax = -ECHILD;
      kernel.at(tid).regs.orig_rax = ~0ull;  // and is back in its program
      return;
  }
}

// --- stops.

// A stop comes over `tid`. It may end a call of the thread's; then that is what comes first.
void Scene::Befall(Tid tid, const Ledger::KernelStop& stop, const std::function<void()>& happen) {
  Actor& actor = actors_[tid.value];
  const bool exit_event = stop.kind == StopKind::kEvent && stop.event == kEventExit;
  if (actor.native) {
    actor.native = false;
    kernel.at(tid).blocked_in = -1;
    kernel.at(tid).regs.rax = -kErestartsys;
    actor.in_call = true;
  }
  if (exit_event) ledger_.Find(tid)->resumes = kernel.at(tid).resumes;  // killed just behind one, or before
  happen();
  NoteDeaths();
  if (exit_event) {
    actor = Actor();
    actor.exiting = true;
  } else if (actor.in_call) {
    Interrupted(tid);
  }
  ledger_.Stop(tid, stop);
}

void Scene::Interrupted(Tid tid) {
  Actor& actor = actors_[tid.value];
  const bool again = actor.restarts;
  actor.must_stop = false;
  const int64_t rax = Rax(tid);
  if (rax != -kErestartsys && rax != -kErestartnointr) {
    actor.restarts = false;
    CallEnded(tid, rax);
    return;
  }
  actor.restarts = true;
  const pid_t who = actor.call.whom.value == 0 ? -1 : actor.call.whom.value;
  if (actor.call.op == Op::kWait && rax == -kErestartsys && !again && !actor.lost.has_value() &&
      !ledger_.Find(tid)->dying && ledger_.HasReport(tid, who) && ZombieChild(tid, who).value == 0) {
    Complain(std::to_string(tid.value) + " has slept through a report");
  }
}

void Scene::PlayTrap(Tid tid) {
  Actor& actor = actors_[tid.value];
  const bool group = group_stopped_[ProcessOf(tid)];
  const bool news = kernel.at(tid).notify || (group && !actor.in_group_stop);
  Tell(std::to_string(tid.value) + (group ? " is in group-stop" : " traps"));
  actor.in_group_stop = group;
  Ledger::KernelStop stop{.kind = group ? StopKind::kGroupStop : StopKind::kTrap,
                          .code = EventCode(kEventStop, group ? SIGSTOP : SIGTRAP),
                          .news = news};
  Befall(tid, stop, [&] { group ? GroupStop(tid) : Trap(tid); });
}

// kernel/signal.c:prepare_signal(): every thread that the supervisor seized, so every one, traps.
void Scene::PlaySigcont(pid_t tgid) {
  Tell("SIGCONT to process " + std::to_string(tgid));
  group_stopped_[tgid] = false;
  ledger_.GroupStopped(tgid, false);
  for (const Tid tid : Living()) {
    if (ProcessOf(tid) == tgid && !actors_[tid.value].exiting) kernel.at(tid).notify = true;
  }
}

// --- calls.

void Scene::PlayCall(const Step& step) {
  Actor& actor = actors_[step.who.value];
  actor.call = step;
  if (step.mishap == Mishap::kRefused) kernel.RefuseNextAnswer();
  const Ledger::Task* target = ledger_.Find(step.whom);
  const bool waits = IsAttach(step.request) && target != nullptr && Ledger::MakesWait(*target);
  if (step.mishap == Mishap::kLost && !waits) kernel.LoseNextAnswer();
  if (step.mishap == Mishap::kDeath && kernel.Has(step.victim)) {
    kernel.AtCall(step.moment, [this, step] { kernel.KillProcess(ProcessOf(step.victim)); });
  }
  const int interrupts = InterruptsOf(step.whom);
  const bool takes_address = step.request == kGetEventMsg || step.request == kGetRegs;
  const int64_t result = Ptrace(step.who, step.request, step.whom, 0, takes_address ? kFree : step.data);
  Tell(std::to_string(step.who.value) + ": " + RequestName(step.request) + "(" +
       std::to_string(step.whom.value) + ", " + std::to_string(step.data) +
       ") = " + ::testing::PrintToString(Result(result)) +
       (step.mishap == Mishap::kLost    ? ", lost"
        : step.mishap == Mishap::kDeath ? ", and a death"
                                        : ""));
  NoteDeaths();
  if (result == kVoid) {
    actor.in_call = actor.must_stop = true;
    if (IsAttach(step.request))
      CallParked(step.who, interrupts);  // its caller was killed when it had attached
    return;
  }
  if (result == kParked) {
    actor.in_call = true;
    CallParked(step.who, interrupts);
    return;
  }
  const bool lost = step.mishap == Mishap::kLost && Rax(step.who) == -kErestartsys;
  CallAnswered(step.who, result, lost);
}

int Scene::InterruptsOf(Tid tid) { return kernel.Has(tid) ? kernel.at(tid).interrupts : 0; }

// A call of one that is interrupted already is decided at its stop. One that attaches has interrupted the
// target, which has had `interrupts` before it.
void Scene::CallParked(Tid tid, int interrupts) {
  Actor& actor = actors_[tid.value];
  const Step& call = actor.call;
  if (IsAttach(call.request)) {
    if (actor.attaches || InterruptsOf(call.whom) == interrupts) return;
    actor.attaches = true;
  } else if (kernel.at(tid).interrupt || HasQueued(tid) || ledger_.Find(tid)->dying) {
    return;
  }
  ledger_.Called(tid, call.request, call.whom, call.data, kParked);
}

void Scene::PlayWait(const Step& step) {
  Actor& actor = actors_[step.who.value];
  actor.call = step;
  if (step.mishap == Mishap::kRefused) kernel.RefuseNextAnswer();
  if (step.mishap == Mishap::kDeath && kernel.Has(step.victim)) {
    kernel.AtCall(step.moment, [this, step] { kernel.KillProcess(ProcessOf(step.victim)); });
  }
  const pid_t who = step.whom.value == 0 ? -1 : step.whom.value;
  const uint64_t flags = kWall | (step.coin ? 0u : kWnohang);
  const int64_t result = Call(step.who, kNrWait4, {static_cast<uint64_t>(who), StatusAt(step.who), flags, 0});
  Tell(std::to_string(step.who.value) + ": wait4(" + std::to_string(who) + (step.coin ? "" : ", WNOHANG") +
       ") = " +
       ::testing::PrintToString(Waited{result, result > 0 ? Read<int>(step.who, StatusAt(step.who)) : 0}) +
       (step.mishap == Mishap::kDeath ? ", and a death" : ""));
  NoteDeaths();
  if (result == kVoid) {
    actor.in_call = actor.must_stop = true;
    return;
  }
  if (result == kParked) {
    actor.in_call = true;
    const FakeThread& thread = kernel.at(step.who);
    if (!thread.interrupt && !HasQueued(step.who) && !ledger_.Find(step.who)->dying) {
      ledger_.Waited(step.who, who, result, 0, step.coin);
    }
    return;
  }
  CallAnswered(step.who, result, false);
}

// The call has had its effects, but the answer may not have arrived: the caller stops for that.
void Scene::CallAnswered(Tid tid, int64_t result, bool lost) {
  Actor& actor = actors_[tid.value];
  // Before anything could be written to its memory?
  const bool died = WasRefused(tid) && result < 0 && kernel.at(tid).state == State::kDying;
  if (!died) CallEnded(tid, result);
  if (!lost && !WasRefused(tid)) return;
  if (!died) actor.lost = result;
  actor.in_call = actor.must_stop = true;
}

// The answer to a call that was under way is there, or its end at a stop.
void Scene::CallEnded(Tid tid, int64_t result) {
  Actor& actor = actors_[tid.value];
  actor.in_call = false;
  const Step& call = actor.call;
  if (actor.lost.has_value()) {
    if (result != *actor.lost) {
      Complain(std::to_string(tid.value) + "'s lost answer comes back as " + std::to_string(result));
    }
    actor.lost.reset();
    return;
  }
  if (actor.attaches) {
    if (result != 0)
      Complain(std::to_string(tid.value) + " has attached, and is told " + std::to_string(result));
    actor.attaches = false;
    return;
  }
  if (call.op == Op::kCall) {
    ledger_.Called(tid, call.request, call.whom, call.data, result);
    return;
  }
  const pid_t who = call.whom.value == 0 ? -1 : call.whom.value;
  if (result == -EINTR) return;
  if (result == kNative) kernel.at(tid).blocked_in = -1;
  const Tid zombie = result == kNative ? ZombieChild(tid, who) : Tid{};
  if (zombie.value != 0) {
    Tell("  it reaps its child " + std::to_string(zombie.value));
    kernel.at(zombie).gone = true;
    ledger_.Reaped(zombie);
    return;
  }
  ledger_.Waited(tid, who, result, result > 0 ? Read<int>(tid, StatusAt(tid)) : 0, call.coin);
  if (result != kNative) return;
  FakeThread& thread = kernel.at(tid);
  if (!call.coin || !Stoppable(tid)) return;
  actor.native = true;
  thread.blocked_in = kNrWait4;
  thread.regs.orig_rax = kNrWait4;
}

// What a wait in the kernel looks for: a zombie that is no tracer's any more.
Tid Scene::ZombieChild(Tid tid, pid_t who) {
  for (const auto& [other, child] : kernel.threads()) {
    if (child.state != State::kReaped || child.gone || child.facts.parent_tgid != ProcessOf(tid)) continue;
    if (who < 0 || who == other) return Tid{other};
  }
  return Tid{};
}

void Scene::PlayRestart(const Step& step) {
  Actor& actor = actors_[step.who.value];
  actor.restarts = false;
  if (step.coin && actor.call.op == Op::kWait && Rax(step.who) == -kErestartsys) {
    Tell(std::to_string(step.who.value) + "'s wait ends with EINTR");
    kernel.at(step.who).regs.rax = -EINTR;
    actor.in_call = false;
    actor.lost.reset();
    return;
  }
  const int interrupts = InterruptsOf(actor.call.whom);
  const int64_t result = Restart(step.who);
  Tell(std::to_string(step.who.value) + "'s call starts again: " + ::testing::PrintToString(Result(result)));
  NoteDeaths();
  if (result == kVoid) {
    actor.must_stop = true;
  } else if (result != kParked) {
    CallAnswered(step.who, result, false);
  } else if (IsAttach(actor.call.request) && actor.call.op == Op::kCall && !actor.lost.has_value()) {
    CallParked(step.who, interrupts);
  }
}

// Calls that were parked may be answered by now: waits first, in an order in which they were possible, and
// then a request that depended on one.
void Scene::LookForAnswers() {
  bool all = false;
  for (bool more = true; more;) {
    more = false;
    for (const Tid tid : Living()) {
      if (!IsAnswered(tid)) continue;
      const Step& call = actors_[tid.value].call;
      const int64_t result = ResultOf(tid);
      const pid_t who = call.whom.value == 0 ? -1 : call.whom.value;
      const bool next = call.op == Op::kWait && ledger_.Owes(tid, who, result);
      if (!next && !all) continue;
      Tell("  " + std::to_string(tid.value) + "'s parked call: " + ::testing::PrintToString(Result(result)));
      CallAnswered(tid, result, false);
      more = true;
    }
    if (!more && !all) more = all = true;
  }
}

bool Scene::IsAnswered(Tid tid) {
  const Actor& actor = actors_[tid.value];
  const State state = kernel.at(tid).state;
  if (!actor.in_call || actor.must_stop || actor.restarts || actor.native) return false;
  if (state != State::kRunning && state != State::kDying) return false;
  const int64_t result = ResultOf(tid);
  return result != kParked && result != kVoid;
}

// --- births and deaths.

void Scene::PlayBirth(const Step& step) {
  const Tid parent = step.who, child = step.whom;
  const int event = static_cast<int>(step.request);
  const bool thread = event == kEventClone;
  Tell(std::to_string(parent.value) + (thread ? " clones " : " forks ") + std::to_string(child.value) +
       (step.coin ? "" : ", which is seen first"));
  const pid_t tgid = thread ? ProcessOf(parent) : child.value;
  if (thread) {
    ledger_.Add(child, tgid, kernel.at(parent).facts.parent_tgid, ledger_.Find(parent)->forked_by);
  } else {
    ledger_.Add(child, tgid, ProcessOf(parent), parent);
  }
  ledger_.Inherit(parent, child, event);
  actors_[child.value];
  if (thread) {
    NewThread(parent, child);
  } else {
    NewProcess(parent, child);
    group_stopped_[tgid] = false;
    ledger_.GroupStopped(tgid, false);
    ledger_.InheritSigchld(ProcessOf(parent), tgid);
  }
  // kernel/signal.c:task_join_group_stop().
  actors_[child.value].in_group_stop = group_stopped_[tgid];
  if (group_stopped_[tgid]) kernel.at(child).code = EventCode(kEventStop, SIGSTOP);
  kernel.at(parent).regs.orig_rax = event == kEventClone  ? kNrClone
                                    : event == kEventFork ? kNrFork
                                                          : kNrVfork;
  kernel.at(parent).regs.rdi = 0;
  if (!step.coin) FirstStop(child);
  Befall(parent, {.kind = StopKind::kEvent, .code = EventCode(event), .event = event},
         [&] { BirthEvent(parent, child, event); });
  if (step.coin) FirstStop(child);
  ledger_.FirstStop(child);
}

void Scene::PlayExec(Tid tid) {
  Tell(std::to_string(tid.value) + " execs");
  actors_[tid.value].execs = true;
  actors_[tid.value].in_syscall = false;
  for (const Tid other : Living()) {
    if (other == tid || ProcessOf(other) != ProcessOf(tid)) continue;
    actors_[other.value].execs = false;
    kernel.Die(other);
  }
}

// fs/exec.c:de_thread(): the caller takes the number of the leader, which is a zombie at most.
void Scene::PlayBecome(Tid tid) {
  const Tid leader{ProcessOf(tid)};
  Tell(std::to_string(tid.value) + " has become " + std::to_string(leader.value));
  Actor actor = actors_[tid.value];
  actor.execs = false;
  if (tid != leader) {
    FakeThread& thread = kernel.at(tid);
    FakeThread& taken = kernel.at(leader);
    taken.regs = thread.regs;
    taken.queued = thread.queued;
    taken.interrupt = thread.interrupt;
    taken.notify = thread.notify;
    taken.resume_request = thread.resume_request;
    thread.state = State::kReaped;
    thread.gone = true;
    actors_.erase(tid.value);
  }
  actors_[leader.value] = actor;
  Befall(leader, {.kind = StopKind::kEvent, .code = EventCode(kEventExec), .event = kEventExec}, [&] {
    Event(leader, kEventExec, tid.value);
    ledger_.Exec(tid, leader);
  });
}

void Scene::PlayZombie(Tid tid) {
  const pid_t tgid = ProcessOf(tid);
  Tell(std::to_string(tid.value) + " is a zombie");
  const bool last = std::none_of(kernel.threads().begin(), kernel.threads().end(), [&](const auto& entry) {
    return entry.second.facts.tgid == tgid && entry.first != tid.value &&
           entry.second.state != State::kReaped;
  });
  if (last) {
    for (const auto& [other, thread] : kernel.threads()) {
      if (thread.facts.parent_tgid != tgid) continue;
      kernel.at(Tid{other}).facts.parent_tgid = 1;
      if (thread.state == State::kReaped) kernel.at(Tid{other}).gone = true;
    }
  }
  Exit(tid, SIGKILL);
  NoteDeaths();
  ledger_.Zombie(tid, SIGKILL);
  if (last) ledger_.Orphaned(tgid);
}

// Who was killed in this step.
void Scene::NoteDeaths() {
  for (const auto& [tid, thread] : kernel.threads()) {
    if (thread.state != State::kDying) continue;
    ledger_.Killed(thread.tid);
    actors_[tid].execs = false;
  }
}

// --- after every step.

void Scene::AfterStep() {
  NoteDeaths();
  LookForAnswers();
  NoteResumes();
  ledger_.Compare(kernel);
  for (const Tid tid : Living()) {
    Actor& actor = actors_[tid.value];
    const FakeThread& thread = kernel.at(tid);
    // Without a tracer it goes back into its group-stop (__ptrace_unlink()).
    if (ledger_.Find(tid)->layers.empty() && thread.state == State::kRunning) actor.in_group_stop = false;
    if (thread.state != State::kRunning || actor.must_stop || actor.restarts) continue;
    if (actor.in_call && actor.attaches && !thread.interrupt && !HasQueued(tid)) {
      Ledger::Task* tracee = ledger_.Find(actor.call.whom);
      const Ledger::Layer* layer = tracee == nullptr ? nullptr : ledger_.LayerOf(*tracee, tid);
      if (layer == nullptr || !layer->expected)
        Complain(std::to_string(tid.value) + "'s attachment waits on, and is settled");
    }
    if (actor.call.op != Op::kWait) continue;
    if (!(actor.in_call && !HasQueued(tid)) && !actor.native) continue;
    const pid_t who = actor.call.whom.value == 0 ? -1 : actor.call.whom.value;
    if (!thread.interrupt && ledger_.HasReport(tid, who)) {
      Complain(std::to_string(tid.value) + " waits on, and there is a report");
    }
  }
  if (!kernel.violations().empty()) Complain(kernel.violations().front());
}

// Has nobody asked for the event of SECCOMP_RET_TRACE, so that the call is ENOSYS?
bool Scene::IsRefused(const Resumed& resumed) {
  return StopCode::Decode(resumed.code).event == kEventSeccomp && resumed.regs.orig_rax == ~0ull;
}

// What the kernel does with those that were resumed.
void Scene::NoteResumes() {
  std::vector<Resumed> all;
  all.swap(resumed_);
  for (const Resumed& resumed : all) {
    if (!Lives(resumed.tid)) continue;
    Actor& actor = actors_[resumed.tid.value];
    const pid_t tgid = ProcessOf(resumed.tid);
    const StopCode stop = StopCode::Decode(resumed.code);
    const bool entry = IsEntry(resumed.code, resumed.message);
    CheckRequest(resumed);
    const bool in_call = actor.in_syscall && stop.kind != StopKind::kSyscall;
    if (entry || in_call || stop.event == kEventSeccomp) {
      actor.in_syscall = resumed.request == kSyscall;
      if (IsRefused(resumed)) actor.skipped = true;
      actor.steps_out = entry && IsSteppingRequest(resumed.request) &&
                        !(actor.skipped && resumed.request == kSysemuSingleStep);
    } else {
      actor.in_syscall = actor.steps_out = false;
    }
    if (stop.kind == StopKind::kSyscall && resumed.signal != 0) {
      siginfo_t info = {};
      info.si_signo = resumed.signal;
      info.si_code = SI_KERNEL;
      kernel.at(resumed.tid).queued.push_back(info);
    }
    if (stop.kind != StopKind::kSignal || resumed.signal != SIGSTOP || actor.exiting) continue;
    group_stopped_[tgid] = true;
    ledger_.GroupStopped(tgid, true);
    for (const Tid tid : Living()) {
      if (ProcessOf(tid) != tgid || actors_[tid.value].exiting) continue;
      actors_[tid.value].in_group_stop = false;
      kernel.at(tid).notify = true;
    }
  }
}

// Is the real request what all tracers together have asked for?
void Scene::CheckRequest(const Resumed& resumed) {
  const Ledger::Task* task = ledger_.Find(resumed.tid);
  Actor& actor = actors_[resumed.tid.value];
  if (task == nullptr || task->dying || task->exited || actor.exiting) return;
  const StopCode stop = StopCode::Decode(resumed.code);
  const bool entry = IsEntry(resumed.code, resumed.message);
  if (task->call_lost && entry) {
    const bool again =
        resumed.regs.rip == kSyscallAt && resumed.regs.rax == kNrGetpid && resumed.regs.orig_rax == ~0ull;
    if (!again) Complain(std::to_string(resumed.tid.value) + "'s system call is lost");
    actor.at_syscall = true;
    actor.skipped = false;
  }
  bool traces = false, leaves = false, emulates = false, steps = false;
  for (const auto& layer : task->layers) {
    traces |= layer->mode == kSyscall;
    leaves |= layer->mode == kSyscall && !layer->blind;
    emulates |= IsEmulatingRequest(layer->mode);
    steps |= IsSteppingRequest(layer->mode);
  }
  const int64_t rax = static_cast<int64_t>(resumed.regs.rax);
  const bool restarts = rax <= -kErestartsys && rax >= -516 && resumed.signal == 0;
  const bool in_call = (entry && !task->call_lost) || stop.kind == StopKind::kEvent;
  const bool call_next = in_call || actor.at_syscall || restarts;
  std::vector<long> allowed;
  if (in_call && leaves) {
    allowed = {kSyscall};
  } else if (emulates) {
    allowed = {kSysemu};
    if (steps && !call_next) allowed = {kSingleStep, kSysemuSingleStep};
    if (steps && call_next) allowed.push_back(kSysemuSingleStep);
  } else if (traces) {
    allowed = {kSyscall};
    if (steps && !call_next) allowed = {kSingleStep};
  } else {
    allowed = {steps ? kSingleStep : kCont};
    if (task->step_left) allowed.push_back(kSingleStep);
  }
  if (IsRefused(resumed)) allowed = {kSyscall};  // it gets its number back at its end
  // A wait that is made again for one child gets its arguments back at its end; or its thread its signals.
  const bool held = kernel.at(resumed.tid).facts.blocked_signals == ~0ull;
  if (rax == -kErestartnointr && resumed.regs.orig_rax == kNrWait4 && resumed.request == kSyscall &&
      (held || !traces)) {
    Tell("  which is beyond this scene");
    beyond_ = true;
    return;
  }
  if (task->tracer_left) return;
  if (std::count(allowed.begin(), allowed.end(), resumed.request) == 0) {
    Complain(std::to_string(resumed.tid.value) + " runs with " + RequestName(resumed.request) + ", not " +
             RequestName(allowed.front()));
  }
}

}  // namespace nestrace
