// Calls that the emulation only takes note of, and those that a filter's SECCOMP_RET_TRACE refuses.

#include <errno.h>
#include <signal.h>
#include <string.h>

#include <vector>

#include "tests/emu/guests.h"

namespace nestrace {
namespace {

constexpr int kNrSigaction = 13, kNrGetppid = 110;
constexpr uint64_t kSixth = 0x1234;

class NotesTest : public EmuTest {
 protected:
  // kTracee is at the syscall-enter-stop of a call, and its tracer has waited.
  void Enters(int nr, uint64_t first, uint64_t second, uint64_t fourth,
              uint16_t instruction = kSyscallInstruction) {
    SeizedAndStopped(kOptSysGood);
    ASSERT_EQ(Ptrace(kTracer, kSyscall, kTracee), 0);
    Write(kTracee, kFree, instruction);
    auto& regs = kernel.at(kTracee).regs;
    regs.rip = kFree + sizeof(instruction);
    regs.rdi = first;
    regs.rsi = second;
    regs.r10 = fourth;
    regs.r9 = kSixth;
    SyscallEnter(kTracee, nr);
    ASSERT_EQ(Wait(kTracer), StopOf(kTracee, kSysGoodCode));
  }
  // ... of rt_sigaction(signal, {SIG_IGN}).
  void EntersSigaction(int signal, uint16_t instruction = kSyscallInstruction) {
    Enters(kNrSigaction, signal, kActionAt, 8, instruction);
    const uint64_t ignore[4] = {1, 0, 0, 0};
    Write(kTracee, kActionAt, ignore);
  }
  // ... of clone3(flags), and goes on.
  void MakesClone3(uint64_t flags) {
    const uint64_t args[5] = {flags, 0, 0, 0, SIGCHLD};
    Enters(435, kActionAt, 64, 0);
    Write(kTracee, kActionAt, args);
    ASSERT_EQ(Ptrace(kTracer, kSyscall, kTracee), 0);
  }
  uint64_t Sixth() { return kernel.at(kTracee).regs.r9; }
  long Request() { return kernel.at(kTracee).resume_request; }
};

TEST_F(NotesTest, CallIsNotedAtItsEntryAndPassesTheFilter) {
  EntersSigaction(SIGCHLD);
  EXPECT_EQ(Sixth(), kSixth) << "till the tracer lets it go";
  ASSERT_EQ(Ptrace(kTracer, kSyscall, kTracee), 0);
  EXPECT_EQ(Sixth(), kPass);
  SyscallExit(kTracee);
  EXPECT_EQ(Sixth(), kSixth);
  EXPECT_EQ(Wait(kTracer), StopOf(kTracee, kSysGoodCode));
  // It was noted: a child of one that ignores SIGCHLD sends none when it stops.
  ASSERT_EQ(Ptrace(kTracer, kDetach, kTracee), 0);
  Fork(kTracee, kOther);
  ASSERT_EQ(Ptrace(kTracee, kSeize, kOther), 0);
  Signal(kOther, SIGUSR1);
  EXPECT_EQ(QueuedSigchlds(kTracee), 0u);
}

TEST_F(NotesTest, ItsEndIsNotShownToATracerThatDoesNotWantIt) {
  EntersSigaction(SIGCHLD);
  ASSERT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
  EXPECT_EQ(Sixth(), kPass);
  EXPECT_EQ(Request(), kSyscall);
  SyscallExit(kTracee);
  EXPECT_EQ(Sixth(), kSixth);
  EXPECT_TRUE(Runs(kTracee));
  EXPECT_EQ(Request(), kCont);
  EXPECT_EQ(Wait(kTracer), Result(0));
}

TEST_F(NotesTest, StepOverItTraps) {
  EntersSigaction(SIGCHLD);
  ASSERT_EQ(Ptrace(kTracer, kSingleStep, kTracee), 0);
  EXPECT_EQ(Sixth(), kPass);
  EXPECT_EQ(Request(), kSingleStep);
  siginfo_t info = {};
  info.si_signo = SIGTRAP;
  info.si_code = TRAP_BRKPT;
  SignalWith(kTracee, info);
  EXPECT_EQ(Wait(kTracer), StopOf(kTracee, SIGTRAP));
  EXPECT_EQ(Sixth(), kSixth);
  ASSERT_EQ(Ptrace(kTracer, kCont, kTracee, 0, SIGUSR1), 0);
  EXPECT_EQ(kernel.at(kTracee).resume_signal, SIGUSR1) << "which takes the trap's place";
}

TEST_F(NotesTest, KilledInItItHasItsOwnArgument) {
  EntersSigaction(SIGCHLD);
  ASSERT_EQ(Ptrace(kTracer, kSyscall, kTracee), 0);
  ExitEvent(kTracee, SIGKILL);
  EXPECT_EQ(Sixth(), kSixth);
}

// Under PTRACE_SYSEMU the end of a call does not trap, and the thread is not to come to its program like
// that.
TEST_F(NotesTest, EmulatingStepOverItEndsInAStopOfOurs) {
  EntersSigaction(SIGCHLD);
  ASSERT_EQ(Ptrace(kTracer, kSysemuSingleStep, kTracee), 0);
  EXPECT_EQ(Request(), kSyscall);
  SyscallExit(kTracee);
  EXPECT_EQ(Sixth(), kSixth);
  EXPECT_EQ(Request(), kSysemuSingleStep);
  EXPECT_TRUE(Runs(kTracee));
}

// SIGCHLD is pending, and would end the notification, but not the wait.
TEST_F(NotesTest, WaitThatHasAZombieToFindPassesTheFilter) {
  EntersSigaction(SIGUSR1);
  ASSERT_EQ(Ptrace(kTracer, kSyscall, kTracee), 0);
  SyscallExit(kTracee);
  ASSERT_EQ(Wait(kTracer), StopOf(kTracee, kSysGoodCode));
  Fork(kTracee, kOther);
  for (const bool dead : {false, true}) {
    if (dead) Die(kOther, 0);
    ASSERT_EQ(Ptrace(kTracer, kSyscall, kTracee), 0);
    auto& regs = kernel.at(kTracee).regs;
    regs.rdi = ~0ull;
    regs.rsi = regs.rdx = regs.r10 = 0;
    SyscallEnter(kTracee, 61);
    ASSERT_EQ(Wait(kTracer), StopOf(kTracee, kSysGoodCode));
    ASSERT_EQ(Ptrace(kTracer, kSyscall, kTracee), 0);
    EXPECT_EQ(Sixth(), dead ? kPass : kSixth);
    SyscallExit(kTracee, kOther.value);
    EXPECT_EQ(Sixth(), kSixth);
    ASSERT_EQ(Wait(kTracer), StopOf(kTracee, kSysGoodCode));
  }
}

TEST_F(NotesTest, WaitThatTheKernelRefusesPassesTheFilter) {
  Enters(247, 15, 0, kWexited);  // waitid
  ASSERT_EQ(Ptrace(kTracer, kSyscall, kTracee), 0);
  EXPECT_EQ(Sixth(), kPass);
}

TEST_F(NotesTest, ChildOfACallThatPassesTheFilterHasItsOwnArgument) {
  MakesClone3(0);
  EXPECT_EQ(Sixth(), kPass);
  NewProcess(kTracee, kOther);
  kernel.at(kOther).regs.r9 = kPass;
  BirthEvent(kTracee, kOther);
  EXPECT_EQ(Sixth(), kSixth);
  FirstStop(kOther);
  EXPECT_EQ(kernel.at(kOther).regs.r9, kSixth);
}

TEST_F(NotesTest, CallThatMakesAnUntracedChildDoesNotPassTheFilter) {
  MakesClone3(kCloneUntraced);
  EXPECT_EQ(Sixth(), kSixth);
}

TEST_F(NotesTest, OtherCallsKeepTheirArguments) {
  EntersSigaction(SIGUSR1);
  ASSERT_EQ(Ptrace(kTracer, kSyscall, kTracee), 0);
  EXPECT_EQ(Sixth(), kSixth);
}

TEST_F(NotesTest, OldAbiIn64BitCodeHasOtherNumbers) {
  EntersSigaction(SIGCHLD, 0x80cd);  // int $0x80
  ASSERT_EQ(Ptrace(kTracer, kSyscall, kTracee), 0);
  EXPECT_EQ(Sixth(), kSixth);
}

// kernel/seccomp.c: without a tracer that asked for PTRACE_O_TRACESECCOMP the call is not made.
TEST_F(NotesTest, RefusedCallGetsItsNumberBackAtItsEnd) {
  SeizedAndStopped();
  ASSERT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
  kernel.at(kTracee).regs.orig_rax = kNrGetppid;
  Event(kTracee, kEventSeccomp, 7);
  EXPECT_EQ(kernel.at(kTracee).regs.orig_rax, ~0ull);
  ASSERT_TRUE(Runs(kTracee));
  EXPECT_EQ(Request(), kSyscall);
  SyscallExit(kTracee, -ENOSYS);
  EXPECT_EQ(kernel.at(kTracee).regs.orig_rax, static_cast<uint64_t>(kNrGetppid));
  EXPECT_TRUE(Runs(kTracee));
  EXPECT_EQ(Wait(kTracer), Result(0));
}

TEST_F(NotesTest, RefusedCallOfOneThatIsKilledHasItsNumber) {
  Family();
  kernel.at(kTracee).regs.orig_rax = kNrGetppid;
  Event(kTracee, kEventSeccomp, 7);
  ExitEvent(kTracee, SIGKILL);
  EXPECT_EQ(kernel.at(kTracee).regs.orig_rax, static_cast<uint64_t>(kNrGetppid));
}

// --- userfaultfd(2), and the ioctl(2) that does the same; FUSE.

TEST_F(NotesTest, MemoryIsExpectedToBeSlowBehindUserfaultfd) {
  constexpr int kNrUserfaultfd = 323;
  Family();
  EXPECT_EQ(Call(kTracee, kNrUserfaultfd, {0}), kNative);
  EXPECT_TRUE(kernel.ExpectsSlowMemory());
}

TEST_F(NotesTest, MemoryIsExpectedToBeSlowBehindTheIoctlThatMakesAUserfaultfd) {
  constexpr int kNrIoctl = 16;
  constexpr uint64_t kFionread = 0x541b;
  Family();
  // A call of the kernel's, which may sleep.
  EXPECT_EQ(Call(kTracee, kNrIoctl, {3, kFionread}), kNative);
  kernel.at(kTracee).regs.rax = -kErestartsys;
  Signal(kTracee, SIGALRM);
  EXPECT_EQ(Rax(kTracee), -kErestartsys);
  EXPECT_FALSE(kernel.ExpectsSlowMemory());
  // Interrupted before it was received.
  kernel.Notify({.tid = kTracee, .nr = kNrIoctl, .args = {3, kUserfaultfdIocNew}});
  Signal(kTracee, SIGALRM);
  EXPECT_EQ(Rax(kTracee), -kErestartnointr);
  EXPECT_TRUE(kernel.ExpectsSlowMemory());
}

TEST_F(NotesTest, MemoryIsExpectedToBeSlowBehindAFuseFileSystem) {
  struct Case {
    int nr;
    size_t argument;
    const char* type;
    bool slow;
  };
  constexpr int kNrMount = 165, kNrFsopen = 430;
  const Case kCases[] = {{kNrMount, 2, "fuse", true},    {kNrMount, 2, "fuseblk.x", true},
                         {kNrMount, 2, "tmpfs", false},  {kNrMount, 2, "proc", false},
                         {kNrFsopen, 0, "fuse.x", true}, {kNrFsopen, 0, "virtiofs", false}};
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.type);
    Guests world;
    world.Family();
    char type[16] = "";
    strncpy(type, c.type, sizeof(type) - 1);
    world.Write(kTracee, Guests::kFree, type);
    std::vector<uint64_t> args(6);
    args[c.argument] = Guests::kFree;
    EXPECT_EQ(world.Call(kTracee, c.nr, args), kNative);
    EXPECT_EQ(world.kernel.ExpectsSlowMemory(), c.slow);
  }
}

TEST_F(NotesTest, TypeOfAFileSystemThatCantBeReadIsLeftToTheKernel) {
  Family();
  EXPECT_EQ(Call(kTracee, 165, {0, 0, 0}), kNative);
  EXPECT_FALSE(kernel.ExpectsSlowMemory());
}

}  // namespace
}  // namespace nestrace
