// The state machine behind Emulator. One class, one file for each topic of ptrace(2):
//   calls.cc    intercepted calls: deciding, answering, and what an interruption does to them
//   table.cc    who exists, and who is whose child
//   birth.cc    birth and exec
//   end.cc      exit, reaping, the death of a tracer
//   memory.cc   memory of the guest that makes the call under way
//   stops.cc    a kernel stop on its way through the links
//   resume.cc   the real resume at its end, that serves all links
//   report.cc   making a stop visible: registers, SIGCHLD, waking those who wait
//   attach.cc   TRACEME, ATTACH, SEIZE and who may
//   control.cc  resumes, DETACH, INTERRUPT, LISTEN, KILL, SETOPTIONS
//   inspect.cc  reading and writing a stopped tracee
//   inject.cc   a SIGCHLD that a tracer is made to send itself
//   landlock.cc  the domains that threads are in
//   intercept.cc  the embedder's policy on calls
//   seccomp.cc  PTRACE_EVENT_SECCOMP of intercepted calls
//   traps.cc    whose breakpoint a SIGTRAP comes from
//   wait.cc     wait4, waitid, waitpid
//   wakeups.cc  who sleeps in a wait, and what wakes it
//   siginfo.cc  reading and writing the siginfo of a stop, and of pending signals
//   interruptions.cc  calls that natively would not have been interrupted
//   timeouts.cc  those that wait for a time
//   moves.cc     those that have moved a part
//   unqueued.cc  signals that natively would not have been queued
//   notes.cc    calls that the kernel carries out, and that are only noted

#ifndef NESTRACE_EMU_CORE_H_
#define NESTRACE_EMU_CORE_H_

#include <array>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "emu/emulator.h"
#include "emu/interceptor.h"
#include "emu/kernel.h"
#include "emu/observer.h"
#include "emu/stop.h"
#include "emu/thread.h"

namespace nestrace {

// What is to become of an intercepted call.
struct Outcome {
  enum class Kind {
    kReturn,      // `then` is done, and the call returns `value`
    kContinue,    // the kernel carries the call out; `value` is 1 if a wait is certain not to block there
    kDescriptor,  // the call returns a duplicate of our descriptor `value`
    kChange,      // the calls `made` are made in its place, and it returns what the last returns
    kPark,        // no answer yet; `value` is 1 if natively the call would not sleep
    // The caller's memory can't be reached from outside: stop it, then decide again. Or not yet: wait for
    // that (Call::awaits_memory).
    kStopCaller,
  };
  Kind kind = Kind::kReturn;
  int64_t value = 0;
  std::function<void()> then;
  bool close_on_exec = false;  // kDescriptor
  std::vector<Notification> made = {};

