// Exits: PTRACE_EVENT_EXIT, zombies and who may reap them.

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "tests/emu/guests.h"

namespace nestrace {
namespace {

const Tid kThread{21};

class ExitTest : public EmuTest {
 protected:
  void Seized(uint64_t options) {
    Family();
    ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee, 0, options), 0);
  }
  // The tracer is the real parent.
  void SeizedChild(uint64_t options) {
    Root(kTracer);
    Fork(kTracer, kTracee);
    ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee, 0, options), 0);
  }
};

TEST_F(ExitTest, TraceexitStopsWithTheStatusAsMessage) {
  Seized(kOptTraceExit);
  ExitEvent(kTracee, 0x700);
  EXPECT_EQ(Wait(kTracer), StopOf(kTracee, EventCode(kEventExit)));
  EXPECT_EQ(Ptrace(kTracer, kGetEventMsg, kTracee, 0, kFree), 0);
  EXPECT_EQ(Read<uint64_t>(kTracer, kFree), 0x700u);
  EXPECT_TRUE(Stopped(kTracee));
  EXPECT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
  EXPECT_TRUE(Runs(kTracee));
  Exit(kTracee, 0x700);
  EXPECT_EQ(Wait(kTracer), ExitOf(kTracee, 0x700));
}

TEST_F(ExitTest, WithoutTraceexitOnlyTheEndIsSeen) {
  Seized(0);
  ExitEvent(kTracee, 0x700);
  EXPECT_TRUE(Runs(kTracee));
  EXPECT_EQ(Wait(kTracer), Result(0));
  Exit(kTracee, 0x700);
  EXPECT_EQ(Wait(kTracer), ExitOf(kTracee, 0x700));
}

TEST_F(ExitTest, ZombieIsTheTracersFirstAndThenTheParents) {
  Seized(0);
  Die(kTracee, 0);
  EXPECT_TRUE(emulator.IsHeld(kTracee));
  EXPECT_EQ(emulator.held_zombies(), 1u);
  EXPECT_EQ(kernel.Count("reap(20)"), 0);
  EXPECT_EQ(Wait(kTracer), ExitOf(kTracee, 0));
  EXPECT_EQ(kernel.Count("reap(20)"), 1);
  EXPECT_EQ(emulator.held_zombies(), 0u);
  EXPECT_EQ(Wait(kShell).result, kNative) << "now the kernel tells the parent";
  EXPECT_EQ(Wait(kTracer).result, kNative);
}

TEST_F(ExitTest, WnowaitLeavesTheZombie) {
  Seized(0);
  Die(kTracee, 0x100);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(Waitid(kTracer, kIdAll, 0, kWexited | kWnowait), 0);
    const auto info = Read<siginfo_t>(kTracer, kInfoAt);
    EXPECT_EQ(info.si_code, CLD_EXITED);
    EXPECT_EQ(info.si_status, 1);
  }
  EXPECT_EQ(kernel.Count("reap("), 0);
  EXPECT_EQ(Wait(kTracer), ExitOf(kTracee, 0x100));
}

TEST_F(ExitTest, OneWaitServesTracerAndParentOfTheSameProcess) {
  SeizedChild(0);
  Die(kTracee, 0);
  EXPECT_EQ(kernel.Count("reap(20)"), 1);
  EXPECT_EQ(Wait(kTracer).result, kNative) << "the kernel's own report says it all";
}

// kernel/exit.c:exit_notify: a traced child is not reaped by itself, though its parent ignores SIGCHLD.
TEST_F(ExitTest, TracedChildOfAParentThatIgnoresSigchldWaitsForItsTracer) {
  SeizedChild(0);
  ASSERT_EQ(Sigaction(kTracer, 1), kNative);
  Die(kTracee, 0x200);
  EXPECT_EQ(Wait(kTracer), ExitOf(kTracee, 0x200));
  EXPECT_EQ(kernel.Count("reap(20)"), 1);
}

TEST_F(ExitTest, ParkedWaitOfTracerAndParentEndsAtDeath) {
  SeizedChild(0);
  EXPECT_EQ(WaitBlocking(kTracer).result, kParked);
  Die(kTracee, 0);
  EXPECT_EQ(WaitOf(kTracer).result, kNative);
}

