// The embedder's policy on calls (emu/interceptor.h), whatever interrupts the caller.

#include <errno.h>
#include <signal.h>

#include <functional>
#include <set>
#include <vector>

#include "emu/interceptor.h"
#include "tests/emu/guests.h"

namespace nestrace {
namespace {

constexpr int kNrMkdir = 83, kNrOpen = 2, kNrRead = 0, kNrPtrace = 101, kNrWait4 = 61;
using Decision = Interceptor::Decision;

// Decides as the test says, and counts.
class ScriptedPolicy : public Interceptor {
 public:
  bool Intercepts(Abi, int nr) const override { return calls.count(nr) != 0; }
  Decision OnCall(const Notification& call, Caller* caller) override {
    ++asked;
    process = caller->process();
    Decision decision = decide(call, caller);
    if (!decision.taken) decision.taken = [this] { ++taken; };
    return decision;
  }
  bool MayExecute(Tid) override { return may_execute; }

  std::set<int> calls = {kNrMkdir, kNrOpen, kNrRead};
  std::function<Decision(const Notification&, Caller*)> decide;
  bool may_execute = true;
  int asked = 0, taken = 0;
  Tid process;
};

class InterceptTest : public ::testing::Test, protected Guests {
 protected:
  InterceptTest() : Guests(&policy) { Family(); }
  ~InterceptTest() override { EXPECT_THAT(kernel.violations(), ::testing::IsEmpty()); }

  void Decide(Decision decision) {
    policy.decide = [decision](const Notification&, Interceptor::Caller*) { return decision; };
  }
  int64_t Mkdir() { return Call(kTracee, kNrMkdir, {kFree, 0755}); }
  // The tracee's execve has ended with `rax`, and a signal stops it.
  void RefusedProgramGetsSignal(int64_t rax, int signal) {
    ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee, 0, 0), 0);
    policy.may_execute = false;
    kernel.at(kTracee).regs.orig_rax = 59;
    kernel.at(kTracee).regs.rax = rax;
    Signal(kTracee, signal);
  }
  int64_t Open() { return Call(kTracee, kNrOpen, {kFree, 0}); }

  ScriptedPolicy policy;
};

Decision Done(int64_t value) {
  Decision decision = Decision::Return(value);
  decision.done = true;
  return decision;
}

Decision Give(int fd) {
  Decision decision;
  decision.kind = Decision::Kind::kDescriptor;
  decision.value = fd;
  return decision;
}

Decision Change(uint64_t first, uint64_t second) {
  Decision decision;
  decision.kind = Decision::Kind::kChange;
  decision.args = {first, second};
  return decision;
}

TEST_F(InterceptTest, DecisionsAreCarriedOut) {
  Decide(Decision::Return(-EACCES));
  EXPECT_EQ(Mkdir(), -EACCES);
  EXPECT_EQ(policy.process, kTracee);
  Decide(Decision::Run());
  EXPECT_EQ(Mkdir(), kNative);
  Decide(Give(5));
  EXPECT_EQ(Open(), 105);
  EXPECT_EQ(policy.taken, 3);
}

TEST_F(InterceptTest, OtherCallsAreNotAskedFor) {
  EXPECT_EQ(Wait(kTracer), Result(kNative));
  EXPECT_EQ(policy.asked, 0);
}

// --- refused answers.

TEST_F(InterceptTest, RefusedAnswerIsGivenAtTheStop) {
  Decide(Decision::Return(-EACCES));
  kernel.RefuseNextAnswer();
  Mkdir();
  Signal(kTracee, SIGALRM);
  EXPECT_EQ(Rax(kTracee), -EACCES);
  EXPECT_EQ(policy.asked, 1);
  EXPECT_EQ(policy.taken, 1);
  EXPECT_EQ(kernel.at(kTracee).resume_signal, SIGALRM);
}

TEST_F(InterceptTest, WhatIsDoneIsNotDoneAgain) {
  Decide(Done(7));
  kernel.RefuseNextAnswer();
  Mkdir();
  Signal(kTracee, SIGALRM);
  EXPECT_EQ(Rax(kTracee), 7);
  EXPECT_EQ(policy.asked, 1);
  EXPECT_EQ(policy.taken, 1);
  EXPECT_EQ(Mkdir(), 7);
  EXPECT_EQ(policy.asked, 2) << "the next call is another one";
}

