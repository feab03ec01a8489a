// TRACEE, which has two tracers, makes itself a tracer, of CHILD; then INNER comes to CHILD, and then OUTER.
// Each newcomer traces those who were there before, so it nests outside them: a signal goes from OUTER to
// INNER to TRACEE. When TRACEE is held by its tracers it misses nothing.

#include "nesting.h"

static Gate child_go;
static pid_t* child;

static void child_body(void) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  signal(SIGUSR2, SIG_IGN);
  gate_pass(child_go);
  send(getpid(), SIGUSR2);
  _exit(5);
}

static void tracee(void) {
  struct sigaction action = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDSTOP};
  sigaction(SIGCHLD, &action, NULL);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  sigprocmask(SIG_BLOCK, &set, NULL);
  *child = spawn("CHILD", child_body);
  need_pt(PTRACE_SEIZE, *child, 0, 0);
  hand_to(INNER);
  if (!with_inner()) hand_to(OUTER);
  my_turn(with_inner() ? INNER : OUTER);
  gate_open(child_go);
  tell_stop(*child);
  tell_siginfo(*child);
  tell_go(PTRACE_CONT, *child, SIGUSR2);
  tell_end(*child);
}

static void come(void) {
  name_pid(*child, "CHILD");
  if (!both()) return;
  starred();
  attach(PTRACE_SEIZE, *child, 0);
  plain();
}
static void see_child(void) {
  if (!both()) return;
  starred();
  tell_stop(*child);
  tell_go(PTRACE_CONT, *child, SIGUSR2);
  hand_to(OUTER);
  tell_end(*child);
  plain();
}

static void inner(void) {
  my_turn(TRACEE);
  come();
  turn_to(OUTER);
  hand_to(TRACEE);
  see_child();
  tell_end(TRACEE);
}

// TRACEE is held in a stop while CHILD comes to it.
static void outer(void) {
  my_turn(with_inner() ? INNER : TRACEE);
  come();
  if (both()) {
    starred();
    tell_pt(PTRACE_INTERRUPT, TRACEE, 0, 0);
    tell_stop(TRACEE);
    hand_to(INNER);
    gate_open(child_go);
    tell_stop(*child);
    tell_go(PTRACE_CONT, *child, SIGUSR2);
    my_turn(INNER);
    tell_go(PTRACE_CONT, TRACEE, 0);
    tell_end(*child);
    plain();
  } else {
    hand_to(TRACEE);
  }
  tell_end(TRACEE);
}

int main(int argc, char** argv) {
  child_go = gate_new();
  child = shared_memory(sizeof *child);
  return nest(argc, argv, (Story){.outer = outer, .inner = inner, .tracee = tracee});
}