TEST_F(ExitTest, DeathWithoutAnExitEventIsReportedToo) {
  Seized(kOptTraceExit);
  Exit(kTracee, SIGKILL);
  EXPECT_EQ(Wait(kTracer), ExitOf(kTracee, SIGKILL));
}

TEST_F(ExitTest, ThreadsEndIsItsTracersAlone) {
  Seized(0);
  Clone(kTracee, kThread);
  ASSERT_EQ(Ptrace(kTracer, kSeize, kThread), 0);
  Die(kThread, 0x300);
  EXPECT_EQ(Wait(kTracer), ExitOf(kThread, 0x300));
  EXPECT_EQ(kernel.Count("reap(21)"), 1);
  EXPECT_EQ(emulator.thread_count(), 3u);
}

TEST_F(ExitTest, UntracedThreadIsLetGoAndLeavesNoZombie) {
  Family();
  Clone(kTracee, kThread);
  ExitEvent(kThread, 0);
  EXPECT_EQ(kernel.at(kThread).resume_request, kDetach);
  EXPECT_EQ(kernel.Count("reap(21)"), 0);
  EXPECT_EQ(emulator.thread_count(), 3u);
}

TEST_F(ExitTest, ThreadThatItsTracerLetsGoAtItsExitLeavesNoZombie) {
  Seized(0);
  Clone(kTracee, kThread);
  ASSERT_EQ(Ptrace(kTracer, kSeize, kThread, 0, kOptTraceExit), 0);
  ExitEvent(kThread, 0);
  ASSERT_EQ(Wait(kTracer), StopOf(kThread, EventCode(kEventExit)));
  EXPECT_EQ(Ptrace(kTracer, kDetach, kThread), 0);
  EXPECT_EQ(kernel.at(kThread).resume_request, kDetach);
  EXPECT_EQ(emulator.thread_count(), 3u);
}

TEST_F(ExitTest, ThreadThatTracesIsReapedAtOnce) {
  Family();
  Clone(kTracer, kThread);
  ASSERT_EQ(Ptrace(kThread, kSeize, kTracee), 0);
  Die(kThread, 0);
  EXPECT_EQ(kernel.Count("reap(21)"), 1);
}

// With another exit signal nothing would tell of the leader's zombie once the thread is gone.
TEST_F(ExitTest, ThreadOfAProcessWithAnotherExitSignalIsReapedAtOnce) {
  Family();
  kernel.at(kTracer).regs.orig_rax = 56;
  kernel.at(kTracer).regs.rdi = SIGUSR1;
  const Tid child{30}, thread{31};
  Fork(kTracer, child);
  kernel.at(kTracer).regs.orig_rax = ~0ull;
  Clone(child, thread);
  Die(thread, 0);
  EXPECT_EQ(kernel.Count("reap(31)"), 1);
}

TEST_F(ExitTest, SigkillEndsAStopAndItsReport) {
  SeizedAndStopped();
  ASSERT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
  Signal(kTracee, SIGUSR2);  // not waited for
  EXPECT_EQ(Ptrace(kTracer, kKill, kTracee), 0);
  ExitEvent(kTracee, SIGKILL);
  EXPECT_TRUE(Runs(kTracee));
  EXPECT_EQ(Wait(kTracer), Result(0));
  Exit(kTracee, SIGKILL);
  EXPECT_EQ(Wait(kTracer), ExitOf(kTracee, SIGKILL));
}

TEST_F(ExitTest, SigkillOfAStoppedTraceeShowsItsExitEvent) {
  SeizedAndStopped(kOptTraceExit);
  EXPECT_EQ(Ptrace(kTracer, kKill, kTracee), 0);
  ExitEvent(kTracee, SIGKILL);
  EXPECT_EQ(Wait(kTracer), StopOf(kTracee, EventCode(kEventExit)));
  EXPECT_EQ(Ptrace(kTracer, kGetRegs, kTracee, 0, kFree), 0) << "readable there";
  EXPECT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
  Exit(kTracee, SIGKILL);
  EXPECT_EQ(Wait(kTracer), ExitOf(kTracee, SIGKILL));
}

