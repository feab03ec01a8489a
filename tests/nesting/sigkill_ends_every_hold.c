// SIGKILL ends the tracee whoever holds it, in whatever stop; both tracers hear of it, OUTER first. With
// PTRACE_O_TRACEEXIT it stops once more on its way, for those who asked.

#include "nesting.h"

static void tracee(void) {
  send(TRACEE, SIGUSR1);
  block_forever();
}

static void killed_for_outer(void) {
  tell_stop(TRACEE);
  send(TRACEE, SIGKILL);
  tell_end(TRACEE);
}

static void pass(void) {
  need_wait(TRACEE, STOPPED(SIGUSR1));
  need_pt(PTRACE_CONT, TRACEE, 0, with_inner() ? SIGUSR1 : 0);
  if (!with_inner()) send(TRACEE, SIGKILL);
}
static void pass_and_wait_for_end(void) {
  pass();
  tell_end(TRACEE);
}
static void killed_for_inner(void) {
  tell_stop(TRACEE);
  send(TRACEE, SIGKILL);
  tell_end(TRACEE);
}
static void interrupted(void) {
  tell_stop(TRACEE);
  turn_to(INNER);
  send(TRACEE, SIGKILL);
  tell_end(TRACEE);
}
static void interrupter(void) {
  my_turn(OUTER);
  if (!with_outer()) need_wait(TRACEE, STOPPED(SIGUSR1));
  if (with_outer()) {
    need_pt(PTRACE_INTERRUPT, TRACEE, 0, 0);
    need_wait(TRACEE, EVENT_STOP(SIGTRAP));
  } else {
    send(TRACEE, SIGKILL);
  }
  hand_to(OUTER);
  tell_end(TRACEE);
}

static void to_exit(void) {
  tell_stop(TRACEE);
  say("message %s", status_words(event_message(TRACEE)));
  tell_go(PTRACE_CONT, TRACEE, 0);
  tell_end(TRACEE);
}
static void exits_for_outer(void) {
  need_wait(TRACEE, STOPPED(SIGUSR1));
  send(TRACEE, SIGKILL);
  to_exit();
}
static void exits_for_inner(void) {
  if (!with_outer()) {
    need_wait(TRACEE, STOPPED(SIGUSR1));
    send(TRACEE, SIGKILL);
  }
  to_exit();
}
static void dies_for_inner(void) {
  if (!with_outer()) {
    need_wait(TRACEE, STOPPED(SIGUSR1));
    send(TRACEE, SIGKILL);
  }
  tell_end(TRACEE);
}
static void dies_for_outer(void) {
  need_wait(TRACEE, STOPPED(SIGUSR1));
  send(TRACEE, SIGKILL);
  tell_end(TRACEE);
}

int main(int argc, char** argv) {
  const unsigned long traced = PTRACE_O_TRACEEXIT;
  const Story stories[] = {
      {"held by OUTER", killed_for_outer, dies_for_inner, tracee},
      {"held by INNER", pass_and_wait_for_end, killed_for_inner, tracee},
      {"held by both", interrupted, interrupter, tracee},
      {"EVENT_EXIT for both", exits_for_outer, exits_for_inner, tracee, traced, traced},
      {"EVENT_EXIT for OUTER", exits_for_outer, dies_for_inner, tracee, traced, 0},
      {"EVENT_EXIT for INNER", dies_for_outer, exits_for_inner, tracee, 0, traced},
  };
  return nest_each(argc, argv, stories, sizeof stories / sizeof stories[0]);
}
