// What INNER makes of a signal is between INNER and the tracee: OUTER, which saw it first, sees no more of
// it.

#include "nesting.h"

static void handler(int signal) { say_both("handler: %s", signal_words(signal)); }

static void tracee(void) {
  signal(SIGUSR1, handler);
  signal(SIGUSR2, handler);
  send(TRACEE, SIGUSR1);
  send(TRACEE, SIGUSR1);
}

static void outer(void) {
  tell_stop(TRACEE);
  tell_go(PTRACE_CONT, TRACEE, SIGUSR1);
  tell_stop(TRACEE);
  tell_go(PTRACE_CONT, TRACEE, SIGUSR1);
  tell_end(TRACEE);
}

static void inner(void) {
  tell_stop(TRACEE);
  tell_go(PTRACE_CONT, TRACEE, 0);
  tell_stop(TRACEE);
  tell_go(PTRACE_CONT, TRACEE, SIGUSR2);
  tell_end(TRACEE);
}

int main(int argc, char** argv) {
  return nest(argc, argv, (Story){.outer = outer, .inner = inner, .tracee = tracee});
}
