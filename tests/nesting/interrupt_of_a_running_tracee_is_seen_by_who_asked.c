// PTRACE_INTERRUPT stops a running tracee for the tracer that asked for it; the other one sees it run on.

#include "nesting.h"

static void tracee(void) {
  meet();
  my_turn(TRACEE);
}

static void interrupt(pid_t other) {
  tell_pt(PTRACE_INTERRUPT, TRACEE, 0, 0);
  tell_stop(TRACEE);
  tell_siginfo(TRACEE);
  turn_to(other);
  tell_go(PTRACE_CONT, TRACEE, 0);
}

static void outer(void) {
  met(PTRACE_CONT);
  my_turn(INNER);
  interrupt(INNER);
  turn_to(INNER);
  tell_runs(TRACEE);
  hand_to(INNER);
  if (!with_inner()) hand_to(TRACEE);
  tell_end(TRACEE);
}

static void inner(void) {
  met(PTRACE_CONT);
  turn_to(OUTER);
  tell_runs(TRACEE);
  turn_to(OUTER);
  interrupt(OUTER);
  hand_to(TRACEE);
  tell_end(TRACEE);
}

int main(int argc, char** argv) {
  return nest(argc, argv, (Story){.outer = outer, .inner = inner, .tracee = tracee});
}
