// PTRACE_TRACEME, PTRACE_ATTACH, PTRACE_SEIZE, PTRACE_DETACH.

#include <errno.h>
#include <signal.h>

#include "tests/emu/guests.h"

namespace nestrace {
namespace {

class AttachTest : public EmuTest {};

TEST_F(AttachTest, SeizeDoesNotStopTheTracee) {
  Family();
  EXPECT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  EXPECT_TRUE(Runs(kTracee));
  EXPECT_FALSE(kernel.at(kTracee).interrupt);
  EXPECT_EQ(Wait(kTracer), Result(0));
}

TEST_F(AttachTest, AttachSendsSigstopWhoseSiginfoIsTheKernels) {
  Family();
  EXPECT_EQ(Ptrace(kTracer, kAttach, kTracee), 0);
  DeliverQueued(kTracee);
  EXPECT_EQ(Wait(kTracer), StopOf(kTracee, SIGSTOP));
  const siginfo_t info = SigInfo(kTracer, kTracee);
  EXPECT_EQ(info.si_signo, SIGSTOP);
  EXPECT_EQ(info.si_code, SI_KERNEL);
  EXPECT_EQ(info.si_pid, 0);
  EXPECT_EQ(info.si_uid, 0u);
  EXPECT_EQ(info.si_value.sival_ptr, nullptr);
}

// kernel/signal.c:__send_signal_locked, override_rlimit.
TEST_F(AttachTest, SigstopHasItsSiginfoBeyondTheLimitOfPendingSignals) {
  Family();
  kernel.UseUpPendingLimit();
  ASSERT_EQ(Ptrace(kTracer, kAttach, kTracee), 0);
  DeliverQueued(kTracee);
  ASSERT_EQ(Wait(kTracer), StopOf(kTracee, SIGSTOP));
  EXPECT_EQ(SigInfo(kTracer, kTracee).si_code, SI_KERNEL);
  ASSERT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
  siginfo_t lost = {};  // that of a guest's tgkill(2)
  lost.si_signo = SIGSTOP;
  SignalWith(kTracee, lost);
  ASSERT_EQ(Wait(kTracer), StopOf(kTracee, SIGSTOP));
  EXPECT_EQ(SigInfo(kTracer, kTracee).si_code, SI_USER);
}

TEST_F(AttachTest, SecondTracerIsEperm) {
  Family();
  Fork(kShell, kOther);
  EXPECT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  EXPECT_EQ(Ptrace(kOther, kSeize, kTracee), -EPERM);
  EXPECT_EQ(Ptrace(kOther, kAttach, kTracee), -EPERM);
  EXPECT_EQ(Ptrace(kTracer, kAttach, kTracee), -EPERM);
}

TEST_F(AttachTest, OwnThreadGroupIsEperm) {
  Family();
  const Tid sibling{11};
  Clone(kTracer, sibling);
  EXPECT_EQ(Ptrace(kTracer, kSeize, kTracer), -EPERM);
  EXPECT_EQ(Ptrace(kTracer, kSeize, sibling), -EPERM);
}

TEST_F(AttachTest, WhatIsNoGuestIsEsrch) {
  Family();
  for (const pid_t pid : {0, -1, -20, 1, 4711}) {
    EXPECT_EQ(Ptrace(kTracer, kSeize, Tid{pid}), -ESRCH) << pid;
    EXPECT_EQ(Ptrace(kTracer, kAttach, Tid{pid}), -ESRCH) << pid;
  }
}

TEST_F(AttachTest, ATracerInALandlockDomainTracesNothingOutsideIt) {
  constexpr int kRestrictSelf = 446;
  const Tid inside{11};
  Family();
  EXPECT_EQ(Call(kTracer, kRestrictSelf, {FakeKernel::kLandlockRuleset - 1, 0}), kNative);
  EXPECT_EQ(Call(kTracer, kRestrictSelf, {FakeKernel::kLandlockRuleset, FakeKernel::kLandlockFlags + 1}),
            kNative);
  Fork(kTracer, kOther);  // no ruleset: no domain
  EXPECT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  EXPECT_EQ(Call(kOther, kRestrictSelf, {FakeKernel::kLandlockRuleset, 0}), kNative);
  Fork(kOther, inside);
  EXPECT_EQ(Ptrace(kOther, kSeize, kTracer), -EPERM);
  EXPECT_EQ(Ptrace(inside, kSeize, kOther), 0);
  EXPECT_EQ(Call(inside, kRestrictSelf, {FakeKernel::kLandlockRuleset, 0}), kNative);
  EXPECT_EQ(Ptrace(inside, kAttach, kShell), -EPERM);
  EXPECT_EQ(Ptrace(kTracer, kSeize, inside), 0);
}

TEST_F(AttachTest, AParentInALandlockDomainOfItsOwnTracesNoChild) {
  Family();
  EXPECT_EQ(Call(kShell, 446, {FakeKernel::kLandlockRuleset, 0}), kNative);
  EXPECT_EQ(Ptrace(kTracer, kTraceme), -EPERM);
  Fork(kShell, kOther);
  EXPECT_EQ(Ptrace(kOther, kTraceme), 0);
}

TEST_F(AttachTest, SeizeArgumentsAreCheckedBeforePermission) {
  Family();
  kernel.DenyAttach(true);
  EXPECT_EQ(Ptrace(kTracer, kSeize, kTracee, 1, 0), -EIO);
  EXPECT_EQ(Ptrace(kTracer, kSeize, kTracee, 0, 1 << 30), -EIO);
  EXPECT_EQ(Ptrace(kTracer, kSeize, kTracee), -EPERM);
  EXPECT_EQ(Ptrace(kTracer, kAttach, kTracee), -EPERM);
  kernel.DenyAttach(false);
  EXPECT_EQ(Ptrace(kTracer, kSeize, kTracer, 0, 1 << 30), -EIO);
}

TEST_F(AttachTest, ZombieIsEperm) {
  Family();
  Fork(kTracer, kOther);
  EXPECT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  ExitEvent(kTracee, 0);
  Exit(kTracee, 0);
  EXPECT_EQ(Ptrace(kOther, kAttach, kTracee), -EPERM);
  EXPECT_EQ(Ptrace(kOther, kSeize, kTracee), -EPERM);
}

TEST_F(AttachTest, TracemeMakesTheParentTheTracer) {
  Root(kTracer);
  Fork(kTracer, kTracee);
  EXPECT_EQ(Ptrace(kTracee, kTraceme), 0);
  EXPECT_EQ(Ptrace(kTracee, kTraceme), -EPERM);
  Signal(kTracee, SIGSTOP);
  EXPECT_EQ(Wait(kTracer), StopOf(kTracee, SIGSTOP));
}

TEST_F(AttachTest, TracemeOfAThreadsChildIsTracedByThatThread) {
  Root(kTracer);
  const Tid sibling{11};
  Clone(kTracer, sibling);
  Fork(sibling, kTracee);
  EXPECT_EQ(Ptrace(kTracee, kTraceme), 0);
  Signal(kTracee, SIGSTOP);
  EXPECT_EQ(Wait(kTracer, -1, kWnohang | kWall | kWnothread), Result(kNative)) << "the kernel says ECHILD";
  EXPECT_EQ(Wait(kTracer), StopOf(kTracee, SIGSTOP));
  EXPECT_EQ(Ptrace(kTracer, kCont, kTracee), -ESRCH);
  EXPECT_EQ(Ptrace(sibling, kCont, kTracee), 0);
}

TEST_F(AttachTest, TracemeUnderAnExitingParentSucceedsAndTracesNothing) {
  Root(kShell);
  Fork(kShell, kTracer);
  Fork(kTracer, kTracee);
  ExitEvent(kTracer, 0);
  EXPECT_EQ(Ptrace(kTracee, kTraceme), 0);
  Signal(kTracee, SIGSTOP);
  EXPECT_TRUE(Runs(kTracee));
  EXPECT_EQ(kernel.at(kTracee).resume_signal, SIGSTOP);
}

TEST_F(AttachTest, TracemeUnderAnOutsiderIsEpermTheSecondTime) {
  Root(kShell);
  EXPECT_EQ(Ptrace(kShell, kTraceme), 0);
  EXPECT_EQ(Ptrace(kShell, kTraceme), -EPERM);
}

TEST_F(AttachTest, RequestsOfASiblingOfTheTracerAreEsrch) {
  SeizedAndStopped();
  const Tid sibling{11};
  Clone(kTracer, sibling);
  EXPECT_EQ(Ptrace(sibling, kGetEventMsg, kTracee, 0, kFree), -ESRCH);
  EXPECT_EQ(Ptrace(sibling, kCont, kTracee), -ESRCH);
  EXPECT_EQ(Ptrace(sibling, kInterrupt, kTracee), -ESRCH);
  EXPECT_EQ(Ptrace(sibling, kKill, kTracee), -ESRCH);
}

TEST_F(AttachTest, DetachPassesItsSignalAndEndsTheLink) {
  SeizedAndStopped();
  EXPECT_EQ(Ptrace(kTracer, kDetach, kTracee, 0, SIGUSR2), 0);
  EXPECT_TRUE(Runs(kTracee));
  EXPECT_EQ(kernel.at(kTracee).resume_signal, SIGUSR2);
  EXPECT_EQ(Ptrace(kTracer, kInterrupt, kTracee), -ESRCH);
  Signal(kTracee, SIGUSR1);
  EXPECT_TRUE(Runs(kTracee));
  EXPECT_EQ(Ptrace(kTracer, kSeize, kTracee), 0) << "it may be traced again";
}

// At a syscall-stop the signal is sent, to a thread that nobody traces any more.
TEST_F(AttachTest, DetachAtASyscallStopDropsASignalThatIsIgnored) {
  Family();
  kernel.at(kTracee).facts.ignored_signals = SignalBit(SIGWINCH) | SignalBit(SIGURG) | SignalBit(SIGCONT);
  kernel.at(kTracee).facts.blocked_signals = SignalBit(SIGURG);
  for (const int signal : {SIGWINCH, SIGURG, SIGUSR1, SIGCONT}) {
    ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
    ASSERT_EQ(Ptrace(kTracer, kInterrupt, kTracee), 0);
    Trap(kTracee);
    ASSERT_EQ(Ptrace(kTracer, kSyscall, kTracee), 0);
    SyscallEnter(kTracee);
    ASSERT_EQ(Ptrace(kTracer, kDetach, kTracee, 0, signal), 0);
    ASSERT_TRUE(Runs(kTracee));
    EXPECT_EQ(kernel.at(kTracee).resume_signal, signal == SIGWINCH ? 0 : signal);
  }
}

TEST_F(AttachTest, DetachOfARunningTraceeIsEsrch) {
  Family();
  EXPECT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  EXPECT_EQ(Ptrace(kTracer, kDetach, kTracee), -ESRCH);
}

TEST_F(AttachTest, InvalidSignalsAreEioAndTheTraceeStaysStopped) {
  SeizedAndStopped();
  for (const long request : {kCont, kSyscall, kSingleStep, kDetach}) {
    EXPECT_EQ(Ptrace(kTracer, request, kTracee, 0, 65), -EIO) << RequestName(request);
    EXPECT_EQ(Ptrace(kTracer, request, kTracee, 0, -1), -EIO) << RequestName(request);
  }
  EXPECT_TRUE(Stopped(kTracee));
  EXPECT_EQ(Ptrace(kTracer, kCont, kTracee, 0, 64), 0);
  EXPECT_EQ(kernel.at(kTracee).resume_signal, 64);
}

// A stopped task enters ptrace-stop before the call returns (kernel/ptrace.c:ptrace_set_stopped), whatever
// signals come for its caller: the wait that follows finds the group-stop even with WNOHANG.
TEST_F(AttachTest, AnAttachmentIsInterruptedByNoSignal) {
  Family();
  Signal(kTracee, SIGSTOP);
  GroupStop(kTracee);
  EXPECT_EQ(Ptrace(kTracer, kAttach, kTracee), kParked);
  Signal(kTracer, SIGALRM);
  EXPECT_EQ(Rax(kTracer), -kErestartsys) << "the call goes on";
  EXPECT_FALSE(Runs(kTracer));
  GroupStop(kTracee);
  EXPECT_EQ(Rax(kTracer), 0);
  EXPECT_TRUE(Runs(kTracer));
  EXPECT_EQ(kernel.at(kTracer).resume_signal, SIGALRM);
  EXPECT_EQ(Wait(kTracer), StopOf(kTracee, SIGSTOP));
}

TEST_F(AttachTest, DeathInterruptsAnAttachment) {
  Family();
  Signal(kTracee, SIGSTOP);
  GroupStop(kTracee);
  EXPECT_EQ(Ptrace(kTracer, kAttach, kTracee), kParked);
  Signal(kTracer, SIGALRM);
  ExitEvent(kTracer, SIGKILL);
  EXPECT_TRUE(Runs(kTracer));
  Exit(kTracer, SIGKILL);
  GroupStop(kTracee);
  EXPECT_TRUE(Listens(kTracee));
}

TEST_F(AttachTest, AttachToAStoppedTaskIsReportedBeforeAnyWaitReturns) {
  Family();
  Signal(kTracee, SIGSTOP);
  GroupStop(kTracee);
  ASSERT_TRUE(Listens(kTracee));
  EXPECT_EQ(Ptrace(kTracer, kAttach, kTracee), kParked);
  EXPECT_TRUE(kernel.at(kTracee).interrupt);
  GroupStop(kTracee);
  EXPECT_EQ(ResultOf(kTracer), 0);
  EXPECT_EQ(Wait(kTracer), StopOf(kTracee, SIGSTOP));
  EXPECT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
  EXPECT_TRUE(Runs(kTracee));
  DeliverQueued(kTracee);
  EXPECT_EQ(Wait(kTracer), StopOf(kTracee, SIGSTOP));
}

TEST_F(AttachTest, SeizeOfAStoppedTaskShowsTheGroupStop) {
  Family();
  Signal(kTracee, SIGSTOP);
  GroupStop(kTracee);
  EXPECT_EQ(Ptrace(kTracer, kSeize, kTracee), kParked);
  GroupStop(kTracee);
  EXPECT_EQ(ResultOf(kTracer), 0);
  EXPECT_EQ(Wait(kTracer), StopOf(kTracee, EventCode(kEventStop, SIGSTOP)));
}

// Natively it would not have been queued.
TEST_F(AttachTest, SignalThatARunningTaskIgnoredBeforeIsNotShown) {
  Family();
  kernel.at(kTracee).facts.ignored_signals = SignalBit(SIGCHLD);
  kernel.at(kTracee).facts.thread_signals = SignalBit(SIGCHLD) | SignalBit(SIGUSR1);
  ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  kernel.at(kTracee).facts.thread_signals = 0;
  Signal(kTracee, SIGCHLD);
  EXPECT_TRUE(Runs(kTracee));
  EXPECT_EQ(kernel.at(kTracee).resume_signal, 0);
  Signal(kTracee, SIGUSR1);
  EXPECT_EQ(Wait(kTracer), StopOf(kTracee, SIGUSR1));
  ASSERT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
  Signal(kTracee, SIGCHLD);
  EXPECT_EQ(Wait(kTracer), StopOf(kTracee, SIGCHLD)) << "the next one is shown";
}

TEST_F(AttachTest, StopThatWasThereBeforeIsLookedAtBefore) {
  Family();
  siginfo_t info = {};
  info.si_signo = SIGWINCH;
  for (const bool dies : {false, true}) {
    kernel.at(kTracee).facts.ignored_signals = SignalBit(SIGWINCH);
    kernel.Stop(kTracee, SIGWINCH, info);
    ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee), kParked);
    if (dies) {
      ExitEvent(kTracee, SIGKILL);
      EXPECT_EQ(ResultOf(kTracer), 0) << "it is no zombie yet";
      return;
    }
    Announce(kTracee);
    EXPECT_TRUE(Runs(kTracee));
    EXPECT_EQ(ResultOf(kTracer), 0);
    Signal(kTracee, SIGWINCH);
    EXPECT_EQ(Wait(kTracer), StopOf(kTracee, SIGWINCH)) << "the next one is shown";
    ASSERT_EQ(Ptrace(kTracer, kDetach, kTracee), 0);
  }
}

