// SIGCONT ends a group-stop: SIGCHLD with CLD_CONTINUED for the real parent, one WCONTINUED event that the
// tracer's wait can take before the parent (status 0xffff), an EVENT_STOP with SIGTRAP, and a
// signal-delivery-stop for SIGCONT.

#include "guest.h"

int main(void) {
  start();
  pid_t pid = spawn_blocked("CHILD");
  kill(pid, SIGSTOP);
  tell_wait(pid, WUNTRACED);
  need_pt(PTRACE_SEIZE, pid, 0, 0);
  tell_wait(pid, 0);
  need_pt(PTRACE_LISTEN, pid, 0, 0);
  kill(pid, SIGCONT);
  tell_waitid(P_PID, pid, WSTOPPED);
  tell_waitid(P_PID, pid, WCONTINUED | WNOWAIT);
  tell_wait(pid, WCONTINUED);
  tell_wait(pid, WCONTINUED | WNOHANG);
  need_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  tell_siginfo(pid);
  need_pt(PTRACE_CONT, pid, 0, SIGCONT);
  end_child(pid);
  return 0;
}
