// A scripted kernel: threads that run, stop and die as the test says, and that behave towards every call of
// Kernel as Linux would. It decides nothing by itself; the events come from tests/emu/guests.h.
//
//   FakeKernel kernel;
//   kernel.Add({.tid = Tid{7}, .tgid = 7, .parent = 1});
//   kernel.Stop(Tid{7}, SIGTRAP | kEventStop << 8);   // as the kernel would; nobody is told yet
//   kernel.FailNext(Tid{7}, -ESRCH);                  // the next ptrace call on 7 fails
//   kernel.DieAtCall(Tid{7}, 3);                      // 7 dies under the third kernel call from now
//   kernel.log()                                      // "ptrace(PTRACE_CONT, 7, 0, 0) = 0", ...
//
// Calls that no kernel state allows (reaping what is no zombie, answering a notification twice) are kept in
// violations(); the fixture of guests.h fails a test that has any.

#ifndef NESTRACE_TESTS_EMU_FAKE_KERNEL_H_
#define NESTRACE_TESTS_EMU_FAKE_KERNEL_H_

#include <signal.h>
#include <sys/user.h>

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "emu/abi.h"
#include "emu/kernel.h"
#include "emu/names.h"
#include "emu/types.h"

namespace nestrace {

// Size of NT_X86_XSTATE.
constexpr size_t kFakeXstateSize = 2432;

constexpr pid_t kSupervisor = 2;  // the tracer of all

struct FakeThread {
  enum class State {
    kRunning,
    kStopped,    // in a ptrace-stop
    kListening,  // in a ptrace-stop under PTRACE_LISTEN
    kDying,      // killed: no stop any more, not yet a zombie
    kZombie,
    kReaped,
  };
  Tid tid;
  ThreadFacts facts;
  State state = State::kRunning;
  int code = 0;  // of the stop
  struct user_regs_struct regs = {};
  std::vector<char> xstate;
  siginfo_t siginfo = {};
  uint64_t message = 0;
  int interrupts = 0;      // PTRACE_INTERRUPTs that it was sent
  bool interrupt = false;  // JOBCTL_TRAP_STOP: the next thing it does is a PTRACE_EVENT_STOP
  bool notify = false;     // JOBCTL_TRAP_NOTIFY: the same, and no other stop ends it
  std::deque<siginfo_t> queued;
  uint64_t notification = 0;  // the one it sleeps in
  int resumes = 0;            // how often a stop was ended by a resume request
  long resume_request = 0;    // the last one, and the signal it had
  int resume_signal = 0;
  long blocked_in = -1;         // what BlockedIn() says
  long group_exit_code = 0;     // what GroupExitCode() says
  std::optional<ExitInfo> end;  // what PeekExit() says
  int generation = 0;           // counts the stops; rbx and the first byte of xstate show it
  bool gone = false;            // in kReaped: also the real parent has reaped it, or there is none
};

struct FakeNotification {
  Notification call;
  bool open = true;
  std::optional<int64_t> answer;   // what was accepted
  std::optional<int64_t> refused;  // what was not: the caller was interrupted
  std::optional<int> descriptor;   // of the supervisor's, given with SEND; `answer` is its number there
  bool continued = false;
};

class FakeKernel : public Kernel {
 public:
  static constexpr int kLandlockRuleset = 500;   // every guest's descriptor of one
  static constexpr uint32_t kLandlockFlags = 7;  // those that are known
  struct Birth {
    Tid tid;
    pid_t tgid = 0;
    pid_t parent = 0;
    std::vector<NamespacedPid> pids = {};  // of the supervisor's namespace alone, if empty
  };

