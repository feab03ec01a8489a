// A stopped child is continued when kill(2) of SIGCONT returns: the wait behind it finds that at once.

#include "guest.h"

int main(void) {
  start();
  const int rounds = 500;
  int found = 0, again = 0;
  for (int i = 0; i < rounds; ++i) {
    const pid_t pid = fork_stopped();
    int status = 0;
    kill(pid, SIGCONT);
    found += wait4_raw(pid, &status, WCONTINUED | WNOHANG) == pid && WIFCONTINUED(status);
    again += wait4_raw(pid, &status, WCONTINUED | WNOHANG) == pid;
    kill(pid, SIGKILL);
    NEED(wait4_raw(pid, &status, 0) == pid);
  }
  say("%d of %d, %d twice", found, rounds, again);
  return 0;
}