TEST_F(InterceptTest, LostAnswerIsGivenOnceMore) {
  Decide(Done(7));
  kernel.LoseNextAnswer();
  Mkdir();
  Signal(kTracee, SIGALRM);
  EXPECT_EQ(Rax(kTracee), -kErestartnointr);
  EXPECT_EQ(Restart(kTracee), 7);
  EXPECT_EQ(policy.asked, 1);
  EXPECT_EQ(policy.taken, 1);
}

TEST_F(InterceptTest, RefusedRunStartsAgain) {
  Decide(Decision::Run());
  kernel.RefuseNextAnswer();
  Mkdir();
  Signal(kTracee, SIGALRM);
  EXPECT_EQ(Rax(kTracee), -kErestartnointr) << "never EINTR";
  EXPECT_EQ(Restart(kTracee), kNative);
  EXPECT_EQ(policy.taken, 1);
}

TEST_F(InterceptTest, RefusedDescriptorIsGivenWhenTheCallComesAgain) {
  Decision decision = Give(5);
  decision.done = true;
  Decide(decision);
  kernel.RefuseNextAnswer();
  Open();
  Signal(kTracee, SIGALRM);
  EXPECT_EQ(Rax(kTracee), -kErestartnointr);
  EXPECT_EQ(policy.taken, 0);
  EXPECT_EQ(Restart(kTracee), 105);
  EXPECT_EQ(policy.asked, 1);
  EXPECT_EQ(policy.taken, 1);
}

TEST_F(InterceptTest, AFullTableOfTheCallerIsItsError) {
  Decide(Give(5));
  kernel.RefuseNextDescriptor(-EMFILE);
  EXPECT_EQ(Open(), -EMFILE);
  EXPECT_EQ(policy.taken, 0);
}

TEST_F(InterceptTest, ACallThatWasNeverReceivedStartsAgain) {
  Decide(Decision::Return(0));
  kernel.Notify({.tid = kTracee, .nr = kNrMkdir, .args = {kFree, 0755}});
  Signal(kTracee, SIGALRM);
  EXPECT_EQ(Rax(kTracee), -kErestartnointr);
  EXPECT_EQ(policy.asked, 0);
}

TEST_F(InterceptTest, ACallThatTheKernelInterruptedIsTheKernels) {
  Decide(Decision::Run());
  EXPECT_EQ(Call(kTracee, kNrRead, {0, kFree, 1}), kNative);
  kernel.at(kTracee).regs.rax = -kErestartsys;
  Signal(kTracee, SIGALRM);
  EXPECT_EQ(Rax(kTracee), -kErestartsys) << "EINTR or a restart, as the handler wants";
  // mkdir never waits: it is one more mkdir, interrupted before it was received.
  EXPECT_EQ(Mkdir(), kNative);
  kernel.at(kTracee).regs.rax = -kErestartsys;
  Signal(kTracee, SIGALRM);
  EXPECT_EQ(Rax(kTracee), -kErestartnointr);
}

TEST_F(InterceptTest, CallerKilledInItsCallIsForgotten) {
  Decide(Done(7));
  kernel.RefuseNextAnswer();
  Mkdir();
  kernel.Die(kTracee);
  Exit(kTracee, SIGKILL);
  EXPECT_EQ(policy.asked, 1);
  EXPECT_EQ(policy.taken, 1);
}

// --- memory.

TEST_F(InterceptTest, CallerThatCantBeReadIsStoppedAndReadThere) {
  kernel.MakeUndumpable(kTracee.value);
  Write(kTracee, kFree, uint64_t{0x1234});
  policy.decide = [](const Notification& call, Interceptor::Caller* caller) {
    uint64_t word = 0;
    const long error =
        caller->Read(GuestAddr{call.args[0]}, absl::MakeSpan(reinterpret_cast<char*>(&word), sizeof(word)));
    return Decision::Return(error < 0 ? error : static_cast<int64_t>(word));
  };
  EXPECT_EQ(Mkdir(), kParked);
  EXPECT_EQ(policy.taken, 0);
  Trap(kTracee);
  EXPECT_EQ(Rax(kTracee), 0x1234);
  EXPECT_EQ(policy.taken, 1);
  EXPECT_TRUE(Runs(kTracee));
}

