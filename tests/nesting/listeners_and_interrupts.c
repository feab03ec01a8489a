// PTRACE_LISTEN by one tracer does not keep the other from anything: while INNER listens, OUTER may
// interrupt, and INNER hears nothing of it; and the other way round. A listener hears of its own interrupt.

#include "nesting.h"

static void tracee(void) { send(TRACEE, SIGSTOP); }

static void to_group_stop(void) {
  need_wait(TRACEE, STOPPED(SIGSTOP));
  need_pt(PTRACE_CONT, TRACEE, 0, SIGSTOP);
  tell_stop(TRACEE);
  tell_go(PTRACE_LISTEN, TRACEE, 0);
}

static void interrupt(void) {
  tell_pt(PTRACE_INTERRUPT, TRACEE, 0, 0);
  tell_stop(TRACEE);
}

static void outer(void) {
  to_group_stop();
  my_turn(INNER);
  interrupt();
  turn_to(INNER);
  tell_go(PTRACE_LISTEN, TRACEE, 0);
  turn_to(INNER);
  tell_runs(TRACEE);
  interrupt();
  turn_to(INNER);
  send(TRACEE, SIGKILL);
  tell_end(TRACEE);
}

static void inner(void) {
  to_group_stop();
  turn_to(OUTER);
  tell_runs(TRACEE);
  turn_to(OUTER);
  interrupt();
  turn_to(OUTER);
  tell_go(PTRACE_LISTEN, TRACEE, 0);
  tell_runs(TRACEE);
  hand_to(OUTER);
  if (!with_outer()) send(TRACEE, SIGKILL);
  tell_end(TRACEE);
}

int main(int argc, char** argv) {
  return nest(argc, argv, (Story){.outer = outer, .inner = inner, .tracee = tracee});
}
