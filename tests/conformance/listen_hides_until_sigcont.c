// ptrace(2), PTRACE_LISTEN: a listening tracee stays in its group-stop, but is neither waitable nor, for
// ptrace(2), stopped: every request is ESRCH. SIGCONT makes it trap again.

#include "guest.h"

static Gate go;
static void body(void) {
  gate_pass(go);
  raise(SIGSTOP);
  say("CHILD runs on");
}

int main(void) {
  start();
  go = gate_new();
  pid_t pid = spawn_seized("CHILD", body, 0);
  gate_open(go);
  say("signal-delivery-stop, then group-stop");
  tell_wait(pid, 0);
  tell_siginfo(pid);
  tell_pt(PTRACE_CONT, pid, 0, SIGSTOP);
  tell_wait(pid, 0);
  tell_siginfo(pid);
  tell_event_number(pid);
  tell_pt(PTRACE_LISTEN, pid, 0, 0);
  say("listening");
  tell_wait(pid, WNOHANG | WUNTRACED);
  tell_waitid(P_PID, pid, WNOHANG | WSTOPPED);
  tell_pt(PTRACE_GETSIGINFO, pid, 0, 0);
  tell_pt(PTRACE_CONT, pid, 0, 0);
  tell_pt(PTRACE_LISTEN, pid, 0, 0);
  tell_pt(PTRACE_DETACH, pid, 0, 0);
  say("SIGCONT");
  kill(pid, SIGCONT);
  tell_wait(pid, 0);
  tell_siginfo(pid);
  tell_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  tell_siginfo(pid);
  tell_pt(PTRACE_CONT, pid, 0, SIGCONT);
  tell_wait(pid, 0);
  return 0;
}
