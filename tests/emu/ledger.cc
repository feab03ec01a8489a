#include "tests/emu/ledger.h"

#include <errno.h>
#include <signal.h>

#include <algorithm>

#include "tests/emu/guests.h"

namespace nestrace {

namespace {

bool Emulates(long mode) { return mode == kSysemu || mode == kSysemuSingleStep; }
bool Steps(long mode) { return mode == kSingleStep || mode == kSysemuSingleStep; }

bool Resumes(long request) {
  return request == kCont || request == kSyscall || request == kSingleStep || request == kSysemu ||
         request == kSysemuSingleStep;
}

std::string Name(Tid tid) { return std::to_string(tid.value); }

}  // namespace

Ledger::Task* Ledger::Find(Tid tid) {
  const auto it = tasks_.find(tid.value);
  return it == tasks_.end() ? nullptr : &it->second;
}

Ledger::Layer* Ledger::LayerOf(Task& task, Tid tracer) {
  for (const auto& layer : task.layers) {
    if (layer->tracer == tracer) return layer.get();
  }
  return nullptr;
}

pid_t Ledger::ProcessOf(Tid tid) const {
  const auto it = tasks_.find(tid.value);
  return it == tasks_.end() ? 0 : it->second.tgid;
}

bool Ledger::GroupStopped(pid_t tgid) const {
  const auto it = group_stopped_.find(tgid);
  return it != group_stopped_.end() && it->second;
}

void Ledger::GroupStopped(pid_t tgid, bool stopped) {
  group_stopped_[tgid] = stopped;
  for (auto& [tid, task] : tasks_) {
    if (task.tgid == tgid && stopped) task.took_part = false;
  }
}

// --- births and deaths.

void Ledger::Add(Tid tid, pid_t tgid, pid_t parent, Tid forked_by) {
  Task& task = tasks_[tid.value];
  task = Task();
  task.tid = tid;
  task.tgid = tgid;
  task.parent = parent;
  task.forked_by = forked_by;
  if (forked_by.value != 0) task.state = Task::State::kNewborn;
}

// ptrace_init_task(): who follows the parent follows the child, with the same options. A seized child traps,
// any other gets SIGSTOP.
void Ledger::Inherit(Tid parent, Tid child, int event) {
  Task& task = *Find(child);
  for (const auto& layer : Find(parent)->layers) {
    if ((layer->options & (1ull << event)) == 0) continue;
    task.layers.push_back(std::make_unique<Layer>());
    Layer& inherited = *task.layers.back();
    inherited.serial = ++serial_;
    inherited.tracer = layer->tracer;
    inherited.seized = layer->seized;
    inherited.options = layer->options;
    inherited.interrupt = layer->seized;
    inherited.owed_sigstop = !layer->seized;
  }
}

void Ledger::FirstStop(Tid child) {
  KernelStop stop;
  const bool group = GroupStopped(Find(child)->tgid);  // it takes part in it
  stop.kind = group ? StopKind::kGroupStop : StopKind::kTrap;
  stop.code = EventCode(kEventStop, group ? SIGSTOP : SIGTRAP);
  stop.news = true;
  for (const auto& layer : Find(child)->layers) layer->interrupt = false;
  Stop(child, stop);
}

void Ledger::Killed(Tid tid) {
  Task* task = Find(tid);
  if (task != nullptr && !task->exited) task->dying = true;
}

// fs/exec.c:de_thread(): all others are gone, and the caller has the leader's number.
void Ledger::Exec(Tid caller, Tid leader) {
  if (caller != leader) {
    TracerGone(leader);
    Task task = std::move(*Find(caller));
    task.resumes = Find(leader)->resumes;
    task.tid = leader;
    tasks_.erase(caller.value);
    tasks_[leader.value] = std::move(task);
    for (auto& [tid, other] : tasks_) {
      if (Layer* layer = LayerOf(other, caller)) layer->tracer = leader;
      if (other.forked_by == caller) other.forked_by = leader;
    }
  }
  Task& task = *Find(leader);
  task.exec_unseen = caller != leader;
  for (const auto& layer : task.layers) {
    if ((layer->options & kOptTraceExec) != 0) continue;
    if (!layer->seized) layer->owed_sigtrap = true;
    if (layer->mode == kSysemuSingleStep) layer->mode = kSysemu;  // the new program is not stepped
  }
}

void Ledger::Zombie(Tid tid, int status) {
  Task& task = *Find(tid);
  task.state = Task::State::kZombie;
  task.status = status;
  task.dying = false;
  task.exited = true;
  task.ahead.clear();
  task.holder = nullptr;
  for (const auto& layer : task.layers) {
    layer->state = Layer::State::kRuns;
    layer->expected = false;
  }
  TracerGone(tid);
  ReportEnd(task);
}

// A zombie is its tracers', outermost first, and then its real parent's; one wait serves a tracer that is the
// parent, too.
void Ledger::ReportEnd(Task& task) {
  if (!task.layers.empty() && !ServesParent(task)) {
    task.layers.front()->state = Layer::State::kEnded;
    return;
  }
  task.layers.clear();
  task.state = Task::State::kReaped;
  LeaveChildren(task);
}

bool Ledger::ServesParent(const Task& task) {
  if (task.layers.size() != 1 || task.tid.value != task.tgid) return false;
  const pid_t tracer = ProcessOf(task.layers.front()->tracer);
  return tracer == task.parent && !ignores_sigchld_[tracer];
}

void Ledger::Reaped(Tid child) {
  Task& task = *Find(child);
  task.reaped = true;
  if (task.state == Task::State::kZombie && ServesParent(task)) ReportEnd(task);
}

// Its children are a sibling's, the oldest one's that lives on (kernel/exit.c:find_alive_thread()).
void Ledger::LeaveChildren(const Task& task) {
  const auto heir = [&](Task::State before) {
    return std::find_if(tasks_.begin(), tasks_.end(), [&](const auto& other) {
      return other.second.tgid == task.tgid && other.second.state < before;
    });
  };
  auto sibling = heir(Task::State::kExiting);
  if (sibling == tasks_.end() && task.state == Task::State::kReaped) sibling = heir(Task::State::kReaped);
  if (sibling == tasks_.end()) return;
  for (auto& [tid, child] : tasks_) {
    if (child.forked_by == task.tid) child.forked_by = sibling->second.tid;
  }
}

void Ledger::Orphaned(pid_t parent) {
  for (auto& [tid, task] : tasks_) {
    if (task.parent == parent) task.parent = 1;
  }
}

// --- a stop on its way through the layers.

void Ledger::Stop(Tid tid, const KernelStop& stop) {
  Task& task = *Find(tid);
  task.stop = stop;
  const bool owed = std::any_of(task.layers.begin(), task.layers.end(), [&stop](const auto& layer) {
    return stop.own == Own::kSigstop ? layer->owed_sigstop : layer->owed_sigtrap;
  });
  if (stop.own != Own::kNobodys && !owed) task.stop.own = Own::kNobodys;  // whoever awaited it is gone
  if (task.stop.own != Own::kNobodys) task.stop.signal = 0;
  // Of a step nothing is left when its tracer is gone, but a signal if that was the last.
  if (stop.step && task.step_left) {
    task.stop.step = task.step_left = false;
  } else if (stop.step && !task.layers.empty()) {
    task.stop.signal = 0;
  }
  task.state = Task::State::kStopped;
  task.must_trap = task.returning = task.call_lost = task.tracer_left = false;
  task.holder = nullptr;
  task.ahead.clear();
  task.steppers.clear();
  if (stop.kind == StopKind::kEvent && stop.event == kEventExit) {
    task.dying = false;
    task.exited = true;
    for (const auto& layer : task.layers) {
      layer->state = Layer::State::kRuns;
      layer->interrupt = layer->expected = false;
    }
    // A parent that wants no zombies leaves none of those it has traced.
    for (auto& [tid, child] : tasks_) {
      const Layer* layer = LayerOf(child, task.tid);
      const bool own = child.tid.value == child.tgid && child.parent == task.tgid;
      if (layer == nullptr || layer->state != Layer::State::kEnded || child.layers.size() != 1 || !own)
        continue;
      child.layers.clear();
      ReportEnd(child);
    }
  }
  if (stop.kind == StopKind::kGroupStop || stop.kind == StopKind::kTrap) {
    task.took_part = seen_stopped_[task.tgid] = stop.kind == StopKind::kGroupStop;
  }
  if (stop.kind == StopKind::kTrap) {  // a group-stop is over that a layer was to be told of
    for (const auto& layer : task.layers) {
      if (!layer->seized) layer->interrupt = layer->expected = false;
    }
  }
  if (stop.kind == StopKind::kSyscall && stop.entry) {
    bool blind = false;  // what is outside the innermost layer that emulates the call
    for (auto layer = task.layers.rbegin(); layer != task.layers.rend(); ++layer) {
      (*layer)->blind = blind;
      if (stop.skipped && Emulates((*layer)->mode)) blind = true;
    }
    task.call_lost = stop.skipped && !blind;
  }
  for (const auto& layer : task.layers) {
    if (!task.call_lost) task.ahead.push_back(layer.get());
    const bool call_ends = stop.kind == StopKind::kSyscall && (!stop.entry || stop.skipped);
    if (call_ends && layer->mode == kSingleStep && !layer->blind) task.steppers.push_back(layer.get());
  }
  if (stop.kind != StopKind::kSyscall || !stop.entry) std::reverse(task.ahead.begin(), task.ahead.end());
  Pass(task);
}

bool Ledger::Entitled(const Task& task, const Layer& layer) const {
  const KernelStop& stop = task.stop;
  switch (stop.kind) {
    case StopKind::kSignal:
      if (stop.step) return Steps(layer.mode);
      if (stop.own == Own::kSigstop) return layer.owed_sigstop;
      if (stop.own == Own::kSigtrapOfExec) return layer.owed_sigtrap;
      return stop.signal != 0;
    case StopKind::kGroupStop:
      return layer.interrupt || stop.news;
    case StopKind::kTrap:
      return layer.seized && (layer.interrupt || stop.news);
    case StopKind::kSyscall:
      if (layer.blind) return false;
      return layer.mode == kSyscall || (stop.entry && stop.skipped && Emulates(layer.mode));
    case StopKind::kEvent:
      return (layer.options & (1ull << stop.event)) != 0;
  }
  return false;
}

void Ledger::Pass(Task& task) {
  const KernelStop& stop = task.stop;
  while (!task.ahead.empty()) {
    Layer& layer = *task.ahead.back();
    if (layer.state == Layer::State::kStopped) break;  // in a stop of its own: the other one comes behind it
    task.ahead.pop_back();
    if (!Entitled(task, layer)) continue;
    int code = stop.code;
    if (stop.kind == StopKind::kSignal && !stop.step && stop.own == Own::kNobodys) code = stop.signal;
    if (stop.kind == StopKind::kGroupStop && !layer.seized) code &= 0x7f;
    if (stop.kind == StopKind::kSyscall && (layer.options & kOptSysGood) == 0) code = SIGTRAP;
    if (stop.own == Own::kSigstop) layer.owed_sigstop = false;
    if (stop.own == Own::kSigtrapOfExec) layer.owed_sigtrap = false;
    Show(task, layer, stop.kind, code);
    task.holder = &layer;
    ShowInterrupts(task);
    return;
  }
  Settle(task);
}

void Ledger::Show(Task& task, Layer& layer, StopKind kind, int code) {
  (void)task;
  layer.state = Layer::State::kStopped;
  layer.kind = kind;
  layer.code = code;
  layer.own = false;
  layer.waited = false;
  layer.interrupt = false;
  layer.expected = false;
}

// The task is stopped and stays so: who has interrupted it is told at once.
void Ledger::ShowInterrupts(Task& task) {
  const bool group = GroupStopped(task.tgid);
  for (const auto& layer : task.layers) {
    if (!layer->interrupt || layer->state == Layer::State::kStopped) continue;
    // An interrupted call ends first: for a layer that does not trace calls, its exit is over by then.
    const bool call_ends = task.stop.kind == StopKind::kSyscall && !task.stop.entry;
    if (call_ends && !Entitled(task, *layer)) {
      task.ahead.erase(std::remove(task.ahead.begin(), task.ahead.end(), layer.get()), task.ahead.end());
    }
    const int signal = group ? SIGSTOP : SIGTRAP;
    Show(task, *layer, group ? StopKind::kGroupStop : StopKind::kTrap,
         layer->seized ? EventCode(kEventStop, signal) : signal);
    layer->own = true;
  }
}

// The stop has passed all layers.
void Ledger::Settle(Task& task) {
  const KernelStop& stop = task.stop;
  const auto some = [&task](const auto& holds) {
    return std::any_of(task.layers.begin(), task.layers.end(),
                       [&holds](const auto& layer) { return holds(*layer); });
  };
  const bool more_to_come = stop.kind == StopKind::kSyscall && stop.entry && (!some([](const Layer& l) {
                              return Emulates(l.mode);
                            }) || some([](const Layer& l) { return l.mode == kSyscall && !l.blind; }));
  if (task.ahead.empty() && !more_to_come) {
    std::vector<Layer*> steppers;
    steppers.swap(task.steppers);
    for (Layer* layer : steppers) {
      if (layer->state == Layer::State::kRuns && Steps(layer->mode)) {
        Show(task, *layer, StopKind::kSignal, SIGTRAP);
      }
    }
  }
  if (some([](const Layer& l) { return l.state == Layer::State::kStopped; })) {
    ShowInterrupts(task);
    return;
  }
  const bool listens = some([](const Layer& l) { return l.state == Layer::State::kListens; });
  const bool in_event_stop = stop.kind == StopKind::kGroupStop || stop.kind == StopKind::kTrap;
  const bool stays = stop.kind == StopKind::kGroupStop && task.layers.empty() && !task.doomed;
  if ((listens && in_event_stop) || stays) {
    task.state = Task::State::kListens;
    return;
  }
  const bool exits = stop.kind == StopKind::kEvent && stop.event == kEventExit;
  task.state = exits ? Task::State::kExiting : Task::State::kRuns;
  if (exits) LeaveChildren(task);
  if (!task.dying) ++task.resumes;
  task.passed_on = stop.kind == StopKind::kSignal || stop.kind == StopKind::kSyscall ? stop.signal : 0;
  // What is injected at the syscall-stop of a task that nobody traces any more kills it before it stops
  // again.
  const int signal = task.passed_on;
  if (stop.kind == StopKind::kSignal) task.doomed = false;
  if (stop.kind == StopKind::kSyscall && signal != 0 && !IsStopSignal(signal) && signal != SIGTRAP)
    task.doomed = task.layers.empty();
  task.must_trap = !exits && (listens || some([](const Layer& l) { return l.interrupt; }) ||
                              (task.layers.empty() && GroupStopped(task.tgid) && !task.doomed));
  task.returning = !exits && !task.doomed && Returns(task);
  task.is_zombie_leader = exits && LeadsOthers(task);
  if (task.is_zombie_leader) TracerGone(task.tid);
  if (exits && DiesByItself(task)) {
    task.state = Task::State::kReaped;
    LeaveChildren(task);
  }
}

bool Ledger::Returns(const Task& task) {
  return task.layers.empty() && task.took_part && seen_stopped_[task.tgid];
}

// A thread that neither is traced nor traces leaves no zombie, not even to the supervisor.
bool Ledger::DiesByItself(const Task& task) {
  return task.tid.value != task.tgid && task.layers.empty() &&
         std::none_of(tasks_.begin(), tasks_.end(),
                      [&](auto& other) { return LayerOf(other.second, task.tid) != nullptr; });
}

// A leader that ends before its threads: no zombie of it is seen before they are gone.
bool Ledger::LeadsOthers(const Task& task) const {
  if (task.tid.value != task.tgid) return false;
  return std::any_of(tasks_.begin(), tasks_.end(), [&task](const auto& entry) {
    const Task& other = entry.second;
    return other.tgid == task.tgid && other.tid != task.tid && other.state != Task::State::kReaped;
  });
}

// --- what tracers ask for.

void Ledger::Called(Tid caller, long request, Tid target_tid, uint64_t data, int64_t result) {
  Task* target = request == kTraceme ? Find(caller) : Find(target_tid);
  if (target == nullptr || target->state == Task::State::kReaped) {
    if (result == 0 && request != kKill && request != kInterrupt) {
      Complain(RequestName(request) + " of a task that is gone succeeds");
    }
    return;
  }
  const int64_t expected = Expect(caller, request, *target, data);
  // A thread that is killed meanwhile is one that is not there.
  const bool dies = target->dying && (result == -ESRCH || (expected == kParked && result == 0));
  if (result != expected && !dies) {
    Complain(Name(caller) + ": " + RequestName(request) + "(" + Name(target_tid) +
             ") = " + ::testing::PrintToString(Result(result)) + ", not " +
             ::testing::PrintToString(Result(expected)));
    return;
  }
  if (result == 0 || (IsAttach(request) && result == kParked)) Act(caller, request, *target, data);
}

bool Ledger::MakesWait(const Task& target) {
  return target.layers.empty() && target.state == Task::State::kListens;
}

// kernel/ptrace.c:SYSCALL_DEFINE4(ptrace), for a layer.
int64_t Ledger::Expect(Tid caller, long request, Task& target, uint64_t data) {
  if (request == kTraceme) return ExpectTraceme(target);
  if (IsAttach(request)) return ExpectAttach(caller, request, target, data);
  const Layer* layer = LayerOf(target, caller);
  if (layer == nullptr) return -ESRCH;
  if (request == kInterrupt) return layer->seized ? 0 : -EIO;
  if (request == kKill) return 0;
  if (layer->expected) return kParked;
  if (layer->state != Layer::State::kStopped) return -ESRCH;
  const bool at_exec = layer->code == EventCode(kEventExec);
  if (at_exec && target.exec_unseen && !layer->waited) return -ESRCH;
  if (Resumes(request) || request == kDetach) return data > 64 ? -EIO : 0;
  if (request == kListen) {
    const bool event_stop = layer->kind == StopKind::kGroupStop || layer->kind == StopKind::kTrap;
    return layer->seized && event_stop ? 0 : -EIO;
  }
  if (request == kSetOptions) return (data & ~static_cast<uint64_t>(kOptMask)) != 0 ? -EINVAL : 0;
  return 0;
}

int64_t Ledger::ExpectTraceme(const Task& caller) const {
  const auto it = tasks_.find(caller.forked_by.value);
  if (it == tasks_.end()) return -EPERM;
  // The child of a process that is a zombie is another's by now.
  const bool dead = std::all_of(tasks_.begin(), tasks_.end(), [&it](const auto& other) {
    return other.second.tgid != it->second.tgid || other.second.state >= Task::State::kZombie ||
           other.second.is_zombie_leader;
  });
  if (dead && it->second.state == Task::State::kZombie) return caller.layers.empty() ? 0 : -EPERM;
  return PlaceFor(it->second.tid, caller) < 0 ? -EPERM : 0;
}

int64_t Ledger::ExpectAttach(Tid caller, long request, const Task& target, uint64_t data) const {
  if (request == kSeize && (data & ~static_cast<uint64_t>(kOptMask)) != 0) return -EIO;
  const pid_t process = ProcessOf(caller);
  if (process == target.tgid) return -EPERM;
  if (target.state == Task::State::kZombie || target.is_zombie_leader) return -EPERM;
  if (PlaceFor(caller, target) < 0) return -EPERM;
  return MakesWait(target) ? kParked : 0;
}

// Is `tid` traced by `ancestor`, or by one that is?
bool Ledger::TracedBy(Tid tid, pid_t ancestor) const {
  const auto it = tasks_.find(tid.value);
  if (it == tasks_.end()) return false;
  const auto& layers = it->second.layers;
  return std::any_of(layers.begin(), layers.end(), [&](const auto& layer) {
    return ProcessOf(layer->tracer) == ancestor || TracedBy(layer->tracer, ancestor);
  });
}

// Inside all tracers that trace the new one, outside all that it traces; -1 if there is any other.
int Ledger::PlaceFor(Tid tracer, const Task& target) const {
  int place = 0;
  for (size_t i = 0; i < target.layers.size(); ++i) {
    const Tid other = target.layers[i]->tracer;
    if (ProcessOf(other) == ProcessOf(tracer)) return -1;
    const bool inside = TracedBy(tracer, ProcessOf(other));
    if (!inside && !TracedBy(other, ProcessOf(tracer))) return -1;
    if (inside && place != static_cast<int>(i)) return -1;
    if (inside) place = i + 1;
  }
  return place;
}

void Ledger::Act(Tid caller, long request, Task& target, uint64_t data) {
  if (request == kTraceme) {
    const auto parent = tasks_.find(target.forked_by.value);
    if (parent->second.state >= Task::State::kExiting) return;
    target.returning = false;  // it makes a call
    Attach(target.forked_by, target, false, 0);
    return;
  }
  if (IsAttach(request)) {
    Attach(caller, target, request == kSeize, request == kSeize ? data : 0);
    if (request == kAttach) LayerOf(target, caller)->owed_sigstop = true;
    return;
  }
  Layer& layer = *LayerOf(target, caller);
  if (request == kInterrupt) {
    if (target.exited) return;
    layer.interrupt = true;
    if (target.state == Task::State::kStopped) ShowInterrupts(target);
    return;
  }
  if (request == kKill) return;
  if (request == kSetOptions) layer.options = data;
  if (request == kDetach) {
    target.step_left = false;
    LetGo(target, layer, static_cast<int>(data));
  }
  if (request != kListen && !Resumes(request)) return;
  const bool held = target.holder == &layer;
  if (request == kListen) {
    layer.state = Layer::State::kListens;
  } else {
    layer.state = Layer::State::kRuns;
    layer.mode = request;
    target.step_left = false;
    if (held) Choose(target, layer, static_cast<int>(data));
  }
  if (held) target.holder = nullptr;
  if (target.state != Task::State::kStopped) return;
  if (target.holder == nullptr) {
    Pass(target);
  } else {
    ShowInterrupts(target);
  }
}

void Ledger::Attach(Tid tracer, Task& target, bool seize, uint64_t options) {
  const int place = PlaceFor(tracer, target);
  auto layer = std::make_unique<Layer>();
  layer->serial = ++serial_;
  layer->tracer = tracer;
  layer->seized = seize;
  layer->options = options;
  layer->expected = layer->interrupt = target.state == Task::State::kListens || target.returning;
  target.layers.insert(target.layers.begin() + place, std::move(layer));
  Join(target, place);
}

// A layer that comes while one outside it holds the task is in time for what that one lets pass; but not for
// a birth, whose child is there already, nor for the end of a group-stop that it has not seen begin.
void Ledger::Join(Task& task, int place) {
  const KernelStop& stop = task.stop;
  const bool birth = stop.event == kEventFork || stop.event == kEventVfork || stop.event == kEventClone;
  if (task.state != Task::State::kStopped || task.holder == nullptr) return;
  if (birth || stop.kind == StopKind::kTrap || stop.own != Own::kNobodys) return;
  std::vector<Layer*> ahead;
  for (int i = static_cast<int>(task.layers.size()) - 1; task.layers[i].get() != task.holder; --i) {
    Layer* layer = task.layers[i].get();
    const bool listed = std::count(task.ahead.begin(), task.ahead.end(), layer) != 0;
    if (listed || i == place) ahead.push_back(layer);
    if (i == 0) return;  // it is outside the holder
  }
  if (place > 0 && !ahead.empty() && (stop.kind != StopKind::kSyscall || !stop.entry)) task.ahead = ahead;
}

// The tracer of `layer`, which holds the stop, lets it pass with `signal`. At a syscall-stop that makes a new
// signal, at others but the signal-delivery-stop nothing (ptrace(2), "signal injection").
void Ledger::Choose(Task& task, Layer& layer, int signal) {
  (void)layer;
  KernelStop& stop = task.stop;
  if (stop.kind == StopKind::kSyscall) {
    if (signal != 0) stop.signal = signal;
  } else if (stop.kind == StopKind::kSignal) {
    if (stop.own != Own::kNobodys && signal == 0) return;
    if (signal != stop.code) stop.own = Own::kNobodys;
    if (signal != 0) stop.step = false;  // let through as a signal
    stop.signal = signal;
  }
}

// --- tracers that go.

void Ledger::LetGo(Task& task, Layer& layer, int signal) {
  const bool held = layer.state != Layer::State::kRuns;
  if (task.holder == &layer && task.state == Task::State::kStopped) Choose(task, layer, signal);
  Remove(task, layer);
  if (task.state == Task::State::kStopped) {
    // Back in its group-stop, which keeps the signal that began it.
    const bool stops = task.stop.kind == StopKind::kSignal && IsStopSignal(task.stop.signal);
    if (task.layers.empty() && seen_stopped_[task.tgid] && stops) task.stop.signal = 0;
    if (held && task.holder == nullptr) Pass(task);
    return;
  }
  const bool listened = std::any_of(task.layers.begin(), task.layers.end(),
                                    [](const auto& other) { return other->state == Layer::State::kListens; });
  const bool stays = task.layers.empty() && GroupStopped(task.tgid);
  if (task.state == Task::State::kListens && !listened && !stays) task.must_trap = true;
  if (task.state == Task::State::kRuns && stays) task.must_trap = true;  // back into its group-stop
  if (task.state == Task::State::kRuns) task.returning = Returns(task);
}

void Ledger::Remove(Task& task, Layer& layer) {
  task.ahead.erase(std::remove(task.ahead.begin(), task.ahead.end(), &layer), task.ahead.end());
  task.steppers.erase(std::remove(task.steppers.begin(), task.steppers.end(), &layer), task.steppers.end());
  if (task.holder == &layer) task.holder = nullptr;
  task.layers.erase(std::find_if(task.layers.begin(), task.layers.end(),
                                 [&layer](const auto& other) { return other.get() == &layer; }));
}

// kernel/ptrace.c:exit_ptrace(): the newest tracee first. It may be a tracer that is let go, and goes, too.
void Ledger::TracerGone(Tid tracer) {
  for (;;) {
    Task* newest = nullptr;
    for (auto& [tid, task] : tasks_) {
      const Layer* layer = LayerOf(task, tracer);
      if (layer == nullptr) continue;
      if (newest == nullptr || LayerOf(*newest, tracer)->serial < layer->serial) newest = &task;
    }
    if (newest == nullptr) return;
    Task& task = *newest;
    Layer* layer = LayerOf(task, tracer);
    if ((layer->options & kOptExitKill) != 0) {
      for (auto& [other, sibling] : tasks_) {
        if (sibling.tgid == task.tgid) Killed(sibling.tid);
      }
    }
    // A stop that nobody has waited for passes on what it would have done.
    int signal = 0;
    if (layer->state == Layer::State::kStopped && !layer->waited) {
      if (layer->kind == StopKind::kSignal) signal = layer->code;
      if (layer->kind == StopKind::kSyscall && layer->code == SIGTRAP) signal = SIGTRAP;
    }
    if (Steps(layer->mode) && task.layers.size() == 1) task.step_left = true;
    task.tracer_left = true;
    if (layer->state == Layer::State::kEnded) {
      Remove(task, *layer);
      ReportEnd(task);
    } else {
      LetGo(task, *layer, signal);
    }
  }
}

// --- waits.

std::vector<Ledger::Report> Ledger::Reports(Tid caller, pid_t who) const {
  std::vector<Report> reports;
  const pid_t process = ProcessOf(caller);
  for (const auto& [tid, task] : tasks_) {
    if (who > 0 && who != tid) continue;
    for (const auto& layer : task.layers) {
      if (ProcessOf(layer->tracer) != process) continue;
      if (layer->state == Layer::State::kEnded) reports.push_back({task.tid, task.status, false, true});
      if (layer->state == Layer::State::kStopped && !layer->waited) {
        reports.push_back({task.tid, (layer->code << 8) | 0x7f, layer->own, !task.dying});
      }
    }
  }
  return reports;
}

bool Ledger::Owes(Tid caller, pid_t who, int64_t result) const {
  const std::vector<Report> reports = Reports(caller, who);
  return std::any_of(reports.begin(), reports.end(),
                     [result](const Report& report) { return report.tracee.value == result; });
}

bool Ledger::HasReport(Tid caller, pid_t who) const {
  const std::vector<Report> reports = Reports(caller, who);
  return std::any_of(reports.begin(), reports.end(), [](const Report& report) { return report.certain; });
}

bool Ledger::HasNaturalChild(pid_t process, pid_t who, bool reaped) const {
  for (const auto& [tid, task] : tasks_) {
    if (task.reaped && !reaped) continue;
    if (task.parent != process || task.tid.value != task.tgid || (who > 0 && who != tid)) continue;
    const bool traced = std::any_of(task.layers.begin(), task.layers.end(),
                                    [&](const auto& layer) { return ProcessOf(layer->tracer) == process; });
    if (!traced) return true;
  }
  return false;
}

void Ledger::Waited(Tid caller, pid_t who, int64_t result, int status, bool hang) {
  if (result > 0) {
    Task* task = Find(Tid{static_cast<pid_t>(result)});
    for (const Report& report : Reports(caller, who)) {
      const bool trap = report.own && status == StopOf(report.tracee, EventCode(kEventStop)).status;
      const bool group = report.own && status == StopOf(report.tracee, EventCode(kEventStop, SIGSTOP)).status;
      if (report.tracee.value != result || (report.status != status && !trap && !group)) continue;
      for (const auto& layer : task->layers) {
        if (ProcessOf(layer->tracer) != ProcessOf(caller)) continue;
        if (layer->state != Layer::State::kEnded) {
          layer->waited = true;
          return;
        }
        Remove(*task, *layer);
        ReportEnd(*task);
        return;
      }
    }
    Complain(Name(caller) + " is told of " + ::testing::PrintToString(nestrace::Waited{result, status}) +
             ", which it is not owed");
    return;
  }
  if (HasReport(caller, who)) {
    Complain(Name(caller) + "'s wait for " + std::to_string(who) + " finds nothing");
    return;
  }
  bool traces = false, expects = false;
  for (const auto& [tid, task] : tasks_) {
    for (const auto& layer : task.layers) {
      if (ProcessOf(layer->tracer) != ProcessOf(caller) || (who > 0 && who != tid)) continue;
      traces = true;
      expects |= layer->expected;
    }
  }
  // What several wait for, one takes, and the others have been let go to the kernel for it, too.
  const bool natural = !traces || HasNaturalChild(ProcessOf(caller), who, true);
  const bool childless = !traces && !HasNaturalChild(ProcessOf(caller), who, false);
  const bool fits = result == kParked   ? hang || expects
                    : result == kNative ? natural
                    : result == -ECHILD ? childless  // said to one that was interrupted
                                        : result == 0 && !hang && !expects;
  if (!fits)
    Complain(Name(caller) + "'s wait for " + std::to_string(who) + " is wrong: " + std::to_string(result));
}

// --- looking.

void Ledger::Compare(FakeKernel& kernel) {
  using State = FakeThread::State;
  for (auto& [tid, task] : tasks_) {
    const FakeThread& thread = kernel.at(task.tid);
    if (task.dying) {
      if (thread.state != State::kDying) Complain(Name(task.tid) + " lives, and should have been killed");
      continue;
    }
    State state = State::kRunning;
    switch (task.state) {
      case Task::State::kNewborn:
      case Task::State::kStopped:
        state = State::kStopped;
        break;
      case Task::State::kRuns:
      case Task::State::kExiting:
        break;
      case Task::State::kListens:
        state = State::kListening;
        break;
      case Task::State::kZombie:
        // Who was told of it as the outer of two tracers, and is the last and the parent now, may have
        // either.
        state = thread.state == State::kReaped && ServesParent(task) ? State::kReaped : State::kZombie;
        break;
      case Task::State::kReaped:
        state = State::kReaped;
        break;
    }
    static const char* const kNames[] = {"runs",     "is stopped",  "listens",
                                         "is dying", "is a zombie", "is reaped"};
    if (thread.state != state) {
      Complain(Name(task.tid) + " " + kNames[static_cast<int>(thread.state)] + ": it should be one that " +
               kNames[static_cast<int>(state)]);
      return;
    }
    if (thread.resumes != task.resumes) {
      Complain(Name(task.tid) + " was resumed " + std::to_string(thread.resumes) + " times, not " +
               std::to_string(task.resumes));
      return;
    }
    if (task.state != Task::State::kRuns) continue;
    const bool passes = task.stop.kind == StopKind::kSignal || task.stop.kind == StopKind::kSyscall;
    if (task.resumes != 0 && passes && thread.resume_signal != task.passed_on) {
      Complain(Name(task.tid) + " gets signal " + std::to_string(thread.resume_signal) + ", not " +
               std::to_string(task.passed_on));
    }
    if (task.must_trap && !thread.interrupt && !thread.notify)
      Complain(Name(task.tid) + " runs on, and should trap");
  }
}

}  // namespace nestrace
