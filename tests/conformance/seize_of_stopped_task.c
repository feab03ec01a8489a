// SEIZE of a task in a group-stop makes it trap at once: EVENT_STOP with the stopping signal. No SIGSTOP is
// sent.

#include "guest.h"

int main(void) {
  start();
  pid_t pid = spawn_blocked("CHILD");
  own_group(pid);
  kill(pid, SIGTTIN);
  tell_wait(pid, WUNTRACED);
  tell_pt(PTRACE_SEIZE, pid, 0, 0);
  tell_wait(pid, WNOHANG);
  tell_siginfo(pid);
  tell_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, WNOHANG);
  say("CONT left the group-stop in effect: INTERRUPT reports it");
  tell_pt(PTRACE_INTERRUPT, pid, 0, 0);
  tell_wait(pid, 0);
  tell_pt(PTRACE_DETACH, pid, 0, 0);
  say("and DETACH goes back into it, which is not reported again");
  tell_wait(pid, WUNTRACED | WNOHANG);
  kill(pid, SIGCONT);
  tell_wait(pid, WCONTINUED);
  end_child(pid);
  return 0;
}
