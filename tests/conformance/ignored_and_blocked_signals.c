// A tracee stops for a signal that it ignores, not for one that it blocks; a seized one the same.

#include "guest.h"

static void body(void) {
  signal(SIGUSR1, SIG_IGN);
  raise(SIGUSR1);
  raise(SIGCHLD);
  raise(SIGWINCH);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR2);
  sigprocmask(SIG_BLOCK, &set, NULL);
  raise(SIGUSR2);
  say("CHILD blocked SIGUSR2");
  signal(SIGUSR2, SIG_IGN);
  sigprocmask(SIG_UNBLOCK, &set, NULL);
  say("CHILD ignored it while it was pending");
}

int main(void) {
  start();
  for (int seized = 0; seized < 2; seized++) {
    pid_t pid;
    if (seized) {
      pid = spawn_seized("SEIZED", body, 0);
    } else {
      pid = spawn_stopped("ATTACHED", body);
      need_pt(PTRACE_CONT, pid, 0, 0);
    }
    int status = tell_wait(pid, 0);
    while (WIFSTOPPED(status)) {
      tell_siginfo(pid);
      need_pt(PTRACE_CONT, pid, 0, WSTOPSIG(status));
      status = tell_wait(pid, 0);
    }
  }
  return 0;
}
