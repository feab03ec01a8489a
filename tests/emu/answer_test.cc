// "Exactly once": ptrace(2) never returns EINTR and never acts twice, whatever interrupts the caller.

#include <errno.h>
#include <signal.h>

#include "tests/emu/guests.h"

namespace nestrace {
namespace {

constexpr int kNrPtrace = 101, kNrWait4 = 61;

class AnswerTest : public EmuTest {
 protected:
  // The caller, interrupted in its call, comes to the stop of the signal that did it.
  void InterruptedBy(Tid caller, int signal, int nr = kNrPtrace) {
    EXPECT_EQ(kernel.at(caller).regs.orig_rax, static_cast<uint64_t>(nr));
    Signal(caller, signal);
  }
};

// --- the order.

// Who has returned from its request may count on its effect, without asking us.
TEST_F(AnswerTest, RequestsActBeforeTheyAreAnswered) {
  SeizedAndStopped();
  const auto acts_first = [this](const std::string& act) {
    return kernel.Find(act) < kernel.Find("answer(");
  };
  kernel.ClearLog();
  ASSERT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
  EXPECT_TRUE(acts_first("ptrace(PTRACE_CONT, 20"));
  kernel.ClearLog();
  ASSERT_EQ(Ptrace(kTracer, kInterrupt, kTracee), 0);
  EXPECT_TRUE(acts_first("ptrace(PTRACE_INTERRUPT, 20"));
  Trap(kTracee);
  ASSERT_EQ(Wait(kTracer), StopOf(kTracee, EventCode(kEventStop)));
  ASSERT_EQ(Ptrace(kTracer, kDetach, kTracee), 0);
  kernel.ClearLog();
  ASSERT_EQ(Ptrace(kTracer, kAttach, kTracee), 0);
  EXPECT_TRUE(acts_first("queue(20, 20, 19)"));
  Kill(kTracee);
  kernel.ClearLog();
  ASSERT_EQ(Wait(kTracer), ExitOf(kTracee, SIGKILL));
  EXPECT_TRUE(acts_first("reap(20)"));
}

// --- a refused answer.

TEST_F(AnswerTest, RefusedResumeHasResumedExactlyOnce) {
  SeizedAndStopped();
  const int resumes = Resumes(kTracee);
  kernel.RefuseNextAnswer();
  Ptrace(kTracer, kCont, kTracee, 0, SIGUSR2);
  EXPECT_TRUE(Runs(kTracee));
  kernel.ClearLog();
  InterruptedBy(kTracer, SIGALRM);
  EXPECT_EQ(Rax(kTracer), 0) << "the result is written over -ERESTARTSYS";
  EXPECT_EQ(kernel.Count("ptrace(PTRACE_POKEUSER, 10, 80"), 1);
  EXPECT_EQ(Resumes(kTracee), resumes + 1);
  EXPECT_EQ(kernel.at(kTracee).resume_signal, SIGUSR2);
  EXPECT_TRUE(Runs(kTracer));
  EXPECT_EQ(kernel.at(kTracer).resume_signal, SIGALRM) << "the signal that interrupted it is delivered";
}

// What has interrupted it may be nothing to stop for: the call starts again.
TEST_F(AnswerTest, RefusedResumeThatStartsAgainWithoutAStopIsDoneOnce) {
  SeizedAndStopped();
  const int resumes = Resumes(kTracee);
  for (int i = 0; i < 3; ++i) {
    kernel.RefuseNextAnswer();
    i == 0 ? Ptrace(kTracer, kCont, kTracee, 0, SIGUSR2) : Restart(kTracer);
  }
  EXPECT_EQ(Restart(kTracer), 0);
  EXPECT_EQ(Resumes(kTracee), resumes + 1);
  Signal(kTracee, SIGUSR2);
  ASSERT_EQ(Wait(kTracer), StopOf(kTracee, SIGUSR2));
  EXPECT_EQ(Ptrace(kTracer, kCont, kTracee, 0, SIGUSR2), 0);
  EXPECT_EQ(Resumes(kTracee), resumes + 2) << "the same call, but another one";
}

// ... and something else stops it before it is there.
TEST_F(AnswerTest, RefusedResumeThatStopsOnItsWayToStartAgainIsDoneOnce) {
  SeizedAndStopped();
  const int resumes = Resumes(kTracee);
  kernel.RefuseNextAnswer();
  Ptrace(kTracer, kCont, kTracee);
  auto& regs = kernel.at(kTracer).regs;
  regs.rax = regs.orig_rax;
  regs.orig_rax = ~0ull;
  regs.rip -= 2;
  Signal(kTracer, SIGALRM);
  ASSERT_TRUE(Runs(kTracer));
  EXPECT_EQ(regs.rax, static_cast<uint64_t>(kNrPtrace));
  regs.rip += 2;
  EXPECT_EQ(Restart(kTracer), 0);
  EXPECT_EQ(Resumes(kTracee), resumes + 1);
}

TEST_F(AnswerTest, TracerThatIsKilledInItsCallHasTheResult) {
  SeizedAndStopped();
  kernel.RefuseNextAnswer();
  Ptrace(kTracer, kCont, kTracee);
  ASSERT_EQ(Rax(kTracer), -kErestartsys);
  ExitEvent(kTracer, SIGKILL);
  EXPECT_EQ(Rax(kTracer), 0);
}

// Behind a refused resume the tracee may have stopped again.
TEST_F(AnswerTest, RefusedResumeDoesNotResumeTheNextStop) {
  SeizedAndStopped();
  kernel.RefuseNextAnswer();
  Ptrace(kTracer, kCont, kTracee);
  Signal(kTracee, SIGUSR2);
  InterruptedBy(kTracer, SIGALRM);
  EXPECT_EQ(Rax(kTracer), 0);
  EXPECT_TRUE(Stopped(kTracee));
  EXPECT_EQ(Wait(kTracer), StopOf(kTracee, SIGUSR2));
}

TEST_F(AnswerTest, RefusedInterruptIsNotDoneAgainBehindItsTrap) {
  SeizedAndStopped();
  ASSERT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
  kernel.RefuseNextAnswer();
  Ptrace(kTracer, kInterrupt, kTracee);
  Trap(kTracee);
  InterruptedBy(kTracer, SIGALRM);
  EXPECT_EQ(Rax(kTracer), 0);
  ASSERT_EQ(Wait(kTracer), StopOf(kTracee, EventCode(kEventStop)));
  ASSERT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
  EXPECT_FALSE(kernel.at(kTracee).interrupt);
}

TEST_F(AnswerTest, RefusedAttachHasAttached) {
  for (const long request : {kSeize, kAttach}) {
    SCOPED_TRACE(RequestName(request));
    Guests world;
    world.Family();
    world.kernel.RefuseNextAnswer();
    world.Ptrace(kTracer, request, kTracee);
    EXPECT_EQ(world.kernel.Count("queue(20, 20, 19)"), request == kAttach ? 1 : 0);
    world.Signal(kTracee, SIGUSR1);
    world.Signal(kTracer, SIGALRM);
    EXPECT_EQ(world.Rax(kTracer), 0);
    EXPECT_EQ(world.kernel.Count("queue("), request == kAttach ? 1 : 0);
    EXPECT_EQ(world.Wait(kTracer), StopOf(kTracee, SIGUSR1));
  }
}

TEST_F(AnswerTest, RefusedTracemeIsToldByRegisters) {
  Root(kTracer);
  Fork(kTracer, kTracee);
  kernel.RefuseNextAnswer();
  Ptrace(kTracee, kTraceme);
  Signal(kTracee, SIGALRM);
  EXPECT_EQ(Rax(kTracee), 0);
  EXPECT_EQ(Wait(kTracer), StopOf(kTracee, SIGALRM))
      << "natively the call was over before the signal was delivered";
}

TEST_F(AnswerTest, RefusedListenAndKillAreDoneOnce) {
  SeizedAndStopped();
  ASSERT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
  ASSERT_EQ(Ptrace(kTracer, kInterrupt, kTracee), 0);
  Trap(kTracee);
  ASSERT_EQ(Wait(kTracer), StopOf(kTracee, EventCode(kEventStop)));

  kernel.RefuseNextAnswer();
  Ptrace(kTracer, kListen, kTracee);
  EXPECT_TRUE(Listens(kTracee));
  Signal(kTracer, SIGALRM);
  EXPECT_EQ(Rax(kTracer), 0);
  EXPECT_TRUE(Listens(kTracee));

  kernel.RefuseNextAnswer();
  Ptrace(kTracer, kKill, kTracee);
  Signal(kTracer, SIGALRM);
  EXPECT_EQ(kernel.Count("tgkill(20, 20, 9)"), 1);
}

TEST_F(AnswerTest, RefusedDetachHasEndedTheLink) {
  SeizedAndStopped(kOptExitKill);
  kernel.ClearLog();
  kernel.RefuseNextAnswer();
  Ptrace(kTracer, kDetach, kTracee, 0, SIGUSR2);
  EXPECT_TRUE(Runs(kTracee));
  EXPECT_EQ(kernel.at(kTracee).resume_signal, SIGUSR2);
  Signal(kTracer, SIGALRM);
  EXPECT_EQ(Rax(kTracer), 0);
  EXPECT_EQ(Ptrace(kTracer, kInterrupt, kTracee), -ESRCH);
  Kill(kTracer);
  EXPECT_EQ(kernel.Count("tgkill"), 0) << "it was the tracer no more";
}

// It is the result of the call as it was: the world may have changed since.
TEST_F(AnswerTest, RefusedRequestKeepsItsResult) {
  SeizedAndStopped();
  kernel.RefuseNextAnswer();
  Ptrace(kTracer, kCont, kTracee);
  kernel.Die(kTracee);
  Exit(kTracee, SIGKILL);
  Signal(kTracer, SIGALRM);
  EXPECT_EQ(Rax(kTracer), 0);
}

TEST_F(AnswerTest, RefusedErrorIsWrittenToo) {
  Family();
  kernel.RefuseNextAnswer();
  Ptrace(kTracer, kCont, kTracee);
  Signal(kTracer, SIGALRM);
  EXPECT_EQ(Rax(kTracer), -ESRCH);
}

TEST_F(AnswerTest, RefusedReadHasRead) {
  SeizedAndStopped();
  kernel.RefuseNextAnswer();
  Ptrace(kTracer, kGetRegs, kTracee, 0, kFree);
  Signal(kTracer, SIGALRM);
  EXPECT_EQ(Rax(kTracer), 0);
  EXPECT_EQ(Read<struct user_regs_struct>(kTracer, kFree).rbx, kernel.at(kTracee).regs.rbx);
}

// A stop without an interruption (rax is no restart code) writes nothing.
TEST_F(AnswerTest, AnsweredCallIsLeftAlone) {
  SeizedAndStopped();
  ASSERT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
  kernel.ClearLog();
  Signal(kTracer, SIGALRM);
  EXPECT_EQ(kernel.Count("ptrace(PTRACE_POKEUSER, 10"), 0);
  Signal(kTracer, SIGALRM);
  EXPECT_EQ(kernel.Count("ptrace(PTRACE_POKEUSER, 10"), 0);
}

// The call that was interrupted is told by its number: a later one with rax = -512 is no business of ours.
TEST_F(AnswerTest, AnotherCallInterruptedIsLeftToTheKernel) {
  SeizedAndStopped();
  ASSERT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
  kernel.at(kTracer).regs.orig_rax = 202;
  kernel.at(kTracer).regs.rax = -kErestartsys;
  kernel.ClearLog();
  Signal(kTracer, SIGALRM);
  EXPECT_EQ(Rax(kTracer), -kErestartsys);
}

// --- a lost answer: accepted, but the guest comes to a stop with its call interrupted.

TEST_F(AnswerTest, LostAnswerIsGivenAgainAndActsOnce) {
  SeizedAndStopped();
  const int resumes = Resumes(kTracee);
  kernel.LoseNextAnswer();
  EXPECT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
  EXPECT_EQ(Resumes(kTracee), resumes + 1) << "the answer was accepted";
  InterruptedBy(kTracer, SIGALRM);
  EXPECT_EQ(ResultBehindStop(kTracer), 0);
  EXPECT_EQ(Resumes(kTracee), resumes + 1);
}

// Behind a lost resume the tracee may have stopped again: the request must not act on the new stop.
TEST_F(AnswerTest, LostResumeDoesNotResumeTheNextStop) {
  SeizedAndStopped();
  kernel.LoseNextAnswer();
  EXPECT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
  Signal(kTracee, SIGUSR2);
  ASSERT_TRUE(Stopped(kTracee));
  InterruptedBy(kTracer, SIGALRM);
  EXPECT_EQ(ResultBehindStop(kTracer), 0);
  EXPECT_TRUE(Stopped(kTracee));
  EXPECT_EQ(Wait(kTracer), StopOf(kTracee, SIGUSR2));
}

TEST_F(AnswerTest, LostErrorIsGivenAgain) {
  Family();
  kernel.LoseNextAnswer();
  EXPECT_EQ(Ptrace(kTracer, kCont, kTracee), -ESRCH);
  ASSERT_EQ(Ptrace(kShell, kSeize, kTracee), 0);
  InterruptedBy(kTracer, SIGALRM);
  EXPECT_EQ(ResultBehindStop(kTracer), -ESRCH);
}

TEST_F(AnswerTest, LostWaitIsGivenAgainAndTakesOneReport) {
  SeizedAndStopped();
  ASSERT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
  Signal(kTracee, SIGUSR2);
  kernel.LoseNextAnswer();
  EXPECT_EQ(Wait(kTracer), StopOf(kTracee, SIGUSR2));
  InterruptedBy(kTracer, SIGALRM, kNrWait4);
  EXPECT_EQ(ResultBehindStop(kTracer), kTracee.value);
  EXPECT_EQ(Read<int>(kTracer, kStatusAt), (SIGUSR2 << 8) | 0x7f);
  EXPECT_EQ(Wait(kTracer), Result(0)) << "the report was taken";
}

TEST_F(AnswerTest, LostAnswerIsGivenAgainThroughFurtherInterruptions) {
  SeizedAndStopped();
  const int resumes = Resumes(kTracee);
  kernel.LoseNextAnswer();
  EXPECT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
  InterruptedBy(kTracer, SIGALRM);
  if (Rax(kTracer) == -kErestartnointr) {
    kernel.RefuseNextAnswer();
    Restart(kTracer);
    InterruptedBy(kTracer, SIGALRM);
  }
  EXPECT_EQ(ResultBehindStop(kTracer), 0);
  EXPECT_EQ(Resumes(kTracee), resumes + 1);
}

// The call is made again, and interrupted before that is received: its number is no other call's.
TEST_F(AnswerTest, LostAnswerIsGivenAgainThroughAnInterruptionBeforeItIsReceived) {
  SeizedAndStopped();
  const int resumes = Resumes(kTracee);
  kernel.LoseNextAnswer();
  EXPECT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
  InterruptedBy(kTracer, SIGALRM);
  ASSERT_EQ(Rax(kTracer), -kErestartnointr);
  for (int i = 0; i < 2; ++i) {
    kernel.SkipNotification();
    kernel.at(kTracer).regs.rax = -kErestartsys;
    InterruptedBy(kTracer, SIGALRM);
    ASSERT_EQ(Rax(kTracer), -kErestartnointr);
  }
  EXPECT_EQ(ResultBehindStop(kTracer), 0);
  EXPECT_EQ(Resumes(kTracee), resumes + 1);
}

// A call may be interrupted before the supervisor has received its notification, which then never was. It has
// the number of the call answered before it, but not its arguments.
TEST_F(AnswerTest, CallInterruptedBeforeItWasReceivedIsNotGivenTheAnswerOfTheOneBefore) {
  SeizedAndStopped();
  ASSERT_EQ(Ptrace(kTracer, kGetEventMsg, kTracee, 0, kFree), 0);
  kernel.SkipNotification();
  auto& regs = kernel.at(kTracer).regs;
  regs.rdi = kCont;
  regs.rdx = 0;
  regs.r10 = 0;
  regs.rax = -kErestartsys;
  InterruptedBy(kTracer, SIGALRM);
  EXPECT_EQ(ResultBehindStop(kTracer), 0);
  EXPECT_TRUE(Runs(kTracee));
}

// The same, but it was received, and to be handled behind others.
TEST_F(AnswerTest, CallInterruptedBeforeItWasHandledIsNotGivenTheAnswerOfTheOneBefore) {
  SeizedAndStopped();
  ASSERT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
  Signal(kTracee, SIGUSR2);
  const Notification again = ReceiveAgain(kTracer);
  kernel.at(kTracer).regs.rax = -kErestartsys;
  emulator.OnVoided(again);
  InterruptedBy(kTracer, SIGALRM);
  EXPECT_EQ(ResultBehindStop(kTracer), 0);
  EXPECT_TRUE(Runs(kTracee));
}

// ... nor if other threads make calls behind it, or one that was made before it is received behind the stop.
TEST_F(AnswerTest, CallsOfOthersDoNotTellThatTheAnswerWasLost) {
  for (const bool made_before : {false, true}) {
    SCOPED_TRACE(made_before);
    Guests world;
    world.Family();
    ASSERT_EQ(world.Ptrace(kTracer, kSeize, kTracee), 0);
    world.Signal(kTracee, SIGUSR1);
    ASSERT_EQ(world.Ptrace(kTracer, kCont, kTracee), 0);
    world.Signal(kTracee, SIGUSR2);
    Notification other{.tid = kShell, .nr = kNrPtrace, .args = {kCont, static_cast<uint64_t>(kTracee.value)}};
    if (made_before) other = world.kernel.Notify(other);
    world.kernel.SkipNotification();
    if (!made_before) {
      other = world.kernel.Notify(other);
      world.emulator.OnReceived(other);
    }
    world.kernel.at(kTracer).regs.rax = -kErestartsys;
    world.Signal(kTracer, SIGALRM);
    if (made_before) world.emulator.OnReceived(other);
    world.emulator.OnNotification(other);
    EXPECT_EQ(world.ResultBehindStop(kTracer), 0);
    EXPECT_TRUE(world.Runs(kTracee));
  }
}

// It is decided at the stop, and its result written before it acts: a caller that is dead does nothing.
TEST_F(AnswerTest, WriteOfTheResultThatFailsDoesNothing) {
  for (int k = 1; k < 8; ++k) {
    SCOPED_TRACE(k);
    Guests world;
    world.Family();
    ASSERT_EQ(world.Ptrace(kTracer, kSeize, kTracee), 0);
    world.Signal(kTracee, SIGUSR1);
    ASSERT_EQ(world.Wait(kTracer), StopOf(kTracee, SIGUSR1));
    world.kernel.SkipNotification();
    auto& regs = world.kernel.at(kTracer).regs;
    regs.orig_rax = kNrPtrace;
    regs.rdi = kCont;
    regs.rsi = kTracee.value;
    regs.rdx = regs.r10 = 0;
    regs.rax = -kErestartsys;
    world.kernel.ClearLog();
    world.kernel.DieAtCall(kTracer, k);
    world.Signal(kTracer, SIGALRM);
    const size_t written = world.kernel.Find("ptrace(PTRACE_POKEUSER, 10, 80, 0) = 0");
    const size_t resumed = world.kernel.Find("ptrace(PTRACE_CONT, 20");
    const bool is_resumed = resumed < world.kernel.log().size();
    EXPECT_TRUE(!is_resumed || written < resumed);
    world.Exit(kTracer, SIGKILL);
    EXPECT_TRUE(world.Runs(kTracee));
    EXPECT_EQ(world.Resumes(kTracee), 2) << "its first stop, and this one: once";
  }
}

// The same with equal arguments: it takes a report of its own.
TEST_F(AnswerTest, WaitInterruptedBeforeItWasReceivedTakesANewReport) {
  Family();
  Fork(kShell, kOther);
  ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  ASSERT_EQ(Ptrace(kTracer, kSeize, kOther), 0);
  Signal(kOther, SIGUSR1);
  ASSERT_EQ(Wait(kTracer), StopOf(kOther, SIGUSR1));
  Signal(kTracee, SIGUSR2);
  kernel.SkipNotification();
  kernel.at(kTracer).regs.rax = -kErestartsys;
  InterruptedBy(kTracer, SIGALRM, kNrWait4);
  EXPECT_EQ(ResultBehindStop(kTracer), kTracee.value);
  EXPECT_EQ(Read<int>(kTracer, kStatusAt), (SIGUSR2 << 8) | 0x7f);
}

// --- a parked wait.

TEST_F(AnswerTest, ParkedWaitInterruptedIsLeftToTheKernelsRestart) {
  SeizedAndStopped();
  ASSERT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
  EXPECT_EQ(WaitBlocking(kTracer), Result(kParked));
  kernel.ClearLog();
  InterruptedBy(kTracer, SIGALRM, kNrWait4);
  EXPECT_EQ(Rax(kTracer), -kErestartsys) << "EINTR or a restart, as the handler says";
  EXPECT_EQ(kernel.Count("ptrace(PTRACE_POKEUSER, 10"), 0);
  EXPECT_TRUE(Runs(kTracer));
  EXPECT_EQ(Restart(kTracer), kParked);
  Signal(kTracee, SIGUSR2);
  EXPECT_EQ(WaitOf(kTracer), StopOf(kTracee, SIGUSR2));
}

TEST_F(AnswerTest, ParkedWaitNeverRestartedIsForgotten) {
  SeizedAndStopped();
  ASSERT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
  EXPECT_EQ(WaitBlocking(kTracer), Result(kParked));
  InterruptedBy(kTracer, SIGALRM, kNrWait4);
  // EINTR: the guest goes on without waiting again.
  kernel.ClearLog();
  Signal(kTracee, SIGUSR2);
  EXPECT_EQ(kernel.Count("answer("), 0);
  EXPECT_EQ(kernel.Count("ptrace(PTRACE_INTERRUPT, 10"), 0);
  EXPECT_EQ(Wait(kTracer), StopOf(kTracee, SIGUSR2)) << "the report is still there";
}

// The report comes between the interruption and the stop: the wait finds it at the stop.
TEST_F(AnswerTest, WaitInterruptedAndThenReportedIsAnsweredAtTheStop) {
  SeizedAndStopped();
  ASSERT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
  EXPECT_EQ(WaitBlocking(kTracer), Result(kParked));
  kernel.RefuseNextAnswer();
  Signal(kTracee, SIGUSR2);
  InterruptedBy(kTracer, SIGALRM, kNrWait4);
  EXPECT_EQ(Rax(kTracer), kTracee.value);
  EXPECT_EQ(Read<int>(kTracer, kStatusAt), (SIGUSR2 << 8) | 0x7f);
  EXPECT_EQ(Wait(kTracer), Result(0)) << "waited for exactly once";
}

TEST_F(AnswerTest, RefusedWaitHasTakenTheReport) {
  SeizedAndStopped();
  ASSERT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
  Signal(kTracee, SIGUSR2);
  kernel.RefuseNextAnswer();
  Wait(kTracer);
  InterruptedBy(kTracer, SIGALRM, kNrWait4);
  EXPECT_EQ(Rax(kTracer), kTracee.value);
  EXPECT_EQ(Read<int>(kTracer, kStatusAt), (SIGUSR2 << 8) | 0x7f);
  EXPECT_EQ(Wait(kTracer), Result(0));
}

TEST_F(AnswerTest, RefusedReapHasReaped) {
  SeizedAndStopped();
  kernel.Die(kTracee);
  Exit(kTracee, SIGKILL);
  kernel.RefuseNextAnswer();
  Wait(kTracer);
  EXPECT_EQ(kernel.Count("reap(20) = 0"), 1);
  InterruptedBy(kTracer, SIGALRM, kNrWait4);
  EXPECT_EQ(Rax(kTracer), kTracee.value);
  EXPECT_EQ(kernel.Count("reap("), 1);
}

// A waiter whose memory is gone is dead, and has taken nothing.
TEST_F(AnswerTest, WaitOfOneThatIsKilledLeavesTheReport) {
  SeizedAndStopped();
  ASSERT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
  Signal(kTracee, SIGUSR2);
  kernel.DieAtCall(kTracer, 1);
  Wait(kTracer);
  Exit(kTracer, SIGKILL);
  EXPECT_EQ(kernel.at(kTracee).resume_signal, SIGUSR2) << "unwaited: the signal is delivered";
}

// --- memory that can't be reached from outside.

TEST_F(AnswerTest, UndumpableCallerIsStoppedAndServedByPeekAndPoke) {
  SeizedAndStopped();
  kernel.MakeUndumpable(kTracer.value);
  EXPECT_EQ(Ptrace(kTracer, kGetRegs, kTracee, 0, kFree), kParked);
  EXPECT_TRUE(kernel.at(kTracer).interrupt);
  Trap(kTracer);
  EXPECT_EQ(Rax(kTracer), 0);
  EXPECT_TRUE(Runs(kTracer));
  EXPECT_EQ(Read<struct user_regs_struct>(kTracer, kFree).rbx, kernel.at(kTracee).regs.rbx);
}

TEST_F(AnswerTest, UndumpableWaiterIsStoppedAndServed) {
  SeizedAndStopped();
  ASSERT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
  kernel.MakeUndumpable(kTracer.value);
  EXPECT_EQ(WaitBlocking(kTracer), Result(kParked));
  Signal(kTracee, SIGUSR2);
  EXPECT_EQ(WaitOf(kTracer), Result(kParked));
  Trap(kTracer);
  EXPECT_EQ(Rax(kTracer), kTracee.value);
  EXPECT_EQ(Read<int>(kTracer, kStatusAt), (SIGUSR2 << 8) | 0x7f);
  EXPECT_EQ(Wait(kTracer, kTracee.value, kWnohang | kWall).result, 0);
}

// --- memory that somebody is still to fill.

TEST_F(AnswerTest, CallerWaitsForItsMemoryAndNobodyElseDoes) {
  SeizedAndStopped();
  kernel.SetSlow(kTracer.value, true);
  EXPECT_EQ(Ptrace(kTracer, kGetRegs, kTracee, 0, kFree), kParked);
  EXPECT_FALSE(kernel.at(kTracer).interrupt);
  Fork(kShell, kOther);
  EXPECT_EQ(Ptrace(kShell, kSeize, kOther), 0);
  EXPECT_EQ(ResultOf(kTracer), kParked);
  kernel.SetSlow(kTracer.value, false);
  emulator.OnMemory(kTracer);
  EXPECT_EQ(ResultOf(kTracer), 0);
  EXPECT_EQ(Read<struct user_regs_struct>(kTracer, kFree).rbx, kernel.at(kTracee).regs.rbx);
  emulator.OnMemory(kTracer);  // of no account
}

TEST_F(AnswerTest, MemoryThatIsMissingAgainIsWaitedForAgain) {
  SeizedAndStopped();
  kernel.SetSlow(kTracer.value, true);
  EXPECT_EQ(Ptrace(kTracer, kGetRegs, kTracee, 0, kFree), kParked);
  emulator.OnMemory(kTracer);
  EXPECT_EQ(ResultOf(kTracer), kParked);
  kernel.SetSlow(kTracer.value, false);
  emulator.OnMemory(kTracer);
  EXPECT_EQ(ResultOf(kTracer), 0);
}

TEST_F(AnswerTest, WaitTakesTheReportOnceItsMemoryIsThere) {
  SeizedAndStopped();
  ASSERT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
  EXPECT_EQ(WaitBlocking(kTracer), Result(kParked));
  kernel.SetSlow(kTracer.value, true);
  Signal(kTracee, SIGUSR2);
  EXPECT_EQ(WaitOf(kTracer), Result(kParked));
  kernel.SetSlow(kTracer.value, false);
  emulator.OnMemory(kTracer);
  EXPECT_EQ(WaitOf(kTracer), StopOf(kTracee, SIGUSR2));
  EXPECT_EQ(Wait(kTracer, kTracee.value, kWnohang | kWall).result, 0);
}

TEST_F(AnswerTest, CallThatIsInterruptedBeforeItsMemoryIsThereStartsAgain) {
  SeizedAndStopped();
  kernel.SetSlow(kTracer.value, true);
  EXPECT_EQ(Ptrace(kTracer, kGetRegs, kTracee, 0, kFree), kParked);
  Signal(kTracer, SIGUSR1);
  EXPECT_EQ(Rax(kTracer), -kErestartnointr);
  emulator.OnMemory(kTracer);
  kernel.SetSlow(kTracer.value, false);
  EXPECT_EQ(Restart(kTracer), 0);
}

TEST_F(AnswerTest, CallThatNeedsAStopGetsOneThoughItsCallersMemoryWasSlow) {
  SeizedAndStopped();
  kernel.SetSlow(kTracer.value, true);
  EXPECT_EQ(Ptrace(kTracer, kGetRegs, kTracee, 0, kFree), kParked);
  kernel.MakeUndumpable(kTracer.value);
  emulator.OnMemory(kTracer);
  EXPECT_TRUE(kernel.at(kTracer).interrupt);
  Trap(kTracer);
  EXPECT_EQ(Rax(kTracer), 0);
}

TEST_F(AnswerTest, BadResultPointerIsEfault) {
  SeizedAndStopped();
  EXPECT_EQ(Ptrace(kTracer, kGetRegs, kTracee, 0, kUnmapped), -EFAULT);
  EXPECT_EQ(Ptrace(kTracer, kPeekData, kTracee, kFree, kUnmapped), -EFAULT);
  EXPECT_EQ(Ptrace(kTracer, kPeekData, kTracee, kUnmapped, kFree), -EIO);
  EXPECT_EQ(Ptrace(kTracer, kGetRegset, kTracee, kNtPrstatus, kUnmapped), -EFAULT);
}

}  // namespace
}  // namespace nestrace