  static Outcome Return(int64_t value) { return {Kind::kReturn, value, nullptr, false, {}}; }
  static Outcome ReturnThen(int64_t value, std::function<void()> then) {
    return {Kind::kReturn, value, std::move(then), false, {}};
  }
  static Outcome Continue(bool certain = false) { return {Kind::kContinue, certain, nullptr, false, {}}; }
  static Outcome Park() { return {Kind::kPark, 0, nullptr, false, {}}; }
  static Outcome Hold() { return {Kind::kPark, 1, nullptr, false, {}}; }
  static Outcome StopCaller() { return {Kind::kStopCaller, 0, nullptr, false, {}}; }
};

// One ptrace(2) call, its target verified as the caller's stopped tracee.
struct RequestArgs {
  Thread* caller = nullptr;
  Link* link = nullptr;
  Abi abi = Abi::kX86_64;
  long request = 0;
  uint64_t addr = 0;
  uint64_t data = 0;
};

// One wait call, decoded.
struct WaitSpec {
  enum class Who { kAny, kPid, kPgid };
  Who who = Who::kAny;
  pid_t id = 0;      // kPid: in the supervisor's namespace; kPgid: in that of `level`
  size_t level = 0;  // of the caller's pid namespace, 0: the supervisor's
  uint32_t flags = 0;
  bool waitid = false;
  bool again = false;  // a non-blocking pidfd: EAGAIN instead of 0
  Abi abi = Abi::kX86_64;
  uint64_t status = 0;  // guest addresses, 0 if not wanted
  uint64_t info = 0;
  uint64_t usage = 0;
};

// What a wait finds.
struct WaitFinding {
  enum class Kind {
    kNative,     // the kernel answers best itself
    kReport,     // so too, and it has something to report for certain: a zombie, or a stop
    kStop,       // the stop reported over `link`
    kExit,       // the end reported over `link`
    kContinued,  // `link`'s tracee was continued by SIGCONT
    kNoChild,    // only zombies of leaders whose threads live on, and the wait is not for deaths: ECHILD
    kNothing,    // tracees, but nothing to report yet
    kExpected,   // a report is certain to come at once: even WNOHANG waits for it
  };
  Kind kind = Kind::kNative;
  Link* link = nullptr;
  const Process* child = nullptr;  // kReport: set if the kernel must be told that it is this one
  bool zombie = false;             // kReport: and it is a zombie
};

// Signals that the supervisor queues where the kernel would send one on behalf of ptrace(2). Their siginfo
// carries the cookie and one of these, and is made what the kernel's would be at the signal-delivery-stop.
enum OwnSignal : uint32_t {
  kNotOurs = 0,
  kSignalAttach,      // SIGSTOP of PTRACE_ATTACH: SI_KERNEL, pid 0
  kSignalAutoAttach,  // SIGSTOP of a new tracee that was not seized: SI_USER, pid 0
  kSignalExec,        // SIGTRAP after an exec without PTRACE_O_TRACEEXEC: SI_USER from itself
  kSignalChild,       // SIGCHLD, or another, that tells a tracer: the siginfo stands in Process::sigchlds
};

// Wait status of a thread that is made to exit since SECCOMP_MODE_STRICT kills it.
constexpr int kStrictExitStatus = (128 + SIGKILL) << 8;

struct MovingCall;
struct TimedCall;

class Core {
 public:
  Core(Kernel* kernel, const Emulator::Options& options)
      : kernel_(kernel), interceptor_(options.interceptor), observer_(options.observer), options_(options) {}

  void AddRoot(Tid tid);
  void OnStop(Tid tid, int code, const struct rusage& usage);
  void OnExit(Tid tid, const ExitInfo& info);
  void OnReceived(const Notification& notification);
  void OnNotification(const Notification& notification);
  void OnVoided(const Notification& notification);
  void OnMemory(Tid tid);
  void OnSigchld();
  void OnDrained();

  size_t thread_count() const { return threads_.size(); }
  size_t held_zombies() const { return held_zombies_; }
  bool IsHeld(Tid tid) const;
  bool IsTracer(Tid tid) const;
  std::optional<Emulator::Appearance> AppearanceOf(Tid tid) const;
  std::vector<Tid> LiveThreads() const;
  std::vector<Tid> UnannouncedThreads() const;
  size_t may_stop_count() const { return may_stop_.size(); }
  std::vector<Tid> ThreadsThatMayStop() const;
  Tid TraceeOf(const Notification& n) const;

 private:
  // --- table.cc
  Thread* Find(Tid tid) const;
  void SetState(Thread* thread, Thread::State state);
  Link* LinkToLeader(const Process& process, const Process* tracer) const;
  Process* FindProcess(Tid tgid) const;
  Thread* FromGuest(const Thread& viewer, pid_t pid) const;
  Tid TidOf(const Thread& viewer, pid_t pid) const;
  static pid_t PidIn(const std::vector<NamespacedPid>& viewer, const std::vector<NamespacedPid>& target);
  Thread* AddThread(Tid tid, const ThreadFacts& facts, Thread* creator, int event);
  void ForgetSwallowed(const Process& child);
  void RemoveThread(Thread* thread);
  void DropProcess(Process* process);
  static void LeaveChildren(Thread* thread);
  void AdoptChildren(Process* dead);
  static bool IsParent(const Process& process, const Process& child);
  uid_t UidOf(const Thread& thread) const;
  uid_t UidIn(const Thread& viewer, const Thread& target) const;

