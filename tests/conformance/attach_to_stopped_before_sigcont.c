// ATTACH and SEIZE of a stopped process return when it is in its ptrace-stop: the SIGCONT behind them does
// not take that away. No signal for their caller makes them return before, or is handled before.

#include "flood.h"

static void attached(const char* name, int request) {
  say("== %s", name);
  int first[50] = {0};
  int second[50] = {0};
  int same = 0;
  for (int i = 0; i < 50; ++i) {
    const pid_t pid = fork_stopped();
    int status = 0;
    need_pt(request, pid, 0, 0);
    kill(pid, SIGCONT);
    NEED(wait4_raw(pid, &first[i], __WALL) == pid);
    need_pt(PTRACE_CONT, pid, 0, 0);
    NEED(wait4_raw(pid, &second[i], __WALL) == pid);
    kill(pid, SIGKILL);
    while (wait4_raw(pid, &status, __WALL) == pid && WIFSTOPPED(status)) continue;
    same += first[i] == first[0] && second[i] == second[0];
  }
  say("%s, then", status_words(first[0]));
  say("%s; %d of 50", status_words(second[0]), same);
}

static void handler(int signal) { (void)signal; }

int main(void) {
  start();
  attached("SEIZE", PTRACE_SEIZE);
  attached("ATTACH", PTRACE_ATTACH);
  const pid_t sender = flood(getpid(), 20);
  attached("SEIZE, with signals that are ignored", PTRACE_SEIZE);
  attached("ATTACH, with signals that are ignored", PTRACE_ATTACH);
  const struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
  sigaction(SIGWINCH, &action, NULL);
  attached("SEIZE, with signals that are handled", PTRACE_SEIZE);
  attached("ATTACH, with signals that are handled", PTRACE_ATTACH);
  end_child(sender);
  return 0;
}
