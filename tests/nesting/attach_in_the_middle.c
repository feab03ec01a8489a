// A second tracer comes while the first one holds the tracee, or listens, or lets it run. One that the first
// tracer traces nests inside it, and is shown what is still on its way to it; one that traces the first
// tracer nests outside.

#include "nesting.h"

static void handler(int signal) { (void)signal; }

static void tracee(void) {
  signal(SIGUSR1, handler);
  signal(SIGUSR2, handler);
  gate_pass(nest_state.turn[kTracee]);
  send(TRACEE, SIGUSR1);
  send(TRACEE, SIGUSR2);
}

static void seize(pid_t pid) { attach(PTRACE_SEIZE, pid, 0); }

// -- The second one is inside: OUTER traces INNER and TRACEE.

static void outer_begins(void) {
  if (both()) seize(INNER);
  seize(TRACEE);
  gate_open(nest_state.turn[kTracee]);
  tell_stop(TRACEE);
}
static void outer_ends(void) {
  tell_stop(TRACEE);
  tell_go(PTRACE_CONT, TRACEE, 0);
  tell_end(TRACEE);
}

// Alone, INNER comes before the signal does.
static void inner_comes(void) {
  my_turn(OUTER);
  seize(TRACEE);
  tell_runs(TRACEE);
  hand_to(OUTER);
  if (!with_outer()) gate_open(nest_state.turn[kTracee]);
}

static void outer_at_signal(void) {
  outer_begins();
  turn_to(INNER);
  tell_go(PTRACE_CONT, TRACEE, SIGUSR1);
  outer_ends();
}
static void inner_at_signal(void) {
  inner_comes();
  tell_stop(TRACEE);
  tell_siginfo(TRACEE);
  tell_go(PTRACE_CONT, TRACEE, 0);
  if (!with_outer()) {  // which suppresses the second one
    need_wait(TRACEE, STOPPED(SIGUSR2));
    need_pt(PTRACE_CONT, TRACEE, 0, 0);
  }
  tell_end(TRACEE);
}

// PTRACE_ATTACH: its SIGSTOP is INNER's alone, and comes when the tracee runs again.
static void outer_at_signal_of_attached(void) {
  outer_begins();
  turn_to(INNER);
  tell_go(PTRACE_CONT, TRACEE, 0);
  my_turn(INNER);
  tell_runs(TRACEE);
  hand_to(INNER);
  outer_ends();
}
static void inner_attaches(void) {
  my_turn(OUTER);
  attach(PTRACE_ATTACH, TRACEE, 0);
  tell_runs(TRACEE);
  hand_to(OUTER);
  tell_stop(TRACEE);
  tell_siginfo(TRACEE);
  turn_to(OUTER);
  tell_go(PTRACE_CONT, TRACEE, 0);
  if (!with_outer()) {
    gate_open(nest_state.turn[kTracee]);
    need_wait(TRACEE, STOPPED(SIGUSR1));
    need_pt(PTRACE_CONT, TRACEE, 0, 0);
    need_wait(TRACEE, STOPPED(SIGUSR2));
    need_pt(PTRACE_CONT, TRACEE, 0, 0);
  }
  tell_end(TRACEE);
}

// -- The second one is outside: INNER traces TRACEE, OUTER comes and traces both.

static void inner_is_first(void) {
  seize(TRACEE);
  gate_open(nest_state.turn[kTracee]);
  tell_stop(TRACEE);
  turn_to(OUTER);
  tell_go(PTRACE_CONT, TRACEE, 0);
  tell_stop(TRACEE);
  tell_siginfo(TRACEE);
  tell_go(PTRACE_CONT, TRACEE, 0);
  tell_end(TRACEE);
}
static void outer_is_second(void) {
  my_turn(INNER);
  if (both()) seize(INNER);
  seize(TRACEE);
  tell_runs(TRACEE);
  hand_to(INNER);
  if (!with_inner()) {
    gate_open(nest_state.turn[kTracee]);
    need_wait(TRACEE, STOPPED(SIGUSR1));
    need_pt(PTRACE_CONT, TRACEE, 0, 0);
  }
  tell_stop(TRACEE);
  tell_go(PTRACE_CONT, TRACEE, SIGUSR2);
  tell_end(TRACEE);
}

int main(int argc, char** argv) {
  const Story stories[] = {
      {"INNER seizes at a signal of OUTER", outer_at_signal, inner_at_signal, tracee, .by_hand = 1},
      {"INNER attaches at a signal of OUTER", outer_at_signal_of_attached, inner_attaches, tracee,
       .by_hand = 1},
      {"OUTER seizes at a signal of INNER", outer_is_second, inner_is_first, tracee, .by_hand = 1},
  };
  return nest_each(argc, argv, stories, sizeof stories / sizeof stories[0]);
}