// It would trap again and again.
TEST_F(AttachTest, SigcontBehindItsTrapIsNotHeldTillTheCallBeginsAgain) {
  for (const bool stale : {true, false}) {
    Guests world;
    world.Family();
    FakeThread& thread = world.kernel.at(kTracee);
    thread.facts.ignored_signals = SignalBit(SIGCONT);
    thread.facts.thread_signals = SignalBit(SIGCONT);
    thread.regs.orig_rax = 34;  // pause
    thread.regs.rax = -kErestartnohand;
    world.Trap(kTracee);
    ASSERT_TRUE(world.Runs(kTracee));
    EXPECT_EQ(thread.resume_request, kSyscall) << "it goes on";
    if (!stale) thread.facts.thread_signals = 0;
    ASSERT_EQ(world.Ptrace(kTracer, kSeize, kTracee), 0);
    thread.facts.thread_signals = 0;
    world.Signal(kTracee, SIGCONT);
    EXPECT_EQ(world.Wait(kTracer), stale ? Result(0) : StopOf(kTracee, SIGCONT));
    EXPECT_EQ(thread.facts.blocked_signals, 0u);
  }
}

TEST_F(AttachTest, CallerIsNotInterruptedMeanwhile) {
  Family();
  siginfo_t info = {};
  info.si_signo = SIGUSR1;
  kernel.Stop(kTracee, SIGUSR1, info);
  ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee), kParked);
  kernel.at(kTracer).regs.rax = -kErestartsys;
  Signal(kTracer, SIGALRM);
  EXPECT_EQ(Rax(kTracer), -kErestartsys) << "still in it";
  Announce(kTracee);
  EXPECT_TRUE(Runs(kTracee));
  EXPECT_EQ(kernel.at(kTracee).resume_signal, SIGUSR1) << "nobody's";
  EXPECT_EQ(Rax(kTracer), 0);
  EXPECT_EQ(kernel.Count("answer("), 0);
  EXPECT_EQ(kernel.at(kTracer).resume_signal, SIGALRM);
  Signal(kTracee, SIGUSR1);
  EXPECT_EQ(Wait(kTracer), StopOf(kTracee, SIGUSR1));
}

