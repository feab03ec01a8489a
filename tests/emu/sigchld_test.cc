// SIGCHLD to tracers: when, and with which siginfo; and the siginfo of other signals that the supervisor
// queues.

#include <errno.h>
#include <signal.h>

#include "tests/emu/guests.h"

namespace nestrace {
namespace {

constexpr uint64_t kDefault = 0, kIgnore = 1, kHandler = 0x1234;

class SigchldTest : public EmuTest {
 protected:
  void Seized(uint64_t action, uint64_t flags = 0, uint64_t options = 0) {
    Family();
    ASSERT_EQ(Sigaction(kTracer, action, flags), kNative);
    ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee, 0, options), 0);
  }
  // The SIGCHLD that the tracer's handler gets.
  siginfo_t Delivered() {
    DeliverQueued(kTracer);
    EXPECT_TRUE(Runs(kTracer));
    EXPECT_EQ(kernel.at(kTracer).resume_signal, SIGCHLD);
    return kernel.at(kTracer).siginfo;
  }
  void ExpectSigchld(int code, int status) {
    const siginfo_t info = Delivered();
    EXPECT_EQ(info.si_signo, SIGCHLD);
    EXPECT_EQ(info.si_code, code);
    EXPECT_EQ(info.si_status, status);
    EXPECT_EQ(info.si_pid, kTracee.value);
    EXPECT_EQ(info.si_uid, 1000u);
    EXPECT_EQ(QueuedSigchlds(kTracer), 0u);
  }
};

TEST_F(SigchldTest, SignalStopIsCldTrapped) {
  Seized(kHandler);
  Signal(kTracee, SIGUSR1);
  ExpectSigchld(CLD_TRAPPED, SIGUSR1);
}

TEST_F(SigchldTest, EventAndSyscallStopsShowSigtrap) {
  Seized(kHandler, 0, kOptTraceExec | kOptSysGood);
  Event(kTracee, kEventExec, kTracee.value);
  ExpectSigchld(CLD_TRAPPED, SIGTRAP);
  ASSERT_EQ(Ptrace(kTracer, kSyscall, kTracee), 0);
  SyscallEnter(kTracee);
  ExpectSigchld(CLD_TRAPPED, SIGTRAP);
}

TEST_F(SigchldTest, GroupStopIsCldStoppedWithItsSignal) {
  Seized(kHandler);
  kernel.at(kTracee).group_exit_code = SIGSTOP;
  GroupStop(kTracee);
  ExpectSigchld(CLD_STOPPED, SIGSTOP);
}

// kernel/signal.c:do_notify_parent_cldstop: status is what the real parent has still to wait for.
TEST_F(SigchldTest, GroupStopThatTheParentHasWaitedForIsCldStoppedWithStatusZero) {
  Seized(kHandler);
  GroupStop(kTracee);
  ExpectSigchld(CLD_STOPPED, 0);
}

TEST_F(SigchldTest, InterruptIsCldStoppedWithStatusZero) {
  Seized(kHandler);
  ASSERT_EQ(Ptrace(kTracer, kInterrupt, kTracee), 0);
  Trap(kTracee);
  ExpectSigchld(CLD_STOPPED, 0);
}

TEST_F(SigchldTest, EndIsCldExitedKilledOrDumped) {
  Seized(kHandler);
  Die(kTracee, 0x700);
  ExpectSigchld(CLD_EXITED, 7);
}

TEST_F(SigchldTest, KilledTraceeIsCldKilled) {
  Seized(kHandler);
  Die(kTracee, SIGTERM);
  ExpectSigchld(CLD_KILLED, SIGTERM);
}

TEST_F(SigchldTest, DumpedTraceeIsCldDumped) {
  Seized(kHandler);
  Die(kTracee, SIGSEGV | 0x80);
  ExpectSigchld(CLD_DUMPED, SIGSEGV);
}

TEST_F(SigchldTest, IgnoredSigchldIsNotSentForStops) {
  Seized(kIgnore);
  kernel.at(kTracer).facts.blocked_signals = SignalBit(SIGCHLD);
  Signal(kTracee, SIGUSR1);
  EXPECT_EQ(QueuedSigchlds(kTracer), 0u);
  EXPECT_EQ(Wait(kTracer), StopOf(kTracee, SIGUSR1));
}

TEST_F(SigchldTest, NocldstopSendsTheEndOnly) {
  Seized(kHandler, SA_NOCLDSTOP);
  Signal(kTracee, SIGUSR1);
  EXPECT_EQ(QueuedSigchlds(kTracer), 0u);
  Die(kTracee, 0);
  ExpectSigchld(CLD_EXITED, 0);
}

