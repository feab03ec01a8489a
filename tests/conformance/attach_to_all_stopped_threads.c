// A process of several threads is stopped, and has signals pending that were dropped as ignored. Whoever
// attaches to all its threads sees each stopped at once, and none of them runs, whatever becomes of the
// signals. Many times, with PTRACE_SEIZE and PTRACE_ATTACH in turn.

#include <sys/mman.h>

#include "guest.h"

enum { kThreads = 5, kRounds = 200 };

static struct Shared {
  volatile int tid[kThreads];
  volatile long count[kThreads];
} * shared;

static void* count_on(void* of) {
  const long i = (long)of;
  const struct timespec nap = {0, 50000};
  for (;;) {
    shared->tid[i] = syscall(SYS_gettid);
    shared->count[i]++;
    nanosleep(&nap, NULL);
  }
  return NULL;
}

static void body(void) {
  for (long i = 1; i < kThreads; i++) {
    pthread_t thread;
    pthread_create(&thread, NULL, count_on, (void*)i);
  }
  count_on(NULL);
}

static int wrong;

static void expect(int right, const char* what, int round) {
  if (right) return;
  if (wrong++ < 5) say("round %d: %s", round, what);
}

static void attach_and_leave(int round) {
  const int attach = round % 2;
  const int code = attach ? SIGSTOP : SIGSTOP | PTRACE_EVENT_STOP << 8;
  long before[kThreads];
  for (int i = 0; i < kThreads; i++) before[i] = shared->count[i];
  for (int i = 0; i < kThreads; i++)
    expect(pt(attach ? PTRACE_ATTACH : PTRACE_SEIZE, shared->tid[i], 0, 0) == 0, "not attached", round);
  for (int i = 0; i < kThreads; i++) {
    int status = 0;
    expect(waitpid(shared->tid[i], &status, __WALL) == shared->tid[i] && status >> 8 == code, "another stop",
           round);
    unsigned long mask = 1;
    expect(pt(0x420a /* GETSIGMASK */, shared->tid[i], 8, (unsigned long)&mask) == 0 && mask == 0,
           "another mask", round);
  }
  for (int i = 0; i < kThreads; i++) expect(shared->count[i] == before[i], "it ran", round);
  for (int i = 0; attach && i < kThreads; i++) {
    int status = 0;
    pt(PTRACE_CONT, shared->tid[i], 0, 0);
    expect(waitpid(shared->tid[i], &status, __WALL) > 0 && status >> 8 == SIGSTOP, "no SIGSTOP", round);
  }
  for (int i = 0; i < kThreads; i++)
    expect(pt(PTRACE_DETACH, shared->tid[i], 0, 0) == 0, "not detached", round);
}

int main(void) {
  start();
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  pid_t pid = spawn("CHILD", body);
  for (int i = 0; i < kThreads; i++) {
    while (shared->tid[i] == 0) sched_yield();
  }
  for (int round = 0; round < kRounds; round++) {
    int status = 0;
    kill(pid, SIGSTOP);
    expect(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status), "not stopped", round);
    kill(pid, SIGWINCH);
    kill(pid, SIGURG);
    attach_and_leave(round);
    kill(pid, SIGCONT);
  }
  say("wrong: %d", wrong);
  end_child(pid);
  return 0;
}
