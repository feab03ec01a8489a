#include "supervisor/ptrace_call.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <unistd.h>

#include <vector>

#include "gtest/gtest.h"
#include "supervisor/waiter.h"
#include "tests/supervisor/guest_process.h"

namespace nestrace {
namespace {

constexpr long kGetRegs = 12, kPeekUser = 3, kPeekData = 1;
constexpr uint64_t kNtPrstatus = 1;
constexpr char kFill = 0x5a;

// False where the kernel has no 32-bit system calls: `int $0x80` is a fault then.
bool HasI386Calls() {
  const pid_t pid = fork();
  if (pid == 0) {
    signal(SIGSEGV, SIG_DFL);
    long result = 20;  // getpid
    asm volatile("int $0x80" : "+a"(result)::"memory", "r8", "r9", "r10", "r11");
    _exit(result == getpid() ? 0 : 1);
  }
  int status = 0;
  return waitpid(pid, &status, 0) == pid && status == 0;
}

// A guest in the signal-delivery-stop of SIGUSR1, with SIGUSR2 pending.
class PtraceCall : public ::testing::Test {
 protected:
  PtraceCall()
      : guest_([] {
          sigset_t set;
          sigemptyset(&set);
          sigaddset(&set, SIGUSR2);
          sigprocmask(SIG_BLOCK, &set, nullptr);
          raise(SIGUSR2);
          raise(SIGUSR1);
        }) {}
  void SetUp() override {
    ASSERT_TRUE(guest_.Start());
    Waiter waiter;
    StopEvent stop;
    ASSERT_TRUE(Eventually([&] { return waiter.NextStop(&stop) == Waited::kFound; }));
    ASSERT_EQ(stop.code, SIGUSR1);
  }

