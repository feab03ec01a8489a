// The SIGSTOP of PTRACE_ATTACH has si_code SI_KERNEL and pid 0; the one raised by the tracee is its own;
// suppressing it lets the tracee go on, passing it is a group-stop.

#include "guest.h"

int main(void) {
  start();
  pid_t pid = spawn_blocked("CHILD");
  tell_pt(PTRACE_ATTACH, pid, 0, 0);
  tell_wait(pid, 0);
  tell_siginfo(pid);
  tell_event_number(pid);
  say("ATTACH looks at neither address nor data");
  tell_pt(PTRACE_DETACH, pid, 0, 0);
  tell_pt(PTRACE_ATTACH, pid, 1, -1L);
  tell_wait(pid, 0);
  say("passed on, it is a group-stop");
  tell_pt(PTRACE_CONT, pid, 0, SIGSTOP);
  tell_wait(pid, 0);
  tell_siginfo(pid);
  say("which the parent's wait does not show twice");
  tell_wait(pid, WNOHANG | WUNTRACED);
  tell_pt(PTRACE_CONT, pid, 0, 0);
  kill(pid, SIGCONT);
  tell_wait(pid, 0);
  tell_siginfo(pid);
  end_child(pid);
  return 0;
}
