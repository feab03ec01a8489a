// Who is not traced by the tracee's tracer is refused, as by the kernel: INNER before OUTER traces it, and
// OUTER as long as INNER, which it does not trace, is the tracer. Nobody traces the same tracee twice, and
// nobody himself.

#include "nesting.h"

static void tracee(void) {
  signal(SIGUSR1, SIG_IGN);
  my_turn(TRACEE);
  send(TRACEE, SIGUSR1);
}

static void refused(long request, pid_t pid) {
  starred();
  say("%s(%s) = %s", request_words(request), pid_words(pid), answer_words(pt(request, pid, 0, 0)));
  plain();
}
static void pass(void) {
  tell_stop(TRACEE);
  tell_go(PTRACE_CONT, TRACEE, SIGUSR1);
  tell_end(TRACEE);
}

static void outer(void) {
  attach(PTRACE_SEIZE, TRACEE, 0);
  turn_to(INNER);
  if (both()) need_pt(PTRACE_SEIZE, INNER, 0, 0);
  if (both()) refused(PTRACE_ATTACH, OUTER);
  if (both()) refused(PTRACE_ATTACH, TRACEE);
  hand_to(INNER);
  if (!with_inner()) hand_to(TRACEE);
  pass();
}
static void inner(void) {
  my_turn(OUTER);
  if (both()) {
    refused(PTRACE_ATTACH, TRACEE);
    refused(PTRACE_SEIZE, TRACEE);
    turn_to(OUTER);
  }
  attach(PTRACE_SEIZE, TRACEE, 0);
  if (both()) refused(PTRACE_SEIZE, TRACEE);
  hand_to(TRACEE);
  pass();
}

static void late_outer(void) {
  my_turn(INNER);
  if (both()) refused(PTRACE_SEIZE, TRACEE);
  if (both()) need_pt(PTRACE_SEIZE, INNER, 0, 0);
  attach(PTRACE_SEIZE, TRACEE, 0);
  hand_to(INNER);
  if (!with_inner()) hand_to(TRACEE);
  pass();
}
static void early_inner(void) {
  attach(PTRACE_SEIZE, TRACEE, 0);
  turn_to(OUTER);
  hand_to(TRACEE);
  pass();
}

int main(int argc, char** argv) {
  const Story stories[] = {
      {"OUTER is first", outer, inner, tracee, .by_hand = 1},
      {"INNER is first", late_outer, early_inner, tracee, .by_hand = 1},
  };
  return nest_each(argc, argv, stories, sizeof stories / sizeof stories[0]);
}
