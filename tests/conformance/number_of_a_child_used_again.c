// A parent that ignores SIGCHLD waits for its dead tracee, and then handles SIGCHLD: that of a new child with
// the same number comes.

#include <linux/sched.h>

#include "sigchld.h"

static pid_t fork_with_number(pid_t number) {
  uint64_t numbers = (uint64_t)(uintptr_t)&number;
  struct clone_args args = {.exit_signal = SIGCHLD, .set_tid = numbers, .set_tid_size = 1};
  const long pid = raw(syscall(SYS_clone3, &args, sizeof args));
  if (pid == -EPERM) skip("no right to choose the number of a child");
  NEED(pid >= 0);
  return pid;
}

static void body(void) { _exit(1); }

static void run(void (*first)(int), int flags, const char* title) {
  say("== %s", title);
  struct sigaction action = {.sa_handler = first, .sa_flags = flags | SA_RESTART};
  sigaction(SIGCHLD, &action, NULL);
  pid_t pid = spawn_stopped("CHILD", body);
  kill(pid, SIGKILL);
  tell_wait(pid, 0);
  action.sa_handler = count_handled;
  action.sa_flags = SA_RESTART;
  sigaction(SIGCHLD, &action, NULL);
  for (int i = 0; i < 2; i++) {
    handled = 0;
    if (fork_with_number(pid) == 0) _exit(3);
    tell_wait(pid, 0);
    say("handled %d", handled);
  }
}

int main(void) {
  start();
  run(SIG_IGN, 0, "SIG_IGN");
  run(SIG_IGN, SA_NOCLDWAIT, "SIG_IGN and SA_NOCLDWAIT");
  run(SIG_DFL, SA_NOCLDWAIT, "SIG_DFL and SA_NOCLDWAIT");
  run(SIG_DFL, 0, "SIG_DFL");
  run(count_handled, SA_NOCLDWAIT, "a handler and SA_NOCLDWAIT");
  return 0;
}
