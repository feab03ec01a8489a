// A signal that INNER injects at a syscall-stop is sent to the tracee, and a signal goes outermost first:
// OUTER may still suppress it.

#include "nesting.h"

static void handler(int signal) { say_both("handler: %s", signal_words(signal)); }

static void tracee(void) {
  signal(SIGUSR2, handler);
  meet();
  syscall(SYS_gettid);
  if (!with_inner()) send(TRACEE, SIGUSR2);
}

static void outer(void) {
  met(PTRACE_CONT);
  tell_stop(TRACEE);
  tell_go(PTRACE_CONT, TRACEE, SIGUSR2);
  tell_end(TRACEE);
}

static void inner(void) {
  met(PTRACE_SYSCALL);
  tell_call(TRACEE);
  tell_go(PTRACE_SYSCALL, TRACEE, 0);
  tell_call(TRACEE);
  tell_go(PTRACE_CONT, TRACEE, SIGUSR2);
  tell_stop(TRACEE);
  tell_siginfo(TRACEE);
  tell_go(PTRACE_CONT, TRACEE, SIGUSR2);
  tell_end(TRACEE);
}

int main(int argc, char** argv) {
  return nest(argc, argv, (Story){.outer = outer, .inner = inner, .tracee = tracee});
}