TEST_F(SigchldTest, DefaultActionDropsItUnlessItIsBlocked) {
  Seized(kDefault);
  Signal(kTracee, SIGUSR1);
  EXPECT_EQ(QueuedSigchlds(kTracer), 0u);
  EXPECT_FALSE(kernel.at(kTracer).interrupt);
}

// Blocked and without a handler it is taken by sigwaitinfo(2) or a signalfd, and there is no stop to put its
// siginfo right at: the tracer is made to send it to itself.
TEST_F(SigchldTest, BlockedSigchldWithoutHandlerIsSentByTheTracerItself) {
  Seized(kDefault);
  kernel.at(kTracer).facts.blocked_signals = SignalBit(SIGCHLD);
  Signal(kTracee, SIGUSR1);
  EXPECT_EQ(QueuedSigchlds(kTracer), 0u);
  ASSERT_TRUE(kernel.at(kTracer).interrupt);
  auto& regs = kernel.at(kTracer).regs;
  regs.rax = -kErestartsys;  // it was in sigtimedwait
  regs.orig_rax = 128;
  const struct user_regs_struct saved = regs;
  Trap(kTracer);
  ASSERT_TRUE(Runs(kTracer));
  EXPECT_EQ(kernel.at(kTracer).resume_request, kSyscall);
  EXPECT_EQ(regs.rip, saved.rip - 2);
  EXPECT_EQ(regs.rax, 129u) << "rt_sigqueueinfo";
  EXPECT_EQ(regs.rdi, static_cast<uint64_t>(kTracer.value));
  EXPECT_EQ(regs.rsi, static_cast<uint64_t>(SIGCHLD));
  EXPECT_LE(regs.rdx + sizeof(siginfo_t), saved.rsp - 128) << "behind the red zone";
  const auto info = Read<siginfo_t>(kTracer, regs.rdx);
  EXPECT_EQ(info.si_signo, SIGCHLD);
  EXPECT_EQ(info.si_code, CLD_TRAPPED);
  EXPECT_EQ(info.si_pid, kTracee.value);
  EXPECT_EQ(info.si_status, SIGUSR1);
  SyscallEnter(kTracer, 129);
  ASSERT_TRUE(Runs(kTracer));
  SyscallExit(kTracer, 0);
  ASSERT_TRUE(Runs(kTracer));
  EXPECT_EQ(kernel.at(kTracer).resume_request, kCont);
  // What the kernel would do to start sigtimedwait again.
  EXPECT_EQ(regs.rip, saved.rip - 2);
  EXPECT_EQ(regs.rax, 128u);
  EXPECT_EQ(regs.rdi, saved.rdi);
  EXPECT_EQ(regs.rsi, saved.rsi);
  EXPECT_EQ(regs.rdx, saved.rdx);
  EXPECT_EQ(Wait(kTracer), StopOf(kTracee, SIGUSR1));
}

// To the tracer, which is stepped over a call, that is the end of neither the call nor the step.
TEST_F(SigchldTest, StepOverACallGoesOnBehindTheSigchldThatItsThreadSendsItself) {
  Seized(kDefault);
  Fork(kShell, kOther);
  ASSERT_EQ(Ptrace(kOther, kSeize, kTracer), 0);
  ASSERT_EQ(Ptrace(kOther, kInterrupt, kTracer), 0);
  Trap(kTracer);
  ASSERT_EQ(Wait(kOther), StopOf(kTracer, EventCode(kEventStop)));
  ASSERT_EQ(Ptrace(kOther, kSingleStep, kTracer), 0);
  kernel.at(kTracer).facts.blocked_signals = SignalBit(SIGCHLD);
  Signal(kTracee, SIGUSR1);
  ASSERT_TRUE(kernel.at(kTracer).interrupt);
  auto& regs = kernel.at(kTracer).regs;
  regs.rax = -kErestartsys;
  regs.orig_rax = 128;
  const struct user_regs_struct saved = regs;
  Trap(kTracer);
  ASSERT_TRUE(Runs(kTracer));
  siginfo_t info;
  memset(&info, 0, sizeof(info));
  info.si_signo = SIGTRAP;
  info.si_code = TRAP_BRKPT;
  SignalWith(kTracer, info);  // arch/x86: user_single_step_report()
  ASSERT_TRUE(Runs(kTracer));
  EXPECT_EQ(kernel.at(kTracer).resume_signal, 0);
  EXPECT_EQ(kernel.at(kTracer).resume_request, kSyscall);
  SyscallEnter(kTracer, 129);
  ASSERT_TRUE(Runs(kTracer));
  SyscallExit(kTracer, 0);
  ASSERT_TRUE(Runs(kTracer));
  EXPECT_EQ(kernel.at(kTracer).resume_request, kSingleStep);
  EXPECT_EQ(regs.rip, saved.rip - 2);
  EXPECT_EQ(regs.rax, 128u);
  EXPECT_EQ(Wait(kOther), Result(0));
  EXPECT_EQ(Wait(kTracer), StopOf(kTracee, SIGUSR1));
}

