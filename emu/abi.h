// Numbers of the kernel's ABI that emu/ needs: ptrace requests and options, wait flags, note types and the
// intercepted system calls of both ABIs. Everything here is from linux/ptrace.h, linux/wait.h, linux/elf.h,
// linux/sched.h and the two syscall tables; what Debian 12's headers (6.1) lack is defined by value.

#ifndef NESTRACE_EMU_ABI_H_
#define NESTRACE_EMU_ABI_H_

#include <cstdint>

#include "emu/types.h"

namespace nestrace {

// ptrace(2) requests, named as in the manual page.
enum Request : long {
  kTraceme = 0,
  kPeekText = 1,
  kPeekData = 2,
  kPeekUser = 3,
  kPokeText = 4,
  kPokeData = 5,
  kPokeUser = 6,
  kCont = 7,
  kKill = 8,
  kSingleStep = 9,
  kGetRegs = 12,
  kSetRegs = 13,
  kGetFpRegs = 14,
  kSetFpRegs = 15,
  kAttach = 16,
  kDetach = 17,
  kGetFpxRegs = 18,  // i386 ABI only
  kSetFpxRegs = 19,  // i386 ABI only
  kOldSetOptions = 21,
  kSyscall = 24,
  kGetThreadArea = 25,
  kSetThreadArea = 26,
  kArchPrctl = 30,  // x86_64 ABI only
  kSysemu = 31,
  kSysemuSingleStep = 32,
  kSingleBlock = 33,
  kSetOptions = 0x4200,
  kGetEventMsg = 0x4201,
  kGetSigInfo = 0x4202,
  kSetSigInfo = 0x4203,
  kGetRegset = 0x4204,
  kSetRegset = 0x4205,
  kSeize = 0x4206,
  kInterrupt = 0x4207,
  kListen = 0x4208,
  kPeekSigInfo = 0x4209,
  kGetSigMask = 0x420a,
  kSetSigMask = 0x420b,
  kSeccompGetFilter = 0x420c,
  kSeccompGetMetadata = 0x420d,
  kGetSyscallInfo = 0x420e,
  kGetRseqConfiguration = 0x420f,
  kSetSyscallUserDispatchConfig = 0x4210,
  kGetSyscallUserDispatchConfig = 0x4211,
  kSetSyscallInfo = 0x4212,  // Linux 6.16
};

// PTRACE_EVENT_*: bits 8 and up of a stop's code.
enum Event : int {
  kEventFork = 1,
  kEventVfork = 2,
  kEventClone = 3,
  kEventExec = 4,
  kEventVforkDone = 5,
  kEventExit = 6,
  kEventSeccomp = 7,
  kEventStop = 128,
};

// PTRACE_SYSCALL_INFO_*.
enum SyscallInfoOp : uint8_t {
  kSyscallInfoNone = 0,
  kSyscallInfoEntry = 1,
  kSyscallInfoExit = 2,
  kSyscallInfoSeccomp = 3,
};

// PTRACE_O_*.
enum Option : uint64_t {
  kOptSysGood = 1,
  kOptTraceFork = 1 << kEventFork,
  kOptTraceVfork = 1 << kEventVfork,
  kOptTraceClone = 1 << kEventClone,
  kOptTraceExec = 1 << kEventExec,
  kOptTraceVforkDone = 1 << kEventVforkDone,
  kOptTraceExit = 1 << kEventExit,
  kOptTraceSeccomp = 1 << kEventSeccomp,
  kOptExitKill = 1 << 20,
  kOptSuspendSeccomp = 1 << 21,
  kOptMask = 0xff | kOptExitKill | kOptSuspendSeccomp,
};

// Note types of PTRACE_GETREGSET that the register cache knows.
constexpr uint64_t kNtPrstatus = 1;
constexpr uint64_t kNtPrfpreg = 2;
constexpr uint64_t kNtX86Xstate = 0x202;

// GETREGS of the x86_64 ABI: struct user_regs_struct; GETFPREGS: struct user_fpregs_struct (FXSAVE).
constexpr size_t kGeneralRegsSize = 216;
constexpr size_t kFxsaveSize = 512;
// CS of 64-bit user code.
constexpr uint64_t kUser64Cs = 0x33;
// "syscall" and "int $0x80", as little-endian words.
constexpr uint16_t kSyscallInstruction = 0x050f;
constexpr uint16_t kInt80Instruction = 0x80cd;

// Offsets in the x86_64 USER area.
constexpr uint64_t kUserRax = 10 * 8;
constexpr uint64_t kUserOrigRax = 15 * 8;
constexpr uint64_t kUserR10 = 7 * 8;
constexpr uint64_t kUserRcx = 11 * 8;
constexpr uint64_t kUserRdx = 12 * 8;
constexpr uint64_t kUserRsi = 13 * 8;
constexpr uint64_t kUserRdi = 14 * 8;
constexpr uint64_t kUserRbx = 5 * 8;
constexpr uint64_t kUserRbp = 4 * 8;
constexpr uint64_t kUserR9 = 8 * 8;
constexpr uint64_t kUserR8 = 9 * 8;
// The last debug register, u_debugreg[7], in both layouts; and its bits that enable a breakpoint.
constexpr uint64_t kUserDr7 = 848 + 7 * 8;
constexpr uint64_t kUser32Dr7 = 252 + 7 * 4;
constexpr uint64_t kDr7Enabled = 0xff;

// In-kernel restart errors that a tracer sees in rax at a stop (linux/errno.h).
constexpr int64_t kErestartsys = 512;
constexpr int64_t kErestartnointr = 513;
constexpr int64_t kErestartnohand = 514;
constexpr int64_t kErestartRestartblock = 516;

// restart_syscall(2).
constexpr int64_t kNrRestart = 219;
constexpr int64_t kNr32Restart = 0;

constexpr int kNrPrctl = 157, kNr32Prctl = 172;
constexpr int kNrExit = 60, kNr32Exit = 1;
constexpr int kNrExecve = 59, kNrExecveat = 322;
constexpr int kNrWrite = 1, kNr32Write = 4, kNrSendto = 44, kNr32Sendto = 369;

// wait flags.
constexpr uint32_t kWnohang = 1;
constexpr uint32_t kWuntraced = 2;  // also WSTOPPED
constexpr uint32_t kWexited = 4;
constexpr uint32_t kWcontinued = 8;
constexpr uint32_t kWnowait = 0x01000000;
constexpr uint32_t kWnothread = 0x20000000;
constexpr uint32_t kWall = 0x40000000;
constexpr uint32_t kWclone = 0x80000000;
constexpr int kIdAll = 0, kIdPid = 1, kIdPgid = 2, kIdPidfd = 3;  // P_ALL, P_PID, P_PGID, P_PIDFD

constexpr uint64_t kCloneVfork = 0x4000;
constexpr uint64_t kClonePtrace = 0x2000;
constexpr uint64_t kCloneParent = 0x8000;
constexpr uint64_t kCloneSighand = 0x800;
constexpr uint64_t kCloneUntraced = 0x00800000;
constexpr uint64_t kCloneClearSighand = 0x100000000;  // clone3 only

constexpr uint32_t kPrGetSeccomp = 21;  // PR_GET_SECCOMP
constexpr uint32_t kPrSetSeccomp = 22;  // PR_SET_SECCOMP
constexpr uint32_t kPrSetTsc = 26, kPrTscSigsegv = 2;

// Flags and kinds of sockets and pipes (bits/socket.h, fcntl.h).
constexpr uint32_t kMsgPeek = 0x2, kMsgWaitall = 0x100, kMsgNosignal = 0x4000, kMsgWaitforone = 0x10000;
constexpr uint32_t kSpliceNonblock = 0x2;
constexpr int kSockStream = 1;

constexpr uint32_t kUserfaultfdIocNew = 0xaa00;  // USERFAULTFD_IOC_NEW

// The intercepted system calls.
enum class CallKind {
  kPtrace,
  kWait4,
  kWaitpid,
  kWaitid,
  kSigaction,
  kOldSigaction,
  kSignal,
  kClone,
  kClone3,
  kSeccomp,
  kPrctl,
  kLandlock,  // landlock_restrict_self
  kUserfaultfd,
  kIoctl,  // USERFAULTFD_IOC_NEW
  kMount,
  kFsopen,
  kOther
};

inline CallKind KindOf(Abi abi, int nr) {
  if (abi == Abi::kX86_64) {
    switch (nr) {
      case 101:
        return CallKind::kPtrace;
      case 61:
        return CallKind::kWait4;
      case 247:
        return CallKind::kWaitid;
      case 13:
        return CallKind::kSigaction;
      case 56:
        return CallKind::kClone;
      case 317:
        return CallKind::kSeccomp;
      case 157:
        return CallKind::kPrctl;
      case 435:
        return CallKind::kClone3;
      case 446:
        return CallKind::kLandlock;
      case 323:
        return CallKind::kUserfaultfd;
      case 16:
        return CallKind::kIoctl;
      case 165:
        return CallKind::kMount;
      case 430:
        return CallKind::kFsopen;
      default:
        return CallKind::kOther;
    }
  }
  switch (nr) {
    case 26:
      return CallKind::kPtrace;
    case 114:
      return CallKind::kWait4;
    case 7:
      return CallKind::kWaitpid;
    case 284:
      return CallKind::kWaitid;
    case 174:
      return CallKind::kSigaction;
    case 67:
      return CallKind::kOldSigaction;
    case 48:
      return CallKind::kSignal;
    case 120:
      return CallKind::kClone;
    case 354:
      return CallKind::kSeccomp;
    case 172:
      return CallKind::kPrctl;
    case 435:
      return CallKind::kClone3;
    case 446:
      return CallKind::kLandlock;
    case 374:
      return CallKind::kUserfaultfd;
    case 54:
      return CallKind::kIoctl;
    case 21:
      return CallKind::kMount;
    case 430:
      return CallKind::kFsopen;
    default:
      return CallKind::kOther;
  }
}

// Calls of x86_64 that sleep with another signal mask: rt_sigsuspend, pselect6, ppoll, epoll_pwait,
// epoll_pwait2.
inline bool SleepsWithAnotherMask(long nr) {
  return nr == 130 || nr == 270 || nr == 271 || nr == 281 || nr == 441;
}

// rt_sigtimedwait of x86_64, rt_sigtimedwait and rt_sigtimedwait_time64 of i386.
inline bool IsSigtimedwait(long nr) { return nr == 128 || nr == 177 || nr == 421; }

// fork, vfork, clone, clone3.
inline bool MakesChild(Abi abi, int nr) {
  if (abi == Abi::kX86_64) return nr == 56 || nr == 57 || nr == 58 || nr == 435;
  return nr == 2 || nr == 120 || nr == 190 || nr == 435;
}

inline bool IsWait(CallKind kind) {
  return kind == CallKind::kWait4 || kind == CallKind::kWaitpid || kind == CallKind::kWaitid;
}

}  // namespace nestrace

#endif  // NESTRACE_EMU_ABI_H_