TEST_F(ExitTest, InterruptBehindTheExitEventIsNothing) {
  Seized(kOptTraceExit);
  ExitEvent(kTracee, 0);
  ASSERT_EQ(Wait(kTracer), StopOf(kTracee, EventCode(kEventExit)));
  ASSERT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
  EXPECT_EQ(Ptrace(kTracer, kInterrupt, kTracee), 0);
  EXPECT_EQ(Ptrace(kTracer, kCont, kTracee), -ESRCH);
  Exit(kTracee, 0);
  EXPECT_EQ(Wait(kTracer), ExitOf(kTracee, 0));
}

TEST_F(ExitTest, DetachAtTheExitEventLeavesTheEndToTheParent) {
  Seized(kOptTraceExit);
  ExitEvent(kTracee, 0);
  ASSERT_EQ(Wait(kTracer), StopOf(kTracee, EventCode(kEventExit)));
  EXPECT_EQ(Ptrace(kTracer, kDetach, kTracee), 0);
  EXPECT_TRUE(Runs(kTracee));
  Exit(kTracee, 0);
  EXPECT_EQ(kernel.Count("reap(20)"), 1);
  EXPECT_EQ(Wait(kTracer).result, kNative);
}

TEST_F(ExitTest, OrphansGoOn) {
  Family();
  Fork(kTracer, kOther);
  Die(kTracer, 0);
  Signal(kOther, SIGUSR1);
  EXPECT_TRUE(Runs(kOther));
  Die(kOther, 0);
  EXPECT_EQ(kernel.Count("reap(30)"), 1);
}

TEST_F(ExitTest, LastThreadEndsTheRun) {
  Seized(0);
  Die(kTracer, 0);
  Die(kTracee, 0);
  EXPECT_EQ(emulator.thread_count(), 1u);
  Die(kShell, 0);
  EXPECT_EQ(emulator.thread_count(), 0u);
  EXPECT_EQ(emulator.held_zombies(), 0u);
}

// --- the death of a tracer.

class TracerDeathTest : public ExitTest {};

TEST_F(TracerDeathTest, RunningTraceeRunsOn) {
  Seized(0);
  const int resumes = Resumes(kTracee);
  Kill(kTracer);
  EXPECT_TRUE(Runs(kTracee));
  EXPECT_EQ(Resumes(kTracee), resumes);
  Signal(kTracee, SIGUSR1);
  EXPECT_EQ(kernel.at(kTracee).resume_signal, SIGUSR1);
}

TEST_F(TracerDeathTest, StepStaysArmedUntilItsTrap) {
  Family();
  ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  Signal(kTracee, SIGURG);
  ASSERT_EQ(Ptrace(kTracer, kSysemuSingleStep, kTracee), 0);
  Kill(kTracer);
  for (const int signal : {SIGURG, SIGURG, SIGTRAP}) {
    Signal(kTracee, signal);
    EXPECT_EQ(kernel.at(kTracee).resume_request, signal == SIGTRAP ? kCont : kSingleStep);
  }
}

TEST_F(TracerDeathTest, StepStaysArmedBehindATrapThatIsDropped) {
  Family();
  Fork(kShell, kOther);
  ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  Signal(kTracee, SIGUSR1);
  ASSERT_EQ(Ptrace(kTracer, kSingleStep, kTracee), 0);
  Kill(kTracer);
  ASSERT_EQ(Ptrace(kOther, kSeize, kTracee), 0);
  Signal(kTracee, SIGTRAP);
  ASSERT_EQ(Wait(kOther), StopOf(kTracee, SIGTRAP));
  Kill(kOther);
  ASSERT_TRUE(Runs(kTracee));
  EXPECT_EQ(kernel.at(kTracee).resume_signal, 0);
  EXPECT_EQ(kernel.at(kTracee).resume_request, kSingleStep);
}

TEST_F(TracerDeathTest, SignalStopThatWasNotWaitedForDeliversItsSignal) {
  Seized(0);
  Signal(kTracee, SIGUSR1);
  Kill(kTracer);
  EXPECT_TRUE(Runs(kTracee));
  EXPECT_EQ(kernel.at(kTracee).resume_signal, SIGUSR1);
}

