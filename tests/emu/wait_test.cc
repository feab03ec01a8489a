// wait4(2) and waitid(2).

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "tests/emu/guests.h"

namespace nestrace {
namespace {

class WaitTest : public EmuTest {};

TEST_F(WaitTest, ParkedWaitIsAnsweredWhenTheStopComes) {
  Family();
  ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  EXPECT_EQ(WaitBlocking(kTracer), Result(kParked));
  Signal(kTracee, SIGUSR1);
  EXPECT_EQ(WaitOf(kTracer), StopOf(kTracee, SIGUSR1));
}

// So that it finds the zombie before SIGCHLD stops it. The kernel sends that when the zombie is its parent's.
TEST_F(WaitTest, ParkedWaiterIsInTheKernelBeforeTheZombieIs) {
  Family();
  Fork(kTracer, kOther);
  ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  EXPECT_EQ(WaitBlocking(kTracer), Result(kParked));
  kernel.ClearLog();
  Die(kOther, 0);
  EXPECT_EQ(WaitOf(kTracer), Result(kNative));
  EXPECT_LT(kernel.Find("continue("), kernel.Find("reap(30)"));
}

TEST_F(WaitTest, ParkedWaiterStaysForAChildThatLeavesNoZombie) {
  Family();
  ASSERT_EQ(Sigaction(kTracer, 1), kNative);  // SIG_IGN
  Fork(kTracer, kOther);
  ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  EXPECT_EQ(WaitBlocking(kTracer), Result(kParked));
  kernel.at(kOther).facts.parent_tgid = 0;  // for the scripted kernel: nobody's zombie
  Die(kOther, 0);
  EXPECT_EQ(WaitOf(kTracer), Result(kParked));
}

TEST_F(WaitTest, ReportIsTakenByOneWait) {
  Family();
  ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  Signal(kTracee, SIGUSR1);
  EXPECT_EQ(Wait(kTracer), StopOf(kTracee, SIGUSR1));
  EXPECT_EQ(Wait(kTracer), Result(0));
  EXPECT_EQ(WaitBlocking(kTracer), Result(kParked));
}

TEST_F(WaitTest, TwoWaitersOfAProcessGetOneReport) {
  Family();
  const Tid sibling{11};
  Clone(kTracer, sibling);
  ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  EXPECT_EQ(WaitBlocking(kTracer), Result(kParked));
  Call(sibling, 61, {static_cast<uint64_t>(-1), kFree, kWall, 0});
  Signal(kTracee, SIGUSR1);
  EXPECT_EQ((ResultOf(kTracer) == kTracee.value) + (ResultOf(sibling) == kTracee.value), 1);
  EXPECT_EQ((ResultOf(kTracer) == kParked) + (ResultOf(sibling) == kParked), 1);
}

TEST_F(WaitTest, WnothreadSeesOnlyTheCallersOwnTracees) {
  Family();
  const Tid sibling{11};
  Clone(kTracer, sibling);
  ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  Signal(kTracee, SIGUSR1);
  EXPECT_EQ(Wait(sibling, -1, kWnohang | kWall | kWnothread), Result(kNative)) << "ECHILD, says the kernel";
  EXPECT_EQ(Wait(sibling), StopOf(kTracee, SIGUSR1));
}

TEST_F(WaitTest, WnowaitLeavesTheReport) {
  Family();
  ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  Signal(kTracee, SIGUSR1);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(Waitid(kTracer, kIdAll, 0, kWuntraced | kWnowait | kWnohang), 0);
    EXPECT_EQ(Read<siginfo_t>(kTracer, kInfoAt).si_pid, kTracee.value);
  }
  EXPECT_EQ(Wait(kTracer), StopOf(kTracee, SIGUSR1));
}

TEST_F(WaitTest, WaitidOfAStopIsCldTrappedWithTheWholeCode) {
  Family();
  ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee, 0, kOptTraceExec), 0);
  Event(kTracee, kEventExec, kTracee.value);
  EXPECT_EQ(Waitid(kTracer, kIdAll, 0, kWuntraced | kWnohang), 0);
  const auto info = Read<siginfo_t>(kTracer, kInfoAt);
  EXPECT_EQ(info.si_signo, SIGCHLD);
  EXPECT_EQ(info.si_code, CLD_TRAPPED);
  EXPECT_EQ(info.si_pid, kTracee.value);
  EXPECT_EQ(info.si_uid, 1000u);
  EXPECT_EQ(info.si_status, EventCode(kEventExec));
}

