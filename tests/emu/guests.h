// A small world of guests for tests: a scripted kernel, the emulation on top of it, and verbs for what guests
// and the kernel do. A test derives from EmuTest and reads like a story:
//
//   Family();                                          // kTracer and kTracee, children of kShell
//   EXPECT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
//   Signal(kTracee, SIGUSR1);                          // it stops with a signal
//   EXPECT_EQ(Wait(kTracer), StopOf(kTracee, SIGUSR1));
//   EXPECT_EQ(Ptrace(kTracer, kCont, kTracee, 0, SIGUSR1), 0);
//   EXPECT_TRUE(Runs(kTracee));

#ifndef NESTRACE_TESTS_EMU_GUESTS_H_
#define NESTRACE_TESTS_EMU_GUESTS_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "emu/abi.h"
#include "emu/emulator.h"
#include "emu/interceptor.h"
#include "tests/emu/fake_kernel.h"

namespace nestrace {

// What a guest's call came to, beside values.
constexpr int64_t kParked = std::numeric_limits<int64_t>::min();  // no answer yet
constexpr int64_t kNative = kParked + 1;                          // the kernel carries it out
constexpr int64_t kVoid = kParked + 2;                            // interrupted, and nothing was done

// What a wait call shows: its result, and the status if that is a pid.
struct Waited {
  int64_t result = 0;
  int status = 0;
  friend bool operator==(const Waited& a, const Waited& b) {
    return a.result == b.result && a.status == b.status;
  }
  friend std::ostream& operator<<(std::ostream& os, const Waited& w);
};

inline Waited StopOf(Tid tid, int code) { return {tid.value, (code << 8) | 0x7f}; }
inline Waited ExitOf(Tid tid, int status) { return {tid.value, status}; }
inline Waited Result(int64_t value) { return {value, 0}; }
constexpr int EventCode(int event, int signal = SIGTRAP) { return signal | (event << 8); }
constexpr int kSysGoodCode = SIGTRAP | 0x80;

constexpr Tid kShell{5};
constexpr Tid kTracer{10};
constexpr Tid kTracee{20};
constexpr Tid kOther{30};

constexpr uint32_t kCookie = 0x5eed0000;
constexpr uint64_t kPass = 0x9a5500009a55;

class Guests {
 public:
  // Where the helpers below keep their results in guest memory; tests use the second page.
  static constexpr uint64_t kStatusAt = FakeKernel::kGuestMemory + 16;
  static constexpr uint64_t kInfoAt = FakeKernel::kGuestMemory + 64;
  static constexpr uint64_t kActionAt = FakeKernel::kGuestMemory + 256;
  static constexpr uint64_t kFree = FakeKernel::kGuestMemory + 512;
  static constexpr uint64_t kUnmapped = 0x999000;

  explicit Guests(bool nesting = true, Observer* observer = nullptr);
  explicit Guests(Interceptor* interceptor);

  // --- births.
  void Root(Tid tid);
  // Only in the kernel: the child exists, in its first stop; neither it nor its parent has been heard of.
  void NewProcess(Tid parent, Tid child, std::vector<NamespacedPid> pids = {});
  void NewThread(Tid sibling, Tid child);
  void BirthEvent(Tid parent, Tid child, int event = kEventFork);
  void FirstStop(Tid child);
  // All of it, in the order in which the kernel usually shows it.
  void Fork(Tid parent, Tid child);
  void Clone(Tid sibling, Tid child);
  // kShell, outside which nobody is, and its children kTracer and kTracee.
  void Family();

  // --- stops and ends, as the kernel announces them.
  void Announce(Tid tid);  // that it is in the stop that kernel.Stop() has made
  void Signal(Tid tid, int signal);
  void SignalWith(Tid tid, const siginfo_t& info);
  void DeliverQueued(Tid tid);  // the signal-delivery-stop of what was queued by the supervisor
  void Trap(Tid tid);           // PTRACE_EVENT_STOP with SIGTRAP
  void GroupStop(Tid tid, int signal = SIGSTOP);
  void SyscallEnter(Tid tid, int nr = 39);
  void SyscallExit(Tid tid, int64_t result = 0);
  void Event(Tid tid, int event, uint64_t message = 0);
  void ExitEvent(Tid tid, int status);
  // PTRACE_EVENT_EXIT of a parent that was killed before the event that would have told of its child.
  void KilledInFork(Tid parent, pid_t child, uint64_t nr = 57);
  void Exit(Tid tid, int status);  // the zombie
  void Die(Tid tid, int status);   // both of them, if the first one is let through
  void Kill(Tid tid) { Die(tid, SIGKILL); }

