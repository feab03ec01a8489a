// A tracee that died under its tracer answers ESRCH to every request, not old values, until it is reaped and
// after; also when it died while a stop of it was not yet waited for.

#include "guest.h"

static void nothing(void) {}
static void all_requests(pid_t pid) {
  struct user_regs_struct regs;
  struct user_fpregs_struct fp;
  siginfo_t info;
  unsigned long word;
  struct iovec iov = {&regs, sizeof regs};
  unsigned long out = (unsigned long)&word;
  const struct {
    long request;
    unsigned long addr, data;
  } requests[] = {{PTRACE_PEEKDATA, (unsigned long)&word, out},
                  {PTRACE_POKEDATA, (unsigned long)&word, 0},
                  {PTRACE_PEEKUSR, 0, out},
                  {PTRACE_POKEUSR, 0, 0},
                  {PTRACE_GETREGS, 0, (unsigned long)&regs},
                  {PTRACE_SETREGS, 0, (unsigned long)&regs},
                  {PTRACE_GETFPREGS, 0, (unsigned long)&fp},
                  {PTRACE_GETREGSET, NT_PRSTATUS, (unsigned long)&iov},
                  {PTRACE_GETSIGINFO, 0, (unsigned long)&info},
                  {PTRACE_GETEVENTMSG, 0, out},
                  {PTRACE_GETSIGMASK, 8, out},
                  {PTRACE_GET_SYSCALL_INFO, 8, out},
                  {PTRACE_SETOPTIONS, 0, 0},
                  {PTRACE_CONT, 0, 0},
                  {PTRACE_SINGLESTEP, 0, 0},
                  {PTRACE_DETACH, 0, 0},
                  {PTRACE_LISTEN, 0, 0},
                  {PTRACE_INTERRUPT, 0, 0},
                  {PTRACE_KILL, 0, 0}};
  for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
    tell_pt(requests[i].request, pid, requests[i].addr, requests[i].data);
  }
}

int main(void) {
  start();
  say("SIGKILL has been sent");
  pid_t pid = spawn_stopped("STOPPED", nothing);
  registers(pid);
  kill(pid, SIGKILL);
  all_requests(pid);
  say("a zombie");
  siginfo_t info;
  NEED(waitid_raw(P_PID, pid, &info, WEXITED | WNOWAIT) == 0);
  all_requests(pid);
  tell_wait(pid, 0);
  say("reaped");
  all_requests(pid);

  say("seized, and not waited for");
  pid = spawn_seized("SEIZED", block_forever, 0);
  need_pt(PTRACE_INTERRUPT, pid, 0, 0);
  NEED(waitid_raw(P_PID, pid, &info, WSTOPPED | WNOWAIT) == 0);
  registers(pid);
  kill(pid, SIGKILL);
  all_requests(pid);
  tell_wait(pid, 0);
  return 0;
}