TEST_F(WaitTest, WaitidWithNothingToReportClearsTheFields) {
  Family();
  ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  siginfo_t info = {};
  info.si_pid = 77;
  info.si_signo = 77;
  Write(kTracer, kInfoAt, info);
  EXPECT_EQ(Waitid(kTracer, kIdAll, 0, kWuntraced | kWexited | kWnohang), 0);
  info = Read<siginfo_t>(kTracer, kInfoAt);
  EXPECT_EQ(info.si_pid, 0);
  EXPECT_EQ(info.si_signo, 0);
}

// kernel/exit.c:wait_task_stopped: "Traditionally we see ptrace'd stopped tasks regardless of options."
TEST_F(WaitTest, StopsAreReportedWhateverTheFlags) {
  Family();
  ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  for (const uint32_t flags : {0u, kWuntraced, kWclone, kWall, kWcontinued}) {
    Signal(kTracee, SIGUSR1);
    EXPECT_EQ(Wait(kTracer, -1, flags | kWnohang), StopOf(kTracee, SIGUSR1)) << flags;
    ASSERT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
  }
  Signal(kTracee, SIGUSR1);
  EXPECT_EQ(Waitid(kTracer, kIdAll, 0, kWexited | kWnohang), 0);
  EXPECT_EQ(Read<siginfo_t>(kTracer, kInfoAt).si_pid, kTracee.value);
}

// kernel/exit.c:wait_consider_task: a dead tracee neither stops nor goes on any more, so a wait that is not
// for ends has nothing to wait for.
TEST_F(WaitTest, WaitWithoutWexitedForAZombieTraceeIsEchildAndLeavesIt) {
  Family();
  ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  Die(kTracee, 0x300);
  for (const uint32_t flags : {kWuntraced, kWcontinued, kWuntraced | kWcontinued}) {
    const int64_t result = Waitid(kTracer, kIdPid, kTracee.value, flags | kWnohang);
    EXPECT_TRUE(result == -ECHILD || result == kNative) << flags << ": " << result;
  }
  EXPECT_EQ(Wait(kTracer), ExitOf(kTracee, 0x300));
}

TEST_F(WaitTest, TraceesMatchByTid) {
  Family();
  const Tid thread{21};
  Clone(kTracee, thread);
  ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  ASSERT_EQ(Ptrace(kTracer, kSeize, thread), 0);
  Signal(thread, SIGUSR1);
  EXPECT_EQ(Wait(kTracer, kTracee.value), Result(0));
  EXPECT_EQ(Wait(kTracer, thread.value), StopOf(thread, SIGUSR1));
}

TEST_F(WaitTest, PidfdNamesTheProcess) {
  Family();
  ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  Signal(kTracee, SIGUSR1);
  EXPECT_EQ(Waitid(kTracer, kIdPidfd, 3, kWuntraced), kNative) << "no pidfd: EBADF, says the kernel";
  EXPECT_EQ(Waitid(kTracer, kIdPidfd, 1020, kWuntraced), 0);
  EXPECT_EQ(Read<siginfo_t>(kTracer, kInfoAt).si_pid, kTracee.value);
}

TEST_F(WaitTest, NonblockingPidfdIsEagain) {
  Family();
  ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  EXPECT_EQ(Waitid(kTracer, kIdPidfd, 2020, kWuntraced | kWexited), -EAGAIN);
}

TEST_F(WaitTest, BadArgumentsAreTheKernels) {
  Family();
  ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  EXPECT_EQ(Wait(kTracer, -1, kWnowait | kWnohang).result, kNative);
  EXPECT_EQ(Wait(kTracer, -1, kWexited | kWnohang).result, kNative);
  EXPECT_EQ(Wait(kTracer, std::numeric_limits<int>::min()).result, kNative);
  EXPECT_EQ(Waitid(kTracer, kIdPid, 0, kWexited | kWnohang), kNative);
  EXPECT_EQ(Waitid(kTracer, kIdAll, 0, kWnohang), kNative);
  EXPECT_EQ(Waitid(kTracer, 9, 1, kWexited | kWnohang), kNative);
}

