// PTRACE_EVENT_EXEC goes to those who asked for it, OUTER first. A tracer that attached without seizing, and
// did not ask, gets the SIGTRAP of its own; nobody else sees that.

#include "nesting.h"

static void tracee(void) { exec_self("7"); }

static void sees_event(void) {
  tell_stop(TRACEE);
  say("message %s", pid_words(event_message(TRACEE)));
  tell_go(PTRACE_CONT, TRACEE, 0);
  tell_end(TRACEE);
}
static void sees_nothing(void) { tell_end(TRACEE); }

int main(int argc, char** argv) {
  const unsigned long asks = PTRACE_O_TRACEEXEC;
  const Story stories[] = {
      {"both ask", sees_event, sees_event, tracee, asks, asks},
      {"OUTER asks", sees_event, sees_nothing, tracee, asks, 0},
      {"INNER asks", sees_nothing, sees_event, tracee, 0, asks},
      {"nobody asks", sees_nothing, sees_nothing, tracee, 0, 0},
  };
  return nest_each(argc, argv, stories, sizeof stories / sizeof stories[0]);
}
