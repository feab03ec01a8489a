// Group-stops of both flavours, PTRACE_LISTEN, SIGCONT, PTRACE_INTERRUPT.

#include <errno.h>
#include <signal.h>

#include "tests/emu/guests.h"

namespace nestrace {
namespace {

constexpr int kGroupStopCode = EventCode(kEventStop, SIGSTOP);
constexpr int kTrapCode = EventCode(kEventStop);

class GroupStopTest : public EmuTest {
 protected:
  void InGroupStop(bool seize) {
    Family();
    ASSERT_EQ(Ptrace(kTracer, seize ? kSeize : kAttach, kTracee), 0);
    if (!seize) {
      DeliverQueued(kTracee);
      ASSERT_EQ(Wait(kTracer), StopOf(kTracee, SIGSTOP));
      ASSERT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
    }
    Signal(kTracee, SIGSTOP);
    ASSERT_EQ(Wait(kTracer), StopOf(kTracee, SIGSTOP));
    ASSERT_EQ(Ptrace(kTracer, kCont, kTracee, 0, SIGSTOP), 0);
    ASSERT_EQ(kernel.at(kTracee).resume_signal, SIGSTOP);
    GroupStop(kTracee);
    ASSERT_TRUE(Stopped(kTracee));
  }

  // The tracee is resumed from its group-stop and makes a thread, which takes part in that.
  void MakesThread() {
    ASSERT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
    NewThread(kTracee, kOther);
    kernel.at(kOther).code = kGroupStopCode;
    BirthEvent(kTracee, kOther, kEventClone);
    FirstStop(kOther);
  }
};

TEST_F(GroupStopTest, SeizedSeesEventStopWithTheSignal) {
  InGroupStop(true);
  EXPECT_EQ(Wait(kTracer), StopOf(kTracee, kGroupStopCode));
  const siginfo_t info = SigInfo(kTracer, kTracee);
  EXPECT_EQ(info.si_code, kGroupStopCode);
}

TEST_F(GroupStopTest, AttachedSeesThePlainSignalWithoutSiginfo) {
  InGroupStop(false);
  EXPECT_EQ(Wait(kTracer), StopOf(kTracee, SIGSTOP));
  EXPECT_EQ(Ptrace(kTracer, kGetSigInfo, kTracee, 0, kFree), -EINVAL);
  EXPECT_EQ(Ptrace(kTracer, kSetSigInfo, kTracee, 0, kFree), -EINVAL);
  EXPECT_EQ(Ptrace(kTracer, kListen, kTracee), -EIO);
  EXPECT_EQ(Ptrace(kTracer, kInterrupt, kTracee), -EIO);
}

TEST_F(GroupStopTest, ListenHidesTheTraceeUntilSigcont) {
  InGroupStop(true);
  ASSERT_EQ(Wait(kTracer), StopOf(kTracee, kGroupStopCode));
  EXPECT_EQ(Ptrace(kTracer, kListen, kTracee), 0);
  EXPECT_TRUE(Listens(kTracee));
  EXPECT_EQ(Ptrace(kTracer, kGetRegs, kTracee, 0, kFree), -ESRCH);
  EXPECT_EQ(Ptrace(kTracer, kCont, kTracee), -ESRCH);
  EXPECT_EQ(Ptrace(kTracer, kListen, kTracee), -ESRCH);
  EXPECT_EQ(Wait(kTracer), Result(0));
  Trap(kTracee);  // SIGCONT
  EXPECT_EQ(Wait(kTracer), StopOf(kTracee, kTrapCode));
  EXPECT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
  Signal(kTracee, SIGCONT);
  EXPECT_EQ(Wait(kTracer), StopOf(kTracee, SIGCONT));
}

TEST_F(GroupStopTest, ListenOfAnUnwaitedGroupStopHidesIt) {
  InGroupStop(true);
  EXPECT_EQ(Ptrace(kTracer, kListen, kTracee), 0);
  EXPECT_EQ(Wait(kTracer), Result(0));
}

TEST_F(GroupStopTest, ListenOutsideAnEventStopIsEio) {
  SeizedAndStopped();
  EXPECT_EQ(Ptrace(kTracer, kListen, kTracee), -EIO);
  EXPECT_TRUE(Stopped(kTracee));
}

TEST_F(GroupStopTest, InterruptEndsListening) {
  InGroupStop(true);
  ASSERT_EQ(Wait(kTracer), StopOf(kTracee, kGroupStopCode));
  ASSERT_EQ(Ptrace(kTracer, kListen, kTracee), 0);
  EXPECT_EQ(Ptrace(kTracer, kInterrupt, kTracee), 0);
  ASSERT_TRUE(kernel.at(kTracee).interrupt);
  GroupStop(kTracee);
  EXPECT_EQ(Wait(kTracer), StopOf(kTracee, kGroupStopCode));
  EXPECT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
  EXPECT_TRUE(Runs(kTracee));
}

TEST_F(GroupStopTest, ContLeavesTheGroupStopInEffectForALaterInterrupt) {
  InGroupStop(true);
  ASSERT_EQ(Wait(kTracer), StopOf(kTracee, kGroupStopCode));
  ASSERT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
  EXPECT_TRUE(Runs(kTracee));
  EXPECT_FALSE(kernel.at(kTracee).interrupt) << "it runs on";
  EXPECT_EQ(Ptrace(kTracer, kInterrupt, kTracee), 0);
  GroupStop(kTracee);
  EXPECT_EQ(Wait(kTracer), StopOf(kTracee, kGroupStopCode));
}

TEST_F(GroupStopTest, FirstStopOfASeizedNewThreadIsTheGroupStop) {
  InGroupStop(true);
  ASSERT_EQ(Ptrace(kTracer, kSetOptions, kTracee, 0, 1 << kEventClone), 0);
  MakesThread();
  EXPECT_EQ(Wait(kTracer, kOther.value), StopOf(kOther, kGroupStopCode));
}

TEST_F(GroupStopTest, FirstStopOfANewThreadIsTheGroupStopAndThenTheSigstop) {
  InGroupStop(false);
  ASSERT_EQ(Ptrace(kTracer, kSetOptions, kTracee, 0, 1 << kEventClone), 0);
  MakesThread();
  EXPECT_EQ(Wait(kTracer, kOther.value), StopOf(kOther, SIGSTOP));
  EXPECT_EQ(Ptrace(kTracer, kGetSigInfo, kOther, 0, kFree), -EINVAL);
  EXPECT_EQ(Ptrace(kTracer, kCont, kOther), 0);
  DeliverQueued(kOther);
  EXPECT_EQ(Wait(kTracer, kOther.value), StopOf(kOther, SIGSTOP));
  EXPECT_EQ(Ptrace(kTracer, kGetSigInfo, kOther, 0, kFree), 0);
}

TEST_F(GroupStopTest, UntracedNewThreadStaysInTheGroupStop) {
  InGroupStop(true);
  MakesThread();
  EXPECT_TRUE(Listens(kOther));
}

// A tracer may give the stop any siginfo; PTRACE_LISTEN looks at it.
TEST_F(GroupStopTest, ForgedSiginfoDoesNotKeepTheTaskFromItsGroupStop) {
  InGroupStop(true);
  Write(kTracer, kFree, siginfo_t{});
  ASSERT_EQ(Ptrace(kTracer, kSetSigInfo, kTracee, 0, kFree), 0);
  EXPECT_EQ(SigInfo(kTracer, kTracee).si_code, 0);
  EXPECT_EQ(Ptrace(kTracer, kListen, kTracee), -EIO);
  ExitEvent(kTracer, 0);
  Exit(kTracer, 0);
  EXPECT_TRUE(Listens(kTracee));
}

TEST_F(GroupStopTest, SignalThatReplacesAForgedOneHasASiginfoOfItsOwn) {
  Family();
  ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  siginfo_t forged = {};
  forged.si_signo = SIGTRAP;
  forged.si_code = EventCode(kEventExit);
  SignalWith(kTracee, forged);
  ASSERT_EQ(Wait(kTracer), StopOf(kTracee, SIGTRAP));
  EXPECT_EQ(SigInfo(kTracer, kTracee).si_code, EventCode(kEventExit));
  ASSERT_EQ(Ptrace(kTracer, kCont, kTracee, 0, SIGUSR1), 0);
  EXPECT_EQ(kernel.at(kTracee).resume_signal, SIGUSR1);
  EXPECT_EQ(kernel.at(kTracee).siginfo.si_signo, SIGUSR1);
  EXPECT_EQ(kernel.at(kTracee).siginfo.si_code, SI_USER);
}

TEST_F(GroupStopTest, WhoAttachesToATaskOnItsWayBackIntoTheGroupStopIsToldOfThat) {
  InGroupStop(true);
  Fork(kShell, kOther);
  ASSERT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
  ExitEvent(kTracer, 0);
  Exit(kTracer, 0);
  ASSERT_TRUE(kernel.at(kTracee).interrupt);
  ASSERT_EQ(Ptrace(kOther, kSeize, kTracee), 0);
  EXPECT_EQ(Ptrace(kOther, kCont, kTracee), kParked);
  GroupStop(kTracee);
  EXPECT_EQ(ResultOf(kOther), 0) << "of the PTRACE_CONT";
}

TEST_F(GroupStopTest, AttachedTraceeContinuedFromGroupStopDoesNotSeeTheTrapOfSigcont) {
  InGroupStop(false);
  ASSERT_EQ(Wait(kTracer), StopOf(kTracee, SIGSTOP));
  ASSERT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
  Trap(kTracee);  // only the real attachment, which is seized, is told
  EXPECT_TRUE(Runs(kTracee));
  EXPECT_EQ(Wait(kTracer), Result(0));
  Signal(kTracee, SIGCONT);
  EXPECT_EQ(Wait(kTracer), StopOf(kTracee, SIGCONT));
}

TEST_F(GroupStopTest, SuppressedSigstopStopsNothing) {
  Family();
  ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  Signal(kTracee, SIGSTOP);
  ASSERT_EQ(Wait(kTracer), StopOf(kTracee, SIGSTOP));
  ASSERT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
  EXPECT_EQ(kernel.at(kTracee).resume_signal, 0);
}

TEST_F(GroupStopTest, UntracedTaskStopsAndGoesOnAsTheKernelSays) {
  Family();
  Signal(kTracee, SIGTSTP);
  EXPECT_EQ(kernel.at(kTracee).resume_signal, SIGTSTP);
  GroupStop(kTracee, SIGTSTP);
  EXPECT_TRUE(Listens(kTracee)) << "in group-stop, but awake to SIGCONT";
  Trap(kTracee);
  EXPECT_TRUE(Runs(kTracee));
}

TEST_F(GroupStopTest, OtherStoppingSignalsKeepTheirNumber) {
  Family();
  ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  GroupStop(kTracee, SIGTTIN);
  EXPECT_EQ(Wait(kTracer), StopOf(kTracee, EventCode(kEventStop, SIGTTIN)));
}

TEST_F(GroupStopTest, KilledWhileListeningDies) {
  InGroupStop(true);
  ASSERT_EQ(Wait(kTracer), StopOf(kTracee, kGroupStopCode));
  ASSERT_EQ(Ptrace(kTracer, kListen, kTracee), 0);
  EXPECT_EQ(Ptrace(kTracer, kKill, kTracee), 0);
  ExitEvent(kTracee, SIGKILL);
  EXPECT_TRUE(Runs(kTracee));
  Exit(kTracee, SIGKILL);
  EXPECT_EQ(Wait(kTracer), ExitOf(kTracee, SIGKILL));
}

TEST_F(GroupStopTest, ThreadsOfOneProcessStopEachForItself) {
  Family();
  const Tid thread{21};
  Clone(kTracee, thread);
  ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  ASSERT_EQ(Ptrace(kTracer, kSeize, thread), 0);
  Signal(kTracee, SIGSTOP);
  ASSERT_EQ(Wait(kTracer), StopOf(kTracee, SIGSTOP));
  ASSERT_EQ(Ptrace(kTracer, kCont, kTracee, 0, SIGSTOP), 0);
  GroupStop(kTracee);
  GroupStop(thread);
  EXPECT_EQ(Wait(kTracer, kTracee.value), StopOf(kTracee, kGroupStopCode));
  EXPECT_EQ(Wait(kTracer, thread.value), StopOf(thread, kGroupStopCode));
  EXPECT_EQ(Ptrace(kTracer, kListen, kTracee), 0);
  EXPECT_EQ(Ptrace(kTracer, kCont, thread), 0);
  EXPECT_TRUE(Listens(kTracee));
  EXPECT_TRUE(Runs(thread));
}

// --- PTRACE_INTERRUPT.

class InterruptTest : public EmuTest {};

TEST_F(InterruptTest, InterruptStopsARunningTracee) {
  Family();
  ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  EXPECT_EQ(Ptrace(kTracer, kInterrupt, kTracee), 0);
  EXPECT_TRUE(kernel.at(kTracee).interrupt);
  Trap(kTracee);
  EXPECT_EQ(Wait(kTracer), StopOf(kTracee, kTrapCode));
  EXPECT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
  EXPECT_FALSE(kernel.at(kTracee).interrupt);
}

TEST_F(InterruptTest, InterruptOfAStoppedTraceeTrapsItOnceMore) {
  SeizedAndStopped();
  EXPECT_EQ(Ptrace(kTracer, kInterrupt, kTracee), 0);
  EXPECT_EQ(Wait(kTracer), Result(0)) << "it is stopped already";
  EXPECT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
  EXPECT_TRUE(kernel.at(kTracee).interrupt);
  Trap(kTracee);
  EXPECT_EQ(Wait(kTracer), StopOf(kTracee, kTrapCode));
  EXPECT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
  EXPECT_FALSE(kernel.at(kTracee).interrupt);
}

// Any ptrace-stop clears the pending trap (kernel/signal.c:ptrace_stop): one that the tracer sees is all that
// its interrupt comes to ...
TEST_F(InterruptTest, AnotherStopThatIsSeenEndsTheInterrupt) {
  Family();
  ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  ASSERT_EQ(Ptrace(kTracer, kInterrupt, kTracee), 0);
  Signal(kTracee, SIGUSR1);
  EXPECT_EQ(Wait(kTracer), StopOf(kTracee, SIGUSR1));
  EXPECT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
  EXPECT_FALSE(kernel.at(kTracee).interrupt);
}

// ... and one that only the real tracer sees is none: the interrupt is asked for again.
TEST_F(InterruptTest, InterruptIsPendingThroughSwallowedStops) {
  const std::vector<std::pair<const char*, std::function<void(Guests&)>>> kSwallowed = {
      {"fork",
       [](Guests& world) {
         world.NewProcess(kTracee, kOther);
         world.BirthEvent(kTracee, kOther);
       }},
      {"exec", [](Guests& world) { world.Event(kTracee, kEventExec, kTracee.value); }},
      {"vfork-done", [](Guests& world) { world.Event(kTracee, kEventVforkDone, kOther.value); }},
      {"seccomp", [](Guests& world) { world.Event(kTracee, kEventSeccomp, 0); }},
      {"syscall", [](Guests& world) { world.SyscallExit(kTracee); }},
  };
  for (const auto& [name, stop] : kSwallowed) {
    SCOPED_TRACE(name);
    Guests world;
    world.Family();
    ASSERT_EQ(world.Ptrace(kTracer, kSeize, kTracee), 0);
    ASSERT_EQ(world.Ptrace(kTracer, kInterrupt, kTracee), 0);
    stop(world);
    EXPECT_EQ(world.Wait(kTracer), Result(0));
    EXPECT_TRUE(world.Runs(kTracee));
    EXPECT_TRUE(world.kernel.at(kTracee).interrupt);
    world.Trap(kTracee);
    EXPECT_EQ(world.Wait(kTracer), StopOf(kTracee, kTrapCode));
  }
}

TEST_F(InterruptTest, InterruptOfAParkedWaitRestartsIt) {
  Root(kShell);
  Fork(kShell, kOther);
  Fork(kShell, kTracer);
  Fork(kShell, kTracee);
  ASSERT_EQ(Ptrace(kOther, kSeize, kTracer), 0);
  ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  ASSERT_EQ(WaitBlocking(kTracer).result, kParked);
  ASSERT_EQ(Ptrace(kOther, kInterrupt, kTracer), 0);
  Trap(kTracer);
  EXPECT_EQ(Wait(kOther), StopOf(kTracer, kTrapCode));
  EXPECT_EQ(Rax(kTracer), -kErestartsys) << "as without nestrace";
  EXPECT_EQ(Ptrace(kOther, kCont, kTracer), 0);
  EXPECT_EQ(Restart(kTracer), kParked);
  Signal(kTracee, SIGUSR1);
  EXPECT_EQ(SettledWaitOf(kTracer), StopOf(kTracee, SIGUSR1));
}

TEST_F(InterruptTest, InterruptOfAPtraceCallIsInvisibleInItsResult) {
  Root(kShell);
  Fork(kShell, kOther);
  Fork(kShell, kTracer);
  Fork(kShell, kTracee);
  ASSERT_EQ(Ptrace(kOther, kSeize, kTracer), 0);
  ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  Signal(kTracee, SIGUSR1);
  kernel.RefuseNextAnswer();
  Ptrace(kTracer, kCont, kTracee);
  ASSERT_EQ(Ptrace(kOther, kInterrupt, kTracer), 0);
  Trap(kTracer);
  EXPECT_EQ(Wait(kOther), StopOf(kTracer, kTrapCode));
  ASSERT_EQ(Ptrace(kOther, kPeekUser, kTracer, kUserRax, kFree), 0);
  EXPECT_EQ(Read<int64_t>(kOther, kFree), 0) << "the tracer's tracer sees the finished call";
  EXPECT_TRUE(Runs(kTracee));
}

// --- a thread that is stopped and not traced takes no part in a further group-stop (kernel/signal.c).

class PassedOverTest : public EmuTest {
 protected:
  // kOther, a thread of kTracee, is stopped by SIGTSTP when its sibling is resumed, and stops by SIGSTOP.
  void SetUp() override {
    Family();
    Clone(kTracee, kOther);
    Signal(kTracee, SIGTSTP);
    GroupStop(kTracee, SIGTSTP);
    GroupStop(kOther, SIGTSTP);
    ASSERT_EQ(Ptrace(kTracer, kAttach, kTracee), kParked);
    GroupStop(kTracee, SIGTSTP);
    ASSERT_EQ(ResultOf(kTracer), 0);
    ASSERT_EQ(Wait(kTracer), StopOf(kTracee, SIGTSTP));
    ASSERT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
    DeliverQueued(kTracee);
    ASSERT_EQ(Ptrace(kTracer, kCont, kTracee, 0, SIGSTOP), 0);
    GroupStop(kOther);
    GroupStop(kTracee);
  }
  Waited OthersStop() {
    EXPECT_EQ(Ptrace(kTracer, kSeize, kOther), kParked);
    GroupStop(kOther);
    EXPECT_EQ(ResultOf(kTracer), 0);
    return Wait(kTracer, kOther.value);
  }
};

TEST_F(PassedOverTest, ItShowsTheSignalOfTheFirst) {
  EXPECT_EQ(OthersStop(), StopOf(kOther, EventCode(kEventStop, SIGTSTP)));
  EXPECT_EQ(SigInfo(kTracer, kOther).si_code, EventCode(kEventStop, SIGTSTP));
}

TEST_F(PassedOverTest, SigcontEndsThat) {
  Trap(kOther);
  Trap(kTracee);
  ASSERT_EQ(Ptrace(kTracer, kDetach, kTracee), 0);
  Signal(kOther, SIGSTOP);
  GroupStop(kOther);
  EXPECT_EQ(OthersStop(), StopOf(kOther, kGroupStopCode));
}

TEST_F(PassedOverTest, TracedItTakesPartInTheNext) {
  ASSERT_EQ(OthersStop(), StopOf(kOther, EventCode(kEventStop, SIGTSTP)));
  ASSERT_EQ(Ptrace(kTracer, kCont, kOther), 0);
  Signal(kOther, SIGSTOP);
  ASSERT_EQ(Ptrace(kTracer, kCont, kOther, 0, SIGSTOP), 0);
  GroupStop(kOther);
  EXPECT_EQ(Wait(kTracer, kOther.value), StopOf(kOther, kGroupStopCode));
}

}  // namespace
}  // namespace nestrace