TEST_F(AttachTest, AStoppedTaskIsInItsPtraceStopWhenTheCallReturns) {
  for (const bool dies : {false, true}) {
    Guests world;
    world.Family();
    world.Signal(kTracee, SIGSTOP);
    world.GroupStop(kTracee);
    ASSERT_EQ(world.Ptrace(kTracer, kSeize, kTracee), kParked) << "a SIGCONT would be in time";
    EXPECT_TRUE(world.kernel.at(kTracee).interrupt);
    dies ? world.ExitEvent(kTracee, SIGKILL) : world.GroupStop(kTracee);
    EXPECT_EQ(world.ResultOf(kTracer), 0);
  }
}

// In a group-stop the signals that were ignored are discarded before the tracer sees the task.
class DiscardTest : public AttachTest {
 protected:
  void SetUp() override {
    AttachTest::SetUp();
    Family();
    Signal(kTracee, SIGSTOP);
    GroupStop(kTracee);
    facts().ignored_signals = SignalBit(SIGCHLD) | SignalBit(SIGURG);
    facts().thread_signals = SignalBit(SIGCHLD) | SignalBit(SIGURG) | SignalBit(SIGUSR1);
    facts().blocked_signals = kMask;
  }
  ThreadFacts& facts() { return kernel.at(kTracee).facts; }
  static constexpr uint64_t kMask = SignalBit(SIGUSR2);
};

