// group_signals READY
//
// Sends signals to its own process group, and so does a child that ends at once. Writes the file READY when
// it is done, and says, when a last signal (SIGRTMAX, which comes behind all others) has come from outside,
// how often each has arrived.

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { kRounds = 10 };

static volatile sig_atomic_t arrived[65];

static void Count(int signal) { arrived[signal] = arrived[signal] + 1; }

static void AwaitMoreThan(const sigset_t* unblocked, int signal, int before) {
  while (arrived[signal] == before) sigsuspend(unblocked);
}

int main(int argc, char** argv) {
  const int signals[] = {SIGUSR1, SIGTERM, SIGHUP, SIGCONT, SIGSEGV,
                         SIGTRAP, SIGILL,  SIGBUS, SIGFPE,  SIGRTMIN + 3};
  const int count = sizeof(signals) / sizeof(*signals);
  sigset_t all, none;
  if (argc != 2) return 2;
  sigfillset(&all);
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &all, NULL);
  struct sigaction action = {.sa_handler = Count};
  sigfillset(&action.sa_mask);
  for (int i = 0; i < count; ++i) sigaction(signals[i], &action, NULL);
  sigaction(SIGRTMAX, &action, NULL);

  for (int round = 0; round < kRounds; ++round) {
    for (int i = 0; i < count; ++i) {
      const int before = arrived[signals[i]];
      if (kill(0, signals[i]) < 0) return 3;
      AwaitMoreThan(&none, signals[i], before);
    }
    for (int i = 0; i < count; ++i) {
      const int before = arrived[signals[i]];
      const pid_t child = fork();
      if (child < 0) return 4;
      if (child == 0) {
        kill(0, signals[i]);
        _exit(0);
      }
      waitpid(child, NULL, 0);
      AwaitMoreThan(&none, signals[i], before);
    }
  }
  FILE* ready = fopen(argv[1], "w");
  if (ready == NULL || fputs("ready\n", ready) < 0 || fclose(ready) != 0) return 5;
  AwaitMoreThan(&none, SIGRTMAX, 0);
  for (int i = 0; i < count; ++i) {
    printf("signal %d: %d, of %d\n", signals[i], (int)arrived[signals[i]], 2 * kRounds);
  }
  return 0;
}
