// Several stops in a row, never waited for, are SIGCHLDs each; two pending become one.

#include "sigchld.h"

static void body(void) {
  raise(SIGUSR1);
  raise(SIGUSR2);
}

int main(void) {
  start();
  block_sigchld();
  pid_t pid = spawn_traced("CHILD", body);
  tell_sigchld();
  say("CONT without a wait: %s", answer_words(pt(PTRACE_CONT, pid, 0, 0)));
  tell_sigchld();
  say("CONT without a wait: %s", answer_words(pt(PTRACE_CONT, pid, 0, 0)));
  siginfo_t info;
  NEED(waitid_raw(P_PID, pid, &info, WSTOPPED | WNOWAIT) == 0);
  say("CONT without taking the signal: %s", answer_words(pt(PTRACE_CONT, pid, 0, 0)));
  NEED(waitid_raw(P_PID, pid, &info, WEXITED | WNOWAIT) == 0);
  say("the first of two stays pending");
  tell_sigchld_now();
  tell_sigchld_now();
  tell_wait(pid, 0);
  return 0;
}
