// Births: PTRACE_O_TRACEFORK and its kind, the first stop of a new tracee, options it inherits, pid
// namespaces.

#include <errno.h>
#include <signal.h>

#include <algorithm>
#include <tuple>

#include "tests/emu/guests.h"

namespace nestrace {
namespace {

const Tid kChild{50};

class BirthTest : public EmuTest {
 protected:
  void Seized(uint64_t options) {
    Family();
    ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee, 0, options), 0);
  }
  uint64_t EventMessage() {
    EXPECT_EQ(Ptrace(kTracer, kGetEventMsg, kTracee, 0, kFree), 0);
    return Read<uint64_t>(kTracer, kFree);
  }
};

TEST_F(BirthTest, ForkWithoutTheOptionIsInvisibleAndItsChildUntraced) {
  Seized(0);
  Fork(kTracee, kChild);
  EXPECT_TRUE(Runs(kTracee));
  EXPECT_TRUE(Runs(kChild));
  EXPECT_EQ(Wait(kTracer), Result(0));
  EXPECT_EQ(Ptrace(kTracer, kInterrupt, kChild), -ESRCH);
}

TEST_F(BirthTest, EventNamesTheChildAndTheChildIsTraced) {
  const std::pair<int, uint64_t> kKinds[] = {
      {kEventFork, kOptTraceFork}, {kEventVfork, kOptTraceVfork}, {kEventClone, kOptTraceClone}};
  for (const auto& [event, option] : kKinds) {
    SCOPED_TRACE(event);
    Guests world;
    world.Family();
    ASSERT_EQ(world.Ptrace(kTracer, kSeize, kTracee, 0, option), 0);
    world.NewProcess(kTracee, kChild);
    world.BirthEvent(kTracee, kChild, event);
    world.FirstStop(kChild);
    EXPECT_EQ(world.Wait(kTracer, kTracee.value), StopOf(kTracee, EventCode(event)));
    EXPECT_EQ(world.Ptrace(kTracer, kGetEventMsg, kTracee, 0, Guests::kFree), 0);
    EXPECT_EQ(world.Read<uint64_t>(kTracer, Guests::kFree), static_cast<uint64_t>(kChild.value));
    EXPECT_EQ(world.Wait(kTracer, kChild.value), StopOf(kChild, EventCode(kEventStop)));
  }
}

TEST_F(BirthTest, ThoseMayStopThatAreBornOrRunOrListen) {
  const auto may_stop = [this](Tid tid) {
    const std::vector<Tid> tids = emulator.ThreadsThatMayStop();
    return std::find(tids.begin(), tids.end(), tid) != tids.end();
  };
  Seized(kOptTraceFork);
  EXPECT_TRUE(may_stop(kTracer));
  EXPECT_TRUE(may_stop(kTracee));
  NewProcess(kTracee, kChild);
  BirthEvent(kTracee, kChild);
  EXPECT_FALSE(may_stop(kTracee));
  EXPECT_TRUE(may_stop(kChild));
  FirstStop(kChild);
  EXPECT_FALSE(may_stop(kChild));
  EXPECT_EQ(Ptrace(kTracer, kListen, kChild), 0);
  EXPECT_TRUE(may_stop(kChild));
  EXPECT_EQ(emulator.TraceeOf({.tid = kTracer, .nr = 101, .args = {kCont, 50}}), kChild);
  EXPECT_EQ(emulator.TraceeOf({.tid = kTracer, .nr = 101, .args = {kCont, 51}}), Tid{0});
  EXPECT_EQ(emulator.TraceeOf({.tid = kTracer, .nr = 61, .args = {50}}), Tid{0});
}

TEST_F(BirthTest, ChildThatStopsFirstIsKnownAsUnannounced) {
  Family();
  NewProcess(kTracee, kChild);
  FirstStop(kChild);
  EXPECT_EQ(emulator.UnannouncedThreads(), std::vector<Tid>{kChild});
  BirthEvent(kTracee, kChild);
  EXPECT_TRUE(emulator.UnannouncedThreads().empty());
}

TEST_F(BirthTest, OtherKindsOfBirthThanTheOptionsAreNotTraced) {
  Seized(kOptTraceVfork | kOptTraceClone);
  Fork(kTracee, kChild);
  EXPECT_TRUE(Runs(kTracee));
  EXPECT_TRUE(Runs(kChild));
  EXPECT_EQ(Ptrace(kTracer, kInterrupt, kChild), -ESRCH);
}

