// What every tracer is owed: the oracle of the fuzzer (scene.h), independent of emu/.
//
// The tracers of a task are its layers, outermost first, and each is to those inside it what a machine is to
// a program. So the rules are those of one tracer, applied to one layer after the other:
//
//   - a kernel stop passes the layers in order: from the outermost inwards, a syscall-enter-stop from the
//     innermost outwards. A layer that is not entitled to it as it arrives lets it pass; one that is shows it
//     to its tracer, once, and lets it pass when the tracer resumes;
//   - what a layer lets pass is what the next one gets: a signal as its tracer chose it, nothing if the
//   tracer
//     suppressed it, nothing of a system call that the tracer emulates;
//   - PTRACE_INTERRUPT gives one stop: the next one there is, at once if the task is held by another layer;
//   - the task runs, and then does run, when no layer holds it.
//
// Events of the kernel and results of calls are told in the order in which they take effect. Everything that
// is not as it must be goes to `complain`.
//
//   ledger.Stop(tid, {.kind = StopKind::kSignal, .code = SIGUSR1, .signal = SIGUSR1});
//   ledger.Called(tracer, kCont, tid, SIGUSR1, 0);       // PTRACE_CONT returned 0
//   ledger.Waited(tracer, -1, tid.value, status);
//   ledger.Compare(kernel);                              // do those run that must, and only those?

#ifndef NESTRACE_TESTS_EMU_LEDGER_H_
#define NESTRACE_TESTS_EMU_LEDGER_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "emu/abi.h"
#include "emu/stop.h"
#include "tests/emu/fake_kernel.h"

namespace nestrace {

inline bool IsAttach(long request) { return request == kAttach || request == kSeize; }

class Ledger {
 public:
  // For whom a signal is that the supervisor queued.
  enum class Own { kNobodys, kSigstop, kSigtrapOfExec };

  struct KernelStop {
    StopKind kind = StopKind::kSignal;
    int code = 0;
    int signal = 0;           // kSignal
    int event = 0;            // kEvent
    bool entry = false;       // kSyscall
    bool skipped = false;     // kSyscall, entry: the kernel won't carry the call out (PTRACE_SYSEMU)
    bool step = false;        // kSignal: the trap of a single-step
    Own own = Own::kNobodys;  // kSignal
    bool news = false;        // PTRACE_EVENT_STOP: a group-stop began or ended, it is for everybody
  };

  // One tracer of a task.
  struct Layer {
    enum class State { kRuns, kStopped, kListens, kEnded };
    uint64_t serial = 0;  // in order of attachment
    Tid tracer;
    bool seized = false;
    uint64_t options = 0;
    long mode = kCont;  // the last resume request
    State state = State::kRuns;
    StopKind kind = StopKind::kSignal;
    int code = 0;      // of the stop shown
    bool own = false;  // beside the stop of the task, for its PTRACE_INTERRUPT
    bool waited = false;
    bool interrupt = false;  // PTRACE_INTERRUPT has not given its stop yet
    bool expected = false;   // attached in a group-stop, whose ptrace-stop is to come at once
    bool owed_sigstop = false;
    bool owed_sigtrap = false;
    bool blind = false;  // a tracer further in emulates the system call under way
  };

  struct Task {
    enum class State { kNewborn, kRuns, kStopped, kListens, kExiting, kZombie, kReaped };
    Tid tid;
    pid_t tgid = 0;
    pid_t parent = 0;  // process
    Tid forked_by;
    std::vector<std::unique_ptr<Layer>> layers;
    State state = State::kRuns;
    bool dying = false;   // killed; its PTRACE_EVENT_EXIT is to come
    bool exited = false;  // ... has come
    KernelStop stop;
    std::vector<Layer*> ahead;     // of the stop, the next one last
    Layer* holder = nullptr;       // whom it was shown to
    std::vector<Layer*> steppers;  // to be shown the trap of a single-step over the call that ends here
    int resumes = 0;
    int passed_on = 0;         // the signal of the last resume
    bool must_trap = false;    // it runs on into a PTRACE_EVENT_STOP
    bool took_part = false;    // in the group-stop that is in effect, as far as stops tell
    bool returning = false;    // back into it, now that its last tracer is gone
    bool call_lost = false;    // the kernel skipped a call that nobody emulates any more: to be made again
    bool tracer_left = false;  // by its death, since the task stopped: perhaps after it was resumed
    bool step_left = false;    // the last tracer died and had it stepping
    bool doomed = false;       // by a signal that was injected as its last tracer let it go
    bool reaped = false;       // by its parent, in the kernel
    bool is_zombie_leader = false;  // with threads that live on
    bool exec_unseen = false;  // exec changed its number; requests are ESRCH until the event was waited for
    int status = 0;
  };

