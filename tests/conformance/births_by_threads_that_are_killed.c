// execve(2) kills the other threads of the process. Those that are just making a child or a thread do not
// stop at its event any more, but the child is there, and goes its way.

#include "guest.h"

#define ROUNDS 50

static int makes_threads;

static void* nothing(void* unused) { return unused; }

static void* make_children(void* unused) {
  for (;;) {
    if (makes_threads) {
      pthread_t thread;
      if (pthread_create(&thread, NULL, nothing, NULL) == 0) pthread_detach(thread);
      continue;
    }
    pid_t pid = fork();
    if (pid == 0) _exit(3);
    if (pid > 0) wait4_raw(pid, NULL, 0);
  }
  return unused;
}

static void body(int round) {
  for (int i = 0; i < 3; i++) {
    pthread_t thread;
    pthread_create(&thread, NULL, make_children, NULL);
  }
  usleep(500 + round * 37 % 2000);
  exec_self("5");
}

// All that are born come to this process, which waits for them.
static void rounds(const char* what, int kill_too) {
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  int ended = 0;
  for (int i = 0; i < ROUNDS; i++) {
    pid_t pid = fork();
    if (pid == 0) body(i);
    NEED(pid > 0);
    if (kill_too) {
      usleep(700 + i * 53 % 2000);
      kill(pid, SIGKILL);
    }
    for (;;) {
      int status;
      const long got = wait4_raw(-1, &status, 0);
      if (got < 0) break;
      if (got == pid && (status == EXITED(5) || (kill_too && status == SIGKILL))) ended++;
    }
  }
  say("%s: %d of %d have ended, and none is left", what, ended, ROUNDS);
}

static void both_kinds_of_rounds(const char* where) {
  say("%s: %s", where, makes_threads ? "clone(2) of threads" : "fork(2)");
  rounds("execve", 0);
  rounds("execve, and SIGKILL", 1);
}

int main(int argc, char** argv) {
  if (argc > 1) return atoi(argv[1]);
  start();
  for (makes_threads = 0; makes_threads < 2; makes_threads++) both_kinds_of_rounds("here");
  for (makes_threads = 0; makes_threads < 2; makes_threads++) {
    if (unshare(CLONE_NEWPID) != 0) {
      say("needs the right to make a pid namespace");
      return 0;
    }
    pid_t init = fork();
    if (init == 0) {
      both_kinds_of_rounds("in a pid namespace");
      _exit(0);
    }
    NEED(wait4_raw(init, NULL, 0) == init);
  }
  return 0;
}
