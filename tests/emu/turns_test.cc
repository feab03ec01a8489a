// A stop comes to each link in its turn, and what is one link's alone is shown to nobody else. What the
// fuzzer found (scene.h).

#include <errno.h>
#include <signal.h>

#include "tests/emu/guests.h"

namespace nestrace {
namespace {

const Tid kOuter{10};
const Tid kInner{12};
constexpr int kTrapCode = EventCode(kEventStop);

class TurnsTest : public EmuTest {
 protected:
  void SetUp() override {
    Root(kShell);
    for (const Tid tid : {kOuter, kInner, kTracee}) Fork(kShell, tid);
    ASSERT_EQ(Ptrace(kOuter, kSeize, kInner), 0);
  }
  void TwoLinks(uint64_t outer_options = 0, uint64_t inner_options = 0) {
    ASSERT_EQ(Ptrace(kOuter, kSeize, kTracee, 0, outer_options), 0);
    ASSERT_EQ(Ptrace(kInner, kSeize, kTracee, 0, inner_options), 0);
  }
  // A signal lets both tracers choose how the tracee goes on.
  void ResumeBoth(long outer, long inner) {
    Signal(kTracee, SIGUSR1);
    ASSERT_EQ(Ptrace(kOuter, outer, kTracee, 0, SIGUSR1), 0);
    ASSERT_EQ(Ptrace(kInner, inner, kTracee), 0);
    ASSERT_TRUE(Runs(kTracee));
  }
  void ExpectNothing(Tid tracer) { EXPECT_EQ(Wait(tracer, kTracee.value), Result(0)); }
};

// --- a link's turn.

TEST_F(TurnsTest, ModeIsThatOfTheMomentWhenTheStopArrives) {
  TwoLinks();
  ResumeBoth(kCont, kSyscall);
  SyscallEnter(kTracee);
  ASSERT_EQ(Wait(kInner), StopOf(kTracee, SIGTRAP));
  ASSERT_EQ(Ptrace(kOuter, kInterrupt, kTracee), 0);
  ASSERT_EQ(Wait(kOuter, kTracee.value), StopOf(kTracee, kTrapCode));
  ASSERT_EQ(Ptrace(kOuter, kSyscall, kTracee), 0);
  ASSERT_EQ(Ptrace(kInner, kSyscall, kTracee), 0);
  EXPECT_EQ(Wait(kOuter, kTracee.value), StopOf(kTracee, SIGTRAP))
      << "or it would see an exit without an entry";
}

// strace -p of what another strace -f has traced all along: the call that the interrupt ends is over for
// both.
TEST_F(TurnsTest, InterruptInACallIsBehindItsExit) {
  ASSERT_EQ(Ptrace(kOuter, kSeize, kTracee), 0);
  Signal(kTracee, SIGUSR1);
  ASSERT_EQ(Ptrace(kOuter, kSyscall, kTracee), 0);
  SyscallEnter(kTracee);
  ASSERT_EQ(Ptrace(kOuter, kSyscall, kTracee), 0);
  ASSERT_EQ(Ptrace(kInner, kSeize, kTracee), 0);
  ASSERT_EQ(Ptrace(kInner, kInterrupt, kTracee), 0);
  SyscallExit(kTracee, -kErestartsys);
  ASSERT_EQ(Wait(kOuter, kTracee.value), StopOf(kTracee, SIGTRAP));
  ASSERT_EQ(Wait(kInner), StopOf(kTracee, kTrapCode));
  ASSERT_EQ(Ptrace(kInner, kSyscall, kTracee), 0);
  ASSERT_EQ(Ptrace(kOuter, kSyscall, kTracee), 0);
  ExpectNothing(kInner);
  EXPECT_TRUE(Runs(kTracee)) << "and next is an entry";
}

TEST_F(TurnsTest, InterruptAskedBeforeAnothersStopIsReportedAtOnce) {
  TwoLinks();
  ASSERT_EQ(Ptrace(kInner, kInterrupt, kTracee), 0);
  Signal(kTracee, SIGUSR1);
  EXPECT_EQ(Wait(kInner), StopOf(kTracee, kTrapCode));
  EXPECT_EQ(Wait(kOuter, kTracee.value), StopOf(kTracee, SIGUSR1));
}

TEST_F(TurnsTest, InterruptOfOneThatIsHeldTwiceGivesNoTrapForOthers) {
  TwoLinks(kOptTraceExec, kOptTraceExec);
  Event(kTracee, kEventExec, kTracee.value);
  ASSERT_EQ(Wait(kOuter, kTracee.value), StopOf(kTracee, EventCode(kEventExec)));
  ASSERT_EQ(Ptrace(kOuter, kInterrupt, kTracee), 0);
  ASSERT_EQ(Ptrace(kOuter, kCont, kTracee), 0);
  ASSERT_EQ(Wait(kOuter, kTracee.value), StopOf(kTracee, kTrapCode)) << "the inner one holds it now";
  ASSERT_EQ(Ptrace(kOuter, kCont, kTracee), 0);
  ASSERT_EQ(Ptrace(kInner, kCont, kTracee), 0);
  EXPECT_TRUE(Runs(kTracee));
  EXPECT_FALSE(kernel.at(kTracee).interrupt) << "it had its stop";
}

TEST_F(TurnsTest, TrapOfAnInterruptWhoseTracerDiedIsNobodys) {
  TwoLinks();
  ASSERT_EQ(Ptrace(kInner, kInterrupt, kTracee), 0);
  Kill(kInner);
  Trap(kTracee);
  EXPECT_TRUE(Runs(kTracee));
  ExpectNothing(kOuter);
}

TEST_F(TurnsTest, TrapOfAnInterruptIsNotTheListeners) {
  TwoLinks();
  ASSERT_EQ(Ptrace(kOuter, kInterrupt, kTracee), 0);
  Trap(kTracee);
  ASSERT_EQ(Wait(kOuter, kTracee.value), StopOf(kTracee, kTrapCode));
  ASSERT_EQ(Ptrace(kOuter, kListen, kTracee), 0);
  ASSERT_EQ(Ptrace(kInner, kInterrupt, kTracee), 0);
  Trap(kTracee);
  EXPECT_EQ(Wait(kInner), StopOf(kTracee, kTrapCode));
  ASSERT_EQ(Ptrace(kInner, kCont, kTracee), 0);
  EXPECT_TRUE(Listens(kTracee));
  ExpectNothing(kOuter);
}

TEST_F(TurnsTest, SecondSigstopBehindAnInterruptIsNewsForAll) {
  TwoLinks();
  GroupStop(kTracee);
  ASSERT_EQ(Ptrace(kOuter, kCont, kTracee), 0);
  ASSERT_EQ(Ptrace(kInner, kCont, kTracee), 0);
  Signal(kTracee, SIGSTOP);
  ASSERT_EQ(Ptrace(kOuter, kCont, kTracee, 0, SIGSTOP), 0);
  ASSERT_EQ(Ptrace(kInner, kCont, kTracee, 0, SIGSTOP), 0);
  ASSERT_EQ(Ptrace(kInner, kInterrupt, kTracee), 0);
  GroupStop(kTracee);
  EXPECT_EQ(Wait(kOuter, kTracee.value), StopOf(kTracee, EventCode(kEventStop, SIGSTOP)));
}

TEST_F(TurnsTest, GroupStoppedThreadWhoseTracerDiesStopsAgain) {
  ASSERT_EQ(Ptrace(kOuter, kSeize, kTracee), 0);
  GroupStop(kTracee);
  ASSERT_EQ(Ptrace(kOuter, kCont, kTracee), 0);
  Kill(kOuter);
  ASSERT_TRUE(kernel.at(kTracee).interrupt);
  GroupStop(kTracee);
  EXPECT_TRUE(Listens(kTracee));
}

// The same, and a new tracer comes before it has.
TEST_F(TurnsTest, GroupStopThatADetachedThreadGoesBackToIsShownToTheNextTracer) {
  ASSERT_EQ(Ptrace(kOuter, kSeize, kTracee), 0);
  GroupStop(kTracee);
  ASSERT_EQ(Ptrace(kOuter, kCont, kTracee), 0);
  Signal(kTracee, SIGUSR1);
  ASSERT_EQ(Ptrace(kOuter, kDetach, kTracee), 0);
  ASSERT_TRUE(kernel.at(kTracee).interrupt);
  ASSERT_EQ(Ptrace(kInner, kSeize, kTracee), 0);
  GroupStop(kTracee);
  EXPECT_EQ(Wait(kInner), StopOf(kTracee, EventCode(kEventStop, SIGSTOP)));
}

// --- signals that are one link's own.

TEST_F(TurnsTest, SigstopsOfTwoAttachesAreEachTracersOwn) {
  for (const bool passes : {false, true}) {
    SCOPED_TRACE(passes);
    const Tid tracee{passes ? 50 : 51};
    Fork(kShell, tracee);
    ASSERT_EQ(Ptrace(kOuter, kAttach, tracee), 0);
    ASSERT_EQ(Ptrace(kInner, kAttach, tracee), 0);
    DeliverQueued(tracee);
    EXPECT_EQ(Wait(kOuter, tracee.value), StopOf(tracee, SIGSTOP));
    ASSERT_EQ(Ptrace(kOuter, kCont, tracee, 0, passes ? SIGSTOP : 0), 0);
    EXPECT_EQ(Wait(kInner, tracee.value), StopOf(tracee, SIGSTOP));
    ASSERT_EQ(Ptrace(kInner, kCont, tracee), 0);
    EXPECT_TRUE(Runs(tracee));
    EXPECT_EQ(kernel.at(tracee).resume_signal, passes ? SIGSTOP : 0);
  }
}

TEST_F(TurnsTest, SigstopOfAnAttachIsNotThatOfTheAttachBefore) {
  ASSERT_EQ(Ptrace(kOuter, kAttach, kTracee), 0);
  DeliverQueued(kTracee);
  ASSERT_EQ(Wait(kOuter, kTracee.value), StopOf(kTracee, SIGSTOP));
  ASSERT_EQ(Ptrace(kOuter, kCont, kTracee), 0);
  ASSERT_EQ(Ptrace(kInner, kAttach, kTracee), 0);
  DeliverQueued(kTracee);
  ExpectNothing(kOuter);
  EXPECT_EQ(Wait(kInner), StopOf(kTracee, SIGSTOP));
}

TEST_F(TurnsTest, SigstopThatBecomesAnotherSignalIsStillOwedToTheNext) {
  ASSERT_EQ(Ptrace(kOuter, kAttach, kTracee), 0);
  ASSERT_EQ(Ptrace(kInner, kAttach, kTracee), 0);
  DeliverQueued(kTracee);
  ASSERT_EQ(Ptrace(kOuter, kCont, kTracee, 0, SIGUSR1), 0);
  EXPECT_EQ(Wait(kInner), StopOf(kTracee, SIGUSR1));
  ASSERT_EQ(Ptrace(kInner, kCont, kTracee), 0);
  DeliverQueued(kTracee);
  EXPECT_EQ(Wait(kInner), StopOf(kTracee, SIGSTOP));
}

TEST_F(TurnsTest, SigtrapsOfAnExecAreEachTracersOwn) {
  ASSERT_EQ(Ptrace(kOuter, kAttach, kTracee), 0);
  ASSERT_EQ(Ptrace(kInner, kAttach, kTracee), 0);
  DeliverQueued(kTracee);
  ASSERT_EQ(Ptrace(kOuter, kCont, kTracee), 0);
  ASSERT_EQ(Ptrace(kInner, kCont, kTracee), 0);
  Event(kTracee, kEventExec, kTracee.value);
  DeliverQueued(kTracee);
  ASSERT_EQ(Wait(kOuter, kTracee.value), StopOf(kTracee, SIGTRAP));
  ASSERT_EQ(Ptrace(kOuter, kCont, kTracee), 0);
  EXPECT_EQ(Wait(kInner), StopOf(kTracee, SIGTRAP));
}

// --- system calls that a tracer emulates.

TEST_F(TurnsTest, EmulatedCallIsNotSeenFurtherOut) {
  TwoLinks(kOptSysGood, kOptSysGood);
  ResumeBoth(kSyscall, kSysemu);
  EXPECT_EQ(kernel.at(kTracee).resume_request, kSysemu);
  SyscallEnter(kTracee);
  EXPECT_EQ(Wait(kInner), StopOf(kTracee, kSysGoodCode));
  ExpectNothing(kOuter);
  ASSERT_EQ(Ptrace(kInner, kSysemu, kTracee), 0);
  EXPECT_TRUE(Runs(kTracee));
  EXPECT_EQ(kernel.at(kTracee).resume_request, kSysemu);
  ExpectNothing(kOuter);
}

TEST_F(TurnsTest, CallThatTheOuterEmulatesHasAnExitForTheInner) {
  TwoLinks(kOptSysGood, kOptSysGood);
  ResumeBoth(kSysemu, kSyscall);
  SyscallEnter(kTracee);
  ASSERT_EQ(Wait(kInner), StopOf(kTracee, kSysGoodCode));
  ASSERT_EQ(Ptrace(kInner, kSyscall, kTracee), 0);
  ASSERT_EQ(Wait(kOuter, kTracee.value), StopOf(kTracee, kSysGoodCode));
  ASSERT_EQ(Ptrace(kOuter, kSysemu, kTracee), 0);
  EXPECT_EQ(kernel.at(kTracee).resume_request, kSyscall) << "which alone gives the exit";
  SyscallExit(kTracee);
  ExpectNothing(kOuter);
  EXPECT_EQ(Wait(kInner), StopOf(kTracee, kSysGoodCode));
}

TEST_F(TurnsTest, CallHasComePastOneThatAttachesFurtherIn) {
  ASSERT_EQ(Ptrace(kOuter, kSeize, kTracee), 0);
  Signal(kTracee, SIGUSR1);
  ASSERT_EQ(Ptrace(kOuter, kSysemu, kTracee), 0);
  SyscallEnter(kTracee);
  ASSERT_EQ(Ptrace(kInner, kSeize, kTracee), 0);
  ASSERT_EQ(Ptrace(kInner, kInterrupt, kTracee), 0);
  ASSERT_EQ(Wait(kInner), StopOf(kTracee, kTrapCode));
  ASSERT_EQ(Ptrace(kInner, kSysemu, kTracee), 0);
  ASSERT_EQ(Ptrace(kOuter, kCont, kTracee), 0);
  EXPECT_TRUE(Runs(kTracee));
}

TEST_F(TurnsTest, CallWhoseEmulatorDiedIsMadeAgain) {
  TwoLinks();
  ResumeBoth(kCont, kSysemu);
  const uint64_t behind = kernel.at(kTracee).regs.rip;
  Kill(kInner);
  SyscallEnter(kTracee, 39);
  EXPECT_TRUE(Runs(kTracee));
  EXPECT_EQ(kernel.at(kTracee).resume_request, kCont);
  EXPECT_EQ(kernel.at(kTracee).regs.rip, behind - 2);
  EXPECT_EQ(kernel.at(kTracee).regs.rax, 39u);
  ExpectNothing(kOuter);
}

// PTRACE_SYSEMU has no syscall-exit-stop to tell by, and would have the kernel skip the call.
TEST_F(TurnsTest, CallThatOnlyOurTracingHasEndedGoesOnUnderSysemu) {
  ASSERT_EQ(Ptrace(kOuter, kAttach, kTracee), 0);
  DeliverQueued(kTracee);
  ASSERT_EQ(Ptrace(kOuter, kSyscall, kTracee), 0);
  SyscallEnter(kTracee);
  ASSERT_EQ(Ptrace(kOuter, kSysemu, kTracee), 0);
  auto& regs = kernel.at(kTracee).regs;
  regs.rax = -kErestartsys;
  Trap(kTracee);  // of a SIGCONT that is blocked
  EXPECT_EQ(kernel.at(kTracee).resume_request, kSyscall);
  regs.rax = -ENOSYS;
  SyscallEnter(kTracee);
  EXPECT_TRUE(Runs(kTracee));
  EXPECT_EQ(kernel.at(kTracee).resume_request, kSysemu);
  regs.rax = -kErestartsys;
  Trap(kTracee);
  Signal(kTracee, SIGUSR1);
  EXPECT_TRUE(Runs(kTracee)) << "natively it comes while the call goes on";
  EXPECT_EQ(kernel.at(kTracee).facts.blocked_signals, ~0ull);
  regs.rax = -ENOSYS;
  SyscallEnter(kTracee);
  EXPECT_EQ(kernel.at(kTracee).facts.blocked_signals, 0u);
  EXPECT_EQ(kernel.at(kTracee).resume_request, kSysemu);
  regs.rax = -kErestartsys;
  Signal(kTracee, SIGUSR1);
  ASSERT_EQ(Wait(kOuter, kTracee.value), StopOf(kTracee, SIGUSR1));
  ASSERT_EQ(Ptrace(kOuter, kSysemu, kTracee), 0);
  EXPECT_EQ(kernel.at(kTracee).resume_request, kSysemu) << "natively that has ended it, too";
  Trap(kTracee);
  EXPECT_EQ(kernel.at(kTracee).resume_request, kSysemu);
}

// Till it has begun again, it runs with PTRACE_SYSCALL, and a signal that comes before is held.
TEST_F(TurnsTest, CallThatOnlyOurTracingHasEndedIsWatchedTillItBeginsAgain) {
  for (const int64_t error : {kErestartsys, kErestartnohand, kErestartRestartblock}) {
    Guests world;
    world.Family();
    FakeThread& thread = world.kernel.at(kTracee);
    thread.facts.ignored_signals = SignalBit(SIGWINCH);
    thread.regs.orig_rax = 0;  // read
    thread.regs.rax = -error;
    world.Signal(kTracee, SIGWINCH);
    ASSERT_TRUE(world.Runs(kTracee));
    EXPECT_EQ(thread.resume_request, kSyscall);
    world.Signal(kTracee, SIGUSR1);
    ASSERT_TRUE(world.Runs(kTracee));
    EXPECT_EQ(thread.facts.blocked_signals, ~0ull) << "natively it finds the thread in its call";
    thread.regs.rax = -ENOSYS;
    world.SyscallEnter(kTracee);
    ASSERT_TRUE(world.Runs(kTracee));
    EXPECT_EQ(thread.facts.blocked_signals, 0u);
    thread.regs.rax = -error;
    world.Signal(kTracee, SIGUSR1);
    ASSERT_TRUE(world.Runs(kTracee));
    EXPECT_EQ(thread.resume_signal, SIGUSR1);
    EXPECT_EQ(thread.resume_request, kCont);
  }
}

// Natively it is still in it.
TEST_F(TurnsTest, BreakpointBeforeACallThatBeginsAgainIsNoHit) {
  Guests world;
  world.Family();
  ASSERT_EQ(world.Ptrace(kTracer, kAttach, kTracee), 0);
  world.DeliverQueued(kTracee);
  ASSERT_EQ(world.Ptrace(kTracer, kCont, kTracee), 0);
  FakeThread& thread = world.kernel.at(kTracee);
  thread.regs.orig_rax = 0;  // read
  thread.regs.rax = -kErestartsys;
  world.Trap(kTracee);  // of a SIGCONT that is blocked
  ASSERT_TRUE(world.Runs(kTracee));
  siginfo_t info = {};
  info.si_signo = SIGTRAP;
  info.si_code = TRAP_HWBKPT;
  thread.regs.rip -= 2;
  world.SignalWith(kTracee, info);
  ASSERT_TRUE(world.Runs(kTracee));
  EXPECT_EQ(thread.resume_signal, 0);
  EXPECT_EQ(thread.facts.blocked_signals, 0u);
  info.si_signo = SIGSEGV;
  info.si_code = SEGV_MAPERR;
  world.SignalWith(kTracee, info);
  EXPECT_EQ(world.Wait(kTracer), StopOf(kTracee, SIGSEGV));
  EXPECT_EQ(thread.facts.blocked_signals, 0u) << "it would come again, and kill";
}

// --- single-steps.

TEST_F(TurnsTest, StepThatADeadTracerLeavesIsNobodys) {
  TwoLinks();
  ResumeBoth(kCont, kSingleStep);
  Kill(kInner);
  siginfo_t info = {};
  info.si_signo = SIGTRAP;
  info.si_code = TRAP_TRACE;
  SignalWith(kTracee, info);
  ExpectNothing(kOuter);
  EXPECT_TRUE(Runs(kTracee));
  EXPECT_EQ(kernel.at(kTracee).resume_signal, 0);
}

TEST_F(TurnsTest, StepOfADeadEmulatorIsAStep) {
  ASSERT_EQ(Ptrace(kOuter, kSeize, kTracee), 0);
  Signal(kTracee, SIGUSR1);
  ASSERT_EQ(Ptrace(kOuter, kSysemuSingleStep, kTracee), 0);
  Kill(kOuter);
  Signal(kTracee, SIGUSR1);
  EXPECT_EQ(kernel.at(kTracee).resume_request, kSingleStep) << "PTRACE_SYSEMU ends with its tracer";
}

TEST_F(TurnsTest, TrapThatTheSteppingTracerLetsThroughIsASignalForTheNext) {
  TwoLinks();
  ResumeBoth(kSingleStep, kCont);
  siginfo_t info = {};
  info.si_signo = SIGTRAP;
  info.si_code = TRAP_TRACE;
  SignalWith(kTracee, info);
  ASSERT_EQ(Wait(kOuter, kTracee.value), StopOf(kTracee, SIGTRAP));
  ASSERT_EQ(Ptrace(kOuter, kCont, kTracee, 0, SIGTRAP), 0);
  EXPECT_EQ(Wait(kInner), StopOf(kTracee, SIGTRAP));
}

// --- deaths.

TEST_F(TurnsTest, RequestThatWaitsForATrapIsEsrchWhenTheTraceeDies) {
  ASSERT_EQ(Ptrace(kInner, kSeize, kTracee), 0);
  GroupStop(kTracee);
  ASSERT_EQ(Ptrace(kInner, kListen, kTracee), 0);
  ASSERT_TRUE(Listens(kTracee));
  ASSERT_EQ(Ptrace(kOuter, kSeize, kTracee), 0);
  ASSERT_EQ(Ptrace(kOuter, kCont, kTracee), kParked);
  ExitEvent(kTracee, SIGKILL);
  EXPECT_EQ(ResultOf(kOuter), -ESRCH);
}

// --- refused calls.

TEST_F(TurnsTest, RefusedSetoptionsHasActed) {
  ASSERT_EQ(Ptrace(kOuter, kSeize, kTracee), 0);
  Signal(kTracee, SIGUSR1);
  kernel.RefuseNextAnswer();
  Ptrace(kOuter, kSetOptions, kTracee, 0, kOptTraceExit);
  kernel.Die(kTracee);
  Signal(kOuter, SIGALRM);
  ASSERT_EQ(ResultBehindStop(kOuter), 0);
  ExitEvent(kTracee, SIGKILL);
  EXPECT_TRUE(Stopped(kTracee));
}

}  // namespace
}  // namespace nestrace