TEST_F(DiscardTest, WhatAStoppedTaskIgnoredIsDiscardedAndTheNextOneIsShown) {
  ASSERT_EQ(Ptrace(kTracer, kAttach, kTracee), kParked);
  EXPECT_TRUE(kernel.at(kTracee).queued.empty()) << "SIGSTOP would come first";
  GroupStop(kTracee);
  ASSERT_TRUE(Runs(kTracee));
  EXPECT_EQ(facts().blocked_signals, ~(SignalBit(SIGCHLD) | SignalBit(SIGURG)))
      << "SIGUSR1 is not to come in between";
  facts().thread_signals &= ~SignalBit(SIGCHLD);
  Signal(kTracee, SIGCHLD);
  ASSERT_TRUE(Runs(kTracee));
  EXPECT_EQ(kernel.at(kTracee).resume_signal, 0);
  EXPECT_FALSE(kernel.at(kTracee).interrupt);
  EXPECT_EQ(ResultOf(kTracer), kParked) << "a SIGURG of its own would find its place taken";
  facts().thread_signals &= ~SignalBit(SIGURG);
  Signal(kTracee, SIGURG);
  ASSERT_TRUE(Runs(kTracee));
  EXPECT_EQ(kernel.at(kTracee).resume_signal, 0);
  EXPECT_EQ(facts().blocked_signals, kMask);
  EXPECT_TRUE(kernel.at(kTracee).interrupt) << "back into the group-stop";
  EXPECT_EQ(kernel.at(kTracee).queued.size(), 1u) << "SIGSTOP";
  EXPECT_EQ(ResultOf(kTracer), kParked);
  GroupStop(kTracee);
  EXPECT_EQ(ResultOf(kTracer), 0);
  EXPECT_EQ(Wait(kTracer), StopOf(kTracee, SIGSTOP));
  ASSERT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
  Signal(kTracee, SIGCHLD);
  EXPECT_EQ(Wait(kTracer), StopOf(kTracee, SIGCHLD));
}