TEST_F(SigchldTest, TracerThatDiesWhileItSendsItselfSigchldIsNoCrash) {
  for (int k = 1; k < 12; ++k) {
    SCOPED_TRACE(k);
    Guests world;
    world.Family();
    ASSERT_EQ(world.Ptrace(kTracer, kSeize, kTracee), 0);
    world.kernel.at(kTracer).facts.blocked_signals = SignalBit(SIGCHLD);
    world.Signal(kTracee, SIGUSR1);
    world.kernel.DieAtCall(kTracer, k);
    world.Trap(kTracer);
    world.ExitEvent(kTracer, SIGKILL);
    EXPECT_TRUE(world.Runs(kTracer));
    world.Exit(kTracer, SIGKILL);
    EXPECT_TRUE(world.Runs(kTracee));
  }
}

TEST_F(SigchldTest, TracedTracersTracerSeesItThoughItIsIgnoredByDefault) {
  Root(kShell);
  Fork(kShell, kOther);
  Fork(kShell, kTracer);
  Fork(kShell, kTracee);
  ASSERT_EQ(Ptrace(kOther, kSeize, kTracer), 0);
  ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  Signal(kTracee, SIGUSR1);
  DeliverQueued(kTracer);
  EXPECT_EQ(Wait(kOther), StopOf(kTracer, SIGCHLD));
  const siginfo_t info = SigInfo(kOther, kTracer);
  EXPECT_EQ(info.si_code, CLD_TRAPPED);
  EXPECT_EQ(info.si_status, SIGUSR1);
  EXPECT_EQ(info.si_pid, kTracee.value);
}

TEST_F(SigchldTest, UntracedThreadsStopSendsNothing) {
  Family();
  ASSERT_EQ(Sigaction(kTracer, kHandler), kNative);
  Signal(kTracee, SIGUSR1);
  Die(kTracee, 0);
  EXPECT_EQ(QueuedSigchlds(kTracer), 0u);
}

TEST_F(SigchldTest, StopThatATracerDoesNotSeeSendsNothing) {
  Seized(kHandler);
  Event(kTracee, kEventExec, kTracee.value);
  ExitEvent(kTracee, 0);
  EXPECT_EQ(QueuedSigchlds(kTracer), 0u);
}

TEST_F(SigchldTest, ParentHearsOfTheEndOnlyAfterTheTracer) {
  Seized(kHandler);
  ASSERT_EQ(Sigaction(kShell, kHandler), kNative);
  Die(kTracee, 0);
  EXPECT_EQ(QueuedSigchlds(kShell), 0u);
  EXPECT_EQ(kernel.Count("reap("), 0);
}

TEST_F(SigchldTest, SigactionOfI386IsUnderstood) {
  Family();
  Write(kTracer, kActionAt, std::array<uint32_t, 5>{kIgnore, 0, 0, 0, 0});
  ASSERT_EQ(Call(kTracer, 174, {SIGCHLD, kActionAt, 0, 8}, Abi::kI386), kNative);
  kernel.at(kTracer).facts.blocked_signals = SignalBit(SIGCHLD);
  ASSERT_EQ(Ptrace(kTracer, kSeize, kTracee), 0);
  Signal(kTracee, SIGUSR1);
  EXPECT_EQ(QueuedSigchlds(kTracer), 0u);
  // signal(2): __NR_signal of i386.
  kernel.at(kTracer).facts.blocked_signals = 0;
  ASSERT_EQ(Call(kTracer, 48, {SIGCHLD, kHandler}, Abi::kI386), kNative);
  ASSERT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
  Signal(kTracee, SIGUSR1);
  EXPECT_EQ(QueuedSigchlds(kTracer), 1u);
}

TEST_F(SigchldTest, ChildOfForkHasItsParentsDisposition) {
  Family();
  ASSERT_EQ(Sigaction(kShell, kHandler), kNative);
  Fork(kShell, kOther);
  ASSERT_EQ(Ptrace(kOther, kSeize, kTracee), 0);
  Signal(kTracee, SIGUSR1);
  EXPECT_EQ(QueuedSigchlds(kOther), 1u);
}

// --- signals that are not ours keep their siginfo.

TEST_F(SigchldTest, SignalsOfGuestsKeepTheirSiginfo) {
  Seized(kHandler);
  Signal(kTracee, SIGUSR1);  // one of ours is on its way
  siginfo_t info = {};
  info.si_signo = SIGCHLD;
  info.si_code = SI_QUEUE;
  info.si_pid = 4711;
  info.si_value.sival_int = 12;
  SignalWith(kTracer, info);
  EXPECT_EQ(kernel.at(kTracer).siginfo.si_pid, 4711);
  EXPECT_EQ(kernel.at(kTracer).siginfo.si_code, SI_QUEUE);
  ExpectSigchld(CLD_TRAPPED, SIGUSR1);
}