  // --- birth.cc
  Outcome StripUntraced(Thread* caller, const Notification& n);
  bool MakesUntraced(Thread* caller, const Notification& n);
  void RestoreCloneFlags(Thread* thread, const Thread& caller);
  void PutUntracedBack(Thread* thread);
  struct CloneArgs {
    uint64_t flags = 0;
    int exit_signal = SIGCHLD;
  };
  CloneArgs ReadCloneArgs(Thread* parent);
  ThreadFacts FactsOfChild(const Thread& parent, Tid tid);
  void OnBirth(Thread* parent, Tid tid, int event);
  void ClaimChild(Thread* dying);
  bool MayBeAnnounced(Tid tid, const ThreadFacts& facts) const;
  bool MayAnnounce(const Thread& thread) const;
  bool IsOrphan(Tid tid, ThreadFacts* facts) const;
  void AdoptOrphans();
  void OnFirstStop(Thread* child, int code, const struct rusage& usage);
  void OnExec(Thread* leader_or_caller, uint64_t old_tid);
  void TakeNumber(Thread* leader, Thread* caller);
  Thread* CallerOfFailedExec(const Thread& leader) const;

  // --- end.cc
  void OnEventExit(Thread* thread);
  void ForgetTraps(const Thread& dying);
  bool IsFatalToInit(const Thread& thread) const;
  static bool IsFault(const siginfo_t& info);
  void LeaveToDie(Thread* thread);
  static bool DiesByItself(const Thread& thread);
  void RemoveDeparted();
  void LetTraceesOfInitGo(const Process& process);
  bool HasSprung(const Thread& thread) const;
  void OnTracerGone(Thread* tracer, const Process* parent = nullptr);
  bool IsDead(const Process& process) const;
  void ReportExit(Thread* thread);
  void NotifyOfEnd(Link* link, int status, int signal);
  static int EndSignal(const Process& process, const Process& receiver);
  static bool ServesParent(const Link& link);
  static bool LeavesZombie(const Process& child);
  void ReapForParent(Thread* thread);
  void LeaveToParent(Link* link);
  void LookForZombieLeaders();
  void NotifyZombieLeader(Thread* leader);
  void Reap(Thread* thread);

  // --- stops.cc
  void HandleStop(Thread* thread);
  bool ReadEventMessage(Thread* thread);
  bool IsOfCallThatGoesOn(Thread* thread);
  bool IsSyscallStopUnseen(Thread* thread);
  Thread* HandleEvent(Thread* thread);
  void NoteGroupStop(Thread* thread);
  static bool IsSeized(const Thread& thread);
  bool TrapsForSigcont(const Thread& thread) const;
  void KeepStopSignal(Thread* thread);
  static bool CompletesGroupStop(Process* process);
  static bool TracesNoCalls(const Thread& thread);
  static bool InterruptPending(const Thread& thread);
  static bool HasNews(const Thread& thread);
  bool IsMadeAgain(Thread* thread);
  bool IsOfTracersEnd(const Link& link) const;
  bool Wants(const Thread& thread, const Link& link) const;
  void Offer(Thread* thread);
  void JoinStop(Link* link);
  void Advance(Thread* thread);
  void Finish(Thread* thread);
  uint64_t MessageFor(const Link& link) const;
  void PassOn(Thread* thread);
  bool CallEndsHere(const Thread& thread) const;

  // --- memory.cc; -EPERM: only once the caller is stopped, or, with Call::awaits_memory, later
  long UnlessClosed(Thread* caller, long result);
  static bool AwaitsMemory(Thread* caller, long result);
  long ReadCaller(Thread* caller, uint64_t addr, absl::Span<char> out);
  long ReadPrefix(Thread* caller, uint64_t addr, absl::Span<char> out);
  long WriteCaller(Thread* caller, uint64_t addr, absl::Span<const char> in);

  // --- resume.cc
  void ResumeThread(Thread* thread);
  void ResumeUnseen(Thread* thread, ResumeMode mode);
  ResumeMode CombinedMode(Thread* thread);
  static bool WillRestart(const struct user_regs_struct& regs);
  bool SyscallIsNext(const Thread& thread) const;
  bool InjectionKills(const Thread& thread) const;

  // --- traps.cc
  void NotePoke(Link* link, Abi abi, uint64_t addr, uint64_t value);
  Link* SetterOfTrap(const Thread& thread) const;
  static Link* OnlyLink(const Thread& thread, const std::function<bool(const Link&)>& matches);