TEST_F(BirthTest, FirstStopBeforeTheEventIsHeldUntilItComes) {
  Seized(kOptTraceFork);
  NewProcess(kTracee, kChild);
  FirstStop(kChild);
  EXPECT_EQ(Wait(kTracer), Result(0));
  EXPECT_TRUE(Stopped(kChild));
  BirthEvent(kTracee, kChild);
  EXPECT_EQ(Wait(kTracer, kTracee.value), StopOf(kTracee, EventCode(kEventFork)));
  EXPECT_EQ(Wait(kTracer, kChild.value), StopOf(kChild, EventCode(kEventStop)));
}

TEST_F(BirthTest, UntracedChildRunsInEitherOrder) {
  Family();
  NewProcess(kTracee, kChild);
  FirstStop(kChild);
  EXPECT_TRUE(Stopped(kChild));
  BirthEvent(kTracee, kChild);
  EXPECT_TRUE(Runs(kChild));
  EXPECT_TRUE(Runs(kTracee));
  Fork(kTracee, Tid{51});
  EXPECT_TRUE(Runs(Tid{51}));
}

TEST_F(BirthTest, SeizedParentsChildIsSeizedWithItsOptions) {
  Seized(kOptTraceFork | kOptTraceExit | kOptSysGood);
  Fork(kTracee, kChild);
  EXPECT_EQ(Wait(kTracer, kChild.value), StopOf(kChild, EventCode(kEventStop)));
  EXPECT_EQ(Ptrace(kTracer, kSyscall, kChild), 0);
  SyscallEnter(kChild);
  EXPECT_EQ(Wait(kTracer, kChild.value), StopOf(kChild, kSysGoodCode));
  EXPECT_EQ(Ptrace(kTracer, kCont, kChild), 0);
  EXPECT_EQ(Ptrace(kTracer, kInterrupt, kChild), 0) << "seized";
  Trap(kChild);
  EXPECT_EQ(Wait(kTracer, kChild.value), StopOf(kChild, EventCode(kEventStop)));
  EXPECT_EQ(Ptrace(kTracer, kCont, kChild), 0);
  ExitEvent(kChild, 0);
  EXPECT_EQ(Wait(kTracer, kChild.value), StopOf(kChild, EventCode(kEventExit)));
}

TEST_F(BirthTest, AttachedParentsChildStopsWithSigstopOfNobody) {
  AttachedAndStopped();
  ASSERT_EQ(Ptrace(kTracer, kSetOptions, kTracee, 0, kOptTraceFork), 0);
  ASSERT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
  Fork(kTracee, kChild);
  EXPECT_EQ(Wait(kTracer, kTracee.value), StopOf(kTracee, EventCode(kEventFork)));
  EXPECT_EQ(Wait(kTracer, kChild.value), Result(0)) << "the first stop itself is not an attached tracer's";
  DeliverQueued(kChild);
  EXPECT_EQ(Wait(kTracer, kChild.value), StopOf(kChild, SIGSTOP));
  const siginfo_t info = SigInfo(kTracer, kChild);
  EXPECT_EQ(info.si_code, SI_USER);
  EXPECT_EQ(info.si_pid, 0);
  EXPECT_EQ(Ptrace(kTracer, kCont, kChild), 0);
  EXPECT_EQ(kernel.at(kChild).resume_signal, 0);
  EXPECT_EQ(Ptrace(kTracer, kInterrupt, kChild), -EIO) << "not seized";
}

TEST_F(BirthTest, OptionsSetLaterAreNotTheChilds) {
  Seized(kOptTraceFork);
  Fork(kTracee, kChild);
  ASSERT_EQ(Wait(kTracer, kTracee.value), StopOf(kTracee, EventCode(kEventFork)));
  ASSERT_EQ(Ptrace(kTracer, kSetOptions, kTracee, 0, kOptTraceExit), 0);
  ASSERT_EQ(Wait(kTracer, kChild.value), StopOf(kChild, EventCode(kEventStop)));
  ASSERT_EQ(Ptrace(kTracer, kCont, kChild), 0);
  ExitEvent(kChild, 0);
  EXPECT_TRUE(Runs(kChild));
}