TEST_F(WaitTest, WaitOfAProcessWithoutTraceesIsTheKernels) {
  Family();
  EXPECT_EQ(Wait(kShell).result, kNative);
  EXPECT_EQ(WaitBlocking(kTracer).result, kNative);
}

TEST_F(WaitTest, RusageIsThatOfTheStop) {
  Family();
  ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  Signal(kTracee, SIGUSR1);
  EXPECT_EQ(Call(kTracer, 61, {static_cast<uint64_t>(-1), 0, kWnohang, kFree}), kTracee.value);
  EXPECT_EQ(Read<struct rusage>(kTracer, kFree).ru_minflt, kTracee.value);
}

TEST_F(WaitTest, BadStatusPointerIsEfaultAndTakesTheReport) {
  Family();
  ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  Signal(kTracee, SIGUSR1);
  EXPECT_EQ(Call(kTracer, 61, {static_cast<uint64_t>(-1), kUnmapped, kWnohang, 0}), -EFAULT);
  EXPECT_EQ(Wait(kTracer), Result(0));
}

// --- a caller that the kernel holds in a native wait, since it had no tracees when it began.

TEST_F(WaitTest, NativeWaiterIsKickedForATraceeThatIsNoChild) {
  Family();
  Fork(kTracer, kOther);  // a child of its own
  const Tid sibling{11};
  Clone(kTracer, sibling);
  Fork(kTracer, Tid{12});
  EXPECT_EQ(WaitBlocking(kTracer).result, kNative);
  ASSERT_EQ(Ptrace(sibling, kSeize, Tid{12}), 0);
  EXPECT_EQ(kernel.Count("ptrace(PTRACE_INTERRUPT, 10"), 0) << "a child is in the kernel's wait already";
  ASSERT_EQ(Ptrace(sibling, kSeize, kTracee), 0);
  EXPECT_EQ(kernel.Count("ptrace(PTRACE_INTERRUPT, 10"), 1);
  kernel.ClearLog();
  Signal(kTracee, SIGUSR1);
  EXPECT_EQ(kernel.Count("ptrace(PTRACE_INTERRUPT, 10"), 0) << "once";
  kernel.at(kTracer).regs.rax = -kErestartsys;
  Trap(kTracer);
  EXPECT_EQ(Rax(kTracer), kTracee.value);
  EXPECT_EQ(Read<int>(kTracer, kStatusAt), (SIGUSR1 << 8) | 0x7f);
  EXPECT_TRUE(Runs(kTracer));
  EXPECT_EQ(Wait(kTracer), Result(0)) << "taken once";
}

TEST_F(WaitTest, TracerWithChildrenSleepsInItsNotification) {
  Family();
  Fork(kTracer, kOther);
  ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  EXPECT_EQ(WaitBlocking(kTracer).result, kParked);
  Exit(kOther, 0);
  EXPECT_EQ(WaitOf(kTracer).result, kNative) << "the kernel reports the child";
}

TEST_F(WaitTest, KickThatFindsNothingRestartsTheWait) {
  Family();
  Fork(kTracer, kOther);
  const Tid sibling{11};
  Clone(kTracer, sibling);
  EXPECT_EQ(WaitBlocking(kTracer).result, kNative);
  ASSERT_EQ(Ptrace(sibling, kSeize, kTracee), 0);
  Signal(kTracee, SIGUSR1);
  // Somebody else of the process takes the report first.
  kernel.at(kTracer).regs.rax = -kErestartsys;
  kernel.Die(kTracee);
  Exit(kTracee, SIGKILL);
  Trap(kTracer);
  EXPECT_TRUE(Rax(kTracer) == kTracee.value || Rax(kTracer) == -kErestartnointr ||
              Rax(kTracer) == -kErestartsys);
}

