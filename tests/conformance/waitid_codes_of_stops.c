// waitid(2) reports every ptrace-stop as CLD_TRAPPED with the whole stop code in si_status (0x85 at a
// syscall-stop under TRACESYSGOOD, event<<8|5 at events), a death as CLD_EXITED or CLD_KILLED.

#include "guest.h"

static void body(void) {
  syscall(SYS_getppid);
  raise(SIGSTOP);
  raise(SIGTERM);
}

static int next(pid_t pid) {
  siginfo_t info;
  memset(&info, 0, sizeof info);
  NEED(waitid_raw(P_PID, pid, &info, WSTOPPED | WEXITED) == 0);
  say("%s", siginfo_words(&info));
  return info.si_status;
}

int main(void) {
  start();
  pid_t pid = spawn_seized("CHILD", body, PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXIT);
  next(pid);
  say("group-stop");
  need_pt(PTRACE_CONT, pid, 0, SIGSTOP);
  next(pid);
  need_pt(PTRACE_LISTEN, pid, 0, 0);
  kill(pid, SIGCONT);
  next(pid);
  say("SIGCONT");
  need_pt(PTRACE_CONT, pid, 0, 0);
  next(pid);
  say("syscall-stop");
  need_pt(PTRACE_SYSCALL, pid, 0, SIGCONT);
  next(pid);
  say("step");
  need_pt(PTRACE_SINGLESTEP, pid, 0, 0);
  next(pid);
  say("signal, EVENT_EXIT, death");
  need_pt(PTRACE_CONT, pid, 0, 0);
  next(pid);
  need_pt(PTRACE_CONT, pid, 0, SIGTERM);
  next(pid);
  need_pt(PTRACE_CONT, pid, 0, 0);
  next(pid);
  return 0;
}
