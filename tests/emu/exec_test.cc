// execve(2) of a tracee, by the thread group leader and by another thread.

#include <errno.h>
#include <signal.h>

#include "tests/emu/guests.h"

namespace nestrace {
namespace {

const Tid kThread{21};

class ExecTest : public EmuTest {
 protected:
  void Seized(uint64_t options) {
    Family();
    ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee, 0, options), 0);
  }
  // kThread calls execve: de_thread() kills the leader, which stops at its exit event and dies without ever
  // becoming a zombie that a wait could see; kThread takes the number of the leader.
  void ExecByThread() {
    kernel.Die(kTracee);
    const struct user_regs_struct regs = kernel.at(kThread).regs;
    kernel.BecomeZombie(kThread);
    kernel.at(kThread).state = FakeThread::State::kReaped;
    kernel.at(kThread).gone = true;
    kernel.at(kTracee).regs = regs;
    Event(kTracee, kEventExec, kThread.value);
  }
  uint64_t EventMessage() {
    EXPECT_EQ(Ptrace(kTracer, kGetEventMsg, kTracee, 0, kFree), 0);
    return Read<uint64_t>(kTracer, kFree);
  }
};

TEST_F(ExecTest, TraceexecReportsTheEventWithTheOldTid) {
  Seized(kOptTraceExec);
  Event(kTracee, kEventExec, kTracee.value);
  EXPECT_EQ(Wait(kTracer), StopOf(kTracee, EventCode(kEventExec)));
  EXPECT_EQ(EventMessage(), static_cast<uint64_t>(kTracee.value));
  EXPECT_EQ(kernel.Count("queue("), 0);
}

TEST_F(ExecTest, SeizedWithoutTraceexecSeesNothing) {
  Seized(0);
  Event(kTracee, kEventExec, kTracee.value);
  EXPECT_TRUE(Runs(kTracee));
  EXPECT_EQ(kernel.Count("queue("), 0);
  EXPECT_EQ(Wait(kTracer), Result(0));
}

TEST_F(ExecTest, PendingInterruptIsForgottenWhereOtherThreadsAreEnded) {
  for (const bool executes : {true, false}) {
    Guests world;
    world.Family();
    world.Clone(kTracee, kThread);
    ASSERT_EQ(world.Ptrace(kTracer, kSeize, kTracee), 0);
    world.Signal(kTracee, SIGUSR1);
    ASSERT_EQ(world.Wait(kTracer), StopOf(kTracee, SIGUSR1));
    ASSERT_EQ(world.Ptrace(kTracer, kInterrupt, kTracee), 0);
    ASSERT_EQ(world.Ptrace(kTracer, kCont, kTracee), 0);
    if (executes) world.kernel.at(kTracee).blocked_in = 59;
    world.Die(kThread, 0);
    world.Event(kTracee, kEventExec, kTracee.value);
    EXPECT_TRUE(world.Runs(kTracee));
    EXPECT_NE(world.kernel.at(kTracee).interrupt, executes);
  }
}

TEST_F(ExecTest, AttachedWithoutTraceexecGetsASigtrapFromTheTraceeItself) {
  AttachedAndStopped();
  ASSERT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
  Event(kTracee, kEventExec, kTracee.value);
  EXPECT_TRUE(Runs(kTracee));
  DeliverQueued(kTracee);
  EXPECT_EQ(Wait(kTracer), StopOf(kTracee, SIGTRAP));
  const siginfo_t info = SigInfo(kTracer, kTracee);
  EXPECT_EQ(info.si_signo, SIGTRAP);
  EXPECT_EQ(info.si_code, SI_USER);
  EXPECT_EQ(info.si_pid, kTracee.value);
  EXPECT_EQ(info.si_uid, 1000u);
  EXPECT_EQ(info.si_value.sival_ptr, nullptr);
}

TEST_F(ExecTest, UntracedExecSendsNothing) {
  Family();
  Event(kTracee, kEventExec, kTracee.value);
  EXPECT_TRUE(Runs(kTracee));
  EXPECT_EQ(kernel.Count("queue("), 0);
}

TEST_F(ExecTest, ThreadThatExecsTakesTheLeadersNumber) {
  Seized(kOptTraceExec | kOptTraceClone);
  Clone(kTracee, kThread);
  ASSERT_EQ(Wait(kTracer, kTracee.value), StopOf(kTracee, EventCode(kEventClone)));
  ASSERT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
  ASSERT_EQ(Wait(kTracer, kThread.value), StopOf(kThread, EventCode(kEventStop)));
  ASSERT_EQ(Ptrace(kTracer, kCont, kThread), 0);
  ExecByThread();
  EXPECT_EQ(Wait(kTracer), StopOf(kTracee, EventCode(kEventExec)));
  EXPECT_EQ(EventMessage(), static_cast<uint64_t>(kThread.value));
  EXPECT_EQ(Ptrace(kTracer, kCont, kThread), -ESRCH);
  EXPECT_EQ(Wait(kTracer, kThread.value), Result(kNative)) << "ECHILD, says the kernel";
  EXPECT_EQ(Wait(kTracer), Result(0)) << "nobody hears of the old leader's end";
  EXPECT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
  EXPECT_EQ(emulator.thread_count(), 3u);
}

