// ptrace(2): a request other than ATTACH, SEIZE, TRACEME, KILL and INTERRUPT needs a stopped tracee.
// Before the request is even looked at, a running one answers ESRCH (kernel/ptrace.c:
// ptrace_check_attach), so a request that does not exist answers ESRCH here and EIO when stopped.

#include "guest.h"

static const long requests[] = {PTRACE_PEEKTEXT,
                                PTRACE_PEEKDATA,
                                PTRACE_PEEKUSR,
                                PTRACE_POKETEXT,
                                PTRACE_POKEDATA,
                                PTRACE_POKEUSR,
                                PTRACE_CONT,
                                PTRACE_SINGLESTEP,
                                PTRACE_GETREGS,
                                PTRACE_SETREGS,
                                PTRACE_GETFPREGS,
                                PTRACE_SETFPREGS,
                                PTRACE_DETACH,
                                PTRACE_OLDSETOPTIONS,
                                PTRACE_SYSCALL,
                                PTRACE_GET_THREAD_AREA,
                                PTRACE_SET_THREAD_AREA,
                                PTRACE_ARCH_PRCTL,
                                PTRACE_SYSEMU,
                                PTRACE_SYSEMU_SINGLESTEP,
                                PTRACE_SINGLEBLOCK,
                                PTRACE_SETOPTIONS,
                                PTRACE_GETEVENTMSG,
                                PTRACE_GETSIGINFO,
                                PTRACE_SETSIGINFO,
                                PTRACE_GETREGSET,
                                PTRACE_SETREGSET,
                                PTRACE_LISTEN,
                                PTRACE_PEEKSIGINFO,
                                PTRACE_GETSIGMASK,
                                PTRACE_SETSIGMASK,
                                PTRACE_SECCOMP_GET_FILTER,
                                PTRACE_SECCOMP_GET_METADATA,
                                PTRACE_GET_SYSCALL_INFO,
                                PTRACE_GET_RSEQ_CONFIGURATION,
                                PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG,
                                PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG,
                                PTRACE_SET_SYSCALL_INFO,
                                999,
                                -1,
                                0x4fff};

int main(void) {
  start();
  pid_t pid = spawn_seized("CHILD", block_forever, 0);
  for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) tell_pt(requests[i], pid, 0, 0);
  tell_pt(PTRACE_INTERRUPT, pid, 0, 0);
  tell_wait(pid, 0);
  tell_pt(999, pid, 0, 0);
  tell_pt(-1, pid, 0, 0);
  tell_pt(0x4fff, pid, 0, 0);
  end_child(pid);
  return 0;
}