  // --- report.cc
  bool Capture(Thread* thread);
  bool Report(Link* link, StopKind kind, int code, uint64_t message, const siginfo_t* own = nullptr);
  void ObserveReport(const Link& link, int status, const siginfo_t* info = nullptr) const;
  long ReadSigInfo(const Link& link, siginfo_t* info) const;
  long KernelSigInfo(const Thread& thread, siginfo_t* info) const;
  void WriteSigInfo(const Thread& thread, siginfo_t info);
  void Disguise(Thread* thread, const siginfo_t& info);
  static bool IsDisguised(const Link& link);
  void ObserveStop(const Link& link) const;
  void ReportStepTrap(Link* link);
  void ReportInterrupt(Link* link);
  void ReportInterrupts(Thread* thread);
  bool ToldContinued(const Link& link) const;
  void NotifyContinued(Process* process);
  void NotifyTracer(Link* link, int cld_code, int status, int signal = SIGCHLD);
  void PutTimes(const Link& link, bool of_stop, siginfo_t* info) const;
  void Kill(Thread* thread);
  void QueueSignal(Thread* thread, int signal, OwnSignal kind);
  static bool IsLost(const siginfo_t& info);
  const QueuedSigchld* FindSigchld(const Thread& thread, const siginfo_t& info) const;
  siginfo_t GenuineSigchld(const Thread& thread, const QueuedSigchld& queued) const;
  OwnSignal MakeGenuine(const Thread& thread, siginfo_t* info) const;
  static bool IsStepped(const Thread& thread);
  static bool IsEmulated(const Thread& thread);
  static bool IsStepTrap(const Thread& thread);
  static bool IsOfStep(const siginfo_t& info);
  void RecogniseSignal(Thread* thread);

  static bool HasQueued(const Process& process, int signal);
  bool QueueSigchld(Thread* tracer, const siginfo_t& info);

  // --- seccomp.cc
  Outcome NoteFilter(Thread* caller, const Notification& n);
  Outcome BeStrict(Thread* caller, const Notification& n);
  static bool IsStrict(const Thread& thread);
  static struct seccomp_data FilterData(const Notification& n);
  void KillStrictly(Thread* thread);
  static int EndOf(const Thread& thread, int status);
  Outcome GetSeccomp(const Thread& caller) const;
  void ForgetRefusedFilters(Thread* thread);
  bool MaySyncFilters(Thread* caller);
  std::optional<Outcome> TraceByFilter(Thread* caller, const Notification& n);
  bool MakeFilterEvent(Thread* thread);
  bool MakeCallAgain(Thread* thread);
  static bool IsPastFilter(const Thread& thread, int nr, uint64_t instruction_pointer);
  bool StoppedPastFilter(const Thread& thread) const;
  void EndPastFilter(Thread* thread, const struct user_regs_struct& regs);
  void RewindCall(Thread* thread);
  Abi AbiOfCall(const Thread& thread) const;
  long EmulatedSyscallInfo(const Thread& thread, SyscallInfoOp op, uint64_t message, char out[128]) const;

  // --- intercept.cc
  class PolicyCaller;
  bool Intercepted(const Notification& n) const;
  std::optional<Outcome> AskPolicy(Thread* caller, const Notification& n);
  bool SettleIntercepted(Thread* thread, const Call& before);
  bool ChangeCall(Thread* caller, std::vector<Notification> made);
  void MakeNext(Thread* thread, struct user_regs_struct regs);
  bool HandleChangedCall(Thread* thread);
  bool HandleForbiddenProgram(Thread* thread);
  bool MayRunItsProgram(Thread* thread);
  bool LeavesExec(const Thread& thread) const;

  // --- inject.cc
  bool Inject(Thread* thread);
  bool FiltersAllow(Thread* thread, const Notification& n);
  bool FiltersAllowInjection(Thread* thread);
  static uint64_t Scratch(const struct user_regs_struct& regs, size_t size);
  bool PrepareInjection(Thread* thread);
  static struct user_regs_struct Restarted(struct user_regs_struct regs);
  bool InstructionBefore(const Thread& thread, uint64_t rip, uint16_t wanted) const;
  bool GetRegs(const Thread& thread, struct user_regs_struct* regs) const;
  bool SetRegs(Thread* thread, struct user_regs_struct regs);

  // --- landlock.cc
  Outcome NoteDomain(Thread* caller, const Notification& n);
  static bool LandlockAllows(const Thread& tracer, const Thread& tracee);