  // --- the script.
  FakeThread& Add(const Birth& birth);
  // `tid` enters a ptrace-stop; a notification it sleeps in is voided, as by a signal.
  void Stop(Tid tid, int code, const siginfo_t& info = {}, uint64_t message = 0);
  // `tid` is killed: from now on every call finds it gone, though it is no zombie yet.
  void Die(Tid tid);
  // All of the process `tgid` is killed.
  void KillProcess(pid_t tgid);
  void BecomeZombie(Tid tid);
  // The next ptrace call on `tid` returns `error` and does nothing.
  void FailNext(Tid tid, long error) { fail_next_[tid.value] = error; }
  // The `k`-th kernel call of any kind from now (1: the next) finds `tid` dead. Instead of dying, the thread
  // may do something else under it: `how`.
  void DieAtCall(Tid tid, int k);
  void AtCall(int k, std::function<void()> what);
  // The next Answer or Continue is refused: the caller was interrupted before it.
  void RefuseNextAnswer() { refuse_next_ = true; }
  // A call is made and interrupted before its notification is received: only its number is gone.
  void SkipNotification() { ++next_notification_; }
  // The next AnswerDescriptor finds the guest's table full.
  void RefuseNextDescriptor(long error) { descriptor_error_ = error; }
  // The next answer is accepted, but never reaches the caller, which had left its sleep with a signal.
  void LoseNextAnswer() { lose_next_ = true; }
  // Whatever was announced to fail, be refused or lost and has not come to pass won't.
  void CancelMishaps() { refuse_next_ = lose_next_ = false, fail_next_.clear(), at_call_.clear(); }
  // Nobody may read or write the memory of the process from outside (it is not dumpable).
  void MakeUndumpable(pid_t tgid) { undumpable_.push_back(tgid); }
  // RLIMIT_SIGPENDING leaves no room for what one process sends another.
  void UseUpPendingLimit() { limit_used_up_ = true; }
  // Somebody is still to fill the memory of the process.
  void SetSlow(pid_t tgid, bool slow) { slow_[tgid] = slow; }
  bool ExpectsSlowMemory() const { return expects_slow_memory_; }
  void DenyAttach(bool deny) { deny_attach_ = deny; }
  // `tracer` opens /proc/PID/mem of `tgid` for writing.
  void OpenMemory(Tid tracer, pid_t tgid) { open_memory_.insert({tracer.value, tgid}); }
  void SetContinued(pid_t tgid, bool continued) { continued_[tgid] = continued; }
  Notification Notify(Notification call);  // gives it an id, the caller sleeps in it

  // --- the state.
  FakeThread& at(Tid tid);
  const std::map<pid_t, FakeThread>& threads() const { return threads_; }
  bool Has(Tid tid) const { return threads_.count(tid.value) != 0; }
  std::deque<siginfo_t>& process_queue(pid_t tgid) { return process_queues_[tgid]; }
  const FakeNotification& notification(uint64_t id) const { return notifications_.at(id); }
  // Guest memory, by process. Two pages at kGuestMemory are mapped in each.
  static constexpr uint64_t kGuestMemory = 0x10000;
  static constexpr size_t kGuestMemorySize = 0x2000;
  std::vector<char>& memory(pid_t tgid);

  // --- the record.
  const std::vector<std::string>& log() const { return log_; }
  void ClearLog() { log_.clear(); }
  // Without a log a call costs a tenth. For those who make millions of them.
  void KeepLog(bool keep) { logging_ = keep; }
  // Log entries that begin with `prefix`, and the place of the first one (log().size() if there is none).
  int Count(const std::string& prefix) const;
  size_t Find(const std::string& prefix) const;
  int calls() const { return calls_; }
  const std::vector<std::string>& violations() const { return violations_; }
  // Called at each real resume, with the request and signal; before the state changes.
  std::function<void(const FakeThread&, long request, int signal)> on_resume;

