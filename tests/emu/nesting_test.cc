// Stacked tracers: who may, in what order stops come, and when the thread really runs.

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "tests/emu/guests.h"

namespace nestrace {
namespace {

const Tid kOuter{10};
const Tid kInner{12};
const Tid kMiddle{11};
const Tid kStranger{40};
constexpr int kTrapCode = EventCode(kEventStop);

class NestingTest : public EmuTest {
 protected:
  void SetUp() override {
    Root(kShell);
    for (const Tid tid : {kOuter, kMiddle, kInner, kTracee, kStranger}) Fork(kShell, tid);
  }
  // kOuter traces kInner and kTracee; kInner traces kTracee, too.
  void TwoLinks(uint64_t outer_options = 0, uint64_t inner_options = 0) {
    ASSERT_EQ(Ptrace(kOuter, kSeize, kInner), 0);
    ASSERT_EQ(Ptrace(kOuter, kSeize, kTracee, 0, outer_options), 0);
    ASSERT_EQ(Ptrace(kInner, kSeize, kTracee, 0, inner_options), 0);
  }
  void ThreeLinks() {
    ASSERT_EQ(Ptrace(kOuter, kSeize, kMiddle), 0);
    ASSERT_EQ(Ptrace(kOuter, kSeize, kInner), 0);
    ASSERT_EQ(Ptrace(kOuter, kSeize, kTracee), 0);
    ASSERT_EQ(Ptrace(kMiddle, kSeize, kInner), 0);
    ASSERT_EQ(Ptrace(kMiddle, kSeize, kTracee), 0);
    ASSERT_EQ(Ptrace(kInner, kSeize, kTracee), 0);
  }
  // Only `tracer` sees kTracee stopped, with `code`.
  void ExpectOnly(Tid tracer, int code) {
    for (const Tid other : {kOuter, kMiddle, kInner}) {
      SCOPED_TRACE(other);
      if (other == tracer) continue;
      EXPECT_EQ(Ptrace(other, kGetEventMsg, kTracee, 0, kFree), -ESRCH);
      const int64_t found = Wait(other, kTracee.value).result;
      EXPECT_TRUE(found == 0 || found == kNative) << found;
    }
    EXPECT_EQ(Wait(tracer, kTracee.value), StopOf(kTracee, code));
    EXPECT_TRUE(Stopped(kTracee));
  }
  // Brings both links into `mode`.
  void ResumeBoth(long outer, long inner) {
    Signal(kTracee, SIGUSR1);
    ASSERT_EQ(Ptrace(kOuter, outer, kTracee, 0, SIGUSR1), 0);
    ASSERT_EQ(Ptrace(kInner, inner, kTracee), 0);
    ASSERT_TRUE(Runs(kTracee));
  }
};

// --- who may stack (PlaceFor).

TEST_F(NestingTest, StrangerIsEperm) {
  ASSERT_EQ(Ptrace(kOuter, kSeize, kTracee), 0);
  EXPECT_EQ(Ptrace(kStranger, kSeize, kTracee), -EPERM);
  EXPECT_EQ(Ptrace(kStranger, kAttach, kTracee), -EPERM);
}

TEST_F(NestingTest, TraceeOfTheTracerNestsInsideIt) {
  TwoLinks();
  Signal(kTracee, SIGUSR1);
  ExpectOnly(kOuter, SIGUSR1);
}

TEST_F(NestingTest, TracerOfTheTracerNestsOutsideIt) {
  ASSERT_EQ(Ptrace(kInner, kSeize, kTracee), 0);
  ASSERT_EQ(Ptrace(kOuter, kSeize, kInner), 0);
  ASSERT_EQ(Ptrace(kOuter, kSeize, kTracee), 0);
  Signal(kTracee, SIGUSR1);
  ExpectOnly(kOuter, SIGUSR1);
}

TEST_F(NestingTest, TracerOfTheTracersTracerMayStack) {
  ASSERT_EQ(Ptrace(kInner, kSeize, kTracee), 0);
  ASSERT_EQ(Ptrace(kMiddle, kSeize, kInner), 0);
  ASSERT_EQ(Ptrace(kOuter, kSeize, kMiddle), 0);
  EXPECT_EQ(Ptrace(kOuter, kSeize, kTracee), 0) << "up the chain";
}

TEST_F(NestingTest, MiddleTracerStandsBetween) {
  ASSERT_EQ(Ptrace(kInner, kSeize, kTracee), 0);
  ASSERT_EQ(Ptrace(kOuter, kSeize, kInner), 0);
  ASSERT_EQ(Ptrace(kOuter, kSeize, kMiddle), 0);
  ASSERT_EQ(Ptrace(kMiddle, kSeize, kInner), 0);
  ASSERT_EQ(Ptrace(kOuter, kSeize, kTracee), 0);
  ASSERT_EQ(Ptrace(kMiddle, kSeize, kTracee), 0);
  Signal(kTracee, SIGUSR1);
  for (const Tid tracer : {kOuter, kMiddle, kInner}) {
    ExpectOnly(tracer, SIGUSR1);
    ASSERT_EQ(Ptrace(tracer, kCont, kTracee, 0, SIGUSR1), 0);
  }
  EXPECT_TRUE(Runs(kTracee));
}

TEST_F(NestingTest, StrangerToOneOfTheTracersIsEperm) {
  TwoLinks();
  ASSERT_EQ(Ptrace(kInner, kSeize, kStranger), 0);
  EXPECT_EQ(Ptrace(kStranger, kSeize, kTracee), 0) << "inside kInner, and so inside kOuter";
  ASSERT_EQ(Ptrace(kMiddle, kInterrupt, kTracee), -ESRCH);
  EXPECT_EQ(Ptrace(kMiddle, kSeize, kTracee), -EPERM);
}

TEST_F(NestingTest, TracerTwiceIsEperm) {
  TwoLinks();
  EXPECT_EQ(Ptrace(kOuter, kSeize, kTracee), -EPERM);
  EXPECT_EQ(Ptrace(kInner, kAttach, kTracee), -EPERM);
  const Tid sibling{13};
  Clone(kInner, sibling);
  EXPECT_EQ(Ptrace(sibling, kSeize, kTracee), -EPERM) << "its process traces it";
}

TEST_F(NestingTest, TracemeOfATracedChildStacksItsParent) {
  ASSERT_EQ(Ptrace(kOuter, kSeize, kInner, 0, kOptTraceFork), 0);
  const Tid child{50};
  Fork(kInner, child);
  ASSERT_EQ(Wait(kOuter, kInner.value), StopOf(kInner, EventCode(kEventFork)));
  ASSERT_EQ(Ptrace(kOuter, kCont, kInner), 0);
  ASSERT_EQ(Wait(kOuter, child.value), StopOf(child, kTrapCode));
  ASSERT_EQ(Ptrace(kOuter, kCont, child), 0);
  EXPECT_EQ(Ptrace(child, kTraceme), 0);
  Signal(child, SIGSTOP);
  EXPECT_EQ(Wait(kInner, child.value).result, 0);
  EXPECT_EQ(Wait(kOuter, child.value), StopOf(child, SIGSTOP));
  EXPECT_EQ(Ptrace(kOuter, kCont, child, 0, SIGSTOP), 0);
  EXPECT_EQ(Wait(kInner, child.value), StopOf(child, SIGSTOP));
}

// Two processes may trace one another (the kernel forbids it nowhere); a third that asks is refused.
TEST_F(NestingTest, TracersInACycleAreNoCrash) {
  EXPECT_EXIT(
      {
        ASSERT_EQ(Ptrace(kOuter, kSeize, kInner), 0);
        ASSERT_EQ(Ptrace(kInner, kSeize, kOuter), 0);
        const int64_t answer = Ptrace(kStranger, kSeize, kInner);
        exit(answer == -EPERM ? 0 : 1);
      },
      ::testing::ExitedWithCode(0), "");
}

// --- order of stops.

TEST_F(NestingTest, SignalsGoInwardsEachTracersChoiceBeingWhatTheNextSees) {
  ThreeLinks();
  Signal(kTracee, SIGUSR1);
  ExpectOnly(kOuter, SIGUSR1);
  EXPECT_EQ(Ptrace(kOuter, kCont, kTracee, 0, SIGUSR2), 0);
  ExpectOnly(kMiddle, SIGUSR2);
  EXPECT_EQ(SigInfo(kMiddle, kTracee).si_signo, SIGUSR2);
  EXPECT_EQ(SigInfo(kMiddle, kTracee).si_pid, kOuter.value);
  EXPECT_EQ(Ptrace(kMiddle, kCont, kTracee, 0, SIGUSR2), 0);
  ExpectOnly(kInner, SIGUSR2);
  EXPECT_EQ(Ptrace(kInner, kCont, kTracee, 0, SIGTERM), 0);
  EXPECT_TRUE(Runs(kTracee));
  EXPECT_EQ(kernel.at(kTracee).resume_signal, SIGTERM);
}

TEST_F(NestingTest, SuppressedSignalIsNeverSeenFurtherIn) {
  TwoLinks();
  Signal(kTracee, SIGUSR1);
  EXPECT_EQ(Ptrace(kOuter, kCont, kTracee, 0, 0), 0);
  EXPECT_TRUE(Runs(kTracee));
  EXPECT_EQ(kernel.at(kTracee).resume_signal, 0);
  EXPECT_EQ(Wait(kInner), Result(0));
}

TEST_F(NestingTest, SyscallEnterGoesOutwardsAndSyscallExitInwards) {
  TwoLinks(kOptSysGood, 0);
  ResumeBoth(kSyscall, kSyscall);
  EXPECT_EQ(kernel.at(kTracee).resume_request, kSyscall);
  SyscallEnter(kTracee);
  ExpectOnly(kInner, SIGTRAP);
  EXPECT_EQ(Ptrace(kInner, kSyscall, kTracee), 0);
  ExpectOnly(kOuter, kSysGoodCode);
  EXPECT_EQ(Ptrace(kOuter, kSyscall, kTracee), 0);
  EXPECT_TRUE(Runs(kTracee));
  SyscallExit(kTracee);
  ExpectOnly(kOuter, kSysGoodCode);
  EXPECT_EQ(Ptrace(kOuter, kSyscall, kTracee), 0);
  ExpectOnly(kInner, SIGTRAP);
  EXPECT_EQ(Ptrace(kInner, kSyscall, kTracee), 0);
  EXPECT_TRUE(Runs(kTracee));
}

TEST_F(NestingTest, RealResumeIsTheStrongestModeAndEachSeesOnlyItsOwnStops) {
  TwoLinks(kOptSysGood, kOptSysGood);
  ResumeBoth(kSyscall, kCont);
  EXPECT_EQ(kernel.at(kTracee).resume_request, kSyscall);
  SyscallEnter(kTracee);
  ExpectOnly(kOuter, kSysGoodCode);
  EXPECT_EQ(Ptrace(kOuter, kCont, kTracee), 0);
  EXPECT_TRUE(Runs(kTracee));
  EXPECT_EQ(kernel.at(kTracee).resume_request, kCont);
  ResumeBoth(kCont, kSyscall);
  SyscallEnter(kTracee);
  ExpectOnly(kInner, kSysGoodCode);
}

TEST_F(NestingTest, EventsGoInwards) {
  TwoLinks(kOptTraceExec | kOptTraceExit, kOptTraceExec | kOptTraceExit);
  Event(kTracee, kEventExec, kTracee.value);
  ExpectOnly(kOuter, EventCode(kEventExec));
  EXPECT_EQ(Ptrace(kOuter, kCont, kTracee), 0);
  ExpectOnly(kInner, EventCode(kEventExec));
  EXPECT_EQ(Ptrace(kInner, kCont, kTracee), 0);
  EXPECT_TRUE(Runs(kTracee));
  ExitEvent(kTracee, 0x100);
  ExpectOnly(kOuter, EventCode(kEventExit));
  EXPECT_EQ(Ptrace(kOuter, kCont, kTracee), 0);
  ExpectOnly(kInner, EventCode(kEventExit));
  EXPECT_EQ(Ptrace(kInner, kCont, kTracee), 0);
  EXPECT_TRUE(Runs(kTracee));
}

TEST_F(NestingTest, EventIsSeenOnlyByThoseWhoAskedForIt) {
  TwoLinks(0, kOptTraceExec);
  Event(kTracee, kEventExec, kTracee.value);
  ExpectOnly(kInner, EventCode(kEventExec));
  EXPECT_EQ(Ptrace(kInner, kCont, kTracee), 0);
  EXPECT_TRUE(Runs(kTracee));
}

TEST_F(NestingTest, ZombieIsTheOutermostsThenTheNextsThenTheParents) {
  ThreeLinks();
  Die(kTracee, 0x300);
  EXPECT_EQ(Wait(kInner, kTracee.value).result, 0);
  EXPECT_EQ(Wait(kMiddle, kTracee.value).result, 0);
  EXPECT_EQ(Wait(kOuter, kTracee.value), ExitOf(kTracee, 0x300));
  EXPECT_EQ(Wait(kInner, kTracee.value).result, 0);
  EXPECT_EQ(Wait(kMiddle, kTracee.value), ExitOf(kTracee, 0x300));
  EXPECT_EQ(kernel.Count("reap(20)"), 0);
  EXPECT_EQ(Wait(kInner, kTracee.value), ExitOf(kTracee, 0x300));
  EXPECT_EQ(kernel.Count("reap(20)"), 1);
}

// The parent has been told of the end as the outer tracer, and waits when there is no other.
TEST_F(NestingTest, ZombieOfAParentWhoseInnerTracerIsGoneIsFoundOnce) {
  Fork(kOuter, Tid{30});
  ASSERT_EQ(Ptrace(kOuter, kSeize, kInner), 0);
  ASSERT_EQ(Ptrace(kOuter, kSeize, Tid{30}), 0);
  ASSERT_EQ(Ptrace(kInner, kSeize, Tid{30}), 0);
  Die(Tid{30}, SIGKILL);
  EXPECT_EQ(kernel.Count("reap(30)"), 0);
  Kill(kInner);
  EXPECT_EQ(Wait(kOuter, 30).result, kNative) << "the kernel's own report serves the tracer, too";
  EXPECT_EQ(kernel.Count("reap(30)"), 1);
}

TEST_F(NestingTest, ChildOfForkHasTheLinksOfThoseWhoFollow) {
  TwoLinks(kOptTraceFork, kOptTraceFork);
  const Tid child{50};
  Fork(kTracee, child);
  ExpectOnly(kOuter, EventCode(kEventFork));
  EXPECT_EQ(Wait(kInner, child.value).result, 0);
  EXPECT_EQ(Wait(kOuter, child.value), StopOf(child, kTrapCode));
  EXPECT_EQ(Ptrace(kOuter, kCont, child), 0);
  EXPECT_EQ(Wait(kInner, child.value), StopOf(child, kTrapCode));
  EXPECT_TRUE(Stopped(child));
  EXPECT_EQ(Ptrace(kInner, kCont, child), 0);
  EXPECT_TRUE(Runs(child));
}

TEST_F(NestingTest, ChildOfForkHasNoLinkOfThoseWhoDoNotFollow) {
  TwoLinks(kOptTraceFork, 0);
  const Tid child{50};
  Fork(kTracee, child);
  EXPECT_EQ(Ptrace(kInner, kInterrupt, child), -ESRCH);
  EXPECT_EQ(Wait(kOuter, child.value), StopOf(child, kTrapCode));
  EXPECT_EQ(Ptrace(kOuter, kCont, child), 0);
  EXPECT_TRUE(Runs(child));
}

TEST_F(NestingTest, GroupStopGoesInwardsAndAllMustLetGo) {
  TwoLinks();
  GroupStop(kTracee);
  ExpectOnly(kOuter, EventCode(kEventStop, SIGSTOP));
  EXPECT_EQ(Ptrace(kOuter, kListen, kTracee), 0);
  EXPECT_TRUE(Stopped(kTracee));
  EXPECT_EQ(Wait(kInner), StopOf(kTracee, EventCode(kEventStop, SIGSTOP)));
  EXPECT_EQ(Ptrace(kInner, kListen, kTracee), 0);
  EXPECT_TRUE(Listens(kTracee));
  Trap(kTracee);
  EXPECT_EQ(Wait(kOuter), StopOf(kTracee, kTrapCode));
  EXPECT_EQ(Ptrace(kOuter, kCont, kTracee), 0);
  EXPECT_EQ(Wait(kInner), StopOf(kTracee, kTrapCode));
  EXPECT_EQ(Ptrace(kInner, kCont, kTracee), 0);
  EXPECT_TRUE(Runs(kTracee));
}

// --- who holds the thread.

TEST_F(NestingTest, HeldByOneItRunsForTheOthers) {
  TwoLinks();
  Signal(kTracee, SIGUSR1);
  EXPECT_EQ(Ptrace(kInner, kCont, kTracee), -ESRCH);
  EXPECT_EQ(Ptrace(kInner, kDetach, kTracee), -ESRCH);
  EXPECT_EQ(Ptrace(kInner, kGetRegs, kTracee, 0, kFree), -ESRCH);
  EXPECT_EQ(WaitBlocking(kInner).result, kParked);
  EXPECT_EQ(Ptrace(kOuter, kCont, kTracee, 0, SIGUSR1), 0);
  EXPECT_EQ(SettledWaitOf(kInner), StopOf(kTracee, SIGUSR1));
}

TEST_F(NestingTest, InterruptWhileAnotherHoldsItIsReportedAtOnceAndBothMustResume) {
  for (const bool outer_first : {false, true}) {
    SCOPED_TRACE(outer_first);
    if (!outer_first) TwoLinks();
    Signal(kTracee, SIGUSR1);
    EXPECT_EQ(Wait(kOuter), StopOf(kTracee, SIGUSR1));
    EXPECT_EQ(Ptrace(kInner, kInterrupt, kTracee), 0);
    EXPECT_EQ(Wait(kInner), StopOf(kTracee, kTrapCode));
    const int resumes = Resumes(kTracee);
    EXPECT_EQ(Ptrace(outer_first ? kOuter : kInner, kCont, kTracee), 0);
    EXPECT_TRUE(Stopped(kTracee));
    EXPECT_EQ(Resumes(kTracee), resumes);
    EXPECT_EQ(Ptrace(outer_first ? kInner : kOuter, kCont, kTracee), 0);
    EXPECT_TRUE(Runs(kTracee));
    EXPECT_EQ(Resumes(kTracee), resumes + 1);
  }
}

// The outer tracer lets a signal through while the inner one holds the thread for itself, in a stop of its
// own: the signal is still the inner one's to see.
TEST_F(NestingTest, SignalBehindAnInterruptStopIsStillOffered) {
  TwoLinks();
  Signal(kTracee, SIGUSR1);
  ASSERT_EQ(Wait(kOuter), StopOf(kTracee, SIGUSR1));
  ASSERT_EQ(Ptrace(kInner, kInterrupt, kTracee), 0);
  ASSERT_EQ(Wait(kInner), StopOf(kTracee, kTrapCode));
  ASSERT_EQ(Ptrace(kOuter, kCont, kTracee, 0, SIGUSR1), 0);
  EXPECT_EQ(Ptrace(kInner, kGetEventMsg, kTracee, 0, kFree), 0) << "still in its own stop";
  EXPECT_EQ(SigInfo(kInner, kTracee).si_code, kTrapCode);
  ASSERT_EQ(Ptrace(kInner, kCont, kTracee), 0);
  EXPECT_EQ(Wait(kInner), StopOf(kTracee, SIGUSR1));
  ASSERT_EQ(Ptrace(kInner, kCont, kTracee, 0, SIGUSR1), 0);
  EXPECT_TRUE(Runs(kTracee));
  EXPECT_EQ(kernel.at(kTracee).resume_signal, SIGUSR1);
}

// PTRACE_LISTEN in a stop of its own, while the thread is in another one's signal-delivery-stop: there is no
// real PTRACE_LISTEN there. It stays with the listener until that interrupts it.
TEST_F(NestingTest, ListenInAStopOfItsOwnEndsWithAnInterrupt) {
  TwoLinks();
  Signal(kTracee, SIGUSR1);
  ASSERT_EQ(Wait(kOuter), StopOf(kTracee, SIGUSR1));
  ASSERT_EQ(Ptrace(kInner, kInterrupt, kTracee), 0);
  ASSERT_EQ(Wait(kInner), StopOf(kTracee, kTrapCode));
  ASSERT_EQ(Ptrace(kInner, kListen, kTracee), 0);
  ASSERT_EQ(Ptrace(kOuter, kCont, kTracee), 0);
  ASSERT_EQ(Ptrace(kInner, kInterrupt, kTracee), 0);
  if (Listens(kTracee) || Runs(kTracee)) {  // it may have become a real stop by now
    ASSERT_TRUE(kernel.at(kTracee).interrupt);
    Trap(kTracee);
  }
  EXPECT_EQ(Wait(kInner), StopOf(kTracee, kTrapCode));
  EXPECT_EQ(Ptrace(kInner, kCont, kTracee), 0);
  EXPECT_TRUE(Runs(kTracee));
}

TEST_F(NestingTest, ListeningOuterKeepsItAndContOfTheInnerDoesNotRunIt) {
  TwoLinks();
  GroupStop(kTracee);
  ASSERT_EQ(Ptrace(kOuter, kListen, kTracee), 0);
  ASSERT_EQ(Ptrace(kInner, kCont, kTracee), 0);
  EXPECT_TRUE(Listens(kTracee));
  Trap(kTracee);
  EXPECT_EQ(Wait(kOuter), StopOf(kTracee, kTrapCode));
}

TEST_F(NestingTest, DetachOfTheHolderOffersTheStopToTheNext) {
  TwoLinks();
  Signal(kTracee, SIGUSR1);
  ASSERT_EQ(Ptrace(kOuter, kDetach, kTracee, 0, SIGUSR2), 0);
  EXPECT_EQ(Wait(kInner), StopOf(kTracee, SIGUSR2));
  ASSERT_EQ(Ptrace(kInner, kCont, kTracee, 0, SIGUSR2), 0);
  EXPECT_EQ(kernel.at(kTracee).resume_signal, SIGUSR2);
}

TEST_F(NestingTest, DeathOfTheHolderOffersTheStopToTheNext) {
  TwoLinks();
  Signal(kTracee, SIGUSR1);
  Kill(kOuter);
  EXPECT_EQ(Wait(kInner), StopOf(kTracee, SIGUSR1));
  ASSERT_EQ(Ptrace(kInner, kCont, kTracee), 0);
  EXPECT_TRUE(Runs(kTracee));
}

TEST_F(NestingTest, DeathOfTheInnerHolderLetsTheThreadRun) {
  TwoLinks();
  Signal(kTracee, SIGUSR1);
  ASSERT_EQ(Ptrace(kOuter, kCont, kTracee, 0, SIGUSR1), 0);
  ExitEvent(kInner, SIGKILL);
  Exit(kInner, SIGKILL);
  EXPECT_TRUE(Runs(kTracee));
  EXPECT_EQ(kernel.at(kTracee).resume_signal, SIGUSR1);
  EXPECT_EQ(Wait(kOuter, kInner.value), ExitOf(kInner, SIGKILL));
}

TEST_F(NestingTest, InnerTracerThatIsStoppedItselfFindsItsReportLater) {
  TwoLinks();
  Signal(kInner, SIGUSR2);
  ASSERT_EQ(Wait(kOuter, kInner.value), StopOf(kInner, SIGUSR2));
  Signal(kTracee, SIGUSR1);
  ASSERT_EQ(Ptrace(kOuter, kCont, kTracee, 0, SIGUSR1), 0);
  EXPECT_TRUE(Stopped(kTracee));
  ASSERT_EQ(Ptrace(kOuter, kCont, kInner), 0);
  EXPECT_EQ(Wait(kInner), StopOf(kTracee, SIGUSR1));
}

TEST_F(NestingTest, RegistersWrittenByTheOuterAreReadByTheInner) {
  TwoLinks();
  Signal(kTracee, SIGUSR1);
  ASSERT_EQ(Ptrace(kOuter, kGetRegs, kTracee, 0, kFree), 0);
  ASSERT_EQ(Ptrace(kOuter, kPokeUser, kTracee, kUserRax, 77), 0);
  ASSERT_EQ(Ptrace(kOuter, kCont, kTracee, 0, SIGUSR1), 0);
  ASSERT_EQ(Ptrace(kInner, kGetRegs, kTracee, 0, kFree), 0);
  EXPECT_EQ(Read<struct user_regs_struct>(kInner, kFree).rax, 77u);
}

TEST_F(NestingTest, AttachSigstopIsSeenByTheAttacherAlone) {
  ASSERT_EQ(Ptrace(kOuter, kSeize, kInner), 0);
  ASSERT_EQ(Ptrace(kOuter, kSeize, kTracee), 0);
  ASSERT_EQ(Ptrace(kInner, kAttach, kTracee), 0);
  DeliverQueued(kTracee);
  EXPECT_EQ(Wait(kOuter), Result(0));
  EXPECT_EQ(Wait(kInner), StopOf(kTracee, SIGSTOP));
  EXPECT_EQ(Ptrace(kInner, kCont, kTracee), 0);
  EXPECT_TRUE(Runs(kTracee));
}

// A tracer that attaches while one outside it holds the thread is in time for what that one lets pass.
TEST_F(NestingTest, NewcomerInsideTheHolderIsOfferedTheStop) {
  ASSERT_EQ(Ptrace(kOuter, kSeize, kInner), 0);
  ASSERT_EQ(Ptrace(kOuter, kSeize, kTracee), 0);
  Signal(kTracee, SIGUSR1);
  ASSERT_EQ(Wait(kOuter), StopOf(kTracee, SIGUSR1));
  ASSERT_EQ(Ptrace(kInner, kSeize, kTracee), 0);
  EXPECT_EQ(Wait(kInner), Result(0));
  ASSERT_EQ(Ptrace(kOuter, kCont, kTracee, 0, SIGUSR2), 0);
  EXPECT_EQ(Wait(kInner), StopOf(kTracee, SIGUSR2));
  ASSERT_EQ(Ptrace(kInner, kCont, kTracee, 0, SIGUSR2), 0);
  EXPECT_TRUE(Runs(kTracee));
  EXPECT_EQ(kernel.at(kTracee).resume_signal, SIGUSR2);
}

TEST_F(NestingTest, NewcomerOutsideTheHolderIsNot) {
  ASSERT_EQ(Ptrace(kInner, kSeize, kTracee), 0);
  Signal(kTracee, SIGUSR1);
  ASSERT_EQ(Wait(kInner), StopOf(kTracee, SIGUSR1));
  ASSERT_EQ(Ptrace(kOuter, kSeize, kInner), 0);
  ASSERT_EQ(Ptrace(kOuter, kSeize, kTracee), 0);
  ASSERT_EQ(Ptrace(kInner, kCont, kTracee, 0, SIGUSR1), 0);
  EXPECT_TRUE(Runs(kTracee));
  EXPECT_EQ(Wait(kOuter, kTracee.value), Result(0));
}

// The child of that fork has its links already.
TEST_F(NestingTest, NewcomerIsNotOfferedABirth) {
  ASSERT_EQ(Ptrace(kOuter, kSeize, kInner), 0);
  ASSERT_EQ(Ptrace(kOuter, kSeize, kTracee, 0, kOptTraceFork), 0);
  const Tid child{50};
  Fork(kTracee, child);
  ASSERT_EQ(Wait(kOuter, kTracee.value), StopOf(kTracee, EventCode(kEventFork)));
  ASSERT_EQ(Ptrace(kInner, kSeize, kTracee, 0, kOptTraceFork), 0);
  ASSERT_EQ(Ptrace(kOuter, kCont, kTracee), 0);
  EXPECT_TRUE(Runs(kTracee));
  EXPECT_EQ(Wait(kInner, kTracee.value), Result(0));
}

TEST_F(NestingTest, KillEndsAllHolds) {
  ThreeLinks();
  Signal(kTracee, SIGUSR1);
  ASSERT_EQ(Ptrace(kInner, kInterrupt, kTracee), 0);
  EXPECT_EQ(Ptrace(kMiddle, kKill, kTracee), 0);
  ExitEvent(kTracee, SIGKILL);
  EXPECT_TRUE(Runs(kTracee));
  Exit(kTracee, SIGKILL);
  EXPECT_EQ(Wait(kOuter, kTracee.value), ExitOf(kTracee, SIGKILL));
  EXPECT_EQ(Wait(kMiddle, kTracee.value), ExitOf(kTracee, SIGKILL));
  EXPECT_EQ(Wait(kInner, kTracee.value), ExitOf(kTracee, SIGKILL));
}

}  // namespace
}  // namespace nestrace
