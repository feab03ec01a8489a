// What the kernel's numbers are called.

#include "emu/names.h"

#include <errno.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include "emu/abi.h"

namespace nestrace {
namespace {

TEST(NamesTest, RequestsAreThoseOfTheManualPage) {
  EXPECT_EQ(RequestName(kTraceme), "PTRACE_TRACEME");
  EXPECT_EQ(RequestName(kGetSyscallInfo), "PTRACE_GET_SYSCALL_INFO");
  EXPECT_EQ(RequestName(99), "PTRACE_0x63");
  EXPECT_EQ(RequestName(-1), "PTRACE_0xffffffffffffffff");
}

TEST(NamesTest, SetsNameEveryBit) {
  EXPECT_EQ(OptionNames(0), "0");
  EXPECT_EQ(OptionNames(kOptSysGood | kOptTraceFork), "PTRACE_O_TRACESYSGOOD|PTRACE_O_TRACEFORK");
  EXPECT_EQ(OptionNames(kOptExitKill | 0x100), "PTRACE_O_EXITKILL|0x100");
  EXPECT_EQ(WaitFlagNames(kWnohang | kWall, false), "WNOHANG|__WALL");
  EXPECT_EQ(WaitFlagNames(kWuntraced, false), "WUNTRACED");
  EXPECT_EQ(WaitFlagNames(kWuntraced, true), "WSTOPPED");
  EXPECT_EQ(WaitFlagNames(kWuntraced | kWexited | kWnowait | 0x10, true), "WSTOPPED|WEXITED|WNOWAIT|0x10");
}

TEST(NamesTest, SignalsAndCodes) {
  EXPECT_EQ(SignalName(0), "0");
  EXPECT_EQ(SignalName(SIGUSR1), "SIGUSR1");
  EXPECT_EQ(SignalName(34), "SIGRT_2");
  EXPECT_EQ(SignalName(65), "65");
  EXPECT_EQ(SiCodeName(SIGTRAP, 0x80), "SI_KERNEL");
  EXPECT_EQ(SiCodeName(SIGTRAP, TRAP_BRKPT), "TRAP_BRKPT");
  EXPECT_EQ(SiCodeName(SIGSEGV, SEGV_ACCERR), "SEGV_ACCERR");
  EXPECT_EQ(SiCodeName(SIGCHLD, CLD_CONTINUED), "CLD_CONTINUED");
  EXPECT_EQ(SiCodeName(SIGUSR1, SI_TKILL), "SI_TKILL");
  EXPECT_EQ(SiCodeName(SIGUSR1, SI_USER), "SI_USER");
  EXPECT_EQ(SiCodeName(SIGTRAP, 0x8005), "0x8005");
  EXPECT_EQ(SiCodeName(SIGUSR1, -100), "0xffffff9c");
  EXPECT_EQ(ErrnoName(EPERM), "EPERM");
  EXPECT_EQ(ErrnoName(512), "512");
}

TEST(NamesTest, StatusesAreThoseOfWait) {
  EXPECT_EQ(StatusName(W_EXITCODE(3, 0)), "exited, 3");
  EXPECT_EQ(StatusName(SIGKILL), "killed by SIGKILL");
  EXPECT_EQ(StatusName(SIGSEGV | WCOREFLAG), "killed by SIGSEGV, core dumped");
  EXPECT_EQ(StatusName(0xffff), "continued");
  EXPECT_EQ(StatusName(W_STOPCODE(SIGUSR1)), "SIGUSR1");
  EXPECT_EQ(StatusName(W_STOPCODE(SIGTRAP | 0x80)), "SIGTRAP|0x80");
  EXPECT_EQ(StatusName(W_STOPCODE(SIGTRAP | kEventExec << 8)), "PTRACE_EVENT_EXEC");
  EXPECT_EQ(StatusName(W_STOPCODE(SIGTRAP | kEventStop << 8)), "PTRACE_EVENT_STOP");
  EXPECT_EQ(StatusName(W_STOPCODE(SIGTSTP | kEventStop << 8)), "PTRACE_EVENT_STOP, SIGTSTP");
}

TEST(NamesTest, CallsOfBothAbis) {
  EXPECT_EQ(CallName(Abi::kX86_64, 101), "ptrace");
  EXPECT_EQ(CallName(Abi::kI386, 26), "ptrace");
  EXPECT_EQ(CallName(Abi::kI386, 7), "waitpid");
  EXPECT_EQ(CallName(Abi::kX86_64, 7), "syscall_7");
  EXPECT_EQ(IdTypeName(kIdPidfd), "P_PIDFD");
  EXPECT_EQ(NoteName(kNtX86Xstate), "NT_X86_XSTATE");
  EXPECT_EQ(NoteName(0x999), "0x999");
}

}  // namespace
}  // namespace nestrace
