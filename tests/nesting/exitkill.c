// PTRACE_O_EXITKILL of one tracer kills the tracee when that tracer dies, whoever holds it; the other one
// hears of it. INNER is no tracee with that option and lives on.

#include "death.h"

static void tracee(void) {
  signal(SIGUSR1, quiet_handler);
  send(TRACEE, SIGUSR1);
  block_forever();
}
static void hear_of_it(void) { tell_end(TRACEE); }

static void outer_dies_running(void) {
  need_wait(TRACEE, STOPPED(SIGUSR1));
  need_pt(PTRACE_CONT, TRACEE, 0, 0);
  die();
}
// Alone, INNER sees a tracee that is killed by nobody it knows.
static void inner_hears(void) {
  if (!with_outer()) {
    need_wait(TRACEE, STOPPED(SIGUSR1));
    send(TRACEE, SIGKILL);
  }
  hear_of_it();
}
static void outer_dies_while_inner_holds(void) {
  need_wait(TRACEE, STOPPED(SIGUSR1));
  need_pt(PTRACE_CONT, TRACEE, 0, SIGUSR1);
  my_turn(INNER);
  die();
}
static void inner_holds(void) {
  tell_stop(TRACEE);
  hand_to(OUTER);
  if (!with_outer()) send(TRACEE, SIGKILL);
  hear_of_it();
}

static void outer_hears(void) {
  need_wait(TRACEE, STOPPED(SIGUSR1));
  need_pt(PTRACE_CONT, TRACEE, 0, SIGUSR1);
  if (!with_inner()) send(TRACEE, SIGKILL);
  hear_of_it();
}
static void outer_holds(void) {
  tell_stop(TRACEE);
  hand_to(INNER);
  if (!with_inner()) send(TRACEE, SIGKILL);
  hear_of_it();
}
static void inner_dies_beside(void) {
  my_turn(OUTER);
  die();
}

int main(int argc, char** argv) {
  const unsigned long kill = PTRACE_O_EXITKILL;
  const Story stories[] = {
      {"OUTER dies in its stop", die_at_signal, inner_hears, tracee, .outer_options = kill},
      {"OUTER dies, the tracee runs", outer_dies_running, inner_hears, tracee, .outer_options = kill},
      {"OUTER dies, INNER holds", outer_dies_while_inner_holds, inner_holds, tracee, .outer_options = kill},
      {"INNER dies in its stop", outer_hears, die_at_signal, tracee, .inner_options = kill},
      {"INNER dies, the tracee runs", outer_hears, die_while_running, tracee, .inner_options = kill},
      {"INNER dies, OUTER holds", outer_holds, inner_dies_beside, tracee, .inner_options = kill},
  };
  return nest_each(argc, argv, stories, sizeof stories / sizeof stories[0]);
}
