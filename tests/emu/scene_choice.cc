// What is to happen next in a scene: its prologue, the random part, and the patient end.

#include <signal.h>

#include <algorithm>

#include "tests/emu/scene.h"

namespace nestrace {

namespace {

using Op = Step::Op;
using Mishap = Step::Mishap;
using State = FakeThread::State;
using Layer = Ledger::Layer;

constexpr int kMostThreads = 9;

int Roll(std::mt19937& random, int n) { return static_cast<int>(random() % n); }
bool Chance(std::mt19937& random, int percent) { return Roll(random, 100) < percent; }

template <typename T, size_t n>
T Pick(std::mt19937& random, const T (&from)[n]) {
  return from[random() % n];
}

template <typename T>
T Pick(std::mt19937& random, const std::vector<T>& from) {
  return from[random() % from.size()];
}

Step Of(Op op, Tid who) {
  Step step;
  step.op = op;
  step.who = who;
  return step;
}

Step CallOf(Tid who, long request, Tid whom, uint64_t data = 0) {
  Step step = Of(Op::kCall, who);
  step.request = request;
  step.whom = whom;
  step.data = data;
  return step;
}

uint64_t SomeOptions(std::mt19937& random) {
  constexpr uint64_t kForks = kOptTraceFork | kOptTraceVfork | kOptTraceClone;
  constexpr uint64_t kSets[] = {0,
                                kOptSysGood,
                                kForks,
                                kOptSysGood | kForks | kOptTraceExec,
                                kOptTraceExec | kOptTraceExit,
                                kOptTraceExit | kOptExitKill,
                                kForks | kOptTraceVforkDone | kOptTraceSeccomp,
                                kOptSysGood | kOptTraceSeccomp | kOptTraceExit,
                                1 << 30};
  return Pick(random, kSets);
}

}  // namespace

// --- the patient end.

std::optional<Step> Scene::Chore() {
  for (const Tid tid : Living()) {
    if (std::optional<Step> step = ChoreOf(tid)) return step;
  }
  for (const Tid tid : Living()) {
    if (std::optional<Step> step = DutyOf(tid)) return step;
  }
  return std::nullopt;
}

// What is under way with `tid`.
std::optional<Step> Scene::ChoreOf(Tid tid) {
  for (const Op op : {Op::kExitEvent, Op::kZombie, Op::kBecome, Op::kLeave, Op::kTrap, Op::kDeliver}) {
    if (Possible(Of(op, tid))) return Of(op, tid);
  }
  const Actor& actor = actors_[tid.value];
  if (actor.steps_out && Possible(Of(Op::kStepTrap, tid))) return Of(Op::kStepTrap, tid);
  Step alarm = Of(Op::kSignal, tid);
  alarm.data = SIGALRM;
  if (actor.must_stop && Possible(alarm)) return alarm;
  Step restart = Of(Op::kRestart, tid);
  restart.coin = draining_;
  if (Possible(restart)) return restart;
  return std::nullopt;
}

// What `tracer` has still to wait for, or to resume.
std::optional<Step> Scene::DutyOf(Tid tracer) {
  std::optional<Step> duty;
  for (const Ledger::Report& report : ledger_.Reports(tracer, -1)) {
    if (!report.certain) continue;
    duty = Of(Op::kWait, tracer);
    duty->whom = report.tracee;
    break;
  }
  for (const auto& [tid, task] : ledger_.tasks()) {
    if (duty.has_value() || task.dying) break;
    for (const auto& layer : task.layers) {
      if (layer->tracer != tracer || layer->state != Layer::State::kStopped || !layer->waited) continue;
      const bool nudged = layer->kind == StopKind::kSignal && layer->code == SIGURG;
      duty = CallOf(tracer, kCont, task.tid, nudged ? SIGURG : 0);
    }
  }
  if (!duty.has_value() || Possible(*duty)) return duty;
  // It can't make a call: its own calls are traced, or it sleeps in one. A signal lets it come to a stop, and
  // its tracers resume it with PTRACE_CONT.
  return Nudge(tracer);
}

std::optional<Step> Scene::Nudge(Tid tid) {
  constexpr int kMost = 4;
  if (Possible(Of(Op::kStepTrap, tid))) return Of(Op::kStepTrap, tid);
  Step nudge = Of(Op::kSignal, tid);
  nudge.data = SIGURG;
  if (!Possible(nudge) || actors_[tid.value].nudges == kMost) return std::nullopt;
  ++actors_[tid.value].nudges;
  return nudge;
}

// Nothing goes on by itself. Sleepers are woken, listeners get what they listen for.
std::optional<Step> Scene::LastResort() {
  for (const Tid tid : Living()) {
    Step wake = Of(Op::kSignal, tid);
    wake.data = SIGALRM;
    if (Possible(Of(Op::kNativeDone, tid))) return Of(Op::kNativeDone, tid);
    const Actor& actor = actors_[tid.value];
    if (actor.in_call && !actor.restarts && Possible(wake)) return wake;
  }
  for (const Tid tid : Living()) {
    if (kernel.at(tid).state == State::kListening && Possible(Of(Op::kSigcont, tid))) {
      return Of(Op::kSigcont, tid);
    }
  }
  for (const auto& [tid, task] : ledger_.tasks()) {
    for (const auto& layer : task.layers) {
      if (layer->state != Layer::State::kListens) continue;
      const Step interrupt = CallOf(layer->tracer, kInterrupt, task.tid);
      if (Possible(interrupt)) return interrupt;
      if (std::optional<Step> nudge = Nudge(layer->tracer)) return nudge;
    }
  }
  return std::nullopt;
}

void Scene::Drain() {
  constexpr int kEnough = 1000;
  int steps = 0;
  draining_ = true;
  while (complaint_.empty() && !beyond_) {
    std::optional<Step> step = Chore();
    if (!step.has_value()) step = LastResort();
    if (!step.has_value()) break;
    if (!Perform(*step)) Complain("what should happen can't");
    if (++steps > kEnough) Complain("there is no end to it");
  }
  if (!complaint_.empty()) return;
  for (const Tid tid : Living()) {
    const State state = kernel.at(tid).state;
    if (state == State::kStopped || state == State::kListening) {
      Complain(std::to_string(tid.value) + " is stopped and forgotten");
    }
  }
  for (const auto& [tid, task] : ledger_.tasks()) {
    if (task.state == Ledger::Task::State::kZombie) Complain(std::to_string(tid) + " is a zombie for ever");
  }
}

void Scene::End() {
  std::vector<Tid> living = Living();
  std::reverse(living.begin(), living.end());
  for (const Tid tid : living) Perform(Of(Op::kKill, tid));
  Drain();
  if (!complaint_.empty()) return;
  if (emulator.thread_count() != 0) Complain("threads are left in the table");
  if (emulator.held_zombies() != 0) Complain("zombies are held for ever");
}

// --- the prologue.

void Scene::Prologue(std::mt19937& random, std::vector<Step>* script) {
  const auto perform = [&](const Step& step) {
    if (Perform(step)) script->push_back(step);
    for (int i = 0; i < 4; ++i) {
      const std::optional<Step> chore = Chore();
      if (!chore.has_value()) break;
      if (Perform(*chore)) script->push_back(*chore);
    }
  };
  const auto born = [&](Tid parent, int event) {
    Step birth = Of(Op::kBirth, parent);
    birth.whom = Tid{kernel.threads().rbegin()->first < 10 ? 10 : kernel.threads().rbegin()->first + 1};
    birth.request = event;
    birth.coin = Chance(random, 50);
    perform(birth);
    return birth.whom;
  };
  const int links = 1 + Roll(random, 4);
  std::vector<Tid> tracers;
  for (int i = 0; i < links; ++i) {
    Tid tracer = born(kShell, kEventFork);
    Step ignore = Of(Op::kSigaction, tracer);
    ignore.coin = Chance(random, 75);
    if (ignore.coin || Chance(random, 50)) perform(ignore);
    if (Chance(random, 15)) tracer = born(tracer, kEventClone);
    for (const Tid outer : tracers) {
      const long request = Chance(random, 85) ? kSeize : kAttach;
      perform(CallOf(outer, request, tracer,
                     request == kSeize && Chance(random, 40) ? uint64_t{kOptTraceFork} : 0));
    }
    tracers.push_back(tracer);
  }
  const bool own_child = Chance(random, 35);
  const Tid tracee = born(own_child ? tracers.back() : kShell, kEventFork);
  if (Chance(random, 30)) born(tracee, kEventClone);
  if (own_child && Chance(random, 60)) perform(CallOf(tracee, kTraceme, tracee));
  std::vector<Tid> order = tracers;
  if (Chance(random, 30)) std::reverse(order.begin(), order.end());
  for (const Tid tid : Living()) {
    if (ProcessOf(tid) != tracee.value) continue;
    for (const Tid tracer : order) {
      const bool seize = Chance(random, 70);
      perform(CallOf(tracer, seize ? kSeize : kAttach, tid, seize ? SomeOptions(random) & kOptMask : 0));
    }
  }
}

// --- the random part.

Step Scene::Dream(std::mt19937& random) {
  for (int i = 0; i < 40; ++i) {
    const int dice = Roll(random, 100);
    const std::vector<Tid> living = Living();
    if (living.empty()) break;
    Step step;
    if (dice < 45) {
      step = DreamOfTracer(random);
    } else if (dice < 60) {
      const std::optional<Step> chore = ChoreOf(Pick(random, living));
      if (!chore.has_value()) continue;
      step = *chore;
    } else if (dice < 72) {
      step = DreamOfCall(random);
    } else {
      step = DreamOfEvent(random);
    }
    if (step.who.value == 0 || !Lives(step.who) || !Possible(step)) continue;
    if (step.op == Op::kCall || step.op == Op::kWait) {
      const int mishap = Roll(random, 100);
      if (mishap < 5) step.mishap = Mishap::kRefused;
      if (mishap >= 5 && mishap < 8 && step.op == Op::kCall) step.mishap = Mishap::kLost;
      if (mishap >= 8 && mishap < 12) {
        step.mishap = Mishap::kDeath;
        step.victim = step.whom.value != 0 && Chance(random, 70) ? step.whom : Pick(random, living);
        step.moment = 1 + Roll(random, 9);
      }
    }
    return step;
  }
  return Of(Op::kSignal, kShell);
}

// A tracer waits for what it is owed, or does something with what it holds.
Step Scene::DreamOfTracer(std::mt19937& random) {
  std::vector<std::pair<const Ledger::Task*, const Layer*>> held;
  for (const auto& [tid, task] : ledger_.tasks()) {
    for (const auto& layer : task.layers) {
      if (layer->state != Layer::State::kRuns) held.push_back({&task, layer.get()});
    }
  }
  if (held.empty()) return Step();
  const auto [task, layer] = Pick(random, held);
  const Tid tracer = layer->tracer;
  if (!layer->waited && Chance(random, 80)) {
    Step wait = Of(Op::kWait, tracer);
    if (Chance(random, 50)) wait.whom = task->tid;
    wait.coin = Chance(random, 30);
    return wait;
  }
  constexpr long kRequests[] = {kCont,       kCont,      kCont,       kSyscall,          kSyscall, kSyscall,
                                kSingleStep, kSysemu,    kSysemu,     kSysemuSingleStep, kDetach,  kListen,
                                kListen,     kInterrupt, kSetOptions, kGetEventMsg};
  const long request = Pick(random, kRequests);
  uint64_t data = 0;
  if (request == kSetOptions) data = SomeOptions(random);
  if (request != kListen && request != kInterrupt && request != kSetOptions) {
    const int stop_signal = layer->kind == StopKind::kSignal ? layer->code & 0x7f : 0;
    const int kSignals[] = {stop_signal, stop_signal, stop_signal, 0, 0, SIGUSR2, 99};
    data = Pick(random, kSignals);
  }
  return CallOf(tracer, request, task->tid, data);
}

// Any call of anybody's.
Step Scene::DreamOfCall(std::mt19937& random) {
  const std::vector<Tid> living = Living();
  const Tid who = Pick(random, living), whom = Pick(random, living);
  if (who == kShell) return Step();
  if (Chance(random, 25)) {
    Step wait = Of(Op::kWait, who);
    if (Chance(random, 20)) wait.whom = whom;
    wait.coin = Chance(random, 50);
    return wait;
  }
  constexpr long kRequests[] = {kInterrupt, kInterrupt, kInterrupt, kInterrupt, kSeize, kSeize,
                                kAttach,    kTraceme,   kCont,      kDetach,    kKill,  kListen};
  const long request = Pick(random, kRequests);
  if (request == kInterrupt) {
    std::vector<std::pair<Tid, Tid>> pairs;
    for (const auto& [tid, task] : ledger_.tasks()) {
      for (const auto& layer : task.layers) pairs.push_back({layer->tracer, task.tid});
    }
    if (pairs.empty()) return Step();
    const auto [tracer, tracee] = Pick(random, pairs);
    return CallOf(tracer, request, tracee);
  }
  if (request == kKill && !Chance(random, 30)) return Step();
  if (request == kTraceme) {
    if (kernel.at(who).facts.parent_tgid == kShell.value || kernel.at(who).facts.parent_tgid == 0)
      return Step();
    return CallOf(who, request, who);
  }
  // No two trace each other in a circle: there, everything may stand still for good reason.
  const bool attach = IsAttach(request);
  if (attach && ProcessOf(who) >= ProcessOf(whom)) return Step();
  return CallOf(who, request, whom, request == kSeize ? SomeOptions(random) : 0);
}

Step Scene::DreamOfEvent(std::mt19937& random) {
  const std::vector<Tid> living = Living();
  const Tid who = Pick(random, living);
  if (who == kShell) return Step();
  constexpr Op kOps[] = {Op::kSignal,  Op::kSignal,  Op::kSignal,     Op::kSignal,   Op::kEnter,
                         Op::kEnter,   Op::kEnter,   Op::kEnter,      Op::kStepTrap, Op::kStepTrap,
                         Op::kBirth,   Op::kEvent,   Op::kEvent,      Op::kExec,     Op::kExit,
                         Op::kSigcont, Op::kSigcont, Op::kNativeDone, Op::kKill};
  Step step = Of(Pick(random, kOps), who);
  step.coin = Chance(random, 50);
  switch (step.op) {
    case Op::kSignal: {
      constexpr int kSignals[] = {SIGUSR1, SIGUSR1, SIGTERM, SIGTRAP, SIGSTOP, SIGSTOP};
      step.data = Pick(random, kSignals);
      break;
    }
    case Op::kBirth: {
      if (living.size() >= kMostThreads) return Step();
      constexpr int kEvents[] = {kEventFork, kEventVfork, kEventClone, kEventClone};
      step.request = Pick(random, kEvents);
      step.whom = Tid{kernel.threads().rbegin()->first + 1};
      break;
    }
    case Op::kEvent:
      step.request = Chance(random, 60) ? kEventSeccomp : kEventVforkDone;
      break;
    case Op::kKill:
      if (!Chance(random, 40)) return Step();
      break;
    default:
      break;
  }
  return step;
}

// --- scripts.

Script Improvise(uint64_t seed) {
  std::mt19937 random(static_cast<uint32_t>(seed ^ (seed >> 32)));
  Script script;
  Scene scene(false);
  scene.Prologue(random, &script.steps);
  const int length = 20 + Roll(random, 41);
  for (int i = 0; i < length && scene.complaint().empty(); ++i) {
    const Step step = scene.Dream(random);
    if (scene.Perform(step)) script.steps.push_back(step);
  }
  scene.Drain();
  scene.End();
  script.complaint = scene.complaint();
  return script;
}

Script Rehearse(const std::vector<Step>& steps, bool tell) {
  Script script;
  Scene scene(tell);
  for (const Step& step : steps) {
    if (scene.Perform(step)) script.steps.push_back(step);
  }
  scene.Drain();
  scene.End();
  script.complaint = scene.complaint();
  if (tell) script.story = scene.Story();
  return script;
}

bool SameKind(const std::string& a, const std::string& b) {
  const auto words = [](std::string text) {
    text.erase(std::remove_if(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; }),
               text.end());
    return text;
  };
  return words(a) == words(b);
}

Script Shorten(const Script& script) {
  Script best = script;
  for (size_t length = std::max<size_t>(best.steps.size() / 2, 1);;) {
    bool shorter = false;
    for (size_t first = 0; first < best.steps.size();) {
      std::vector<Step> steps = best.steps;
      const size_t last = std::min(first + length, steps.size());
      steps.erase(steps.begin() + first, steps.begin() + last);
      Script without = Rehearse(steps);
      if (SameKind(without.complaint, script.complaint) && without.steps.size() < best.steps.size()) {
        best = std::move(without);
        shorter = true;
      } else {
        first += length;
      }
    }
    if (length == 1 && !shorter) break;
    length = std::max<size_t>(length / 2, 1);
  }
  return best;
}

std::string Scene::Story() {
  const std::vector<std::string>& calls = kernel.log();
  story_ += "The last calls of the emulation:\n";
  for (size_t i = calls.size() > 25 ? calls.size() - 25 : 0; i < calls.size(); ++i) {
    story_ += "    " + calls[i] + "\n";
  }
  return story_;
}

}  // namespace nestrace