  // --- Kernel.
  long Ptrace(Abi abi, long request, Tid tid, uint64_t addr, uint64_t data) override;
  long PtraceBuffer(Abi abi, long request, Tid tid, uint64_t addr, absl::Span<char> data) override;
  long GetRegset(Abi abi, Tid tid, uint64_t type, absl::Span<char> buffer) override;
  long SetRegset(Abi abi, Tid tid, uint64_t type, absl::Span<const char> bytes, GuestAddr base,
                 uint64_t length) override;
  long PeekSigInfo(Abi abi, Tid tid, absl::Span<char> buffer) override;
  long ArchPrctl(Tid tid, uint64_t code, absl::Span<char> out) override;
  long ReadMemory(Tid tid, GuestAddr addr, absl::Span<char> out) override;
  long WriteMemory(Tid tid, GuestAddr addr, absl::Span<const char> in) override;
  void ExpectSlowMemory() override { expects_slow_memory_ = true; }
  long SendSignal(Tid tgid, Tid tid, int signal) override;
  long QueueSignal(Tid tgid, Tid tid, const siginfo_t& info) override;
  long Reap(Tid tid) override;
  bool PeekExit(Tid tid, ExitInfo* info) override;
  bool HasStopped(Tid tid) override;
  long WaitContinued(Tid tid, bool leave) override;
  bool Answer(uint64_t id, int64_t value) override;
  bool Continue(uint64_t id) override;
  long AnswerDescriptor(uint64_t id, int fd, bool close_on_exec) override;
  bool ReadFacts(Tid tid, ThreadFacts* facts) override;
  Tid FromNamespace(Tid viewer, pid_t number) override;
  uid_t UidIn(Tid viewer, uid_t uid) override;
  long ProcessGroup(Tid tid) override;
  bool Exists(Tid tid) override;
  bool IsWorker(Tid) override { return false; }
  long PidfdTarget(Tid tid, int fd, bool* nonblocking) override;
  bool HasMemoryOpen(Tid tracer, const std::vector<NamespacedPid>& process) override;
  long BlockedIn(Tid tid) override;
  long GroupExitCode(Tid tgid) override;
  bool ReadTimes(Tid, Tid, long*, long*) override { return false; }
  long MayAttach(Tid caller, Tid target) override;
  bool AccessesAllMemory(Tid) override { return true; }
  bool MayAccessMemory(Tid, Tid) override { return true; }
  long MayTraceChild(Tid parent, Tid child) override;
  int64_t Milliseconds() override { return 0; }
  long SocketType(Tid, int) override { return -ENOTSOCK; }
  bool IsLandlockRuleset(Tid tid, int fd) override;
  bool AreLandlockFlags(uint32_t flags) override { return flags <= kLandlockFlags; }

 private:
  void Enter();
  // Describes the call for the log, if there is one. Returns its result.
  template <typename Describe>
  long Log(const Describe& describe, long result) {
    if (logging_) log_.push_back(describe() + " = " + std::to_string(result));
    return result;
  }
  std::optional<long> EnterPtrace(Tid tid);  // an error that ends the call
  long DoPtrace(long request, FakeThread& thread, uint64_t addr, uint64_t data);
  long Resume(long request, FakeThread& thread, uint64_t signal);
  static absl::Span<char> Regset(FakeThread& thread, uint64_t type, uint64_t length);
  long DoPtraceBuffer(long request, FakeThread& thread, uint64_t addr, absl::Span<char> data);
  bool TakeNotification(uint64_t id, FakeNotification** notification);
  long OutOfReach(Tid tid);
  long Transfer(Tid tid, uint64_t addr, char* out, const char* in, size_t size);

  std::map<pid_t, FakeThread> threads_;
  std::map<pid_t, std::vector<char>> memory_;
  std::map<pid_t, std::deque<siginfo_t>> process_queues_;
  std::map<pid_t, bool> continued_;
  std::map<uint64_t, FakeNotification> notifications_;
  uint64_t next_notification_ = 1000;
  std::map<pid_t, long> fail_next_;
  std::map<int, std::function<void()>> at_call_;
  std::vector<pid_t> undumpable_;
  std::map<pid_t, bool> slow_;
  bool expects_slow_memory_ = false;
  std::set<std::pair<pid_t, pid_t>> open_memory_;  // tracer, process
  bool deny_attach_ = false;
  bool limit_used_up_ = false;
  bool refuse_next_ = false;
  long descriptor_error_ = 0;
  bool lose_next_ = false;
  int calls_ = 0;
  bool logging_ = true;
  std::vector<std::string> log_;
  std::vector<std::string> violations_;
};

}  // namespace nestrace

#endif  // NESTRACE_TESTS_EMU_FAKE_KERNEL_H_