TEST_F(InterceptTest, CallerIsAskedAboutAgainOnceItsMemoryIsThere) {
  kernel.SetSlow(kTracee.value, true);
  policy.decide = [](const Notification& call, Interceptor::Caller* caller) {
    uint64_t word = 0;
    const long error =
        caller->Read(GuestAddr{call.args[0]}, absl::MakeSpan(reinterpret_cast<char*>(&word), sizeof(word)));
    return Decision::Return(error);
  };
  EXPECT_EQ(Mkdir(), kParked);
  Signal(kTracee, SIGUSR1);
  EXPECT_EQ(Rax(kTracee), -kErestartnointr);
  EXPECT_EQ(policy.taken, 0);
  EXPECT_EQ(Restart(kTracee), kParked);
  kernel.SetSlow(kTracee.value, false);
  emulator.OnMemory(kTracee);
  EXPECT_EQ(ResultOf(kTracee), 0);
  EXPECT_EQ(policy.taken, 1);
}

// --- changed arguments.

TEST_F(InterceptTest, ChangedCallIsMadeOnceAndItsRegistersPutBack) {
  Decide(Change(1, 2));
  EXPECT_EQ(Mkdir(), kParked);
  Trap(kTracee);
  EXPECT_EQ(Rax(kTracee), -kErestartnointr);
  EXPECT_EQ(kernel.at(kTracee).regs.rdi, 1u);
  EXPECT_EQ(kernel.at(kTracee).resume_request, kSyscall);
  SyscallEnter(kTracee, kNrMkdir);
  const int asked = policy.asked;
  EXPECT_EQ(Restart(kTracee), kNative);
  EXPECT_EQ(policy.asked, asked) << "it was judged";
  SyscallExit(kTracee, 0);
  EXPECT_EQ(kernel.at(kTracee).regs.rdi, kFree);
  EXPECT_EQ(kernel.at(kTracee).regs.rsi, 0755u);
  EXPECT_EQ(kernel.at(kTracee).resume_request, kCont);
  EXPECT_EQ(policy.taken, 1);
}

TEST_F(InterceptTest, ASignalBeforeTheChangedCallPutsItBackAndItIsJudgedAnew) {
  Decide(Change(1, 2));
  Mkdir();
  Trap(kTracee);
  Signal(kTracee, SIGALRM);
  EXPECT_EQ(kernel.at(kTracee).regs.rdi, kFree) << "what the handler's frame shows";
  EXPECT_EQ(Rax(kTracee), -kErestartnointr);
  const int asked = policy.asked;
  EXPECT_EQ(Restart(kTracee), kParked);
  EXPECT_EQ(policy.asked, asked + 1);
}

TEST_F(InterceptTest, TracerSeesOneCall) {
  ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee, 0, kOptSysGood), 0);
  Signal(kTracee, SIGUSR1);
  ASSERT_EQ(Wait(kTracer), StopOf(kTracee, SIGUSR1));
  ASSERT_EQ(Ptrace(kTracer, kSyscall, kTracee), 0);
  kernel.at(kTracee).regs.rdi = kFree;
  kernel.at(kTracee).regs.rsi = 0755;
  SyscallEnter(kTracee, kNrMkdir);
  ASSERT_EQ(Wait(kTracer), StopOf(kTracee, kSysGoodCode));
  ASSERT_EQ(Ptrace(kTracer, kSyscall, kTracee), 0);
  Decide(Change(1, 2));
  Mkdir();
  SyscallExit(kTracee, -kErestartsys);  // the kick: first the exit-stop,
  EXPECT_EQ(Wait(kTracer), Result(0));
  Trap(kTracee);  // then its own, if it came twice
  EXPECT_EQ(Wait(kTracer), Result(0));
  SyscallEnter(kTracee, kNrMkdir);
  EXPECT_EQ(Wait(kTracer), Result(0));
  EXPECT_EQ(Restart(kTracee), kNative);
  SyscallExit(kTracee, 0);
  EXPECT_EQ(Wait(kTracer), StopOf(kTracee, kSysGoodCode));
  EXPECT_EQ(kernel.at(kTracee).regs.rdi, kFree);
}

