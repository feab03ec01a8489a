// A signal that OUTER suppresses never reaches INNER; one that it changes reaches INNER changed, as sent by
// OUTER.

#include "nesting.h"

static void handler(int signal) { say("handler: %s", signal_words(signal)); }

static void tracee(void) {
  signal(SIGUSR1, handler);
  signal(SIGUSR2, handler);
  if (with_outer()) send(TRACEE, SIGUSR1);
  send(TRACEE, with_outer() ? SIGUSR1 : SIGUSR2);
}

static void outer(void) {
  tell_stop(TRACEE);
  tell_go(PTRACE_CONT, TRACEE, 0);
  tell_stop(TRACEE);
  tell_go(PTRACE_CONT, TRACEE, SIGUSR2);
  tell_end(TRACEE);
}

static void inner(void) {
  tell_stop(TRACEE);
  if (both()) {
    starred();
    tell_siginfo(TRACEE);
    plain();
  }
  tell_go(PTRACE_CONT, TRACEE, SIGUSR2);
  tell_end(TRACEE);
}

int main(int argc, char** argv) {
  return nest(argc, argv, (Story){.outer = outer, .inner = inner, .tracee = tracee});
}