TEST_F(WaitTest, KickIsHiddenFromTheCallersTracer) {
  Root(kShell);
  Fork(kShell, kOther);
  Fork(kShell, kTracer);
  Fork(kTracer, kTracee);
  Fork(kTracer, Tid{40});
  const Tid sibling{11};
  Clone(kTracer, sibling);
  ASSERT_EQ(Ptrace(kOther, kSeize, kTracer), 0);
  EXPECT_EQ(WaitBlocking(kTracer).result, kNative);
  ASSERT_EQ(Ptrace(sibling, kSeize, kTracee), 0);
  Signal(kTracee, SIGUSR1);
  ASSERT_TRUE(kernel.at(kTracer).interrupt);
  kernel.at(kTracer).regs.rax = -kErestartsys;
  Trap(kTracer);
  EXPECT_TRUE(Runs(kTracer));
  EXPECT_EQ(Wait(kOther), Result(0));
}

TEST_F(WaitTest, LateKickDoesNotInterruptAnotherCall) {
  Family();
  Fork(kTracer, kOther);
  const Tid sibling{11};
  Clone(kTracer, sibling);
  EXPECT_EQ(WaitBlocking(kTracer).result, kNative);
  ASSERT_EQ(Ptrace(sibling, kSeize, kTracee), 0);
  Signal(kTracee, SIGUSR1);
  kernel.at(kTracer).regs.orig_rax = 232;  // epoll_wait: EINTR, never restarted
  kernel.at(kTracer).regs.rax = -EINTR;
  Trap(kTracer);
  EXPECT_EQ(Rax(kTracer), -kErestartnointr);
  EXPECT_TRUE(Runs(kTracer));
}

// Natively it is not even queued, so the call goes on.
TEST_F(WaitTest, IgnoredSignalDoesNotEndACallOfAnUntracedThread) {
  Family();
  const auto signal_in_sigtimedwait = [this](Tid tid, int signal) {
    kernel.at(tid).regs.orig_rax = 128;
    kernel.at(tid).regs.rax = -EINTR;
    Signal(tid, signal);
    return Rax(tid);
  };
  ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  for (const Tid tid : {kShell, kTracee}) kernel.at(tid).facts.ignored_signals = SignalBit(SIGWINCH);
  EXPECT_EQ(signal_in_sigtimedwait(kShell, SIGUSR1), -EINTR);
  EXPECT_EQ(signal_in_sigtimedwait(kShell, SIGWINCH), -kErestartnointr);
  EXPECT_EQ(signal_in_sigtimedwait(kTracee, SIGWINCH), -EINTR) << "a traced thread ignores nothing";
  EXPECT_EQ(signal_in_sigtimedwait(kShell, SIGSTOP), -EINTR);
  GroupStop(kShell);
  kernel.at(kShell).facts.thread_signals = SignalBit(SIGCONT);
  Trap(kShell);
  kernel.at(kShell).facts.thread_signals = 0;
  EXPECT_EQ(signal_in_sigtimedwait(kShell, SIGWINCH), -EINTR) << "the group-stop has ended it";
  EXPECT_EQ(signal_in_sigtimedwait(kShell, SIGWINCH), -kErestartnointr) << "another call";
}

TEST_F(WaitTest, WaitThatIsNotForCloneChildrenWaitsForTheTraceeAlone) {
  Family();
  kernel.at(kTracer).regs.orig_rax = 56;  // clone
  kernel.at(kTracer).regs.rdi = SIGWINCH;
  Fork(kTracer, kOther);
  EXPECT_EQ(Wait(kTracer, -1, 0), Result(kNative)) << "ECHILD, says the kernel";
  EXPECT_EQ(Wait(kTracer, -1, kWclone), Result(kNative));
  ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  EXPECT_EQ(Wait(kTracer, -1, kWnohang), Result(0));
  Exit(kOther, 0);
  EXPECT_EQ(Wait(kTracer, -1, 0), Result(kParked));
  Exit(kTracee, 0);
  EXPECT_EQ(Wait(kTracer, -1, kWnohang | kWall), Result(kNative)) << "the zombie";
}

// --- WCONTINUED.

TEST_F(WaitTest, ContinuedEventIsTakenOnce) {
  Family();
  ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  kernel.SetContinued(kTracee.value, true);
  EXPECT_EQ(Wait(kTracer), Result(0));
  EXPECT_EQ(Wait(kTracer, -1, kWnohang | kWcontinued), (Waited{kTracee.value, 0xffff}));
  EXPECT_EQ(Wait(kTracer, -1, kWnohang | kWcontinued), Result(0));
}

