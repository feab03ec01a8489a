// With SA_NOCLDSTOP or SIG_IGN a tracer gets no SIGCHLD for stops, but its waits see them. SIG_IGN, which
// reaps children on its own, does not reap a tracee.

#include "sigchld.h"

static void body(void) {
  raise(SIGUSR1);
  _exit(3);
}

static void run(const char* title, int flags, void (*action)(int)) {
  say("== %s", title);
  struct sigaction to = {.sa_handler = action, .sa_flags = flags};
  sigaction(SIGCHLD, &to, NULL);
  handled = 0;
  pid_t pid = spawn_traced("CHILD", body);
  int status, answer;
  do {
    answer = wait4_raw(pid, &status, 0);
  } while (answer == -EINTR);
  stop_was_told(pid);
  say("%s, %s, handled %d", pid_words(answer), status_words(status), handled);
  need_pt(PTRACE_CONT, pid, 0, 0);
  do {
    answer = wait4_raw(pid, &status, 0);
  } while (answer == -EINTR);
  stop_was_told(pid);
  say("%s, %s, handled %d", pid_words(answer), status_words(status), handled);
  need_pt(PTRACE_CONT, pid, 0, 0);
  do {
    answer = wait4_raw(pid, &status, 0);
  } while (answer == -EINTR);
  if (answer > 0) {
    say("%s, %s, handled %d", pid_words(answer), status_words(status), handled);
  } else {
    say("%s, handled %d", answer_words(answer), handled);
  }
  do {
    answer = wait4_raw(pid, &status, 0);
  } while (answer == -EINTR);
  say("%s", answer_words(answer));
}

int main(void) {
  start();
  run("a handler", 0, count_handled);
  run("a handler, SA_RESTART", SA_RESTART, count_handled);
  run("SA_NOCLDSTOP", SA_NOCLDSTOP, count_handled);
  run("SA_NOCLDWAIT", SA_NOCLDWAIT, count_handled);
  run("SA_NOCLDWAIT and SA_NOCLDSTOP", SA_NOCLDWAIT | SA_NOCLDSTOP, count_handled);
  run("SIG_IGN", 0, SIG_IGN);
  run("SIG_IGN, SA_NOCLDSTOP", SA_NOCLDSTOP, SIG_IGN);
  run("SIG_DFL", 0, SIG_DFL);
  return 0;
}
