// SECCOMP_RET_TRACE goes to those who asked for PTRACE_EVENT_SECCOMP, OUTER first, and is ENOSYS if nobody
// did. So it is for calls that nestrace intercepts itself (wait4).

#include "nesting.h"
#include "seccomp.h"

static long number, argument, wanted;

static void call(int filtered) {
  if (filtered) filter_call(number, SECCOMP_RET_TRACE | 5);
  const long answer = raw(syscall(number, argument, 0, 0, 0));
  _exit(answer == (number == SYS_gettid ? TRACEE : wanted) ? 7 : answer == -ENOSYS ? 8 : 9);
}
static void traced(void) { call(1); }
// While the one who asked is away, there is no filter: for the other one it is as if the call were let run.
static void traced_by_outer(void) { call(with_outer()); }
static void traced_by_inner(void) { call(with_inner()); }

static void sees(void) {
  tell_stop(TRACEE);
  say("%s, message %lu", call_words(registers(TRACEE).orig_rax), event_message(TRACEE));
  tell_go(PTRACE_CONT, TRACEE, 0);
  tell_end(TRACEE);
}
static void sees_nothing(void) { tell_end(TRACEE); }

int main(int argc, char** argv) {
  const unsigned long asks = PTRACE_O_TRACESECCOMP;
  const Story stories[] = {
      {"both ask", sees, sees, traced, asks, asks},
      {"OUTER asks", sees, sees_nothing, traced_by_outer, asks, 0},
      {"INNER asks", sees_nothing, sees, traced_by_inner, 0, asks},
      {"nobody asks", sees_nothing, sees_nothing, traced, 0, 0},
  };
  const size_t count = sizeof stories / sizeof stories[0];
  number = SYS_gettid;
  nest_each(argc, argv, stories, count);
  number = SYS_wait4;
  argument = -1;
  wanted = -ECHILD;
  return nest_more(stories, count);
}
