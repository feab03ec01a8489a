// DETACH with SIGSTOP at a signal-delivery-stop leaves the process stopped, which its parent sees as any
// other stop.

#include "guest.h"

static Gate go;
static void body(void) {
  raise(SIGUSR1);
  gate_pass(go);
  syscall(SYS_exit_group, 5);
}

int main(void) {
  start();
  go = gate_new();
  pid_t pid = spawn_seized("CHILD", body, 0);
  tell_wait(pid, 0);
  tell_pt(PTRACE_DETACH, pid, 0, SIGSTOP);
  tell_waitid(P_PID, pid, WSTOPPED);
  tell_pt(PTRACE_SEIZE, pid, 0, 0);
  tell_wait(pid, 0);
  tell_pt(PTRACE_DETACH, pid, 0, SIGTERM);
  tell_wait(pid, WUNTRACED | WNOHANG);
  kill(pid, SIGCONT);
  tell_wait(pid, WCONTINUED);
  gate_open(go);
  tell_wait(pid, 0);
  return 0;
}
