// Where the tracer is the parent, a group-stop is reported once, as the tracee's: not a second time for
// WUNTRACED. A child that is not traced is reported only with WUNTRACED, once.

#include "guest.h"

static Gate go;
static void body(void) {
  raise(SIGSTOP);
  gate_pass(go);
  _exit(4);
}

int main(void) {
  start();
  go = gate_new();
  pid_t pid = spawn_stopped("TRACED", body);
  need_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, WUNTRACED);
  need_pt(PTRACE_CONT, pid, 0, SIGSTOP);
  tell_waitid(P_PID, pid, WSTOPPED | WNOWAIT);
  tell_wait(pid, WUNTRACED);
  tell_wait(pid, WUNTRACED | WNOHANG);
  tell_waitid(P_ALL, 0, WSTOPPED | WCONTINUED | WNOHANG);
  end_child(pid);

  pid = spawn("PLAIN", body);
  tell_waitid(P_PID, pid, WSTOPPED | WNOWAIT);
  tell_wait(pid, WNOHANG);
  tell_wait(pid, WUNTRACED);
  tell_wait(pid, WUNTRACED | WNOHANG);
  kill(pid, SIGCONT);
  tell_waitid(P_PID, pid, WCONTINUED | WNOWAIT);
  tell_wait(pid, WCONTINUED);
  gate_open(go);
  tell_wait(pid, WCONTINUED);
  return 0;
}
