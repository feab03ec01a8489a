// ptrace(2) is never interrupted, and acts once, and a wait that has taken a report returns it, whatever
// signals come while the caller is in the call.

#include <sys/time.h>

#include "guest.h"

enum { kRounds = 1000 };

static void nothing(int signo) { (void)signo; }

static int wrong;

// INTERRUPT, wait, CONT, and nothing more to wait for.
static void a_round(pid_t pid) {
  int status = 0;
  wrong += pt(PTRACE_INTERRUPT, pid, 0, 0) != 0;
  wrong += waitpid(pid, &status, __WALL) != pid || status >> 8 != (SIGTRAP | PTRACE_EVENT_STOP << 8);
  wrong += pt(PTRACE_CONT, pid, 0, 0) != 0;
  wrong += waitpid(pid, &status, WNOHANG | __WALL) != 0;
}

int main(void) {
  start();
  const struct sigaction action = {.sa_handler = nothing, .sa_flags = SA_RESTART};
  NEED(sigaction(SIGALRM, &action, NULL) == 0);
  pid_t pid = spawn_blocked("CHILD");
  need_pt(PTRACE_SEIZE, pid, 0, 0);
  const struct itimerval often = {{0, 150}, {0, 150}}, never = {{0, 0}, {0, 0}};
  NEED(setitimer(ITIMER_REAL, &often, NULL) == 0);
  for (int i = 0; i < kRounds; i++) a_round(pid);
  NEED(setitimer(ITIMER_REAL, &never, NULL) == 0);
  end_child(pid);
  say("wrong: %d", wrong);
  return 0;
}