  GuestProcess guest_;
  PtraceCaller caller_;
};

// Registers that say so are no proof of a 32-bit call, and the instruction is deadly on some kernels.
TEST_F(PtraceCall, I386CallsAreEioBeforeAGuestHasMadeOne) {
  char regs[80];
  EXPECT_EQ(caller_.Call(Abi::kI386, kPeekUser, guest_.tid(), 0, 0), -EIO);
  EXPECT_EQ(caller_.CallWithBuffer(Abi::kI386, kGetRegs, guest_.tid(), 0, absl::MakeSpan(regs)), -EIO);
}

TEST_F(PtraceCall, PeekWritesToTheBufferAsTheSystemCallDoes) {
  uint64_t word = 0;
  EXPECT_EQ(
      caller_.CallWithBuffer(Abi::kX86_64, kPeekData, guest_.tid(), reinterpret_cast<uintptr_t>(&kNtPrstatus),
                             absl::MakeSpan(reinterpret_cast<char*>(&word), sizeof(word))),
      0);
  EXPECT_EQ(word, kNtPrstatus);
}

TEST_F(PtraceCall, RegsetLengthIsReturned) {
  char regs[sizeof(user_regs_struct) + 8];
  EXPECT_EQ(caller_.GetRegset(Abi::kX86_64, guest_.tid(), kNtPrstatus, absl::MakeSpan(regs)),
            static_cast<long>(sizeof(user_regs_struct)));
  EXPECT_EQ(caller_.GetRegset(Abi::kX86_64, guest_.tid(), 0x9999, absl::MakeSpan(regs)), -EINVAL);
}

TEST_F(PtraceCall, NothingIsBehindABuffer) {
  for (Abi abi : {Abi::kX86_64, Abi::kI386}) {
    if (abi == Abi::kI386 && !HasI386Calls()) continue;
    if (abi == Abi::kI386) caller_.AllowI386();
    char info[128];
    EXPECT_EQ(caller_.CallWithBuffer(abi, PTRACE_GETSIGINFO, guest_.tid(), 0, absl::MakeSpan(info)), 0);
    EXPECT_EQ(caller_.CallWithBuffer(abi, PTRACE_SETSIGINFO, guest_.tid(), 0, absl::MakeSpan(info, 47)),
              -EFAULT);
    EXPECT_EQ(caller_.CallWithBuffer(abi, PTRACE_SETSIGINFO, guest_.tid(), 0, absl::MakeSpan(info, 48)),
              abi == Abi::kX86_64 ? 0 : -EFAULT);
    EXPECT_EQ(caller_.CallWithBuffer(abi, PTRACE_SETSIGINFO, guest_.tid(), 0, {}), -EFAULT);
  }
}

TEST_F(PtraceCall, OfARegsetTheReadableWordsAreTaken) {
  user_regs_struct regs;
  const auto bytes = absl::MakeSpan(reinterpret_cast<char*>(&regs), sizeof(regs));
  ASSERT_EQ(caller_.GetRegset(Abi::kX86_64, guest_.tid(), kNtPrstatus, bytes), sizeof(regs));
  const GuestAddr somewhere{0x1000}, nowhere{~0xfffull};
  const auto set = [&](size_t readable, GuestAddr base, size_t length) {
    return caller_.SetRegset(Abi::kX86_64, guest_.tid(), kNtPrstatus, bytes.subspan(0, readable), base,
                             length);
  };
  regs.r15 = 15, regs.r14 = 14;
  EXPECT_EQ(set(12, somewhere, sizeof(regs)), -EFAULT);
  EXPECT_EQ(set(0, somewhere, 12), -EINVAL);
  constexpr uint64_t kNtPrfpreg = 2;
  EXPECT_EQ(caller_.SetRegset(Abi::kX86_64, guest_.tid(), kNtPrfpreg, {}, somewhere, 8), -EINVAL);
  EXPECT_EQ(caller_.SetRegset(Abi::kX86_64, guest_.tid(), kNtPrfpreg, {}, nowhere, 8), -EFAULT);
  EXPECT_EQ(set(0, somewhere, 0), 0);
  ASSERT_EQ(caller_.GetRegset(Abi::kX86_64, guest_.tid(), kNtPrstatus, bytes), sizeof(regs));
  EXPECT_EQ(regs.r15, 15u);
  EXPECT_NE(regs.r14, 14u);
  EXPECT_EQ(set(sizeof(regs), somewhere, sizeof(regs) + 800), sizeof(regs));
}

TEST_F(PtraceCall, UnknownThreadIsEsrch) {
  EXPECT_EQ(caller_.Call(Abi::kX86_64, PTRACE_CONT, Tid{getpid()}, 0, 0), -ESRCH);
}

TEST_F(PtraceCall, I386LayoutsAreThoseOfA32BitTracer) {
  if (!HasI386Calls()) GTEST_SKIP() << "the kernel has no IA32 emulation";
  caller_.AllowI386();
  char regs[80];
  memset(regs, kFill, sizeof(regs));
  EXPECT_EQ(caller_.CallWithBuffer(Abi::kI386, kGetRegs, guest_.tid(), 0, absl::MakeSpan(regs)), 0);
  uint32_t orig_eax;
  memcpy(&orig_eax, regs + 11 * 4, 4);
  EXPECT_EQ(orig_eax, 234u) << "tgkill of raise()";
  EXPECT_EQ(regs[68], kFill) << "17 words";

  char word[8];
  memset(word, kFill, sizeof(word));
  EXPECT_EQ(caller_.CallWithBuffer(Abi::kI386, kPeekUser, guest_.tid(), 11 * 4, absl::MakeSpan(word)), 0);
  EXPECT_EQ(memcmp(word, &orig_eax, 4), 0);
  EXPECT_EQ(word[4], kFill);

  char info[136];
  memset(info, kFill, sizeof(info));
  EXPECT_EQ(caller_.CallWithBuffer(Abi::kI386, PTRACE_GETSIGINFO, guest_.tid(), 0, absl::MakeSpan(info)), 0);
  EXPECT_EQ(info[0], SIGUSR1);
  EXPECT_EQ(info[128], kFill);
  EXPECT_EQ(caller_.Call(Abi::kI386, PTRACE_CONT, Tid{getpid()}, 0, 0), -ESRCH);
}

TEST_F(PtraceCall, I386RegsetHasAnIovecOfItsOwn) {
  if (!HasI386Calls()) GTEST_SKIP() << "the kernel has no IA32 emulation";
  caller_.AllowI386();
  std::vector<char> xstate(70000, kFill);  // more than the first bounce buffer
  const long size = caller_.GetRegset(Abi::kX86_64, guest_.tid(), 0x202, absl::MakeSpan(xstate));
  std::vector<char> compat(70000, kFill);
  EXPECT_EQ(caller_.GetRegset(Abi::kI386, guest_.tid(), 0x202, absl::MakeSpan(compat)), size);
  EXPECT_EQ(compat, xstate);
}

TEST_F(PtraceCall, PeekSigInfoInBothAbis) {
  for (Abi abi : {Abi::kX86_64, Abi::kI386}) {
    if (abi == Abi::kI386 && !HasI386Calls()) continue;
    if (abi == Abi::kI386) caller_.AllowI386();
    std::vector<char> buffer(16 + 2 * 128, 0);
    // off 0, no flags (the thread's own queue), nr 2.
    buffer[12] = 2;
    EXPECT_EQ(caller_.PeekSigInfo(abi, guest_.tid(), absl::MakeSpan(buffer)), 1);
    EXPECT_EQ(buffer[16], SIGUSR2);
  }
}

}  // namespace
}  // namespace nestrace
