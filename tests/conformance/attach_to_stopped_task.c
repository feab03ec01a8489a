// ATTACH to a task in a group-stop waits until it trapped: wait with WNOHANG finds the group-stop at once.
// After CONT comes a second stop, for ATTACH's own SIGSTOP.

#include "guest.h"

int main(void) {
  start();
  pid_t pid = spawn_blocked("CHILD");
  own_group(pid);
  kill(pid, SIGTSTP);
  tell_wait(pid, WUNTRACED);
  tell_pt(PTRACE_ATTACH, pid, 0, 0);
  tell_wait(pid, WNOHANG);
  tell_siginfo(pid);
  tell_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  tell_siginfo(pid);
  tell_pt(PTRACE_CONT, pid, 0, 0);
  tell_pt(PTRACE_DETACH, pid, 0, 0);
  kill(pid, SIGUSR1);
  tell_wait(pid, 0);
  say("the group-stop is still in effect: DETACH goes back into it");
  tell_pt(PTRACE_DETACH, pid, 0, 0);
  say("which was reported before, and is not again");
  tell_wait(pid, WUNTRACED | WNOHANG);
  kill(pid, SIGCONT);
  tell_wait(pid, WCONTINUED);
  end_child(pid);
  return 0;
}
