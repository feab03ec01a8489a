// PTRACE_EVENT_FORK goes to those who asked for it, OUTER first, and the child is traced by them and by
// nobody else, in the same order. Its first stop is PTRACE_EVENT_STOP for a tracer that seized, SIGSTOP for
// one that attached, each its own.

#include "nesting.h"

static void tracee(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  sigprocmask(SIG_BLOCK, &set, NULL);
  const pid_t pid = syscall(SYS_fork);
  if (pid == 0) syscall(SYS_exit_group, 3);
  NEED(wait4_raw(pid, NULL, 0) == pid);
  _exit(7);
}

static void follows(void) {
  tell_stop(TRACEE);
  const pid_t child = event_message(TRACEE);
  name_pid(child, "CHILD");
  tell_go(PTRACE_CONT, TRACEE, 0);
  if (nest_state.self == kOuter) {
    my_turn(INNER);
  } else {
    hand_to(OUTER);
  }
  tell_stop(child);
  tell_go(PTRACE_CONT, child, 0);
  tell_end(child);
  tell_end(TRACEE);
}
static void sees_nothing(void) { tell_end(TRACEE); }
static void follows_alone(void) {
  tell_stop(TRACEE);
  const pid_t child = event_message(TRACEE);
  name_pid(child, "CHILD");
  tell_go(PTRACE_CONT, TRACEE, 0);
  tell_stop(child);
  tell_go(PTRACE_CONT, child, 0);
  tell_end(child);
  tell_end(TRACEE);
}

int main(int argc, char** argv) {
  const unsigned long asks = PTRACE_O_TRACEFORK;
  const Story stories[] = {
      {"both ask", follows, follows, tracee, asks, asks},
      {"OUTER asks", follows_alone, sees_nothing, tracee, asks, 0},
      {"INNER asks", sees_nothing, follows_alone, tracee, 0, asks},
      {"nobody asks", sees_nothing, sees_nothing, tracee, 0, 0},
  };
  return nest_each(argc, argv, stories, sizeof stories / sizeof stories[0]);
}