TEST_F(DiscardTest, SigcontInBetweenEndsIt) {
  ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee), kParked);
  GroupStop(kTracee);
  ASSERT_TRUE(Runs(kTracee));
  Trap(kTracee);
  ASSERT_EQ(ResultOf(kTracer), 0);
  EXPECT_EQ(facts().blocked_signals, kMask);
  EXPECT_EQ(Wait(kTracer), StopOf(kTracee, EventCode(kEventStop)));
  ASSERT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
  Signal(kTracee, SIGCHLD);
  EXPECT_TRUE(Runs(kTracee)) << "dropped all the same";
}

TEST_F(DiscardTest, PendingSigstopCantBeHeldBack) {
  facts().thread_signals |= SignalBit(SIGSTOP);
  ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee), kParked);
  GroupStop(kTracee);
  ASSERT_EQ(ResultOf(kTracer), 0);
  EXPECT_EQ(Wait(kTracer), StopOf(kTracee, EventCode(kEventStop, SIGSTOP)));
  EXPECT_EQ(facts().blocked_signals, kMask);
}

TEST_F(DiscardTest, DeathInBetweenEndsTheCall) {
  ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee), kParked);
  kernel.Die(kTracee);
  Exit(kTracee, SIGKILL);
  EXPECT_EQ(ResultOf(kTracer), 0);
  EXPECT_EQ(Wait(kTracer), ExitOf(kTracee, SIGKILL));
}