TEST_F(TracerDeathTest, SignalStopThatWasWaitedForDropsItsSignal) {
  Seized(0);
  Signal(kTracee, SIGUSR1);
  ASSERT_EQ(Wait(kTracer), StopOf(kTracee, SIGUSR1));
  Kill(kTracer);
  EXPECT_TRUE(Runs(kTracee));
  EXPECT_EQ(kernel.at(kTracee).resume_signal, 0);
}

// A tracee whose child the tracer was goes on behind the SIGCHLD of that.
TEST_F(TracerDeathTest, StoppedParentGoesOnWithSigchldPending) {
  Root(kShell);
  Fork(kShell, kTracee);
  Fork(kTracee, kTracer);
  ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  Signal(kTracee, SIGUSR1);
  ASSERT_EQ(Wait(kTracer), StopOf(kTracee, SIGUSR1));
  ExitEvent(kTracer, SIGKILL);
  kernel.ClearLog();
  Exit(kTracer, SIGKILL);
  EXPECT_TRUE(Runs(kTracee));
  EXPECT_LT(kernel.Find("reap("), kernel.Find("ptrace(PTRACE_CONT"));
}

TEST_F(TracerDeathTest, SignalStopSeenWithWnowaitDeliversItsSignal) {
  Seized(0);
  Signal(kTracee, SIGUSR1);
  ASSERT_EQ(Waitid(kTracer, kIdAll, 0, kWuntraced | kWnowait), 0);
  Kill(kTracer);
  EXPECT_EQ(kernel.at(kTracee).resume_signal, SIGUSR1);
}

// The exit code of a syscall-stop without PTRACE_O_TRACESYSGOOD is SIGTRAP, and is sent
// (ptrace_report_syscall()).
TEST_F(TracerDeathTest, SyscallStopThatWasNotWaitedForSendsSigtrapUnlessSysgood) {
  for (const bool good : {false, true}) {
    for (const bool waited : {false, true}) {
      SCOPED_TRACE(good ? "good" : "plain");
      Guests world;
      world.Family();
      ASSERT_EQ(world.Ptrace(kTracer, kSeize, kTracee, 0, good ? uint64_t{kOptSysGood} : 0), 0);
      world.Signal(kTracee, SIGUSR1);
      ASSERT_EQ(world.Wait(kTracer).result, kTracee.value);
      ASSERT_EQ(world.Ptrace(kTracer, kSyscall, kTracee), 0);
      world.SyscallEnter(kTracee);
      if (waited) {
        ASSERT_EQ(world.Wait(kTracer).result, kTracee.value);
      }
      world.Kill(kTracer);
      EXPECT_TRUE(world.Runs(kTracee));
      EXPECT_EQ(world.kernel.at(kTracee).resume_signal, !good && !waited ? SIGTRAP : 0);
    }
  }
}

TEST_F(TracerDeathTest, EventStopSendsNothing) {
  Seized(kOptTraceExec);
  Event(kTracee, kEventExec, kTracee.value);
  Kill(kTracer);
  EXPECT_TRUE(Runs(kTracee));
  EXPECT_EQ(kernel.at(kTracee).resume_signal, 0);
}

TEST_F(TracerDeathTest, ExitEventGoesOn) {
  Seized(kOptTraceExit);
  ExitEvent(kTracee, 0);
  EXPECT_TRUE(Stopped(kTracee));
  Kill(kTracer);
  EXPECT_TRUE(Runs(kTracee));
  Exit(kTracee, 0);
  EXPECT_EQ(kernel.Count("reap(20)"), 1);
}

TEST_F(TracerDeathTest, GroupStopStaysInEffect) {
  Seized(0);
  Signal(kTracee, SIGSTOP);
  ASSERT_EQ(Wait(kTracer), StopOf(kTracee, SIGSTOP));
  ASSERT_EQ(Ptrace(kTracer, kCont, kTracee, 0, SIGSTOP), 0);
  GroupStop(kTracee);
  Kill(kTracer);
  EXPECT_TRUE(Listens(kTracee));
  Trap(kTracee);  // SIGCONT
  EXPECT_TRUE(Runs(kTracee));
}

