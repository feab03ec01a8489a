// One tracer steps while the other traces system calls, or steps too, or lets the tracee run. Each gets the
// stops of its own mode: a step over a system call is one step, whose trap comes behind the stops of the
// call; a trap of both goes outermost first.

#include "steps.h"

static void run_along(void) {
  met(PTRACE_CONT);
  tell_end(TRACEE);
}

int main(int argc, char** argv) {
  const Story stories[] = {
      {"INNER steps, OUTER continues", run_along, step_along, stepped},
      {"INNER steps, OUTER traces calls", trace_the_call, step_along, stepped},
      {"OUTER steps, INNER continues", step_along, run_along, stepped},
      {"OUTER steps, INNER traces calls", step_along, trace_the_call, stepped},
      {"both step", step_along, step_along, stepped},
  };
  return nest_each(argc, argv, stories, sizeof stories / sizeof stories[0]);
}