// The call has its result at its caller's stop; nothing is answered.
TEST_F(DiscardTest, TracerThatASignalStopsMeanwhileHasItsResultThere) {
  ASSERT_EQ(Ptrace(kTracer, kAttach, kTracee), kParked);
  GroupStop(kTracee);
  kernel.at(kTracer).regs.rax = -kErestartsys;
  Signal(kTracer, SIGALRM);
  Signal(kTracee, SIGCHLD);
  Signal(kTracee, SIGURG);
  EXPECT_EQ(Rax(kTracer), -kErestartsys);
  GroupStop(kTracee);
  EXPECT_EQ(Rax(kTracer), 0);
  EXPECT_EQ(kernel.Count("answer("), 0);
  EXPECT_EQ(Wait(kTracer), StopOf(kTracee, SIGSTOP));
}

TEST_F(DiscardTest, TracerThatDiesMeanwhileLeavesTheTaskInItsGroupStop) {
  ASSERT_EQ(Ptrace(kTracer, kAttach, kTracee), kParked);
  GroupStop(kTracee);
  ExitEvent(kTracer, 0);
  Exit(kTracer, 0);
  Signal(kTracee, SIGCHLD);
  Signal(kTracee, SIGURG);
  EXPECT_EQ(facts().blocked_signals, kMask);
  GroupStop(kTracee);
  EXPECT_EQ(kernel.at(kTracee).state, FakeThread::State::kListening);
}

