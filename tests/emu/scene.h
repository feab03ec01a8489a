// A short scene around a few tracees with up to four tracers each: 20 to 60 things that guests and the kernel
// do, one after the other, each checked against the ledger of what every tracer is owed (ledger.h).
//
//   const Script script = Improvise(seed);      // performed while it was written
//   script.complaint                            // empty: nothing was wrong
//   Rehearse(script.steps).complaint            // the same once more; or with fewer steps
//   Rehearse(script.steps, true).story          // ... as a text
//
// A scene knows what the kernel does by itself (group-stops and what they make of a PTRACE_INTERRUPT,
// system-call stops, exec, death) and does one step at a time. A step that can't happen as things are is left
// out, so that any part of a script is a script.

#ifndef NESTRACE_TESTS_EMU_SCENE_H_
#define NESTRACE_TESTS_EMU_SCENE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/emu/guests.h"
#include "tests/emu/ledger.h"

namespace nestrace {

struct Step {
  enum class Op {
    // What a guest does.
    kCall,       // ptrace(request, whom, 0, data)
    kWait,       // wait4(whom or -1, __WALL and perhaps WNOHANG)
    kRestart,    // makes an interrupted call again; or not, if it was a wait
    kSigaction,  // of SIGCHLD
    kBirth,      // forks or clones `whom`: `request` is the event
    kEvent,      // PTRACE_EVENT_SECCOMP, PTRACE_EVENT_VFORK_DONE
    kExec,
    kExit,
    // What befalls it.
    kSignal,      // a signal-delivery-stop
    kDeliver,     // ... of a signal that the supervisor queued
    kTrap,        // PTRACE_EVENT_STOP
    kEnter,       // syscall-enter-stop
    kLeave,       // syscall-exit-stop
    kStepTrap,    // the trap of a single-step
    kSigcont,     // to its process
    kKill,        // its process, by SIGKILL
    kExitEvent,   // PTRACE_EVENT_EXIT of one that was killed
    kZombie,      // past that
    kBecome,      // exec, once all other threads are gone
    kNativeDone,  // its wait in the kernel is over
  };
  // What goes wrong with an answer.
  enum class Mishap { kNone, kRefused, kLost, kDeath };

  Op op = Op::kSignal;
  Tid who;
  Tid whom;
  long request = 0;
  uint64_t data = 0;
  bool coin = false;
  Mishap mishap = Mishap::kNone;
  Tid victim;      // kDeath: who dies
  int moment = 0;  // ... under which kernel call of the step
};

struct Script {
  std::vector<Step> steps;
  std::string complaint;  // the first one; empty: none
  std::string story;
};

Script Improvise(uint64_t seed);
Script Rehearse(const std::vector<Step>& steps, bool tell = false);
// The same complaint, of whomever.
bool SameKind(const std::string& a, const std::string& b);
// A shorter script with the same end, by leaving out what is not needed for it.
Script Shorten(const Script& script);

class Scene : private Guests {
 public:
  explicit Scene(bool tell);

  // Does it, if it can happen.
  bool Perform(const Step& step);
  // What a patient world does next: whatever is under way goes on, tracers wait and resume. Nothing if
  // nothing is left to do.
  std::optional<Step> Chore();
  // ... to the end, where nobody may be stopped.
  void Drain();
  // Everybody is killed; nothing may be left.
  void End();
  // Something that can happen, more or less.
  Step Dream(std::mt19937& random);
  // The cast: chains of tracers and who they trace.
  void Prologue(std::mt19937& random, std::vector<Step>* script);

  const std::string& complaint() const { return complaint_; }
  std::string Story();

 private:
  struct Actor {
    bool in_call = false;         // a notification waits for its answer, or its interruption for its end
    bool must_stop = false;       // its answer was refused or lost: a signal is on its way
    bool restarts = false;        // the call starts again when it runs
    std::optional<int64_t> lost;  // the answer that it never got
    bool native = false;          // the kernel holds it in a wait
    bool attaches = false;        // its PTRACE_ATTACH or SEIZE waits for the tracee's ptrace-stop
    Step call;
    bool exiting = false;  // PTRACE_EVENT_EXIT was
    bool execs = false;
    bool in_syscall = false;  // a syscall-exit-stop is to come
    bool steps_out = false;   // it steps over the system call
    bool skipped = false;     // ... which the kernel does not carry out
    bool at_syscall = false;  // a system call is its next instruction
    bool in_group_stop = false;
    bool sighandler_without_restart = false;
    int nudges = 0;
  };
  struct Resumed {
    Tid tid;
    long request;
    int signal;
    int code;
    uint64_t message;
    struct user_regs_struct regs;
  };

  // --- scene.cc: what happens in a step.
  bool Possible(const Step& step);
  void Play(const Step& step);
  void PlayCall(const Step& step);
  void PlayWait(const Step& step);
  void PlayRestart(const Step& step);
  void PlayBirth(const Step& step);
  void PlayExec(Tid tid);
  void PlayBecome(Tid tid);
  void PlayZombie(Tid tid);
  void PlayTrap(Tid tid);
  void PlaySigcont(pid_t tgid);
  void Befall(Tid tid, const Ledger::KernelStop& stop, const std::function<void()>& happen);
  void Interrupted(Tid tid);
  void CallParked(Tid tid, int interrupts);
  int InterruptsOf(Tid tid);
  void CallAnswered(Tid tid, int64_t result, bool lost);
  void CallEnded(Tid tid, int64_t result);
  Tid ZombieChild(Tid tid, pid_t who);
  void AfterStep();
  void NoteDeaths();
  void NoteResumes();
  static bool IsRefused(const Resumed& resumed);
  void CheckRequest(const Resumed& resumed);
  void LookForAnswers();
  bool IsAnswered(Tid tid);

  // --- looking.
  bool Lives(Tid tid) { return kernel.Has(tid) && Alive(kernel.at(tid)); }
  static bool Alive(const FakeThread& thread) {
    return thread.state != FakeThread::State::kZombie && thread.state != FakeThread::State::kReaped;
  }
  // Runs, and may come to a stop.
  bool Stoppable(Tid tid);
  // Runs in its own code.
  bool Interruptible(Tid tid);
  bool Free(Tid tid);
  // ... and its calls are not traced.
  bool MayCall(Tid tid);
  bool HasQueued(Tid tid);
  std::vector<Tid> Living();
  pid_t ProcessOf(Tid tid) { return kernel.at(tid).facts.tgid; }

  // --- scene_choice.cc.
  std::optional<Step> ChoreOf(Tid tid);
  std::optional<Step> DutyOf(Tid tracer);
  std::optional<Step> Nudge(Tid tid);
  std::optional<Step> LastResort();
  Step DreamOfTracer(std::mt19937& random);
  Step DreamOfCall(std::mt19937& random);
  Step DreamOfEvent(std::mt19937& random);

  void Complain(const std::string& what);
  void Tell(const std::string& what) {
    if (tell_) story_ += what + "\n";
  }

  Ledger ledger_;
  std::map<pid_t, Actor> actors_;
  std::map<pid_t, bool> group_stopped_;
  std::vector<Resumed> resumed_;
  std::string complaint_;
  bool beyond_ = false;  // what follows the scripted kernel can't play: nothing more happens, or is wrong
  const bool tell_;
  bool draining_ = false;  // only what must happen happens
  std::string story_;
};

}  // namespace nestrace

#endif  // NESTRACE_TESTS_EMU_SCENE_H_
