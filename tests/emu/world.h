// A world of guests that do random things: each step, one of them runs, stops, forks, calls ptrace(2) or
// wait4(2), execs, dies, or is interrupted in its call. The world knows what the kernel would allow, keeps a
// book of what each guest has been told, and complains about everything that no kernel would do:
//
//   - a thread runs although a tracer that waited for its stop has not resumed it;
//   - a stop or an end is waited for twice;
//   - a signal is delivered that is not the one that came or the one its tracer chose;
//   - a thread is stopped, or a call unanswered, when every tracer has resumed whatever it could find;
//   - a thread is left when all have died.
//
// No two processes trace each other in a circle: there, everything may stand still for good reason.

#ifndef NESTRACE_TESTS_EMU_WORLD_H_
#define NESTRACE_TESTS_EMU_WORLD_H_

#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/emu/guests.h"

namespace nestrace {

class World : private Guests {
 public:
  // `losing`: answers to ptrace(2) may be lost on their way.
  World(uint32_t seed, bool nesting, bool losing);

  void Run(int steps);
  // All tracers wait and resume until nothing is left to do; then all threads must run.
  void Drain();
  // Everybody exits, and is waited for.
  void End();

  // What was wrong, first thing first, with the way there.
  const std::vector<std::string>& complaints() const { return complaints_; }
  std::string Story() const;

 private:
  struct Actor {
    int rank = 0;                 // of the process: a tracer has a lower one than its tracees
    bool exiting = false;         // PTRACE_EVENT_EXIT was
    bool in_call = false;         // a notification waits for its answer
    bool waits = false;           // the last call is a wait
    bool in_native_wait = false;  // the kernel holds it in a wait
    bool must_stop = false;       // its answer was refused or lost: a signal is on its way
    bool lost = false;            // ... lost
    bool must_restart = false;    // -ERESTARTNOINTR
    bool restarts = false;        // the call starts again when it runs
    bool must_group_stop = false;
    std::optional<Tid> execs;  // waits for its siblings to be gone
    bool traced = false;       // perhaps
    bool dropped = false;      // who waited for its stop may be dead
    bool slept = false;        // nothing has come for its parked call, they say
    bool interrupted = false;  // in the end
    int signal = 0;            // of the signal-delivery-stop it is in
    std::set<int> choices;     // what tracers may let through instead
    std::set<pid_t> told;      // processes that waited for its stop and have not resumed it
    std::set<pid_t> buried;    // ... that waited for its end
  };
  struct Attempt {
    Tid target;
    int signal = 0;
    bool resumes = false;
  };

  // --- what a thread may do next (world.cc).
  bool Step();
  void ForgetReaped();
  bool StepOf(Tid tid);
  bool StepOfRunning(Tid tid);
  void Act(Tid tid);

  // --- kernel events (world_events.cc).
  void StopWithSignal(Tid tid, int signal);
  void StopWithTrap(Tid tid);
  void BeforeStop(Tid tid);
  void AfterStop(Tid tid);
  void Bear(Tid parent, bool thread);
  void Exec(Tid tid);
  bool FinishExec(Tid tid);
  bool StepOfDying(Tid tid);
  bool Depart(Tid tid);
  void Sigcont(pid_t tgid);
  void CheckResume(const FakeThread& thread, int signal);
  void LookForThoseThatMayStop();

  // --- calls (world_calls.cc).
  Tid RandomTarget(Tid tid);
  void RandomPtrace(Tid tid);
  void RandomWait(Tid tid);
  int64_t PtraceOf(Tid tid, long request, Tid target, uint64_t data);
  int64_t WaitOfActor(Tid tid, pid_t pid, uint32_t flags);
  void ChangeSigaction(Tid tid, uint64_t handler, uint64_t flags);
  void CallEnded(Tid tid, int64_t result);
  void LookForAnswers();
  void Told(Tid tid);
  void MaybeTold();
  Tid NativeWait(Tid tid);
  bool IsHeld(Tid tid);
  void Restarted(Tid tid);
  bool DrainOf(Tid tid);
  bool InterruptOf(Tid tid);
  bool IsFree(Tid tid);

  bool Alive(Tid tid) const { return actors_.count(tid.value) != 0; }
  pid_t ProcessOf(Tid tid) { return kernel.at(tid).facts.tgid; }
  std::vector<Tid> Living() const;
  int Random(int n) { return static_cast<int>(random_() % n); }
  bool Chance(int percent) { return Random(100) < percent; }
  void Complain(const std::string& what);
  void Tell(const std::string& what) { story_.push_back(what); }

  std::mt19937 random_;
  std::map<pid_t, Actor> actors_;
  std::map<pid_t, Attempt> attempts_;  // by caller
  pid_t current_ = 0;                  // the one whose call or stop is being handled
  std::map<pid_t, bool> group_stopped_;
  pid_t next_ = 10;
  int next_rank_ = 0;
  bool nesting_;
  bool losing_;
  bool quiet_ = false;  // no more births, refusals and accidents
  std::vector<std::string> story_;
  std::vector<std::string> complaints_;
};

}  // namespace nestrace

#endif  // NESTRACE_TESTS_EMU_WORLD_H_