TEST_F(BirthTest, VforkDoneNamesTheChildAfterItsDeath) {
  Seized(kOptTraceVforkDone);
  NewProcess(kTracee, kChild);
  BirthEvent(kTracee, kChild, kEventVfork);
  FirstStop(kChild);
  Die(kChild, 0);
  Event(kTracee, kEventVforkDone, kChild.value);
  EXPECT_EQ(Wait(kTracer), StopOf(kTracee, EventCode(kEventVforkDone)));
  EXPECT_EQ(EventMessage(), static_cast<uint64_t>(kChild.value));
}

TEST_F(BirthTest, ChildKilledBeforeItsFirstStopIsReportedDead) {
  Seized(kOptTraceFork);
  NewProcess(kTracee, kChild);
  kernel.Die(kChild);
  BirthEvent(kTracee, kChild);
  EXPECT_EQ(Wait(kTracer), StopOf(kTracee, EventCode(kEventFork)));
  Exit(kChild, SIGKILL);
  EXPECT_EQ(Wait(kTracer), ExitOf(kChild, SIGKILL));
}

TEST_F(BirthTest, ChildThatIsDeadBeforeItsParentsEventIsReportedDead) {
  Seized(kOptTraceFork);
  NewProcess(kTracee, kChild);
  Exit(kChild, SIGKILL);
  BirthEvent(kTracee, kChild);
  EXPECT_EQ(Wait(kTracer, kTracee.value), StopOf(kTracee, EventCode(kEventFork)));
  EXPECT_EQ(Wait(kTracer, kChild.value), ExitOf(kChild, SIGKILL));
}

TEST_F(BirthTest, ChildWhoseFirstStopIsItsExitEventIsLetGo) {
  Seized(kOptTraceFork);
  NewProcess(kTracee, kChild);
  BirthEvent(kTracee, kChild);
  kernel.Stop(kChild, EventCode(kEventExit), {}, SIGKILL);
  FirstStop(kChild);
  EXPECT_TRUE(Runs(kChild));
  Exit(kChild, SIGKILL);
  EXPECT_EQ(Wait(kTracer, kChild.value), ExitOf(kChild, SIGKILL));
}

TEST_F(BirthTest, FirstStopOfTheChildOfAParentKilledInForkIsNotForgotten) {
  Family();
  NewProcess(kTracee, kChild);
  FirstStop(kChild);
  KilledInFork(kTracee, kChild.value);
  Exit(kTracee, SIGKILL);
  EXPECT_TRUE(Runs(kChild));
}

// The same, but its parent is gone before the first stop of the child is announced.
TEST_F(BirthTest, LateFirstStopOfTheChildOfAParentKilledInForkIsNotForgotten) {
  Family();
  NewProcess(kTracee, kChild);
  KilledInFork(kTracee, kChild.value);
  Exit(kTracee, SIGKILL);
  FirstStop(kChild);
  EXPECT_TRUE(Runs(kChild));
}

// ... and there was no telling it from the parent's end, either.
TEST_F(BirthTest, FirstStopOfTheChildOfAParentThatWentWithoutAnEventIsNotForgotten) {
  Family();
  NewProcess(kTracee, kChild);
  Exit(kTracee, SIGKILL);
  FirstStop(kChild);
  emulator.OnDrained();
  EXPECT_TRUE(Runs(kChild));
}

// The same while another thread of its process lives: that could have made the child, until it sleeps in
// another call, or dies.
TEST_F(BirthTest, NobodyIsLeftToAnnounceTheChild) {
  constexpr Tid kForks{31};
  for (const bool dead_before_its_stop : {false, true}) {
    SCOPED_TRACE(dead_before_its_stop);
    Guests world;
    world.Family();
    world.Clone(kTracee, kForks);
    world.NewProcess(kForks, kChild);
    world.Exit(kForks, SIGKILL);
    if (dead_before_its_stop) {
      world.Exit(kChild, SIGKILL);
    } else {
      world.FirstStop(kChild);
    }
    world.emulator.OnDrained();
    EXPECT_FALSE(world.Runs(kChild) || world.Reaped(kChild)) << "the other thread may have made it";
    world.kernel.at(kTracee).blocked_in = 202;
    world.emulator.OnDrained();
    EXPECT_TRUE(dead_before_its_stop ? world.Reaped(kChild) : world.Runs(kChild));
  }
}

