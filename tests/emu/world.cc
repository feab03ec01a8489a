#include "tests/emu/world.h"

#include <errno.h>
#include <signal.h>

#include <algorithm>

namespace nestrace {

World::World(uint32_t seed, bool nesting, bool losing)
    : Guests(nesting), random_(seed), nesting_(nesting), losing_(losing) {
  kernel.on_resume = [this](const FakeThread& thread, long, int signal) { CheckResume(thread, signal); };
  const Tid root{next_++};
  actors_[root.value].rank = next_rank_++;
  Root(root);
  for (int i = 0; i < 2; ++i) Bear(root, false);
}

void World::Run(int steps) {
  for (int i = 0; i < steps && complaints_.empty(); ++i) Step();
}

std::vector<Tid> World::Living() const {
  std::vector<Tid> living;
  for (const auto& [tid, actor] : actors_) living.push_back(Tid{tid});
  return living;
}

void World::Complain(const std::string& what) {
  if (complaints_.empty()) Tell("*** " + what);
  complaints_.push_back(what);
}

std::string World::Story() const {
  std::string story;
  const size_t first = story_.size() > 400 ? story_.size() - 400 : 0;
  for (size_t i = first; i < story_.size(); ++i) story += story_[i] + "\n";
  static const char* const kStates[] = {"runs",     "is stopped",  "listens",
                                        "is dying", "is a zombie", "is reaped"};
  for (const auto& [tid, actor] : actors_) {
    const FakeThread& thread = kernel.threads().at(tid);
    story += std::to_string(tid) + " of " + std::to_string(thread.facts.tgid) + " " +
             kStates[static_cast<int>(thread.state)] + (actor.exiting ? ", exiting" : "") +
             (actor.in_call ? ", in a call" : "") + (actor.in_native_wait ? ", in a native wait" : "") +
             (actor.must_stop ? ", interrupted" : "") + (actor.execs.has_value() ? ", execs" : "") + "\n";
  }
  const std::vector<std::string>& calls = kernel.log();
  for (size_t i = calls.size() > 30 ? calls.size() - 30 : 0; i < calls.size(); ++i) {
    story += "    " + calls[i] + "\n";
  }
  for (const std::string& violation : kernel.violations()) story += "violation: " + violation + "\n";
  return story;
}

// Who is reaped by the supervisor is out of the world.
void World::ForgetReaped() {
  for (const Tid tid : Living()) {
    if (kernel.at(tid).state == FakeThread::State::kReaped) actors_.erase(tid.value);
  }
}

// One thing happens somewhere. False if nothing could.
bool World::Step() {
  ForgetReaped();
  std::vector<Tid> living = Living();
  std::shuffle(living.begin(), living.end(), random_);
  for (const Tid tid : living) {
    if (Alive(tid) && StepOf(tid)) {
      LookForAnswers();
      if (!kernel.violations().empty()) Complain(kernel.violations().front());
      LookForThoseThatMayStop();
      return true;
    }
  }
  return false;
}

// Before each call the supervisor looks at those only.
void World::LookForThoseThatMayStop() {
  const std::vector<Tid> told = emulator.ThreadsThatMayStop();
  if (told.size() != emulator.may_stop_count()) Complain("those that may stop are more or less than counted");
  for (const Tid tid : Living()) {
    const FakeThread::State state = kernel.at(tid).state;
    const bool may_stop = state == FakeThread::State::kRunning || state == FakeThread::State::kListening;
    if (may_stop && std::find(told.begin(), told.end(), tid) == told.end()) {
      Complain(std::to_string(tid.value) + " may stop, and is not looked at");
    }
  }
}

bool World::StepOf(Tid tid) {
  switch (kernel.at(tid).state) {
    case FakeThread::State::kDying:
      return StepOfDying(tid);
    case FakeThread::State::kRunning:
      return StepOfRunning(tid);
    case FakeThread::State::kListening:
      actors_[tid.value].told.clear();  // no tracer holds it, or none is left
      if (!kernel.at(tid).interrupt) {
        if (!quiet_ && Chance(40)) return Sigcont(ProcessOf(tid)), true;
        return false;
      }
      StopWithTrap(tid);
      return true;
    case FakeThread::State::kStopped:
      if (!quiet_ && Chance(1) && !actors_[tid.value].exiting) {
        Tell(std::to_string(tid.value) + " is killed in its stop");
        kernel.KillProcess(ProcessOf(tid));
        return true;
      }
      return false;
    case FakeThread::State::kZombie:
    case FakeThread::State::kReaped:
      return false;
  }
  return false;
}

bool World::StepOfRunning(Tid tid) {
  Actor& actor = actors_[tid.value];
  FakeThread& thread = kernel.at(tid);
  if (actor.exiting) return Depart(tid);
  if (actor.execs.has_value()) return FinishExec(tid);
  if (actor.must_stop && !thread.interrupt) {
    StopWithSignal(tid, SIGALRM);
    return true;
  }
  if (thread.interrupt && (quiet_ || Chance(60))) {
    StopWithTrap(tid);
    return true;
  }
  if (actor.must_group_stop) {
    Tell(std::to_string(tid.value) + " enters group-stop");
    actor.must_group_stop = false;
    BeforeStop(tid);
    GroupStop(tid);
    AfterStop(tid);
    return true;
  }
  const bool queued = !thread.queued.empty() || !kernel.process_queue(thread.facts.tgid).empty();
  if (queued && !IsHeld(tid)) {
    if (quiet_ || Chance(60)) {
      StopWithSignal(tid, 0);
      return true;
    }
  }
  if (actor.in_call || actor.in_native_wait) {
    if (quiet_ || !Chance(10)) return false;
    if (actor.in_native_wait && Chance(50)) {
      Tell(std::to_string(tid.value) + " returns from its native wait");
      actor.in_native_wait = false;
      thread.blocked_in = -1;
      thread.regs.rax = -ECHILD;
      thread.regs.orig_rax = ~0ull;  // and is back in its program
      return true;
    }
    StopWithSignal(tid, SIGALRM);
    return true;
  }
  if (actor.restarts) {
    actor.restarts = false;
    if (!actor.must_restart && (quiet_ || Chance(30))) {
      thread.regs.rax = -EINTR;  // a handler without SA_RESTART
      return true;
    }
    Restarted(tid);
    return true;
  }
  if (quiet_) return false;
  Act(tid);
  return true;
}

// What a thread does by itself.
void World::Act(Tid tid) {
  const int dice = Random(100);
  const bool in_syscall_trace = kernel.at(tid).resume_request == kSyscall;
  if (actors_.size() < 4) {
    Bear(tid, Chance(30));
  } else if (dice < 42) {
    RandomPtrace(tid);
  } else if (dice < 67) {
    RandomWait(tid);
  } else if (dice < 77) {
    const int kSignals[] = {SIGUSR1, SIGUSR2, SIGTERM, SIGUSR1, SIGTRAP, SIGSTOP};
    StopWithSignal(tid, kSignals[Random(6)]);
  } else if (dice < 83) {
    if (actors_.size() < 10) Bear(tid, Chance(40));
  } else if (dice < 85) {
    Exec(tid);
  } else if (dice < 87) {
    Tell(std::to_string(tid.value) + " exits");
    kernel.Die(tid);
  } else if (dice < 90) {
    Sigcont(ProcessOf(tid));
  } else if (dice < 93) {
    const uint64_t kActions[] = {0, 1, 0x1234};
    ChangeSigaction(tid, kActions[Random(3)], Chance(30) ? SA_NOCLDSTOP : 0);
  } else if (in_syscall_trace) {
    Tell(std::to_string(tid.value) + " makes a system call");
    BeforeStop(tid);
    SyscallEnter(tid);
    AfterStop(tid);
    if (Runs(tid)) {
      BeforeStop(tid);
      SyscallExit(tid);
      AfterStop(tid);
    }
  }
}

void World::Drain() {
  quiet_ = true;
  bool busy = true;
  for (int round = 0; busy && round < 4000 && complaints_.empty(); ++round) {
    busy = Step();
    for (const Tid tid : Living()) {
      if (Alive(tid) && DrainOf(tid)) busy = true;
      LookForAnswers();
    }
    if (busy || !complaints_.empty()) continue;
    LookForAnswers();
    // Whoever still waits for somebody in particular has waited long enough.
    for (const Tid tid : Living()) {
      if (Alive(tid) && Runs(tid) && (actors_[tid.value].in_call || actors_[tid.value].in_native_wait)) {
        actors_[tid.value].slept = true;
        StopWithSignal(tid, SIGALRM);
        if (Alive(tid)) actors_[tid.value].slept = false;
        busy = true;
        break;
      }
    }
    for (const Tid tid : Living()) {
      if (Alive(tid) && Listens(tid) && complaints_.empty()) {
        Sigcont(ProcessOf(tid));
        busy = true;
      }
    }
    // PTRACE_LISTEN without a group-stop ends with an interrupt.
    for (const Tid tid : Living()) {
      if (Alive(tid) && InterruptOf(tid)) busy = true;
    }
  }
  for (const Tid tid : Living()) {
    if (!Alive(tid) || !complaints_.empty()) continue;
    if (kernel.at(tid).state == FakeThread::State::kZombie) {
      Complain("zombie " + std::to_string(tid.value) + " is nobody's");
    } else if (Stopped(tid)) {
      Complain(std::to_string(tid.value) + " is stopped and forgotten, code " +
               std::to_string(kernel.at(tid).code));
    }
  }
}

void World::End() {
  quiet_ = true;
  for (int i = 0; i < 50 && !actors_.empty() && complaints_.empty(); ++i) {
    const std::vector<Tid> living = Living();
    const Tid last = living.back();
    if (kernel.at(last).state == FakeThread::State::kRunning && !actors_[last.value].exiting) {
      Tell(std::to_string(last.value) + " is made to exit");
      kernel.KillProcess(ProcessOf(last));
      for (const Tid tid : living) {
        if (ProcessOf(tid) == ProcessOf(last)) actors_[tid.value].execs.reset();
      }
    }
    Drain();
  }
  if (!complaints_.empty()) return;
  if (!actors_.empty()) Complain(std::to_string(actors_.begin()->first) + " does not die");
  if (emulator.thread_count() != 0) {
    Complain(std::to_string(emulator.thread_count()) + " threads are left in the table");
  }
  if (emulator.held_zombies() != 0) Complain("zombies are held for ever");
}

}  // namespace nestrace
