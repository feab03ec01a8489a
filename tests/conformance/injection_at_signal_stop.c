// ptrace(2), signal injection and suppression: at a signal-delivery-stop CONT's signal is delivered. 0
// suppresses; the same number keeps the siginfo; another one gets SI_USER from the tracer.

#include "guest.h"

static void handler(int signal, siginfo_t* info, void* unused) {
  (void)unused;
  say("CHILD handles %s: code=%s pid=%s", signal_words(signal), code_words(info->si_signo, info->si_code),
      info->si_pid == getpid()    ? "SELF"
      : info->si_pid == getppid() ? "TRACER"
                                  : word_words(info->si_pid));
}
static void body(void) {
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
  sigaction(SIGUSR1, &action, NULL);
  sigaction(SIGUSR2, &action, NULL);
  sigaction(SIGSEGV, &action, NULL);
  for (int i = 0; i < 4; i++) {
    say("CHILD raises");
    syscall(SYS_kill, getpid(), SIGUSR1);
  }
  raise(SIGUSR1);
}

int main(void) {
  start();
  pid_t pid = spawn_stopped("CHILD", body);
  static const int injected[] = {SIGUSR1, 0, SIGUSR2, SIGSEGV};
  tell_pt(PTRACE_CONT, pid, 0, 0);
  for (int i = 0; i < 4; i++) {
    tell_wait(pid, 0);
    tell_siginfo(pid);
    tell_pt(PTRACE_CONT, pid, 0, injected[i]);
  }
  tell_wait(pid, 0);
  say("SIGKILL needs no handler");
  tell_pt(PTRACE_CONT, pid, 0, SIGKILL);
  tell_wait(pid, 0);
  return 0;
}
