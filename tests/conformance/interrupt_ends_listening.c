// ptrace(2), PTRACE_LISTEN: INTERRUPT ends listening and makes the tracee trap again into its group-stop.

#include "guest.h"

static void body(void) { raise(SIGTSTP); }

int main(void) {
  start();
  pid_t pid = spawn_seized("CHILD", body, 0);
  tell_wait(pid, 0);
  own_group(pid);
  tell_pt(PTRACE_CONT, pid, 0, SIGTSTP);
  tell_wait(pid, 0);
  for (int i = 0; i < 3; i++) {
    tell_pt(PTRACE_LISTEN, pid, 0, 0);
    tell_wait(pid, WNOHANG);
    tell_pt(PTRACE_INTERRUPT, pid, 0, 0);
    tell_wait(pid, 0);
    tell_siginfo(pid);
  }
  say("killed while listening");
  tell_pt(PTRACE_LISTEN, pid, 0, 0);
  kill(pid, SIGKILL);
  tell_wait(pid, 0);
  return 0;
}
