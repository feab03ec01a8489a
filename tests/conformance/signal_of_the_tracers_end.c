// The end of a thread lets its tracees go, and then sends its children the signal that they have asked for
// (PR_SET_PDEATHSIG). So no other thread of the tracer's process sees a tracee stop for it.

#include "guest.h"

enum { ROUNDS = 30 };

static pid_t child;

static void* traces(void* running) {
  child = fork();
  NEED(child >= 0);
  if (child == 0) {
    NEED(prctl(PR_SET_PDEATHSIG, SIGTERM) == 0);
    NEED(pt(PTRACE_TRACEME, 0, 0, 0) == 0);
    raise(SIGSTOP);
    for (;;) pause();
  }
  need_wait(child, STOPPED(SIGSTOP));
  if (running != NULL) need_pt(PTRACE_CONT, child, 0, 0);
  return NULL;
}

static void ends(const char* name, void* running) {
  int killed = 0;
  for (int round = 0; round < ROUNDS; ++round) {
    pthread_t thread;
    int status = 0;
    NEED(pthread_create(&thread, NULL, traces, running) == 0);
    NEED(pthread_join(thread, NULL) == 0);
    NEED(wait4_raw(child, &status, 0) == child);
    killed += WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM;
    if (!WIFSIGNALED(status)) end_child(child);
  }
  say("%s: killed %d of %d", name, killed, ROUNDS);
}

int main(void) {
  start();
  ends("stopped", NULL);
  ends("running", "");
  return 0;
}
