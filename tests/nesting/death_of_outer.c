// OUTER dies in each kind of stop. What it held goes on to INNER: a signal whose stop OUTER had waited for is
// dropped, one that it had not waited for is INNER's to see. What INNER holds it keeps.

#include "death.h"

// Once OUTER is dead comes SIGUSR2, which INNER is there to see.
static void tracee(void) {
  if (with_outer()) {
    live();
    await_death(OUTER);
  }
  signal(SIGUSR2, quiet_handler);
  send(TRACEE, SIGUSR2);
  _exit(7);
}
static void inner(void) {
  tell_stop(TRACEE);
  tell_go(PTRACE_CONT, TRACEE, SIGUSR2);
  tell_end(TRACEE);
}

// The signal was not lost with OUTER.
static void inner_sees_signal(void) {
  if (both()) {
    starred();
    tell_stop(TRACEE);
    tell_siginfo(TRACEE);
    tell_go(PTRACE_CONT, TRACEE, 0);
    plain();
  }
  inner();
}

// kernel/ptrace.c: a syscall-stop that nobody has waited for leaves its SIGTRAP behind.
static void tracee_of_sigtrap(void) {
  if (with_outer()) {
    live();
  } else {
    send(TRACEE, SIGTRAP);
  }
}
static void inner_sees_sigtrap(void) {
  tell_stop(TRACEE);
  tell_go(PTRACE_CONT, TRACEE, SIGTRAP);
  tell_end(TRACEE);
}

// Without INNER, somebody else has to end the group-stop.
static void stopping_tracee(void) {
  send(TRACEE, SIGSTOP);
  _exit(7);
}
static void outer_dies_at_group_stop(void) {
  if (!with_inner() && fork() == 0) {
    await_death(OUTER);
    send(TRACEE, SIGCONT);
    _exit(0);
  }
  die_at_group_stop();
}
static void inner_sees_group_stop(void) {
  tell_stop(TRACEE);
  tell_go(PTRACE_CONT, TRACEE, SIGSTOP);
  tell_stop(TRACEE);
  tell_go(PTRACE_LISTEN, TRACEE, 0);
  send(TRACEE, SIGCONT);
  tell_stop(TRACEE);
  tell_go(PTRACE_CONT, TRACEE, 0);
  tell_stop(TRACEE);
  tell_go(PTRACE_CONT, TRACEE, 0);
  tell_end(TRACEE);
}

static void ending_tracee(void) {
  if (with_outer()) send(TRACEE, SIGUSR1);
  _exit(7);
}
static void inner_sees_end(void) { tell_end(TRACEE); }

static void while_inner_holds(void) {
  need_wait(TRACEE, STOPPED(SIGUSR1));
  need_pt(PTRACE_CONT, TRACEE, 0, SIGUSR1);
  my_turn(INNER);
  die();
}
static void inner_holds(void) {
  if (both()) {
    starred();
    tell_stop(TRACEE);
    hand_to(OUTER);
    await_death(OUTER);
    tell_siginfo(TRACEE);
    tell_go(PTRACE_CONT, TRACEE, SIGUSR1);
    plain();
  }
  inner();
}

int main(int argc, char** argv) {
  const Story stories[] = {
      {"running", die_while_running, inner, tracee},
      {"signal-delivery-stop", die_at_signal, inner, tracee},
      {"signal-delivery-stop, not waited for", die_at_signal_not_waited, inner_sees_signal, tracee},
      {"syscall-enter-stop", die_at_enter, inner, tracee},
      {"syscall-enter-stop, not waited for", die_at_enter_not_waited, inner_sees_sigtrap, tracee_of_sigtrap},
      {"syscall-exit-stop", die_at_exit, inner, tracee},
      {"EVENT_STOP", die_at_event_stop, inner, tracee},
      {"EVENT_FORK", die_at_event, inner, tracee, .outer_options = PTRACE_O_TRACEFORK},
      {"group-stop", outer_dies_at_group_stop, inner_sees_group_stop, stopping_tracee},
      {"EVENT_EXIT", die_at_event, inner_sees_end, ending_tracee, .outer_options = PTRACE_O_TRACEEXIT},
      {"zombie", die_before_reaping, inner_sees_end, ending_tracee},
      {"while INNER holds", while_inner_holds, inner_holds, tracee},
  };
  return nest_each(argc, argv, stories, sizeof stories / sizeof stories[0]);
}
