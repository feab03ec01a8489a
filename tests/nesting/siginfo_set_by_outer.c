// PTRACE_SETSIGINFO by OUTER is what INNER and the tracee see; by INNER, what the tracee alone sees.

#include "nesting.h"

static void handler(int signal, siginfo_t* info, void* context) {
  (void)context;
  if (both()) say_both("handler: %s", siginfo_words(info));
  (void)signal;
}

static void queue(int value) {
  siginfo_t info;
  memset(&info, 0, sizeof info);
  info.si_signo = SIGUSR1;
  info.si_code = SI_QUEUE;
  info.si_pid = TRACEE;
  info.si_uid = getuid();
  info.si_value.sival_int = value;
  NEED(syscall(SYS_rt_sigqueueinfo, TRACEE, SIGUSR1, &info) == 0);
}

static void tracee(void) {
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
  sigaction(SIGUSR1, &action, NULL);
  queue(with_outer() ? 1 : 2);
}

static void set_value(int value) {
  siginfo_t info;
  need_pt(PTRACE_GETSIGINFO, TRACEE, 0, (unsigned long)&info);
  info.si_value.sival_int = value;
  tell_pt(PTRACE_SETSIGINFO, TRACEE, 0, (unsigned long)&info);
}

static void outer(void) {
  tell_stop(TRACEE);
  tell_siginfo(TRACEE);
  set_value(2);
  tell_go(PTRACE_CONT, TRACEE, SIGUSR1);
  tell_end(TRACEE);
}

static void inner(void) {
  tell_stop(TRACEE);
  tell_siginfo(TRACEE);
  set_value(3);
  tell_siginfo(TRACEE);
  tell_go(PTRACE_CONT, TRACEE, SIGUSR1);
  tell_end(TRACEE);
}

int main(int argc, char** argv) {
  return nest(argc, argv, (Story){.outer = outer, .inner = inner, .tracee = tracee});
}
