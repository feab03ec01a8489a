// Only INNER traces system calls: OUTER sees the tracee run from end to end.

#include "nesting.h"

static void tracee(void) {
  meet();
  syscall(SYS_gettid);
}

static void outer(void) {
  met(PTRACE_CONT);
  for (int i = 0; i < 2; i++) {
    my_turn(INNER);
    tell_runs(TRACEE);
    hand_to(INNER);
  }
  tell_end(TRACEE);
}

static void inner(void) {
  met(PTRACE_SYSCALL);
  tell_call(TRACEE);
  turn_to(OUTER);
  tell_go(PTRACE_SYSCALL, TRACEE, 0);
  tell_call(TRACEE);
  turn_to(OUTER);
  tell_go(PTRACE_CONT, TRACEE, 0);
  tell_end(TRACEE);
}

int main(int argc, char** argv) {
  return nest(argc, argv, (Story){.outer = outer, .inner = inner, .tracee = tracee});
}
