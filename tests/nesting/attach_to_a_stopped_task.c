// TRACEE is in a group-stop with a tracer that listens, or has just been told of it. A newcomer, inside or
// outside, finds it stopped at once, as the kernel has it for the only tracer. SIGCONT ends it for both.
// Run with --proc=native.

#include "nesting.h"

static void tracee(void) {
  my_turn(TRACEE);
  send(TRACEE, SIGSTOP);
}

static void first_listens(pid_t second) {
  attach(PTRACE_SEIZE, TRACEE, 0);
  if (both() && second == INNER) need_pt(PTRACE_SEIZE, INNER, 0, 0);
  hand_to(TRACEE);
  tell_stop(TRACEE);
  tell_go(PTRACE_CONT, TRACEE, SIGSTOP);
  tell_stop(TRACEE);
  tell_go(PTRACE_LISTEN, TRACEE, 0);
  turn_to(second);
  if (both()) tell_runs(TRACEE);
  send(TRACEE, SIGCONT);
  hand_to(second);
}
// OUTER's part of the end: everything is its first.
static void rest(void) {
  tell_stop(TRACEE);
  tell_go(PTRACE_CONT, TRACEE, 0);
  tell_stop(TRACEE);
  tell_go(PTRACE_CONT, TRACEE, SIGCONT);
  tell_end(TRACEE);
}

// Alone, the newcomer finds a task that nobody traces in its group-stop. (nestrace needs --proc=native to
// show that, and not its own stops.)
static void stop_untraced(void) {
  hand_to(TRACEE);
  char state = 0;
  while (state != 'T') {
    char path[64], line[512];
    snprintf(path, sizeof path, "/proc/%d/stat", TRACEE);
    const int fd = open(path, O_RDONLY);
    const long length = read(fd, line, sizeof line - 1);
    NEED(length > 0);
    close(fd);
    line[length] = 0;
    state = strrchr(line, ')')[2];
    sched_yield();
  }
}
static void newcomer(pid_t first) {
  my_turn(first);
  if (!both()) stop_untraced();
  if (both() && first == INNER) need_pt(PTRACE_SEIZE, INNER, 0, 0);
  attach(PTRACE_SEIZE, TRACEE, 0);
  tell_stop(TRACEE);
  tell_go(PTRACE_LISTEN, TRACEE, 0);
  if (!both()) send(TRACEE, SIGCONT);
  turn_to(first);
}

static void outer_first(void) {
  first_listens(INNER);
  rest();
}
static void inner_second(void) {
  newcomer(OUTER);
  rest();
}
static void inner_first(void) {
  first_listens(OUTER);
  rest();
}
static void outer_second(void) {
  newcomer(INNER);
  rest();
}

int main(int argc, char** argv) {
  const Story stories[] = {
      {"INNER comes", outer_first, inner_second, tracee, .by_hand = 1},
      {"OUTER comes", outer_second, inner_first, tracee, .by_hand = 1},
  };
  return nest_each(argc, argv, stories, sizeof stories / sizeof stories[0]);
}
