// ATTACH's SIGSTOP goes to the thread, and a thread's own pending signals come before its process's, whatever
// their numbers; of several in one queue the lowest number comes first.

#include "guest.h"

int main(void) {
  start();
  pid_t pid = spawn_blocked("CHILD");
  kill(pid, SIGSTOP);
  tell_wait(pid, WUNTRACED);
  kill(pid, SIGTERM);
  kill(pid, SIGUSR1);
  syscall(SYS_tgkill, pid, pid, SIGALRM);
  tell_pt(PTRACE_ATTACH, pid, 0, 0);
  for (int i = 0; i < 5; i++) {
    tell_wait(pid, 0);
    tell_siginfo(pid);
    tell_pt(PTRACE_CONT, pid, 0, 0);
  }
  end_child(pid);
  return 0;
}
