// Sends itself signals of several kinds and says what its handlers saw.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

volatile int seen = 0;

void on_signal(int number, siginfo_t* info, void* context) {
  (void)context;
  ++seen;
  dprintf(1, "handler signal %d code %d value %d\n", number, info->si_code,
          info->si_code == SI_QUEUE ? info->si_value.sival_int : 0);
}

void between(int step) { dprintf(1, "step %d seen %d\n", step, seen); }

int main(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = on_signal;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGUSR1, &action, NULL);
  sigaction(SIGUSR2, &action, NULL);
  sigaction(SIGALRM, &action, NULL);

  raise(SIGUSR1);
  between(1);

  union sigval value = {.sival_int = 42};
  sigqueue(getpid(), SIGUSR2, value);
  between(2);

  sigset_t blocked, before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);
  sigprocmask(SIG_BLOCK, &blocked, &before);
  kill(getpid(), SIGUSR1);
  between(3);
  sigprocmask(SIG_SETMASK, &before, NULL);
  between(4);

  signal(SIGWINCH, SIG_IGN);
  raise(SIGWINCH);
  between(5);
  return 0;
}