// Only a signal that it does not ignore would have interrupted it, and made restart_syscall(2) of its call.
TEST_F(AttachTest, TimedCallInterruptedByAnIgnoredSignalShowsItsNumber) {
  constexpr int kNrNanosleep = 35;
  Family();
  kernel.at(kTracee).facts.ignored_signals = SignalBit(SIGWINCH);
  const auto restart = [this] {  // a call that natively has not ended is watched till it has begun again
    if (kernel.at(kTracee).resume_request == kSyscall) SyscallEnter(kTracee, kNrRestart);
    EXPECT_EQ(kernel.at(kTracee).resume_request, kCont);
    kernel.at(kTracee).regs.rax = -kErestartRestartblock;
  };
  for (const int signal : {SIGWINCH, SIGUSR1}) {
    kernel.at(kTracee).regs.orig_rax = kNrNanosleep;
    kernel.at(kTracee).regs.rax = -kErestartRestartblock;
    Signal(kTracee, signal);
    EXPECT_EQ(kernel.at(kTracee).resume_request, signal == SIGWINCH ? kSyscall : kCont);
    restart();
    kernel.at(kTracee).regs.orig_rax = kNrRestart;
    ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
    ASSERT_EQ(Ptrace(kTracer, kInterrupt, kTracee), 0);
    Trap(kTracee);
    EXPECT_EQ(kernel.at(kTracee).regs.orig_rax,
              static_cast<uint64_t>(signal == SIGWINCH ? kNrNanosleep : kNrRestart));
    ASSERT_EQ(Ptrace(kTracer, kDetach, kTracee), 0);
    restart();
  }
}

TEST_F(AttachTest, DetachFromGroupStopKeepsTheTaskStopped) {
  Family();
  EXPECT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  Signal(kTracee, SIGSTOP);
  EXPECT_EQ(Wait(kTracer), StopOf(kTracee, SIGSTOP));
  EXPECT_EQ(Ptrace(kTracer, kCont, kTracee, 0, SIGSTOP), 0);
  GroupStop(kTracee);
  EXPECT_EQ(Wait(kTracer), StopOf(kTracee, EventCode(kEventStop, SIGSTOP)));
  EXPECT_EQ(Ptrace(kTracer, kDetach, kTracee), 0);
  EXPECT_TRUE(Listens(kTracee));
}

class AttachWithoutNestingTest : public EmuTest {
 protected:
  AttachWithoutNestingTest() : EmuTest(/*nesting=*/false) {}
};

TEST_F(AttachWithoutNestingTest, EvenATracersTraceeMayNotStack) {
  Family();
  EXPECT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  Fork(kTracer, kOther);
  EXPECT_EQ(Ptrace(kTracer, kSeize, kOther), 0);
  EXPECT_EQ(Ptrace(kOther, kSeize, kTracee), -EPERM);
}

}  // namespace
}  // namespace nestrace
