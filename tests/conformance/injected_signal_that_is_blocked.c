// A signal that CONT delivers while it is blocked is queued again, and stops the tracee once more when it is
// unblocked (kernel/signal.c: ptrace_signal).

#include "guest.h"

static void body(void) {
  raise(SIGUSR1);
  say("CHILD unblocks");
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  say("CHILD goes on");
}

int main(void) {
  start();
  pid_t pid = spawn_stopped("CHILD", body);
  need_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  tell_siginfo(pid);
  unsigned long mask = 1UL << (SIGUSR1 - 1) | 1UL << (SIGUSR2 - 1);
  tell_pt(PTRACE_SETSIGMASK, pid, 8, (unsigned long)&mask);
  tell_pt(PTRACE_CONT, pid, 0, SIGUSR1);
  tell_wait(pid, 0);
  tell_siginfo(pid);
  tell_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);

  say("another signal, blocked");
  pid = spawn_stopped("CHILD", body);
  need_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  tell_pt(PTRACE_SETSIGMASK, pid, 8, (unsigned long)&mask);
  tell_pt(PTRACE_CONT, pid, 0, SIGUSR2);
  tell_wait(pid, 0);
  tell_siginfo(pid);
  tell_pt(PTRACE_CONT, pid, 0, SIGUSR2);
  tell_wait(pid, 0);
  return 0;
}