// --- calls that the emulation has too.

TEST_F(InterceptTest, PolicyComesBeforeTheEmulation) {
  policy.calls = {kNrPtrace};
  Decide(Decision::Return(-EPERM));
  EXPECT_EQ(Ptrace(kTracer, kSeize, kTracee), -EPERM);
  Decide(Decision::Run());
  EXPECT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  EXPECT_EQ(policy.asked, 2);
}

TEST_F(InterceptTest, AParkedWaitIsAskedForOnce) {
  ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  policy.calls = {kNrWait4};
  Decide(Decision::Run());
  EXPECT_EQ(WaitBlocking(kTracer), Result(kParked));
  Signal(kTracee, SIGUSR1);
  EXPECT_EQ(SettledWaitOf(kTracer), StopOf(kTracee, SIGUSR1));
  EXPECT_EQ(policy.asked, 1);
}

TEST_F(InterceptTest, AWaitThatWasNeverReceivedIsJudgedWhenItComesAgain) {
  ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  Signal(kTracee, SIGUSR1);
  policy.calls = {kNrWait4};
  Decide(Decision::Return(-EPERM));
  kernel.Notify({.tid = kTracer, .nr = kNrWait4, .args = {~0ull, kStatusAt, kWall, 0}});
  Signal(kTracer, SIGALRM);
  EXPECT_EQ(Rax(kTracer), -kErestartnointr) << "not the report";
}

// --- programs.

TEST_F(InterceptTest, RefusedProgramIsKilledAtItsEventUnseen) {
  ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee, 0, kOptTraceExec), 0);
  policy.may_execute = false;
  Event(kTracee, kEventExec, kTracee.value);
  EXPECT_EQ(kernel.Count("tgkill(20, 20, 9)"), 1);
  EXPECT_EQ(Resumes(kTracee), 1) << "only its first stop was ever left";
  EXPECT_EQ(Wait(kTracer), Result(0));
}

TEST_F(InterceptTest, RefusedProgramShowsNoStopOnItsWayToTheEnd) {
  ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee, 0, kOptTraceExit), 0);
  policy.may_execute = false;
  Event(kTracee, kEventExec, kTracee.value);
  ExitEvent(kTracee, SIGKILL);
  EXPECT_EQ(Wait(kTracer), Result(0));
  Exit(kTracee, SIGKILL);
  EXPECT_EQ(Wait(kTracer).result, kTracee.value);
}

// The kernel has mapped a part of the new program when it finds that the rest does not fit: SIGSEGV.
TEST_F(InterceptTest, RefusedProgramIsKilledWhereItsExecveFailedLate) {
  RefusedProgramGetsSignal(-ENOMEM, SIGSEGV);
  EXPECT_EQ(kernel.Count("tgkill(20, 20, 9)"), 1);
  EXPECT_EQ(Wait(kTracer), Result(0));
}

TEST_F(InterceptTest, OtherSignalsBehindExecveAreNoReasonToAsk) {
  RefusedProgramGetsSignal(-ENOENT, SIGUSR1);
  EXPECT_EQ(kernel.Count("tgkill(20, 20, 9)"), 0);
  EXPECT_EQ(Wait(kTracer), StopOf(kTracee, SIGUSR1));
}

TEST_F(InterceptTest, AThreadOutsideTheTableIsRefused) {
  kernel.Add({.tid = kOther, .tgid = kOther.value, .parent = kShell.value});
  Decide(Decision::Run());
  EXPECT_EQ(Call(kOther, kNrMkdir, {kFree, 0}), -EPERM);
  EXPECT_EQ(policy.asked, 0);
}

}  // namespace
}  // namespace nestrace