TEST_F(ExecTest, OnlyTheExecingThreadsTracerStays) {
  Family();
  Fork(kShell, kOther);
  Clone(kTracee, kThread);
  ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee, 0, kOptTraceExec), 0);
  ASSERT_EQ(Ptrace(kOther, kSeize, kThread, 0, kOptTraceExec), 0);
  ExecByThread();
  EXPECT_EQ(Wait(kOther), StopOf(kTracee, EventCode(kEventExec)));
  EXPECT_EQ(Ptrace(kOther, kCont, kTracee), 0);
  EXPECT_EQ(Ptrace(kTracer, kInterrupt, kTracee), -ESRCH);
}

TEST_F(ExecTest, LeaderStoppedAtItsExitEventIsHiddenByTheExec) {
  Seized(kOptTraceExec | kOptTraceExit);
  Clone(kTracee, kThread);
  ASSERT_EQ(Ptrace(kTracer, kSeize, kThread, 0, kOptTraceExec | kOptTraceExit), 0);
  ExitEvent(kTracee, 0);
  EXPECT_EQ(Wait(kTracer), StopOf(kTracee, EventCode(kEventExit)));
  EXPECT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
  ExecByThread();
  EXPECT_EQ(Wait(kTracer), StopOf(kTracee, EventCode(kEventExec)));
  EXPECT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
}

TEST_F(ExecTest, TraceesOfTheExecingThreadStayItsTraceesUnderItsNewNumber) {
  Root(kShell);
  Fork(kShell, kTracer);
  const Tid sibling{11};
  Clone(kTracer, sibling);
  Fork(kShell, kTracee);
  ASSERT_EQ(Ptrace(sibling, kSeize, kTracee), 0);
  kernel.Die(kTracer);
  kernel.BecomeZombie(sibling);
  kernel.at(sibling).state = FakeThread::State::kReaped;
  Event(kTracer, kEventExec, sibling.value);
  EXPECT_TRUE(Runs(kTracer));
  Signal(kTracee, SIGUSR1);
  EXPECT_EQ(Wait(kTracer), StopOf(kTracee, SIGUSR1));
  EXPECT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
}

TEST_F(ExecTest, TraceesOfTheOldLeaderAreLetGo) {
  Root(kShell);
  Fork(kShell, kTracer);
  const Tid sibling{11};
  Clone(kTracer, sibling);
  Fork(kShell, kTracee);
  ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  Signal(kTracee, SIGUSR1);
  kernel.Die(kTracer);
  kernel.BecomeZombie(sibling);
  kernel.at(sibling).state = FakeThread::State::kReaped;
  Event(kTracer, kEventExec, sibling.value);
  EXPECT_TRUE(Runs(kTracee));
  EXPECT_EQ(kernel.at(kTracee).resume_signal, SIGUSR1);
}

// A kick (an interrupt of the supervisor's own, for a thread that the kernel held in a native wait) came too
// late, and the exec event ended it: whoever has the thread's number now is interrupted by nobody.
TEST_F(ExecTest, KickIsOverWithTheExecOfItsThread) {
  Root(kShell);
  Fork(kShell, kTracer);
  const Tid sibling{11};
  Clone(kTracer, sibling);
  Fork(sibling, kOther);
  Fork(kShell, kTracee);
  ASSERT_EQ(WaitBlocking(sibling).result, kNative);
  ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  Signal(kTracee, SIGUSR1);
  ASSERT_TRUE(kernel.at(sibling).interrupt);
  kernel.Die(kTracer);
  kernel.BecomeZombie(sibling);
  kernel.at(sibling).state = FakeThread::State::kReaped;
  Event(kTracer, kEventExec, sibling.value);
  ASSERT_FALSE(kernel.at(kTracer).interrupt);
  EXPECT_TRUE(Runs(kTracer));
}

// exec resets handlers, not what is ignored (fs/exec.c: flush_signal_handlers(me, 0)).
TEST_F(ExecTest, HandlerOfSigchldEndsAndIgnoringItStays) {
  Family();
  ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  ASSERT_EQ(Sigaction(kTracer, 0x1234), kNative);
  Signal(kTracee, SIGUSR1);
  EXPECT_EQ(QueuedSigchlds(kTracer), 1u);
  kernel.process_queue(kTracer.value).clear();
  Event(kTracer, kEventExec, kTracer.value);
  ASSERT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
  Signal(kTracee, SIGUSR1);
  EXPECT_EQ(QueuedSigchlds(kTracer), 0u) << "the default is to ignore it";
}

}  // namespace
}  // namespace nestrace
