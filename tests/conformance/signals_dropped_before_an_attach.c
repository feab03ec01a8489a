// A signal that an untraced process ignores is dropped as it is sent (kernel/signal.c:sig_ignored). Whoever
// attaches right behind it sees nothing of it: no signal-delivery-stop, and of SIGCONT no trap either; only
// what the attaching itself causes, and the next signal. The time in between varies.

#include <stdatomic.h>

#include "guest.h"

enum { ROUNDS = 12, SURPRISES = 2 };

static atomic_int* ready;

static void sleeps(void) {
  signal(SIGUSR1, SIG_IGN);
  *ready = 1;
  for (;;) pause();
}

static void runs(void) {
  signal(SIGUSR1, SIG_IGN);
  for (;;) *ready = 1;
}

static void* rest(void* unused) {
  for (;;) pause();
  return unused;
}

static void has_threads(void) {
  pthread_t threads[2];
  for (int i = 0; i < 2; ++i) pthread_create(&threads[i], NULL, rest, NULL);
  sleeps();
}

static void delay(int turns) {
  for (volatile int i = 0; i < turns; ++i) continue;
}

// Is the next stop of `pid` this one?
static int stops_with(pid_t pid, int want) {
  int status = 0;
  NEED(wait4_raw(pid, &status, __WALL) == pid);
  return status == want;
}

static void attach_behind(const char* name, Body body, int sent, long request) {
  int surprises[SURPRISES] = {0};
  for (int round = 0; round < ROUNDS; ++round) {
    *ready = 0;
    const pid_t pid = fork();
    if (pid == 0) body();
    while (*ready == 0) sched_yield();
    delay(round % 5 * 3000);
    kill(pid, sent);
    delay(round % 8 * 300);
    need_pt(request, pid, 0, 0);
    if (request == PTRACE_SEIZE) need_pt(PTRACE_INTERRUPT, pid, 0, 0);
    const int event = request == PTRACE_SEIZE ? SIGTRAP | PTRACE_EVENT_STOP << 8 : SIGSTOP;
    surprises[0] += !stops_with(pid, event << 8 | 0x7f);
    need_pt(PTRACE_CONT, pid, 0, 0);
    syscall(SYS_tgkill, pid, pid, SIGUSR2);
    surprises[1] += !stops_with(pid, SIGUSR2 << 8 | 0x7f);
    end_child(pid);
  }
  say("%s of %s behind %s: %d, %d surprises\n", request_words(request), name, signal_words(sent),
      surprises[0], surprises[1]);
}

int main(void) {
  const int ignored[] = {SIGWINCH, SIGURG, SIGCHLD, SIGCONT, SIGUSR1};
  start();
  ready = shared_memory(sizeof *ready);
  for (int i = 0; i < 5; ++i) {
    for (int seize = 0; seize < 2; ++seize) {
      const long request = seize ? PTRACE_SEIZE : PTRACE_ATTACH;
      attach_behind("SLEEPER", sleeps, ignored[i], request);
      attach_behind("RUNNER", runs, ignored[i], request);
      // (The threads' traps of one SIGCONT are not one: tests/fuzz/README.md.)
      if (!seize || ignored[i] != SIGCONT) attach_behind("THREADS", has_threads, ignored[i], request);
    }
  }
  return 0;
}
