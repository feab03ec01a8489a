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
static void sees_sigtrap(void) {
  tell_stop(TRACEE);
  tell_siginfo(TRACEE);
  tell_go(PTRACE_CONT, TRACEE, 0);
  tell_end(TRACEE);
}
static void sees_nothing(void) { tell_end(TRACEE); }

int main(int argc, char** argv) {
  const unsigned long asks = PTRACE_O_TRACEEXEC;
  const Story stories[] = {
      {"both ask and have attached", sees_event, sees_event, tracee, asks, asks, 1, 1},
      {"OUTER has attached", sees_sigtrap, sees_nothing, tracee, 0, 0, 1, 0},
      {"INNER has attached", sees_nothing, sees_sigtrap, tracee, 0, 0, 0, 1},
      {"both have attached", sees_sigtrap, sees_sigtrap, tracee, 0, 0, 1, 1},
      {"both have attached, OUTER asks", sees_event, sees_sigtrap, tracee, asks, 0, 1, 1},
  };
  return nest_each(argc, argv, stories, sizeof stories / sizeof stories[0]);
}