TEST_F(TracerDeathTest, ListeningTraceeStaysInGroupStop) {
  Seized(0);
  Signal(kTracee, SIGSTOP);
  ASSERT_EQ(Wait(kTracer), StopOf(kTracee, SIGSTOP));
  ASSERT_EQ(Ptrace(kTracer, kCont, kTracee, 0, SIGSTOP), 0);
  GroupStop(kTracee);
  ASSERT_EQ(Wait(kTracer).result, kTracee.value);
  ASSERT_EQ(Ptrace(kTracer, kListen, kTracee), 0);
  Kill(kTracer);
  EXPECT_TRUE(Listens(kTracee));
}

// PTRACE_LISTEN in an EVENT_STOP without a group-stop: __ptrace_unlink() wakes the tracee, and nothing stops
// it.
TEST_F(TracerDeathTest, ListeningTraceeWithoutGroupStopRuns) {
  Seized(0);
  ASSERT_EQ(Ptrace(kTracer, kInterrupt, kTracee), 0);
  Trap(kTracee);
  ASSERT_EQ(Wait(kTracer).result, kTracee.value);
  ASSERT_EQ(Ptrace(kTracer, kListen, kTracee), 0);
  Kill(kTracer);
  // The emulation may have to trap it first.
  if (Listens(kTracee) && kernel.at(kTracee).interrupt) Trap(kTracee);
  EXPECT_TRUE(Runs(kTracee));
}

TEST_F(TracerDeathTest, ExitkillSendsSigkill) {
  Seized(kOptExitKill);
  Kill(kTracer);
  EXPECT_EQ(kernel.Count("tgkill(20, 20, 9)"), 1);
}

TEST_F(TracerDeathTest, WithoutExitkillNoSigkill) {
  Seized(0);
  kernel.ClearLog();
  Kill(kTracer);
  EXPECT_EQ(kernel.Count("tgkill("), 0);
}

TEST_F(TracerDeathTest, HeldZombieBecomesTheParents) {
  Seized(0);
  Die(kTracee, 0);
  EXPECT_TRUE(emulator.IsHeld(kTracee));
  Kill(kTracer);
  EXPECT_EQ(kernel.Count("reap(20)"), 1);
}

TEST_F(TracerDeathTest, TraceesOfTheOtherThreadsStay) {
  Family();
  const Tid sibling{11};
  Clone(kTracer, sibling);
  Fork(kShell, kOther);
  ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  ASSERT_EQ(Ptrace(sibling, kSeize, kOther), 0);
  Signal(kTracee, SIGUSR1);
  Signal(kOther, SIGUSR2);
  Die(sibling, 0);
  EXPECT_TRUE(Runs(kOther));
  EXPECT_EQ(kernel.at(kOther).resume_signal, SIGUSR2);
  EXPECT_TRUE(Stopped(kTracee));
  EXPECT_EQ(Wait(kTracer), StopOf(kTracee, SIGUSR1));
}

TEST_F(TracerDeathTest, TracerAtItsExitEventIsStillTheTracer) {
  Root(kShell);
  Fork(kShell, kOther);
  Fork(kShell, kTracer);
  Fork(kShell, kTracee);
  ASSERT_EQ(Ptrace(kOther, kSeize, kTracer, 0, kOptTraceExit), 0);
  ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  Signal(kTracee, SIGUSR1);
  ExitEvent(kTracer, 0);
  EXPECT_TRUE(Stopped(kTracee));
  ASSERT_EQ(Wait(kOther), StopOf(kTracer, EventCode(kEventExit)));
  ASSERT_EQ(Ptrace(kOther, kCont, kTracer), 0);
  EXPECT_TRUE(Stopped(kTracee)) << "it is the tracer until it is gone";
  Exit(kTracer, 0);
  EXPECT_TRUE(Runs(kTracee));
}

// The SIGSTOP of PTRACE_ATTACH is sent, whoever is there to see it.
TEST_F(TracerDeathTest, SigstopOfAttachOutlivesTheTracer) {
  Family();
  ASSERT_EQ(Ptrace(kTracer, kAttach, kTracee), 0);
  Kill(kTracer);
  DeliverQueued(kTracee);
  EXPECT_EQ(kernel.at(kTracee).resume_signal, SIGSTOP);
}

}  // namespace
}  // namespace nestrace