  struct Report {
    Tid tracee;
    int status = 0;    // of wait4
    bool own = false;  // whether a group-stop is in effect is known from the stops of the task only
    bool certain = false;
  };

  explicit Ledger(std::function<void(const std::string&)> complain) : complain_(std::move(complain)) {}

  // --- what the kernel does.
  void Add(Tid tid, pid_t tgid, pid_t parent, Tid forked_by);
  // `parent` is about to come to the event of its new task `child`, which is in the ledger.
  void Inherit(Tid parent, Tid child, int event);
  void FirstStop(Tid child);
  void Stop(Tid tid, const KernelStop& stop);
  void Killed(Tid tid);
  void Exec(Tid caller, Tid leader);
  void Zombie(Tid tid, int status);
  void GroupStopped(pid_t tgid, bool stopped);
  void IgnoresSigchld(pid_t tgid, bool ignores) { ignores_sigchld_[tgid] = ignores; }
  void InheritSigchld(pid_t from, pid_t to) { ignores_sigchld_[to] = ignores_sigchld_[from]; }
  void Orphaned(pid_t parent);
  void Reaped(Tid child);  // by its parent

  // --- what guests are told. A result of kParked: the call waits; an attaching one has had its effects.
  void Called(Tid caller, long request, Tid target, uint64_t data, int64_t result);
  void Waited(Tid caller, pid_t who, int64_t result, int status, bool hang);
  // Would an attaching call for it wait for its ptrace-stop?
  static bool MakesWait(const Task& target);
  // What a wait of the caller's process for `who` may find.
  std::vector<Report> Reports(Tid caller, pid_t who) const;
  // Is this one of them?
  bool Owes(Tid caller, pid_t who, int64_t result) const;
  // One of them is certain to be found.
  bool HasReport(Tid caller, pid_t who) const;

  // --- looking.
  void Compare(FakeKernel& kernel);
  Task* Find(Tid tid);
  const std::map<pid_t, Task>& tasks() const { return tasks_; }
  Layer* LayerOf(Task& task, Tid tracer);
  bool GroupStopped(pid_t tgid) const;

 private:
  void LeaveChildren(const Task& task);
  bool Entitled(const Task& task, const Layer& layer) const;
  void Pass(Task& task);
  void Show(Task& task, Layer& layer, StopKind kind, int code);
  void ShowInterrupts(Task& task);
  void Settle(Task& task);
  int64_t Expect(Tid caller, long request, Task& target, uint64_t data);
  int64_t ExpectAttach(Tid caller, long request, const Task& target, uint64_t data) const;
  int64_t ExpectTraceme(const Task& caller) const;
  void Act(Tid caller, long request, Task& target, uint64_t data);
  void Attach(Tid tracer, Task& target, bool seize, uint64_t options);
  static void Join(Task& task, int place);
  void Choose(Task& task, Layer& layer, int signal);
  void LetGo(Task& task, Layer& layer, int signal);
  void Remove(Task& task, Layer& layer);
  void TracerGone(Tid tracer);
  bool DiesByItself(const Task& task);
  bool LeadsOthers(const Task& task) const;
  bool Returns(const Task& task);
  void ReportEnd(Task& task);
  bool ServesParent(const Task& task);
  int PlaceFor(Tid tracer, const Task& target) const;
  bool TracedBy(Tid tid, pid_t ancestor) const;
  bool HasNaturalChild(pid_t process, pid_t who, bool reaped) const;
  pid_t ProcessOf(Tid tid) const;
  void Complain(const std::string& what) { complain_(what); }

  std::map<pid_t, Task> tasks_;
  uint64_t serial_ = 0;
  std::map<pid_t, bool> group_stopped_;
  std::map<pid_t, bool> seen_stopped_;  // as far as stops tell
  std::map<pid_t, bool> ignores_sigchld_;
  std::function<void(const std::string&)> complain_;
};

}  // namespace nestrace

#endif  // NESTRACE_TESTS_EMU_LEDGER_H_