  // --- attach.cc
  Outcome Traceme(Thread* caller);
  Thread* TakeWorkerIn(const Thread& viewer, pid_t pid);
  Outcome Attach(Thread* caller, Thread* target, long request, uint64_t addr, uint64_t data);
  void AnswerAttachers(const Thread& tracee);
  void AnswerAttacher(const Link& link);
  void TakeDueStops();
  static bool Awaits(const Call& call) {
    return (call.phase == Call::Phase::kActed && call.awaits != 0) ||
           (call.phase == Call::Phase::kPending && call.awaits_stop_of != Tid{});
  }
  bool IsZombie(const Thread& thread) const;
  bool AwaitsStopOf(Thread* caller, const Thread& target);
  void LetAttach(Tid target);
  static bool TracedUpTo(const Thread& thread, const Process& ancestor);
  std::optional<size_t> PlaceFor(const Thread& tracer, const Thread& target) const;
  Link* AddLink(Thread* tracer, Thread* tracee, size_t place, Observer::LinkOrigin origin, bool seized,
                uint64_t options);
  void RemoveLink(Link* link, Observer::LinkEnd reason);

  // --- control.cc
  Outcome Ptrace(Thread* caller, const Notification& n);
  bool ExistsOutside(const Thread& viewer, pid_t pid) const;
  Outcome OnZombie(Thread* caller, long request, pid_t pid, uint64_t addr, uint64_t data);
  Outcome Resume(const RequestArgs& args);
  Outcome Detach(const RequestArgs& args);
  Outcome Interrupt(Link* link);
  Outcome Listen(const RequestArgs& args);
  Outcome SetOptions(const RequestArgs& args);
  void ContinueFrom(Link* link, int signal);
  void ChooseSignal(const Link* link, int signal, const Thread* sender);
  pid_t ParentOf(const Thread& thread) const;
  void LetOwnSignalGo(Thread* thread);
  static bool StopsGroup(const Thread& thread, const ThreadFacts& facts);
  static void AddSignal(Stop* stop, int signal);
  void LetGo(Link* link, int signal, Observer::LinkEnd reason);
  long CheckOptions(uint64_t options) const;

  // --- inspect.cc
  Outcome Inspect(const RequestArgs& args);
  Outcome ReadRegset(const RequestArgs& args);
  Outcome WriteRegset(const RequestArgs& args);
  Outcome GetBytes(const RequestArgs& args, size_t size);
  bool NoteRegisters(Thread* tracee);
  bool MayAccessMemory(const RequestArgs& args) const;
  Outcome SetBytes(const RequestArgs& args, size_t size);
  Outcome ArchPrctl(const RequestArgs& args);
  Outcome GetSyscallInfo(const RequestArgs& args);
  Outcome SeccompGetFilter(const RequestArgs& args);
  Outcome SeccompGetMetadata(const RequestArgs& args);
  Outcome CopyOut(const RequestArgs& args, uint64_t addr, absl::Span<const char> bytes, int64_t result);
  bool InItsStop(const Thread& thread) const;
  long ReadIovec(const RequestArgs& args, uint64_t iov[2]);
  Outcome WriteIovecLength(const RequestArgs& args, uint64_t length);

  // --- wait.cc
  Outcome Wait(Thread* caller, const Notification& n);
  std::optional<WaitSpec> ParseWait(Thread* caller, const Notification& n) const;
  bool IsAmong(Tid child, const WaitSpec& spec) const;
  static bool IsEligible(const Process& child, const WaitSpec& spec);
  std::optional<int64_t> EmptyAnswer(const Thread& caller, const WaitSpec& spec) const;
  static bool HasTracees(const Process& process);
  WaitFinding Evaluate(Thread* caller, const WaitSpec& spec);
  std::optional<WaitFinding> Consider(Link* link, const WaitSpec& spec) const;
  Outcome AnswerStop(Thread* caller, const WaitSpec& spec, Link* link);
  Outcome AnswerExit(Thread* caller, const WaitSpec& spec, Link* link);
  void ObserveTaking(const Thread& caller, const WaitSpec& spec, const Link& link, int status,
                     Outcome* outcome) const;
  Outcome WaitForChild(Thread* caller, const Notification& n, const Process& child);
  void EndChangedWait(Thread* thread);
  bool FoundNothing(Thread* thread, const struct user_regs_struct& regs);
  std::vector<const Process*> DeadTracees(const Thread& tracer) const;
  bool HasUnwaitedStop(const Process& child, const WaitSpec& spec) const;
  Outcome AnswerContinued(Thread* caller, const WaitSpec& spec, Link* link);
  Outcome AnswerNothing(Thread* caller, const WaitSpec& spec, int64_t result);
  long WriteWait(Thread* caller, const WaitSpec& spec, int status, int cld_code, int cld_status, pid_t pid,
                 uid_t uid, const struct rusage& usage);
  long WriteInfo(Thread* caller, const WaitSpec& spec, int signal, int code, pid_t pid, uid_t uid,
                 int status);

