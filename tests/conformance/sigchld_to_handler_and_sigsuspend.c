// A tracer that waits in sigsuspend, or just runs, gets its handler called with the stop's siginfo, and then
// finds the report.

#include "sigchld.h"

static siginfo_t seen;
static volatile sig_atomic_t count;
static void handler(int signal, siginfo_t* info, void* unused) {
  (void)signal;
  (void)unused;
  seen = *info;
  count++;
}
static void body(void) {
  raise(SIGUSR1);
  raise(SIGUSR1);
  _exit(3);
}

int main(void) {
  start();
  block_sigchld();
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
  sigaction(SIGCHLD, &action, NULL);
  pid_t pid = spawn_traced("CHILD", body);
  sigset_t none;
  sigemptyset(&none);
  say("sigsuspend: %s", answer_words(raw(sigsuspend(&none))));
  say("handler %d: %s", (int)count, siginfo_words(&seen));
  tell_wait(pid, WNOHANG);
  need_pt(PTRACE_CONT, pid, 0, 0);
  sigprocmask(SIG_SETMASK, &none, NULL);
  while (count < 2) {
  }
  say("handler %d: %s", (int)count, siginfo_words(&seen));
  tell_wait(pid, WNOHANG);
  need_pt(PTRACE_CONT, pid, 0, 0);
  while (count < 3) {
  }
  say("handler %d: %s", (int)count, siginfo_words(&seen));
  tell_wait(pid, WNOHANG);
  need_pt(PTRACE_CONT, pid, 0, 0);
  while (count < 4) {
  }
  say("handler %d: %s", (int)count, siginfo_words(&seen));
  tell_wait(pid, WNOHANG);
  return 0;
}