// A thread alone is killed when another of its process executes.
TEST_F(BirthTest, ChildrenOfAThreadKilledByAnExecAreNotForgotten) {
  constexpr Tid kForks{31}, kClones{32}, kNewThread{33};
  Seized(kOptTraceFork);
  Clone(kTracee, kForks);
  Clone(kTracee, kClones);
  NewProcess(kForks, kChild);
  NewThread(kClones, kNewThread);
  KilledInFork(kForks, kChild.value);
  KilledInFork(kClones, kNewThread.value);
  FirstStop(kChild);
  EXPECT_TRUE(Runs(kChild)) << "the options are of one thread";
  kernel.Stop(kNewThread, EventCode(kEventExit), {}, SIGKILL);
  FirstStop(kNewThread);
  EXPECT_FALSE(Stopped(kNewThread)) << "it goes to its end";
}

TEST_F(BirthTest, ChildOfATraceeKilledInForkIsTracedWithItsOptions) {
  Seized(kOptTraceFork);
  NewProcess(kTracee, kChild);
  KilledInFork(kTracee, kChild.value);
  FirstStop(kChild);
  EXPECT_EQ(Wait(kTracer, kChild.value), StopOf(kChild, EventCode(kEventStop)));
}

// kernel/fork.c:kernel_clone says which event it would have been.
TEST_F(BirthTest, ChildOfATraceeKilledInCloneIsTracedByItsKind) {
  const std::tuple<uint64_t, uint64_t, uint64_t> kKinds[] = {
      {57, 0, kOptTraceFork},  {58, 0, kOptTraceVfork},       {56, SIGCHLD, kOptTraceFork},
      {56, 0, kOptTraceClone}, {56, SIGUSR1, kOptTraceClone}, {56, kCloneVfork | SIGCHLD, kOptTraceVfork}};
  for (const auto& [nr, flags, option] : kKinds) {
    for (const uint64_t asked :
         std::initializer_list<uint64_t>{kOptTraceFork, kOptTraceVfork, kOptTraceClone}) {
      SCOPED_TRACE(testing::Message() << nr << " " << flags << " " << asked);
      Guests world;
      world.Family();
      ASSERT_EQ(world.Ptrace(kTracer, kSeize, kTracee, 0, asked), 0);
      world.NewProcess(kTracee, kChild);
      world.kernel.at(kTracee).regs.rdi = flags;
      world.KilledInFork(kTracee, kChild.value, nr);
      world.FirstStop(kChild);
      EXPECT_EQ(world.Runs(kChild), asked != option);
    }
  }
}

TEST_F(BirthTest, ParentKilledInVforkHasAnnouncedItsChild) {
  Seized(0);
  Fork(kTracee, kChild);
  Kill(kChild);
  KilledInFork(kTracee, kChild.value);
  EXPECT_EQ(emulator.thread_count(), 3u);
}

TEST_F(BirthTest, ChildThatNobodyTracesIsNotClaimed) {
  Seized(0);
  NewProcess(kTracee, kChild);
  kernel.at(kChild).facts.tracer = 0;
  KilledInFork(kTracee, kChild.value);
  EXPECT_EQ(Ptrace(kTracer, kSeize, kChild), -EPERM) << "it is no guest";
}

TEST_F(BirthTest, CloneUntracedIsStrippedAndTheChildKnownButUntraced) {
  Seized(kOptTraceClone | kOptTraceFork);
  const uint64_t flags = kCloneUntraced | SIGCHLD;
  EXPECT_EQ(Call(kTracee, 56, {flags, 0, 0, 0, 0}), kParked);
  ASSERT_TRUE(kernel.at(kTracee).interrupt);
  Trap(kTracee);
  EXPECT_EQ(kernel.at(kTracee).regs.rdi, static_cast<uint64_t>(SIGCHLD));
  EXPECT_EQ(Wait(kTracer), Result(0)) << "nobody sees that stop";
  EXPECT_EQ(Restart(kTracee), kNative);
  NewProcess(kTracee, kChild);
  kernel.at(kChild).regs.rdi = SIGCHLD;
  BirthEvent(kTracee, kChild);
  FirstStop(kChild);
  EXPECT_TRUE(Runs(kTracee));
  EXPECT_TRUE(Runs(kChild));
  EXPECT_EQ(kernel.at(kTracee).regs.rdi, flags) << "the register is put back";
  EXPECT_EQ(kernel.at(kChild).regs.rdi, flags);
  EXPECT_EQ(Wait(kTracer), Result(0));
  EXPECT_EQ(Ptrace(kTracer, kInterrupt, kChild), -ESRCH);
}