  // --- calls of guests. Each returns the result, kParked, kNative or kVoid.
  int64_t Call(Tid caller, int nr, std::vector<uint64_t> args, Abi abi = Abi::kX86_64);
  int64_t Ptrace(Tid caller, long request, Tid target = {}, uint64_t addr = 0, uint64_t data = 0);
  Waited Wait(Tid caller, pid_t pid = -1, uint32_t flags = kWnohang | kWall);
  Waited WaitBlocking(Tid caller, pid_t pid = -1) { return Wait(caller, pid, kWall); }
  int64_t Waitid(Tid caller, int id_type, pid_t id, uint32_t flags);
  // Of SIGCHLD. kNative, unless the caller is interrupted already.
  int64_t Sigaction(Tid caller, uint64_t handler, uint64_t flags = 0);
  // The caller's last call, which the kernel has interrupted and starts again.
  int64_t Restart(Tid caller);
  // The caller makes its last call once more, which is only received yet.
  Notification ReceiveAgain(Tid caller);
  // The result of a call that was interrupted and is at the stop that followed: in rax, or once it has
  // started again, if it does so without fail (-ERESTARTNOINTR).
  int64_t ResultBehindStop(Tid caller) {
    return Rax(caller) == -kErestartnointr ? Restart(caller) : Rax(caller);
  }
  // What the caller's last call has come to by now, by its notification. If that was voided (WasRefused), the
  // call has had its effects, and the result comes by rax.
  int64_t ResultOf(Tid caller);
  bool WasRefused(Tid caller);
  Waited WaitOf(Tid caller);
  // The same for a parked wait whose result may come by another road: at the stop of its SIGCHLD, in rax.
  Waited SettledWaitOf(Tid caller);

  // --- looking.
  bool Runs(Tid tid) { return kernel.at(tid).state == FakeThread::State::kRunning; }
  bool Reaped(Tid tid) { return kernel.at(tid).state == FakeThread::State::kReaped; }
  bool Stopped(Tid tid) { return kernel.at(tid).state == FakeThread::State::kStopped; }
  bool Listens(Tid tid) { return kernel.at(tid).state == FakeThread::State::kListening; }
  int Resumes(Tid tid) { return kernel.at(tid).resumes; }
  int64_t Rax(Tid tid) { return static_cast<int64_t>(kernel.at(tid).regs.rax); }
  template <typename T>
  T Read(Tid tid, uint64_t addr) {
    T value;
    memcpy(&value, kernel.memory(kernel.at(tid).facts.tgid).data() + (addr - FakeKernel::kGuestMemory),
           sizeof(value));
    return value;
  }
  template <typename T>
  void Write(Tid tid, uint64_t addr, const T& value) {
    memcpy(kernel.memory(kernel.at(tid).facts.tgid).data() + (addr - FakeKernel::kGuestMemory), &value,
           sizeof(value));
  }
  // The siginfo of `tracee`'s stop, as `tracer` reads it.
  siginfo_t SigInfo(Tid tracer, Tid tracee);
  // SIGCHLDs that the supervisor has queued to the process of `tid` and that nobody has taken.
  size_t QueuedSigchlds(Tid tid);

  FakeKernel kernel;
  Emulator emulator;

 private:
  Notification Receive(Notification call);

  std::map<pid_t, uint64_t> last_call_;
};

class EmuTest : public ::testing::Test, protected Guests {
 protected:
  explicit EmuTest(bool nesting = true, Observer* observer = nullptr) : Guests(nesting, observer) {}
  void TearDown() override { EXPECT_THAT(kernel.violations(), ::testing::IsEmpty()); }

  // A seized tracee that has stopped with `signal`, and kTracer has waited for that.
  void SeizedAndStopped(uint64_t options = 0, int signal = SIGUSR1);
  // The same with PTRACE_ATTACH; its SIGSTOP is over.
  void AttachedAndStopped(int signal = SIGUSR1);
};

}  // namespace nestrace

#endif  // NESTRACE_TESTS_EMU_GUESTS_H_