  // --- wakeups.cc
  // What the kernel would wake who sleeps in a wait for: only the wait that looks for such a child looks
  // again (kernel/exit.c:child_wait_callback).
  struct Wakeup {
    Tid process;
    Tid parent;  // the thread of `process` that traces the child, or whose child it is
    Tid child;   // 0: only calls that we hold (Call::held) are decided again
  };
  bool IsFor(const Wakeup& wakeup, Thread* waiter) const;
  void Wake(const Thread& parent, Tid child);
  void WakeParent(const Process& child);
  void Reconsider(const Thread& tracer);
  static bool IsInWait(const Thread& thread);
  static bool MayBeWaitedFor(const Process& child);
  // After every event: those who wait and have been woken look again.
  void Pump();
  void LookAgain(Thread* waiter, Tid child);
  void Serve(const Wakeup& wakeup, bool only_parked);

  // --- siginfo.cc
  long ConvertSigInfo(const Thread& tracee, Abi from, absl::Span<char> info, Abi to, absl::Span<char> out);
  Outcome GetSigInfo(const RequestArgs& args);
  Outcome SetSigInfo(const RequestArgs& args);
  Outcome PeekSigInfo(const RequestArgs& args);
  std::vector<siginfo_t> PendingForProcess(const Thread& thread) const;
  static long LeaveOut(uint64_t stale, uint64_t skip, long found, long count, std::vector<char>* peeked);
  void ShowGenuine(const RequestArgs& args, long count, std::vector<char>* peeked) const;

  // --- timeouts.cc
  void NoteTimeout(Thread* thread, const struct user_regs_struct& regs);
  int64_t ReadTimeout(Thread* thread, Abi abi, const struct user_regs_struct& regs, const TimedCall& timed);
  void ShortenTimeout(Thread* thread);
  bool IsRestart(const Thread& thread, const struct user_regs_struct& regs) const;
  void PutNumberBack(Thread* thread);
  void NoteRestart(Thread* thread, const struct user_regs_struct& regs, bool by_us);

  // --- moves.cc
  bool GoOnMoving(Thread* thread, const struct user_regs_struct& regs);
  bool EndMoving(Thread* thread);
  bool MayGoOn(const Notification& n, const MovingCall& moving);
  struct Rest {
    Notification call;
    uint64_t size = 0;  // what it is to move
  };
  std::optional<Rest> RestOfMove(Thread* thread, const Notification& n, uint64_t done);
  bool RestOfPieces(Thread* thread, const MovingCall& moving, uint64_t done, Rest* rest);
  void MoveRest(Thread* thread, const Notification& n, const Rest& rest, uint64_t done);

  // --- interruptions.cc
  static void GoOn(Thread* thread, const struct user_regs_struct& regs);
  static void SeenOut(Thread* thread);
  bool RestartsUnseen(Thread* thread);
  bool IsToRestart(const Thread& thread) const;
  bool EnteredUnseen(Thread* thread);
  void NoteSigcont(Thread* thread);
  bool StopsOnItsWay(const Thread& thread) const;
  void PutRefusedCallBack(Thread* thread);
  bool EndedByUs(Thread* thread);
  bool LooksEndedByUs(const Thread& thread) const;
  void HoldSignals(Thread* thread);
  bool HoldTillEntry(Thread* thread);
  bool IsTrapOnTheWay(const Thread& thread) const;
  static bool MayHold(const Thread& thread);
  bool Hold(Thread* thread);
  void EndHolding(Thread* thread);

