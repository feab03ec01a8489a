// A signal stops the tracee for OUTER first and, once OUTER lets it pass, for INNER; each sees the tracee run
// while the other holds it. Its siginfo goes with it.

#include "nesting.h"

static void handler(int signal) { say("handler: %s", signal_words(signal)); }

static void tracee(void) {
  signal(SIGUSR1, handler);
  send(TRACEE, SIGUSR1);
}

static void outer(void) {
  tell_stop(TRACEE);
  tell_siginfo(TRACEE);
  turn_to(INNER);
  tell_go(PTRACE_CONT, TRACEE, SIGUSR1);
  my_turn(INNER);
  tell_runs(TRACEE);
  hand_to(INNER);
  tell_end(TRACEE);
}

static void inner(void) {
  my_turn(OUTER);
  tell_runs(TRACEE);
  hand_to(OUTER);
  tell_stop(TRACEE);
  tell_siginfo(TRACEE);
  turn_to(OUTER);
  tell_go(PTRACE_CONT, TRACEE, SIGUSR1);
  tell_end(TRACEE);
}

int main(int argc, char** argv) {
  return nest(argc, argv, (Story){.outer = outer, .inner = inner, .tracee = tracee});
}