TEST_F(SigchldTest, SigstopOfAGuestIsNotTakenForThatOfAttach) {
  Family();
  ASSERT_EQ(Ptrace(kTracer, kAttach, kTracee), 0);
  Signal(kTracee, SIGSTOP);
  ASSERT_EQ(Wait(kTracer), StopOf(kTracee, SIGSTOP));
  EXPECT_EQ(SigInfo(kTracer, kTracee).si_pid, kShell.value);
  ASSERT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
  DeliverQueued(kTracee);
  ASSERT_EQ(Wait(kTracer), StopOf(kTracee, SIGSTOP));
  EXPECT_EQ(SigInfo(kTracer, kTracee).si_code, SI_KERNEL);
}

// --- RLIMIT_SIGPENDING, beyond which the siginfo of what we queue is lost.

TEST_F(SigchldTest, BeyondTheLimitOfPendingSignalsSigchldHasItsSiginfo) {
  Seized(kHandler);
  kernel.UseUpPendingLimit();
  Signal(kTracee, SIGUSR1);
  ExpectSigchld(CLD_TRAPPED, SIGUSR1);
  ASSERT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
  Signal(kTracee, SIGUSR2);
  kernel.process_queue(kTracer.value).clear();  // taken by sigwaitinfo(2)
  ASSERT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
  Signal(kTracee, SIGHUP);
  ExpectSigchld(CLD_TRAPPED, SIGHUP);
}

TEST_F(SigchldTest, BeyondTheLimitOneIsSentBeforeAnotherThatWasTakenIsSeen) {
  Seized(kHandler);
  kernel.UseUpPendingLimit();
  Signal(kTracee, SIGUSR1);
  auto& queue = kernel.process_queue(kTracer.value);
  const siginfo_t taken = queue.front();
  queue.pop_front();
  ASSERT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
  Signal(kTracee, SIGUSR2);
  kernel.at(kTracer).facts.process_signals = SignalBit(SIGCHLD);
  SignalWith(kTracer, taken);
  EXPECT_EQ(kernel.at(kTracer).siginfo.si_status, SIGUSR1);
  kernel.at(kTracer).facts.process_signals = 0;
  ExpectSigchld(CLD_TRAPPED, SIGUSR2);
}

TEST_F(SigchldTest, NoneIsSentWhileAnotherIsPending) {
  Seized(kHandler);
  Signal(kTracee, SIGUSR1);
  EXPECT_EQ(QueuedSigchlds(kTracer), 1u);
  kernel.process_queue(kTracer.value).clear();
  kernel.at(kTracer).facts.process_signals = SignalBit(SIGCHLD);
  ASSERT_EQ(Ptrace(kTracer, kCont, kTracee), 0);
  Signal(kTracee, SIGUSR2);
  EXPECT_EQ(QueuedSigchlds(kTracer), 0u);
}

// --- injection (kernel/signal.c:ptrace_signal).

TEST_F(SigchldTest, InjectedSignalComesFromTheTracer) {
  Seized(kHandler);
  Signal(kTracee, SIGUSR1);
  ASSERT_EQ(Ptrace(kTracer, kCont, kTracee, 0, SIGUSR2), 0);
  EXPECT_EQ(kernel.at(kTracee).resume_signal, SIGUSR2);
  const siginfo_t& info = kernel.at(kTracee).siginfo;
  EXPECT_EQ(info.si_signo, SIGUSR2);
  EXPECT_EQ(info.si_code, SI_USER);
  EXPECT_EQ(info.si_pid, kTracer.value);
}

TEST_F(SigchldTest, SameSignalKeepsItsSiginfo) {
  Seized(kHandler);
  Signal(kTracee, SIGUSR1);
  ASSERT_EQ(Ptrace(kTracer, kCont, kTracee, 0, SIGUSR1), 0);
  EXPECT_EQ(kernel.at(kTracee).siginfo.si_pid, kShell.value);
}

TEST_F(SigchldTest, SetsiginfoIsWhatIsDelivered) {
  Seized(kHandler);
  Signal(kTracee, SIGUSR1);
  siginfo_t info = {};
  info.si_signo = SIGUSR2;
  info.si_code = SI_QUEUE;
  info.si_pid = 99;
  Write(kTracer, kFree, info);
  ASSERT_EQ(Ptrace(kTracer, kSetSigInfo, kTracee, 0, kFree), 0);
  ASSERT_EQ(Ptrace(kTracer, kCont, kTracee, 0, SIGUSR2), 0);
  EXPECT_EQ(kernel.at(kTracee).siginfo.si_pid, 99);
}

}  // namespace
}  // namespace nestrace
