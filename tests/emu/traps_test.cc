// Whose breakpoint is it: of several tracers, the one that set it is asked first.

#include <signal.h>

#include "tests/emu/guests.h"

namespace nestrace {
namespace {

const Tid kOuter{10};
const Tid kInner{12};
constexpr uint64_t kCode = FakeKernel::kGuestMemory + 1024;
constexpr uint64_t kNops = 0x9090909090909090;
constexpr uint64_t kInt3AtThird = 0x9090909090cc9090;

class TrapsTest : public EmuTest {
 protected:
  void SetUp() override {
    Root(kShell);
    for (const Tid tid : {kOuter, kInner, kTracee}) Fork(kShell, tid);
    ASSERT_EQ(Ptrace(kOuter, kSeize, kInner), 0);
    ASSERT_EQ(Ptrace(kOuter, kSeize, kTracee), 0);
    ASSERT_EQ(Ptrace(kInner, kSeize, kTracee, 0, kOptTraceFork), 0);
    Write(kTracee, kCode, kNops);
  }
  // `tracer` writes to kTracee while both hold it in turn.
  void Poke(Tid tracer, uint64_t word) {
    Signal(kTracee, SIGUSR1);
    for (const Tid link : {kOuter, kInner}) {
      ASSERT_EQ(Wait(link, kTracee.value), StopOf(kTracee, SIGUSR1));
      if (link == tracer) {
        ASSERT_EQ(Ptrace(link, kPokeText, kTracee, kCode, word), 0);
      }
      ASSERT_EQ(Ptrace(link, kCont, kTracee, 0, SIGUSR1), 0);
    }
  }
  // `tid` has executed the instruction at `address`, an int3.
  void HitInt3(Tid tid, uint64_t address) {
    kernel.at(tid).regs.rip = address + 1;
    siginfo_t info = {};
    info.si_signo = SIGTRAP;
    info.si_code = SI_KERNEL;
    SignalWith(tid, info);
  }
  void ExpectFirst(Tid first, Tid tid = kTracee) {
    const Tid second = first == kOuter ? kInner : kOuter;
    EXPECT_EQ(Wait(second, tid.value).result, 0);
    EXPECT_EQ(Wait(first, tid.value), StopOf(tid, SIGTRAP));
  }
};

TEST_F(TrapsTest, BreakpointOfTheInnerTracerIsItsOwn) {
  Poke(kInner, kInt3AtThird);
  HitInt3(kTracee, kCode + 2);
  ExpectFirst(kInner);
  ASSERT_EQ(Ptrace(kInner, kCont, kTracee), 0);
  EXPECT_TRUE(Runs(kTracee)) << "taken by whom it belongs to";
}

TEST_F(TrapsTest, BreakpointOfTheOuterTracerIsItsOwn) {
  Poke(kOuter, kInt3AtThird);
  kernel.OpenMemory(kInner, kTracee.value);
  HitInt3(kTracee, kCode + 2);
  ExpectFirst(kOuter);
  ASSERT_EQ(Ptrace(kOuter, kCont, kTracee), 0);
  EXPECT_TRUE(Runs(kTracee));
}

TEST_F(TrapsTest, TrapThatItsSetterLetsThroughGoesToTheOthers) {
  Poke(kInner, kInt3AtThird);
  HitInt3(kTracee, kCode + 2);
  ExpectFirst(kInner);
  ASSERT_EQ(Ptrace(kInner, kCont, kTracee, 0, SIGTRAP), 0);
  EXPECT_EQ(Wait(kOuter, kTracee.value), StopOf(kTracee, SIGTRAP));
  ASSERT_EQ(Ptrace(kOuter, kCont, kTracee, 0, SIGTRAP), 0);
  EXPECT_TRUE(Runs(kTracee));
  EXPECT_EQ(kernel.at(kTracee).resume_signal, SIGTRAP);
}

TEST_F(TrapsTest, RemovedBreakpointIsNobodys) {
  Poke(kInner, kInt3AtThird);
  Poke(kInner, kNops);
  HitInt3(kTracee, kCode + 2);
  ExpectFirst(kOuter);
}

// Another tracer's breakpoint in the same word stays its own.
TEST_F(TrapsTest, Int3ThatWasThereBeforeIsNotTheWriters) {
  Poke(kOuter, kInt3AtThird);
  Poke(kInner, 0xcc90909090cc9090);
  HitInt3(kTracee, kCode + 2);
  ExpectFirst(kOuter);
  ASSERT_EQ(Ptrace(kOuter, kCont, kTracee), 0);
  HitInt3(kTracee, kCode + 7);
  ExpectFirst(kInner);
}

TEST_F(TrapsTest, TracerWithTheMemoryOpenIsTakenForTheSetter) {
  kernel.OpenMemory(kInner, kTracee.value);
  HitInt3(kTracee, kCode + 2);
  ExpectFirst(kInner);
}

TEST_F(TrapsTest, OfTwoWhoMayHaveWrittenItTheOuterIsFirst) {
  kernel.OpenMemory(kOuter, kTracee.value);
  kernel.OpenMemory(kInner, kTracee.value);
  HitInt3(kTracee, kCode + 2);
  ExpectFirst(kOuter);
}

TEST_F(TrapsTest, UnknownTrapGoesOutermostFirst) {
  HitInt3(kTracee, kCode + 2);
  ExpectFirst(kOuter);
}

TEST_F(TrapsTest, HardwareBreakpointBelongsToWhoEnabledIt) {
  Signal(kTracee, SIGUSR1);
  ASSERT_EQ(Ptrace(kOuter, kCont, kTracee, 0, SIGUSR1), 0);
  ASSERT_EQ(Ptrace(kInner, kPokeUser, kTracee, kUserDr7, 1), 0);
  ASSERT_EQ(Ptrace(kInner, kCont, kTracee), 0);
  siginfo_t info = {};
  info.si_signo = SIGTRAP;
  info.si_code = TRAP_HWBKPT;
  SignalWith(kTracee, info);
  ExpectFirst(kInner);
}

TEST_F(TrapsTest, SigtrapOfAnotherKindGoesOutermostFirst) {
  Poke(kInner, kInt3AtThird);
  kernel.at(kTracee).regs.rip = kCode + 3;
  Signal(kTracee, SIGTRAP);
  ExpectFirst(kOuter);
}

TEST_F(TrapsTest, ExecForgetsBreakpoints) {
  Poke(kInner, kInt3AtThird);
  Event(kTracee, kEventExec, kTracee.value);
  HitInt3(kTracee, kCode + 2);
  ExpectFirst(kOuter);
}

}  // namespace
}  // namespace nestrace
