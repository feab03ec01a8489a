// INNER dies in each kind of stop. OUTER, which sees INNER's end as that of any tracee, sees of TRACEE what
// it would have seen anyway, and no stop of INNER's twice.

#include "death.h"

static void tracee(void) {
  live();
  if (with_inner()) await_death(INNER);
  signal(SIGUSR2, quiet_handler);
  send(TRACEE, SIGUSR2);
  _exit(7);
}

// INNER's end comes with no signal that OUTER could see before: it is dead, and TRACEE goes on.
static void tell_death_of_inner(void) {
  if (!both()) return;
  starred();
  tell_end(INNER);
  plain();
}
static void see_the_rest(void) {
  tell_death_of_inner();
  tell_stop(TRACEE);
  tell_go(PTRACE_CONT, TRACEE, SIGUSR2);
  tell_end(TRACEE);
}

static void outer(void) {
  met(PTRACE_CONT);
  see_the_rest();
}

// OUTER traces the system calls in which INNER dies.
static void outer_traces_calls(void) {
  met(PTRACE_SYSCALL);
  tell_death_of_inner();
  tell_call(TRACEE);
  tell_go(PTRACE_SYSCALL, TRACEE, 0);
  tell_call(TRACEE);
  tell_go(PTRACE_CONT, TRACEE, 0);
  tell_stop(TRACEE);
  tell_go(PTRACE_CONT, TRACEE, SIGUSR2);
  tell_end(TRACEE);
}

// INNER's syscall-stop that it has not waited for leaves a SIGTRAP behind, and that is a signal.
static void tracee_of_sigtrap(void) {
  live();
  if (with_inner()) await_death(INNER);
  if (!with_inner()) send(TRACEE, SIGTRAP);
  _exit(7);
}
static void outer_sees_sigtrap(void) {
  met(PTRACE_CONT);
  tell_death_of_inner();
  tell_stop(TRACEE);
  tell_go(PTRACE_CONT, TRACEE, SIGTRAP);
  tell_end(TRACEE);
}

static void stopping_tracee(void) {
  send(TRACEE, SIGSTOP);
  _exit(7);
}
static void outer_sees_group_stop(void) {
  tell_stop(TRACEE);
  tell_go(PTRACE_CONT, TRACEE, SIGSTOP);
  tell_stop(TRACEE);
  tell_go(PTRACE_LISTEN, TRACEE, 0);
  tell_death_of_inner();
  send(TRACEE, SIGCONT);
  tell_stop(TRACEE);
  tell_go(PTRACE_CONT, TRACEE, 0);
  tell_stop(TRACEE);
  tell_go(PTRACE_CONT, TRACEE, 0);
  tell_end(TRACEE);
}
// Without OUTER, somebody else has to end the group-stop.
static void inner_dies_at_group_stop(void) {
  if (!with_outer() && fork() == 0) {
    await_death(INNER);
    send(TRACEE, SIGCONT);
    _exit(0);
  }
  die_at_group_stop();
}

static void ending_tracee(void) {
  signal(SIGUSR1, quiet_handler);
  send(TRACEE, SIGUSR1);
  _exit(7);
}
static void outer_sees_end(void) {
  met(PTRACE_CONT);
  tell_death_of_inner();
  tell_end(TRACEE);
}
// A zombie is OUTER's first, so INNER dies before OUTER takes it.
static void outer_takes_zombie(void) {
  met(PTRACE_CONT);
  tell_end(TRACEE);
  tell_death_of_inner();
}

static void while_outer_holds(void) {
  tell_stop(TRACEE);
  hand_to(INNER);
  tell_death_of_inner();
  tell_siginfo(TRACEE);
  tell_go(PTRACE_CONT, TRACEE, SIGUSR1);
  tell_stop(TRACEE);
  tell_go(PTRACE_CONT, TRACEE, SIGUSR2);
  tell_end(TRACEE);
}
static void inner_dies_beside(void) {
  my_turn(OUTER);
  die();
}

int main(int argc, char** argv) {
  const Story stories[] = {
      {"running", outer, die_while_running, tracee},
      {"signal-delivery-stop", outer, die_at_signal, tracee},
      {"signal-delivery-stop, not waited for", outer, die_at_signal_not_waited, tracee},
      {"syscall-enter-stop", outer_traces_calls, die_at_enter, tracee},
      {"syscall-enter-stop, not waited for", outer_sees_sigtrap, die_at_enter_not_waited, tracee_of_sigtrap},
      {"EVENT_STOP", outer, die_at_event_stop, tracee},
      {"EVENT_FORK", outer, die_at_event, tracee, .inner_options = PTRACE_O_TRACEFORK},
      {"group-stop", outer_sees_group_stop, inner_dies_at_group_stop, stopping_tracee},
      {"EVENT_EXIT", outer_sees_end, die_at_event, ending_tracee, .inner_options = PTRACE_O_TRACEEXIT},
      {"zombie", outer_takes_zombie, die_before_reaping, ending_tracee},
      {"while OUTER holds", while_outer_holds, inner_dies_beside, tracee},
  };
  return nest_each(argc, argv, stories, sizeof stories / sizeof stories[0]);
}
