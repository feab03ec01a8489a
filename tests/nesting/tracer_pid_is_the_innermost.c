// TracerPid in /proc/PID/status is the innermost tracer; after its DETACH the other one.
// Run with --proc=native.

#include "nesting.h"

static void tracee(void) { gate_pass(nest_state.turn[kTracee]); }

static void tell_tracer(void) {
  char path[64], text[4096];
  snprintf(path, sizeof path, "/proc/%d/status", TRACEE);
  const int fd = open(path, O_RDONLY);
  const ssize_t length = read(fd, text, sizeof text - 1);
  NEED(length > 0);
  text[length] = 0;
  close(fd);
  const int tracer = atoi(strstr(text, "TracerPid:") + 10);
  say("TracerPid %s", tracer == 0 ? "0" : pid_words(tracer));
}

static void outer(void) {
  my_turn(INNER);
  if (both()) {
    starred();
    tell_tracer();
    plain();
  }
  turn_to(INNER);
  tell_tracer();
  hand_to(TRACEE);
  tell_end(TRACEE);
}

static void inner(void) {
  tell_tracer();
  turn_to(OUTER);
  need_pt(PTRACE_INTERRUPT, TRACEE, 0, 0);
  need_wait(TRACEE, PTRACE_EVENT_STOP << 16 | STOPPED(SIGTRAP));
  tell_go(PTRACE_DETACH, TRACEE, 0);
  hand_to(with_outer() ? OUTER : TRACEE);
}

int main(int argc, char** argv) {
  return nest(argc, argv, (Story){.outer = outer, .inner = inner, .tracee = tracee});
}
