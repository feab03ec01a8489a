// Names of the kernel's numbers, as the manual pages spell them, for logs and for tests.
//
//   RequestName(7)             "PTRACE_CONT"
//   OptionNames(3)             "PTRACE_O_TRACESYSGOOD|PTRACE_O_TRACEFORK"
//   StatusName(0x4057f)        "PTRACE_EVENT_EXEC"
//
// A number without a name is written as one: "PTRACE_0x63", "0x100".

#ifndef NESTRACE_EMU_NAMES_H_
#define NESTRACE_EMU_NAMES_H_

#include <cstdint>
#include <string>

#include "emu/types.h"

namespace nestrace {

// "PTRACE_CONT".
std::string RequestName(long request);
// "PTRACE_EVENT_FORK".
std::string EventName(int event);
// "PTRACE_O_TRACEFORK|PTRACE_O_TRACEEXEC"; "0" for none.
std::string OptionNames(uint64_t options);
// "NT_X86_XSTATE", of PTRACE_GETREGSET.
std::string NoteName(uint64_t type);
// "SIGUSR1"; "SIGRT_2" for 34, as strace has it; "0" for none.
std::string SignalName(int signal);
// "SI_KERNEL", "TRAP_BRKPT": what si_code says of `signal`.
std::string SiCodeName(int signal, int code);
// "EPERM".
std::string ErrnoName(int error);
// "wait4", "waitid", ...: an intercepted call.
std::string CallName(Abi abi, int nr);
// "WNOHANG|__WALL"; of waitid(2), the bit of WUNTRACED is WSTOPPED. "0" for none.
std::string WaitFlagNames(uint32_t flags, bool waitid);
// "P_PID".
std::string IdTypeName(int type);

// A wait status. "exited, 3", "killed by SIGSEGV, core dumped", "continued"; a stop is what StopName says.
std::string StatusName(int status);
// The code of a stop (stop.h). "SIGUSR1" for a signal-delivery-stop, or a group-stop as a tracer sees it that
// did not seize the tracee; "SIGTRAP|0x80" for a syscall-stop; "PTRACE_EVENT_EXEC"; "PTRACE_EVENT_STOP" with
// SIGTRAP, "PTRACE_EVENT_STOP, SIGTSTP" of a group-stop.
std::string StopName(int code);

}  // namespace nestrace

#endif  // NESTRACE_EMU_NAMES_H_
