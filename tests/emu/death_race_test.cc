// "Tracee dies under the request" (rr issue #3725): the tracee is verified as the caller's stopped tracee,
// and is killed before the request has looked at it. For every ptrace(2) request and every kernel call the
// emulation makes on its way: the answer is ESRCH, or what it would have been had the tracee died right after
// the request; nothing crashes, and no byte of a former life is handed out as a success behind a failure.

#include <errno.h>
#include <signal.h>

#include <algorithm>
#include <string>

#include "tests/emu/guests.h"

namespace nestrace {
namespace {

// One request, with arguments that succeed on a stopped tracee.
struct Case {
  long request;
  uint64_t addr = 0;
  uint64_t data = 0;
};

constexpr uint64_t kIovec = Guests::kFree;
constexpr uint64_t kBuffer = Guests::kFree + 256;
constexpr uint64_t kPeekArgs = Guests::kFree + 32;
constexpr uint64_t kWord = FakeKernel::kGuestMemory + 0x1800;

const Case kCases[] = {
    {kPeekText, kWord, kBuffer},
    {kPeekData, kWord, kBuffer},
    {kPeekUser, kUserRax, kBuffer},
    {kPokeText, kWord, 7},
    {kPokeData, kWord, 7},
    {kPokeUser, kUserRax, 7},
    {kGetRegs, 0, kBuffer},
    {kSetRegs, 0, kBuffer},
    {kGetFpRegs, 0, kBuffer},
    {kSetFpRegs, 0, kBuffer},
    {kGetThreadArea, 12, kBuffer},
    {kSetThreadArea, 12, kBuffer},
    {kArchPrctl, kBuffer, 0x1003},
    {kArchPrctl, 0, 0x1002},
    {kGetEventMsg, 0, kBuffer},
    {kGetSigInfo, 0, kBuffer},
    {kSetSigInfo, 0, kBuffer},
    {kGetRegset, kNtPrstatus, kIovec},
    {kGetRegset, kNtPrfpreg, kIovec},
    {kGetRegset, kNtX86Xstate, kIovec},
    {kSetRegset, kNtPrstatus, kIovec},
    {kSetRegset, kNtPrfpreg, kIovec},
    {kSetRegset, kNtX86Xstate, kIovec},
    {kPeekSigInfo, kPeekArgs, kBuffer},
    {kGetSigMask, 8, kBuffer},
    {kSetSigMask, 8, kBuffer},
    {kSeccompGetFilter, 0, 0},
    {kSeccompGetMetadata, 16, kBuffer},
    {kGetSyscallInfo, 88, kBuffer},
    {kSetSyscallInfo, 88, kBuffer},
    {kGetRseqConfiguration, 24, kBuffer},
    {kGetSyscallUserDispatchConfig, 32, kBuffer},
    {kSetSyscallUserDispatchConfig, 32, kBuffer},
    {kSetOptions, 0, kOptSysGood},
    {kOldSetOptions, 0, kOptSysGood},
    {0x7777},  // no such request: EIO of a live tracee
    {kCont},
    {kSyscall},
    {kSingleStep},
    {kSingleBlock},
    {kSysemu},
    {kSysemuSingleStep},
    {kDetach, 0, SIGUSR2},
    {kListen},
};

// The last part of a test's name.
std::string CaseName(const ::testing::TestParamInfo<Case>& info) {
  return RequestName(info.param.request).substr(7) + "_" + std::to_string(info.index);
}

class DeathRaceTest : public EmuTest, public ::testing::WithParamInterface<Case> {
 protected:
  // The tracee is stopped and waited for; the caller's buffers are filled.
  void SetUp() override {
    Family();
    ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
    kernel.at(kTracer).facts.has_cap_sys_admin = true;
    kernel.at(kTracee).facts.seccomp_filters = 2;
    Clean();
    Trap(kTracee);  // a PTRACE_EVENT_STOP: LISTEN is allowed, too
    if (Runs(kTracee)) {
      ASSERT_EQ(Ptrace(kTracer, kInterrupt, kTracee), 0);
      Trap(kTracee);
    }
    ASSERT_EQ(Wait(kTracer), StopOf(kTracee, EventCode(kEventStop)));
    kernel.ClearLog();
  }

