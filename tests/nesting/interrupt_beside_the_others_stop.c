// PTRACE_INTERRUPT of a tracee that the other tracer holds is reported at once, and then it runs only when
// both have resumed it, in whichever order. The other's signal is not lost: INNER sees it behind its own
// stop.

#include "nesting.h"

static void handler(int signal) { say("handler: %s", signal_words(signal)); }

static void tracee(void) {
  signal(SIGUSR1, handler);
  send(TRACEE, SIGUSR1);
  send(TRACEE, SIGUSR1);
}

static void interrupt(void) {
  if (!both()) return;
  starred();
  tell_pt(PTRACE_INTERRUPT, TRACEE, 0, 0);
  tell_stop(TRACEE);
  plain();
}

static void resume(void) {
  if (!both()) return;
  starred();
  tell_go(PTRACE_CONT, TRACEE, 0);
  plain();
}

static void outer(void) {
  tell_stop(TRACEE);
  turn_to(INNER);  // which interrupts
  tell_go(PTRACE_CONT, TRACEE, SIGUSR1);
  tell_runs(TRACEE);
  turn_to(INNER);  // which is at the signal now
  interrupt();
  resume();
  tell_runs(TRACEE);
  interrupt();  // held by INNER still
  turn_to(INNER);
  resume();
  tell_stop(TRACEE);
  tell_go(PTRACE_CONT, TRACEE, SIGUSR1);
  tell_end(TRACEE);
}

static void inner(void) {
  my_turn(OUTER);
  tell_runs(TRACEE);
  interrupt();
  turn_to(OUTER);
  resume();
  tell_stop(TRACEE);
  turn_to(OUTER);
  tell_go(PTRACE_CONT, TRACEE, SIGUSR1);
  tell_runs(TRACEE);
  hand_to(OUTER);
  tell_stop(TRACEE);
  tell_go(PTRACE_CONT, TRACEE, SIGUSR1);
  tell_end(TRACEE);
}

int main(int argc, char** argv) {
  return nest(argc, argv, (Story){.outer = outer, .inner = inner, .tracee = tracee});
}