TEST_F(WaitTest, StopComesBeforeContinued) {
  Family();
  ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  kernel.SetContinued(kTracee.value, true);
  Signal(kTracee, SIGUSR1);
  EXPECT_EQ(Wait(kTracer, -1, kWnohang | kWcontinued), StopOf(kTracee, SIGUSR1));
  EXPECT_EQ(Wait(kTracer, -1, kWnohang | kWcontinued), (Waited{kTracee.value, 0xffff}));
}

// --- the order of candidates: children oldest first, then tracees newest first (kernel/exit.c:do_wait).

TEST_F(WaitTest, TraceesAreConsideredNewestFirst) {
  Family();
  Fork(kShell, kOther);
  ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  ASSERT_EQ(Ptrace(kTracer, kSeize, kOther), 0);
  Signal(kTracee, SIGUSR1);
  Signal(kOther, SIGUSR2);
  EXPECT_EQ(Wait(kTracer), StopOf(kOther, SIGUSR2));
  EXPECT_EQ(Wait(kTracer), StopOf(kTracee, SIGUSR1));
}

TEST_F(WaitTest, ChildrenAreConsideredOldestFirstAndBeforeTracees) {
  Root(kShell);
  Fork(kShell, kTracer);
  Fork(kTracer, Tid{40});
  Fork(kTracer, Tid{41});
  Fork(kShell, kTracee);
  for (const Tid tid : {Tid{40}, Tid{41}, kTracee}) ASSERT_EQ(Ptrace(kTracer, kSeize, tid), 0);
  for (const Tid tid : {Tid{40}, Tid{41}, kTracee}) Signal(tid, SIGUSR1);
  EXPECT_EQ(Wait(kTracer), StopOf(Tid{40}, SIGUSR1));
  EXPECT_EQ(Wait(kTracer), StopOf(Tid{41}, SIGUSR1));
  EXPECT_EQ(Wait(kTracer), StopOf(kTracee, SIGUSR1));
}

TEST_F(WaitTest, ParkedWaitForOneTraceeIsNotAnsweredByAnother) {
  Family();
  Fork(kShell, kOther);
  ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  ASSERT_EQ(Ptrace(kTracer, kSeize, kOther), 0);
  EXPECT_EQ(WaitBlocking(kTracer, kTracee.value).result, kParked);
  Signal(kOther, SIGUSR2);
  EXPECT_EQ(WaitOf(kTracer).result, kParked);
  Signal(kTracee, SIGUSR1);
  EXPECT_EQ(WaitOf(kTracer), StopOf(kTracee, SIGUSR1));
}

// The last tracee is detached by a sibling while a wait is parked: nobody wakes it to see that there is
// nothing left to wait for.
TEST_F(WaitTest, DetachWakesNobody) {
  Family();
  const Tid sibling{11};
  Clone(kTracer, sibling);
  ASSERT_EQ(Ptrace(sibling, kSeize, kTracee), 0);
  Signal(kTracee, SIGUSR1);
  EXPECT_EQ(Waitid(sibling, kIdAll, 0, kWuntraced | kWnohang), 0);
  EXPECT_EQ(WaitBlocking(kTracer).result, kParked);
  EXPECT_EQ(Ptrace(sibling, kDetach, kTracee), 0);
  EXPECT_EQ(WaitOf(kTracer).result, kParked);
}

// kernel/exit.c:child_wait_callback.
TEST_F(WaitTest, OnlyTheWaitForSuchAChildIsWoken) {
  Family();
  Fork(kShell, kOther);
  const Tid sibling{11};
  Clone(kTracer, sibling);
  ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  ASSERT_EQ(Ptrace(sibling, kSeize, kOther), 0);
  EXPECT_EQ(Wait(kTracer, kTracee.value, kWcontinued).result, kParked);
  kernel.SetContinued(kTracee.value, true);  // of a tracee in its tracer's hands: nobody is told
  Signal(kOther, SIGUSR1);
  EXPECT_EQ(WaitOf(kTracer).result, kParked);
  Signal(kTracee, SIGUSR1);
  EXPECT_EQ(WaitOf(kTracer), StopOf(kTracee, SIGUSR1));
}

}  // namespace
}  // namespace nestrace