  void Clean() {
    Write(kTracer, kIovec, std::array<uint64_t, 2>{kBuffer, 64});
    // {offset, flags | count << 32}
    Write(kTracer, kPeekArgs, std::array<uint64_t, 2>{0, 2ull << 32});
    Write(kTracer, kBuffer, std::array<uint64_t, 64>{});
  }

  int64_t Request() { return Ptrace(kTracer, GetParam().request, kTracee, GetParam().addr, GetParam().data); }
};

TEST_P(DeathRaceTest, DeadBeforeTheFirstLookIsEsrch) {
  kernel.DieAtCall(kTracee, 1);
  EXPECT_EQ(Request(), -ESRCH);
  EXPECT_EQ((Read<std::array<uint64_t, 64>>(kTracer, kBuffer)), (std::array<uint64_t, 64>{}));
}

TEST_P(DeathRaceTest, EsrchFromAnyOnePtraceCallIsNoCrash) {
  kernel.FailNext(kTracee, -ESRCH);
  EXPECT_EQ(Request(), -ESRCH);
}

// Death under the k-th kernel call, for all k: ESRCH for as long as the emulation still asks the kernel about
// the tracee before it acts or answers.
TEST_P(DeathRaceTest, DeathUnderAnyCallIsEsrchOrTheWholeAnswer) {
  bool looked_behind = true;
  for (int k = 1; looked_behind; ++k) {
    SCOPED_TRACE("death under call " + std::to_string(k));
    Guests world;
    world.Family();
    ASSERT_EQ(world.Ptrace(kTracer, kSeize, kTracee), 0);
    world.kernel.at(kTracer).facts.has_cap_sys_admin = true;
    world.kernel.at(kTracee).facts.seccomp_filters = 2;
    world.Write(kTracer, kIovec, std::array<uint64_t, 2>{kBuffer, 64});
    world.Write(kTracer, kPeekArgs, std::array<uint64_t, 2>{0, 2ull << 32});
    ASSERT_EQ(world.Ptrace(kTracer, kInterrupt, kTracee), 0);
    world.Trap(kTracee);
    ASSERT_EQ(world.Wait(kTracer), StopOf(kTracee, EventCode(kEventStop)));
    world.kernel.ClearLog();
    bool died = false;
    size_t lines_before = 0;
    world.kernel.AtCall(k, [&] {
      died = true;
      world.kernel.Die(kTracee);
      lines_before = world.kernel.log().size();
    });
    const Case& c = GetParam();
    const int64_t answer = world.Ptrace(kTracer, c.request, kTracee, c.addr, c.data);
    looked_behind = died;
    // Was the tracee looked at after it died and before the answer?
    const size_t answered = world.kernel.Find("answer(");
    bool looked = false;
    for (size_t line = lines_before; line < answered; ++line) {
      looked |= world.kernel.log()[line].rfind("ptrace(", 0) == 0;
    }
    // A request that lets the tracee go has done so once it has been found alive: it dies behind that.
    constexpr long kLetGo[] = {kCont,   kSyscall,          kSingleStep, kSingleBlock,
                               kSysemu, kSysemuSingleStep, kDetach,     kListen};
    const bool lets_go = std::find(std::begin(kLetGo), std::end(kLetGo), c.request) != std::end(kLetGo);
    if (died && looked && !(lets_go && k > 1)) {
      EXPECT_EQ(answer, -ESRCH) << ::testing::PrintToString(world.kernel.log());
    }
    if (answer == -ESRCH) {
      EXPECT_TRUE(died);
    }
    if (died) {
      world.Exit(kTracee, SIGKILL);
      if (c.request == kDetach && answer == 0) continue;
      EXPECT_EQ(world.Wait(kTracer), ExitOf(kTracee, SIGKILL));
    }
    EXPECT_THAT(world.kernel.violations(), ::testing::IsEmpty());
  }
}

// The caller itself is killed in its call: nothing is answered, nothing is done, nothing crashes.
TEST_P(DeathRaceTest, DeathOfTheCallerUnderAnyCallLeavesTheTraceeToItsNextFate) {
  for (int k = 1; k < 12; ++k) {
    SCOPED_TRACE("death under call " + std::to_string(k));
    Guests world;
    world.Family();
    ASSERT_EQ(world.Ptrace(kTracer, kSeize, kTracee), 0);
    world.Write(kTracer, kIovec, std::array<uint64_t, 2>{kBuffer, 64});
    ASSERT_EQ(world.Ptrace(kTracer, kInterrupt, kTracee), 0);
    world.Trap(kTracee);
    ASSERT_EQ(world.Wait(kTracer), StopOf(kTracee, EventCode(kEventStop)));
    world.kernel.DieAtCall(kTracer, k);
    const Case& c = GetParam();
    world.Ptrace(kTracer, c.request, kTracee, c.addr, c.data);
    world.Exit(kTracer, SIGKILL);
    EXPECT_TRUE(world.Runs(kTracee) || world.Listens(kTracee)) << "a tracee is let go when its tracer dies";
    EXPECT_THAT(world.kernel.violations(), ::testing::IsEmpty());
  }
}

// SIGKILL takes the tracee out of its stop and to PTRACE_EVENT_EXIT, a stop of the real tracer that the
// emulation has not been told of yet. There the kernel reads and writes registers again; the tracer without
// PTRACE_O_TRACEEXIT must find its tracee gone all the same.
TEST_P(DeathRaceTest, KilledTraceeAtItsUnseenExitStopIsEsrch) {
  kernel.Stop(kTracee, EventCode(kEventExit), {}, SIGKILL);
  EXPECT_EQ(Request(), -ESRCH);
  EXPECT_TRUE(Stopped(kTracee)) << "a stop nobody was told of must not be ended";
}

TEST_P(DeathRaceTest, ZombieIsEsrch) {
  ExitEvent(kTracee, SIGKILL);
  Exit(kTracee, SIGKILL);
  EXPECT_EQ(Request(), -ESRCH);
}

TEST_P(DeathRaceTest, RunningTraceeIsEsrch) {
  ASSERT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
  EXPECT_EQ(Request(), -ESRCH);
}

INSTANTIATE_TEST_SUITE_P(Requests, DeathRaceTest, ::testing::ValuesIn(kCases), CaseName);

class DeathTest : public EmuTest {};

// Only these need no stopped tracee (kernel/ptrace.c:ptrace_check_attach).
TEST_F(DeathTest, KillAndInterruptOfADyingTraceeSucceed) {
  SeizedAndStopped();
  kernel.Die(kTracee);
  EXPECT_EQ(Ptrace(kTracer, kKill, kTracee), 0);
  EXPECT_EQ(Ptrace(kTracer, kInterrupt, kTracee), 0);
  Exit(kTracee, SIGKILL);
  EXPECT_EQ(Ptrace(kTracer, kKill, kTracee), 0);
  EXPECT_EQ(Ptrace(kTracer, kInterrupt, kTracee), 0);
  EXPECT_EQ(Wait(kTracer), ExitOf(kTracee, SIGKILL));
  EXPECT_EQ(Ptrace(kTracer, kKill, kTracee), -ESRCH);
  EXPECT_EQ(Ptrace(kTracer, kInterrupt, kTracee), -ESRCH);
}

TEST_F(DeathTest, AttachToATaskThatDiesUnderItIsNoCrash) {
  for (const long request : {kSeize, kAttach}) {
    for (int k = 1; k < 6; ++k) {
      SCOPED_TRACE(RequestName(request) + " death under call " + std::to_string(k));
      Guests world;
      world.Family();
      world.kernel.DieAtCall(kTracee, k);
      const int64_t answer = world.Ptrace(kTracer, request, kTracee);
      EXPECT_TRUE(answer == 0 || answer == -EPERM || answer == -ESRCH) << answer;
      world.Exit(kTracee, SIGKILL);
      if (answer == 0) {
        EXPECT_EQ(world.Wait(kTracer), ExitOf(kTracee, SIGKILL));
      }
      EXPECT_THAT(world.kernel.violations(), ::testing::IsEmpty());
    }
  }
}

// The capture at a stop fails: the thread died under it, the stop never was.
TEST_F(DeathTest, StopUnderWhichTheThreadDiesIsNeverReported) {
  for (int k = 1; k < 6; ++k) {
    SCOPED_TRACE("death under call " + std::to_string(k));
    Guests world;
    world.Family();
    ASSERT_EQ(world.Ptrace(kTracer, kSeize, kTracee), 0);
    ASSERT_EQ(world.Sigaction(kTracer, 0x1234), kNative);
    bool died = false;
    world.kernel.AtCall(k, [&] {
      died = true;
      world.kernel.Die(kTracee);
    });
    const int before = world.kernel.calls();
    world.Signal(kTracee, SIGUSR1);
    const size_t reported = world.QueuedSigchlds(kTracer);
    // GETREGS and the xstate: the two calls of the capture.
    if (died && k <= 2) {
      EXPECT_EQ(reported, 0u) << world.kernel.calls() - before;
      EXPECT_EQ(world.Wait(kTracer), Result(0));
    }
    if (died) {
      world.Exit(kTracee, SIGKILL);
      EXPECT_EQ(world.Wait(kTracer), ExitOf(kTracee, SIGKILL));
    }
  }
}

TEST_F(DeathTest, FailedCaptureOfEachKindOfStopReportsNothing) {
  const auto no_report = [](const char* what, auto stop) {
    SCOPED_TRACE(what);
    Guests world;
    world.Family();
    ASSERT_EQ(world.Ptrace(kTracer, kSeize, kTracee, 0,
                           kOptTraceExec | kOptTraceExit | kOptTraceFork | kOptSysGood),
              0);
    ASSERT_EQ(world.Ptrace(kTracer, kInterrupt, kTracee), 0);
    world.Trap(kTracee);
    ASSERT_EQ(world.Wait(kTracer), StopOf(kTracee, EventCode(kEventStop)));
    ASSERT_EQ(world.Ptrace(kTracer, kSyscall, kTracee), 0);
    EXPECT_EQ(world.WaitBlocking(kTracer).result, kParked);
    world.kernel.DieAtCall(kTracee, 1);
    stop(world);
    EXPECT_EQ(world.WaitOf(kTracer).result, kParked);
    world.Exit(kTracee, SIGKILL);
    EXPECT_EQ(world.WaitOf(kTracer), ExitOf(kTracee, SIGKILL));
    EXPECT_THAT(world.kernel.violations(), ::testing::IsEmpty());
  };
  no_report("signal", [](Guests& world) { world.Signal(kTracee, SIGUSR1); });
  no_report("group-stop", [](Guests& world) { world.GroupStop(kTracee); });
  no_report("syscall-enter", [](Guests& world) { world.SyscallEnter(kTracee); });
  no_report("syscall-exit", [](Guests& world) { world.SyscallExit(kTracee); });
  no_report("exec", [](Guests& world) { world.Event(kTracee, kEventExec, kTracee.value); });
  no_report("fork", [](Guests& world) {
    world.NewProcess(kTracee, kOther);
    world.BirthEvent(kTracee, kOther);
  });
}

// Registers are captured at the stop; a later stop never shows those of an earlier one.
TEST_F(DeathTest, RegistersAreThoseOfTheLastStop) {
  SeizedAndStopped();
  struct user_regs_struct regs;
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(Ptrace(kTracer, kGetRegs, kTracee, 0, kFree), 0);
    regs = Read<struct user_regs_struct>(kTracer, kFree);
    EXPECT_EQ(regs.rbx, static_cast<uint64_t>(kernel.at(kTracee).generation));
    ASSERT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
    Signal(kTracee, SIGUSR1);
    ASSERT_EQ(Wait(kTracer), StopOf(kTracee, SIGUSR1));
  }
}

TEST_F(DeathTest, WritesAreSeenByTheNextRead) {
  SeizedAndStopped();
  ASSERT_EQ(Ptrace(kTracer, kGetRegs, kTracee, 0, kFree), 0);
  ASSERT_EQ(Ptrace(kTracer, kPokeUser, kTracee, kUserRax, 77), 0);
  ASSERT_EQ(Ptrace(kTracer, kGetRegs, kTracee, 0, kFree), 0);
  auto regs = Read<struct user_regs_struct>(kTracer, kFree);
  EXPECT_EQ(regs.rax, 77u);
  regs.rax = 78;
  Write(kTracer, kFree, regs);
  ASSERT_EQ(Ptrace(kTracer, kSetRegs, kTracee, 0, kFree), 0);
  Write(kTracer, kIovec, std::array<uint64_t, 2>{kBuffer, sizeof(regs)});
  ASSERT_EQ(Ptrace(kTracer, kGetRegset, kTracee, kNtPrstatus, kIovec), 0);
  EXPECT_EQ(Read<struct user_regs_struct>(kTracer, kBuffer).rax, 78u);
}

}  // namespace
}  // namespace nestrace
