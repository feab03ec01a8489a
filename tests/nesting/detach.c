// DETACH needs a stop of the tracer's own. Its signal is what the other tracer, or the tracee, gets; what the
// other one holds stays held; and from then on the tracee has one tracer.

#include "nesting.h"

static int handled[2], count;
static void handler(int signal) { handled[count++] = signal; }

static void tracee(void) {
  signal(SIGUSR1, handler);
  signal(SIGUSR2, handler);
  send(TRACEE, SIGUSR1);
  my_turn(TRACEE);
  send(TRACEE, SIGUSR2);
  say_both("handled %s, %s", signal_words(handled[0]), signal_words(handled[1]));
}

// What the tracer that stays sees of the rest.
static void stay(void) {
  hand_to(TRACEE);
  tell_stop(TRACEE);
  tell_go(PTRACE_CONT, TRACEE, SIGUSR2);
  tell_end(TRACEE);
}

// The caller traces no more; `other` stays, or nobody.
static void leave(pid_t other) {
  say("CONT: %s", answer_words(pt(PTRACE_CONT, TRACEE, 0, 0)));
  hand_to(both() ? other : TRACEE);
}

static void interrupt_and_leave(pid_t other) {
  say_both("DETACH: %s", answer_words(pt(PTRACE_DETACH, TRACEE, 0, 0)));
  tell_pt(PTRACE_INTERRUPT, TRACEE, 0, 0);
  tell_stop(TRACEE);
  tell_go(PTRACE_DETACH, TRACEE, 0);
  leave(other);
}

// OUTER detaches at its signal-delivery-stop, with another signal.
static void outer_detaches(void) {
  tell_stop(TRACEE);
  tell_go(PTRACE_DETACH, TRACEE, SIGUSR2);
  my_turn(INNER);
  leave(INNER);
}
static void inner_stays(void) {
  if (with_outer()) {
    starred();
    tell_stop(TRACEE);
    tell_siginfo(TRACEE);
    turn_to(OUTER);
    tell_go(PTRACE_CONT, TRACEE, SIGUSR2);
    plain();
  } else {
    need_wait(TRACEE, STOPPED(SIGUSR1));
    need_pt(PTRACE_CONT, TRACEE, 0, 0);
  }
  stay();
}

// INNER detaches at its signal-delivery-stop, with another signal.
static void outer_stays(void) {
  tell_stop(TRACEE);
  tell_go(PTRACE_CONT, TRACEE, SIGUSR1);
  my_turn(INNER);
  stay();
}
static void inner_detaches(void) {
  tell_stop(TRACEE);
  tell_go(PTRACE_DETACH, TRACEE, SIGUSR2);
  leave(OUTER);
}

// OUTER leaves by way of PTRACE_INTERRUPT while INNER holds the tracee.
static void outer_leaves(void) {
  need_wait(TRACEE, STOPPED(SIGUSR1));
  need_pt(PTRACE_CONT, TRACEE, 0, SIGUSR1);
  my_turn(INNER);
  interrupt_and_leave(INNER);
}
static void inner_holds(void) {
  tell_stop(TRACEE);
  turn_to(OUTER);
  tell_siginfo(TRACEE);
  tell_go(PTRACE_CONT, TRACEE, SIGUSR1);
  stay();
}

// INNER leaves in the same way while OUTER holds the tracee.
static void outer_holds(void) {
  tell_stop(TRACEE);
  turn_to(INNER);
  tell_siginfo(TRACEE);
  tell_go(PTRACE_CONT, TRACEE, SIGUSR1);
  stay();
}
static void inner_leaves(void) {
  my_turn(OUTER);
  if (!with_outer()) {
    need_wait(TRACEE, STOPPED(SIGUSR1));
    need_pt(PTRACE_CONT, TRACEE, 0, SIGUSR1);
  }
  interrupt_and_leave(OUTER);
}

int main(int argc, char** argv) {
  const Story stories[] = {
      {"OUTER at a signal", outer_detaches, inner_stays, tracee},
      {"INNER at a signal", outer_stays, inner_detaches, tracee},
      {"OUTER, while INNER holds", outer_leaves, inner_holds, tracee},
      {"INNER, while OUTER holds", outer_holds, inner_leaves, tracee},
  };
  return nest_each(argc, argv, stories, sizeof stories / sizeof stories[0]);
}
