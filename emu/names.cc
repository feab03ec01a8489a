#include "emu/names.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "emu/abi.h"
#include "emu/stop.h"

namespace nestrace {

namespace {

struct Name {
  uint64_t number;
  const char* name;
};

constexpr Name kRequests[] = {
    {kTraceme, "TRACEME"},
    {kPeekText, "PEEKTEXT"},
    {kPeekData, "PEEKDATA"},
    {kPeekUser, "PEEKUSER"},
    {kPokeText, "POKETEXT"},
    {kPokeData, "POKEDATA"},
    {kPokeUser, "POKEUSER"},
    {kCont, "CONT"},
    {kKill, "KILL"},
    {kSingleStep, "SINGLESTEP"},
    {kGetRegs, "GETREGS"},
    {kSetRegs, "SETREGS"},
    {kGetFpRegs, "GETFPREGS"},
    {kSetFpRegs, "SETFPREGS"},
    {kAttach, "ATTACH"},
    {kDetach, "DETACH"},
    {kGetFpxRegs, "GETFPXREGS"},
    {kSetFpxRegs, "SETFPXREGS"},
    {kOldSetOptions, "OLDSETOPTIONS"},
    {kSyscall, "SYSCALL"},
    {kGetThreadArea, "GET_THREAD_AREA"},
    {kSetThreadArea, "SET_THREAD_AREA"},
    {kArchPrctl, "ARCH_PRCTL"},
    {kSysemu, "SYSEMU"},
    {kSysemuSingleStep, "SYSEMU_SINGLESTEP"},
    {kSingleBlock, "SINGLEBLOCK"},
    {kSetOptions, "SETOPTIONS"},
    {kGetEventMsg, "GETEVENTMSG"},
    {kGetSigInfo, "GETSIGINFO"},
    {kSetSigInfo, "SETSIGINFO"},
    {kGetRegset, "GETREGSET"},
    {kSetRegset, "SETREGSET"},
    {kSeize, "SEIZE"},
    {kInterrupt, "INTERRUPT"},
    {kListen, "LISTEN"},
    {kPeekSigInfo, "PEEKSIGINFO"},
    {kGetSigMask, "GETSIGMASK"},
    {kSetSigMask, "SETSIGMASK"},
    {kSeccompGetFilter, "SECCOMP_GET_FILTER"},
    {kSeccompGetMetadata, "SECCOMP_GET_METADATA"},
    {kGetSyscallInfo, "GET_SYSCALL_INFO"},
    {kGetRseqConfiguration, "GET_RSEQ_CONFIGURATION"},
    {kSetSyscallUserDispatchConfig, "SET_SYSCALL_USER_DISPATCH_CONFIG"},
    {kGetSyscallUserDispatchConfig, "GET_SYSCALL_USER_DISPATCH_CONFIG"},
    {kSetSyscallInfo, "SET_SYSCALL_INFO"},
};

constexpr Name kEvents[] = {
    {kEventFork, "FORK"},
    {kEventVfork, "VFORK"},
    {kEventClone, "CLONE"},
    {kEventExec, "EXEC"},
    {kEventVforkDone, "VFORK_DONE"},
    {kEventExit, "EXIT"},
    {kEventSeccomp, "SECCOMP"},
    {kEventStop, "STOP"},
};

constexpr Name kOptions[] = {
    {kOptSysGood, "PTRACE_O_TRACESYSGOOD"},  {kOptTraceFork, "PTRACE_O_TRACEFORK"},
    {kOptTraceVfork, "PTRACE_O_TRACEVFORK"}, {kOptTraceClone, "PTRACE_O_TRACECLONE"},
    {kOptTraceExec, "PTRACE_O_TRACEEXEC"},   {kOptTraceVforkDone, "PTRACE_O_TRACEVFORKDONE"},
    {kOptTraceExit, "PTRACE_O_TRACEEXIT"},   {kOptTraceSeccomp, "PTRACE_O_TRACESECCOMP"},
    {kOptExitKill, "PTRACE_O_EXITKILL"},     {kOptSuspendSeccomp, "PTRACE_O_SUSPEND_SECCOMP"},
};

// linux/elf.h, those of x86.
constexpr Name kNotes[] = {
    {kNtPrstatus, "NT_PRSTATUS"}, {kNtPrfpreg, "NT_PRFPREG"},  {3, "NT_PRPSINFO"},
    {0x200, "NT_386_TLS"},        {0x201, "NT_386_IOPERM"},    {kNtX86Xstate, "NT_X86_XSTATE"},
    {0x204, "NT_X86_SHSTK"},      {0x46e62b7f, "NT_PRXFPREG"},
};

constexpr Name kWaitFlags[] = {
    {kWnohang, "WNOHANG"}, {kWuntraced, "WUNTRACED"},   {kWexited, "WEXITED"}, {kWcontinued, "WCONTINUED"},
    {kWnowait, "WNOWAIT"}, {kWnothread, "__WNOTHREAD"}, {kWall, "__WALL"},     {kWclone, "__WCLONE"},
};

constexpr Name kIdTypes[] = {
    {kIdAll, "P_ALL"}, {kIdPid, "P_PID"}, {kIdPgid, "P_PGID"}, {kIdPidfd, "P_PIDFD"}};

// si_code that is said of any signal.
constexpr Name kCommonCodes[] = {
    {0, "SI_USER"},
    {0x80, "SI_KERNEL"},
};
// ... and below 0.
constexpr const char* kSentCodes[] = {"SI_QUEUE",   "SI_TIMER", "SI_MESGQ",
                                      "SI_ASYNCIO", "SI_SIGIO", "SI_TKILL"};

// What the codes from 1 on mean, one list for each signal that has its own.
constexpr const char* kIllCodes[] = {"ILL_ILLOPC", "ILL_ILLOPN", "ILL_ILLADR", "ILL_ILLTRP",
                                     "ILL_PRVOPC", "ILL_PRVREG", "ILL_COPROC", "ILL_BADSTK"};
constexpr const char* kFpeCodes[] = {"FPE_INTDIV", "FPE_INTOVF", "FPE_FLTDIV", "FPE_FLTOVF",
                                     "FPE_FLTUND", "FPE_FLTRES", "FPE_FLTINV", "FPE_FLTSUB"};
constexpr const char* kSegvCodes[] = {"SEGV_MAPERR", "SEGV_ACCERR", "SEGV_BNDERR", "SEGV_PKUERR"};
constexpr const char* kBusCodes[] = {"BUS_ADRALN", "BUS_ADRERR", "BUS_OBJERR", "BUS_MCEERR_AR",
                                     "BUS_MCEERR_AO"};
constexpr const char* kTrapCodes[] = {"TRAP_BRKPT",  "TRAP_TRACE", "TRAP_BRANCH",
                                      "TRAP_HWBKPT", "TRAP_UNK",   "TRAP_PERF"};
constexpr const char* kChldCodes[] = {"CLD_EXITED",  "CLD_KILLED",  "CLD_DUMPED",
                                      "CLD_TRAPPED", "CLD_STOPPED", "CLD_CONTINUED"};
constexpr const char* kPollCodes[] = {"POLL_IN", "POLL_OUT", "POLL_MSG", "POLL_ERR", "POLL_PRI", "POLL_HUP"};
constexpr const char* kSysCodes[] = {"SYS_SECCOMP", "SYS_USER_DISPATCH"};

absl::Span<const char* const> CodesOf(int signal) {
  switch (signal) {
    case SIGILL:
      return kIllCodes;
    case SIGFPE:
      return kFpeCodes;
    case SIGSEGV:
      return kSegvCodes;
    case SIGBUS:
      return kBusCodes;
    case SIGTRAP:
      return kTrapCodes;
    case SIGCHLD:
      return kChldCodes;
    case SIGIO:
      return kPollCodes;
    case SIGSYS:
      return kSysCodes;
    default:
      return {};
  }
}

std::string Hex(uint64_t number) { return absl::StrCat("0x", absl::Hex(number)); }

const char* Find(absl::Span<const Name> table, uint64_t number) {
  for (const Name& entry : table) {
    if (entry.number == number) return entry.name;
  }
  return nullptr;
}

std::string Named(absl::Span<const Name> table, const char* prefix, uint64_t number) {
  const char* name = Find(table, number);
  return name != nullptr ? absl::StrCat(prefix, name) : absl::StrCat(prefix, Hex(number));
}

// The bits of `set`, those without a name together in one number.
std::string Bits(absl::Span<const Name> table, uint64_t set) {
  std::string text;
  for (const Name& entry : table) {
    if ((set & entry.number) == 0) continue;
    absl::StrAppend(&text, text.empty() ? "" : "|", entry.name);
    set &= ~entry.number;
  }
  if (set != 0) absl::StrAppend(&text, text.empty() ? "" : "|", Hex(set));
  return text.empty() ? "0" : text;
}

}  // namespace

std::string RequestName(long request) { return Named(kRequests, "PTRACE_", request); }

std::string EventName(int event) { return Named(kEvents, "PTRACE_EVENT_", event); }

std::string OptionNames(uint64_t options) { return Bits(kOptions, options); }

std::string NoteName(uint64_t type) { return Named(kNotes, "", type); }

std::string SignalName(int signal) {
  constexpr int kLast = 64;
  if (signal >= kFirstRealTime && signal <= kLast) return absl::StrCat("SIGRT_", signal - kFirstRealTime);
  const char* name = sigabbrev_np(signal);
  return name != nullptr ? absl::StrCat("SIG", name) : absl::StrCat(signal);
}

std::string SiCodeName(int signal, int code) {
  const absl::Span<const char* const> codes = CodesOf(signal);
  if (code > 0 && static_cast<size_t>(code) <= codes.size()) return codes[code - 1];
  if (code < 0 && code >= -static_cast<int>(std::size(kSentCodes))) return kSentCodes[-code - 1];
  const char* name = Find(kCommonCodes, static_cast<uint64_t>(code));
  return name != nullptr ? name : Hex(static_cast<uint32_t>(code));
}

std::string ErrnoName(int error) {
  const char* name = strerrorname_np(error);
  return name != nullptr ? name : absl::StrCat(error);
}

std::string CallName(Abi abi, int nr) {
  switch (KindOf(abi, nr)) {
    case CallKind::kPtrace:
      return "ptrace";
    case CallKind::kWait4:
      return "wait4";
    case CallKind::kWaitpid:
      return "waitpid";
    case CallKind::kWaitid:
      return "waitid";
    case CallKind::kSigaction:
      return "rt_sigaction";
    case CallKind::kOldSigaction:
      return "sigaction";
    case CallKind::kSignal:
      return "signal";
    case CallKind::kClone:
      return "clone";
    case CallKind::kClone3:
      return "clone3";
    case CallKind::kSeccomp:
      return "seccomp";
    case CallKind::kPrctl:
      return "prctl";
    case CallKind::kLandlock:
      return "landlock_restrict_self";
    case CallKind::kUserfaultfd:
      return "userfaultfd";
    case CallKind::kIoctl:
      return "ioctl";
    case CallKind::kMount:
      return "mount";
    case CallKind::kFsopen:
      return "fsopen";
    case CallKind::kOther:
      break;
  }
  return absl::StrCat("syscall_", nr);
}

std::string WaitFlagNames(uint32_t flags, bool waitid) {
  if (!waitid || (flags & kWuntraced) == 0) return Bits(kWaitFlags, flags);
  const std::string rest = (flags & ~kWuntraced) == 0 ? "" : "|" + Bits(kWaitFlags, flags & ~kWuntraced);
  return "WSTOPPED" + rest;
}

std::string IdTypeName(int type) { return Named(kIdTypes, "", static_cast<uint32_t>(type)); }

std::string StopName(int code) {
  const StopCode stop = StopCode::Decode(code);
  switch (stop.kind) {
    case StopKind::kSignal:
      return SignalName(stop.signal);
    case StopKind::kSyscall:
      return "SIGTRAP|0x80";
    case StopKind::kGroupStop:
      return absl::StrCat(EventName(stop.event), ", ", SignalName(stop.signal));
    case StopKind::kTrap:
    case StopKind::kEvent:
      break;
  }
  return EventName(stop.event);
}

std::string StatusName(int status) {
  constexpr int kContinuedStatus = 0xffff;
  if (status == kContinuedStatus) return "continued";
  if ((status & 0xff) == 0x7f) return StopName(status >> 8);
  if ((status & 0x7f) == 0) return absl::StrCat("exited, ", (status >> 8) & 0xff);
  return absl::StrCat("killed by ", SignalName(status & 0x7f), (status & 0x80) != 0 ? ", core dumped" : "");
}

}  // namespace nestrace