TEST_F(BirthTest, ClonePtraceTracesTheChildWithoutTheOption) {
  Seized(0);
  kernel.at(kTracee).regs.orig_rax = 56;
  kernel.at(kTracee).regs.rdi = kClonePtrace | SIGCHLD;
  Fork(kTracee, kChild);
  EXPECT_EQ(Wait(kTracer, kChild.value), StopOf(kChild, EventCode(kEventStop)));
}

// --- pid namespaces.

class NamespaceTest : public EmuTest {
 protected:
  // A tracer (10, there 2) and a tracee (20, there 3) in a pid namespace whose init is 9 (there 1).
  void SetUp() override {
    Root(kShell);
    const auto inside = [&](Tid parent, Tid tid, pid_t number) {
      NewProcess(parent, tid, {{0, tid.value}, {77, number}});
      BirthEvent(parent, tid);
      FirstStop(tid);
    };
    inside(kShell, Tid{9}, 1);
    inside(Tid{9}, kTracer, 2);
    inside(Tid{9}, kTracee, 3);
  }
};

TEST_F(NamespaceTest, RequestsNameTheTraceeByTheCallersNumber) {
  EXPECT_EQ(Ptrace(kTracer, kSeize, Tid{20}), -ESRCH);
  EXPECT_EQ(Ptrace(kTracer, kSeize, Tid{3}), 0);
  Signal(kTracee, SIGUSR1);
  EXPECT_EQ(Wait(kTracer, 20), Result(kNative)) << "ECHILD, says the kernel";
  EXPECT_EQ(Wait(kTracer, 3), (Waited{3, (SIGUSR1 << 8) | 0x7f}));
  EXPECT_EQ(Ptrace(kTracer, kCont, Tid{3}), 0);
  EXPECT_TRUE(Runs(kTracee));
}

TEST_F(NamespaceTest, OutsiderIsInvisibleInside) {
  Fork(kShell, kOther);
  EXPECT_EQ(Ptrace(kTracer, kSeize, kOther), -ESRCH);
  EXPECT_EQ(Ptrace(kTracer, kSeize, kShell), -ESRCH);
}

TEST_F(NamespaceTest, OutsideTracerSeesOutsideNumbers) {
  EXPECT_EQ(Ptrace(kShell, kSeize, kTracee, 0, kOptTraceFork), 0);
  NewProcess(kTracee, kChild, {{0, kChild.value}, {77, 4}});
  BirthEvent(kTracee, kChild);
  FirstStop(kChild);
  Call(kShell, 61, {20, kStatusAt, kWnohang, 0});
  EXPECT_EQ(WaitOf(kShell), StopOf(kTracee, EventCode(kEventFork)));
  EXPECT_EQ(Ptrace(kShell, kGetEventMsg, kTracee, 0, kFree), 0);
  EXPECT_EQ(Read<uint64_t>(kShell, kFree), static_cast<uint64_t>(kChild.value));
}

TEST_F(NamespaceTest, ForkMessageIsTheTracersNumber) {
  EXPECT_EQ(Ptrace(kTracer, kSeize, Tid{3}, 0, kOptTraceFork), 0);
  NewProcess(kTracee, kChild, {{0, kChild.value}, {77, 4}});
  BirthEvent(kTracee, kChild);
  FirstStop(kChild);
  EXPECT_EQ(Wait(kTracer, 3).result, 3);
  EXPECT_EQ(Ptrace(kTracer, kGetEventMsg, Tid{3}, 0, kFree), 0);
  EXPECT_EQ(Read<uint64_t>(kTracer, kFree), 4u);
}

TEST_F(NamespaceTest, ChildOfAParentKilledInForkIsFoundByItsNumber) {
  NewProcess(kTracee, kChild, {{0, kChild.value}, {77, 4}});
  KilledInFork(kTracee, 4);
  FirstStop(kChild);
  EXPECT_TRUE(Runs(kChild));
}

TEST_F(NamespaceTest, SigchldAndWaitidShowTheTracersNumber) {
  ASSERT_EQ(Sigaction(kTracer, 0x1234), kNative);
  EXPECT_EQ(Ptrace(kTracer, kSeize, Tid{3}), 0);
  Signal(kTracee, SIGUSR1);
  DeliverQueued(kTracer);
  EXPECT_EQ(kernel.at(kTracer).siginfo.si_pid, 3);
  EXPECT_EQ(Waitid(kTracer, kIdPid, 3, kWuntraced | kWnohang), 0);
  EXPECT_EQ(Read<siginfo_t>(kTracer, kInfoAt).si_pid, 3);
}

}  // namespace
}  // namespace nestrace