  // --- unqueued.cc
  const Thread* TargetOf(const Thread& thread, const siginfo_t& info, bool to_process) const;
  bool WasNeverQueued(const Thread& thread, const siginfo_t& info, bool to_process) const;
  uint64_t NeverQueued(const Thread& thread, const ThreadFacts& facts, uint64_t among) const;
  void NoteStaleSigchld(Thread* thread);
  void KeepSignalsOf(Thread* tracee);
  void KeepSignals(const Thread& tracer);
  void NoteStaleSignals(const Thread& target, bool more);
  void DiscardStaleSignals(Thread* target);
  uint64_t Discardable(const Thread& thread, const ThreadFacts& facts) const;
  bool Discard(Thread* thread);
  void EndDiscarding(Thread* thread);
  void StopDiscarding(const Thread* thread);
  bool GetMask(const Thread& thread, uint64_t* mask) const;
  bool SetMask(Thread* thread, uint64_t mask);

  // --- calls.cc
  Outcome Decide(Thread* caller, const Notification& n);
  Outcome Emulate(Thread* caller, const Notification& n);
  void Carry(Thread* caller, Outcome outcome);
  void CarryDescriptor(Thread* caller, Outcome outcome);
  bool TakeInterceptedCall(const Thread& thread, const struct user_regs_struct& regs, Notification* n) const;
  void Settle(Thread* thread);
  void Kick(Thread* thread);
  void InterruptUnseen(Thread* thread);
  void Observe(const Thread& caller, Observer::Road road, int64_t result = 0) const;
  void ObserveCall(const Thread& caller, const Notification& n, Observer::Road road, int64_t result) const;
  static bool SameCall(const Notification& a, const Notification& b);
  static bool InterruptedIn(const Notification& call, const struct user_regs_struct& regs);
  static bool HasLost(const Call& call, const struct user_regs_struct& regs);
  static bool IsAboutTo(const Notification& call, const struct user_regs_struct& regs);
  static void PutCall(const Notification& call, struct user_regs_struct* regs);
  void GiveAnswer(Thread* caller);
  static void End(Thread* caller, Call::Phase phase);
  void PutResult(Thread* thread, const Call& before);
  void Doubted(Thread* thread, const Call& answered);
  bool LosesTracees(Thread* thread, const Call& wait, const struct user_regs_struct& regs);
  bool SettleAnswered(Thread* thread, const Call& before);
  void NoteChildStop(const Thread& thread);
  void SettleWait(Thread* thread, bool was_continued);
  static void TakeCall(const struct user_regs_struct& regs, Notification* n);

  // --- notes.cc
  static bool MayMakeSlowMemory(const Notification& n);
  static bool OnlyTakesNote(const Notification& n);
  static bool MayPass(const Notification& n);
  bool IsKernels(Thread* caller, const Notification& n);
  void PassAtEntry(Thread* thread);
  void PutArgumentsBack(Thread* thread);
  Outcome NoteSigaction(Thread* caller, const Notification& n);
  Outcome NoteFileSystem(Thread* caller, const Notification& n);

  Kernel* const kernel_;
  Interceptor* const interceptor_;  // may be null
  Observer* const observer_;        // may be null
  const Emulator::Options options_;
  absl::flat_hash_map<Tid, std::unique_ptr<Thread>> threads_;
  absl::flat_hash_set<Thread*> may_stop_;  // all but those in kStopped and kZombie
  absl::flat_hash_map<Tid, std::unique_ptr<Process>> processes_;
  // First stops of threads whose parent's event has not come yet.
  absl::flat_hash_map<Tid, RawStop> early_stops_;
  absl::flat_hash_map<Tid, ExitInfo> early_exits_;
  bool lost_exit_event_ = false;        // a thread has died without PTRACE_EVENT_EXIT
  uint64_t last_notification_ = 0;      // the id received last; the kernel counts them
  uint64_t missing_notifications_ = 0;  // how many in all were cancelled before they were received
  std::vector<Tid> dying_leaders_;  // resumed from PTRACE_EVENT_EXIT, with threads left, and no zombies yet
  std::vector<Tid> departed_;  // threads that were let go at PTRACE_EVENT_EXIT, and are still in the table
  size_t held_zombies_ = 0;
  std::deque<Wakeup> wakeups_;
  std::vector<Tid> due_stops_;  // who has a deferred stop that is due
  std::vector<Tid> attaching_;  // whose calls have Call::awaits_stop_of
  uint64_t last_link_ = 0;      // Link::number
  uint32_t sigchld_sequence_ = 0;
};

}  // namespace nestrace

#endif  // NESTRACE_EMU_CORE_H_
