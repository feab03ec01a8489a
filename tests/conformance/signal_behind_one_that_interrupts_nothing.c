// SIGCONT that is blocked, and signals that are ignored, interrupt no system call. One that comes right
// behind them does, and finds the thread in its call: a tracer sees the call, or the step over it, end before
// the signal; who is not traced finds that a call has failed which no handler has restarted.

#include <poll.h>
#include <sys/epoll.h>

#include "state_of.h"

enum { ROUNDS = 300 };

static void handler(int signal) { (void)signal; }

static void prepare(void) {
  const struct sigaction action = {.sa_handler = handler};
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCONT);
  NEED(sigprocmask(SIG_BLOCK, &set, NULL) == 0 && sigaction(SIGUSR1, &action, NULL) == 0);
}

// Sends `pid`, once it sleeps, both signals, the second a bit later.
static void send(pid_t pid, int first, int round) {
  until_it_sleeps(pid);
  kill(pid, first);
  for (volatile int i = 0; i < round % 100 * 100; ++i) continue;
  kill(pid, SIGUSR1);
}

static void end(pid_t pid) {
  int status = 0;
  kill(pid, SIGKILL);
  while (wait4_raw(pid, &status, 0) == pid && WIFSTOPPED(status)) continue;
}

static void traced(const char* name, int request) {
  int calls_first = 0;
  for (int round = 0; round < ROUNDS; ++round) {
    const pid_t pid = fork();
    NEED(pid >= 0);
    if (pid == 0) {
      prepare();
      NEED(pt(PTRACE_TRACEME, 0, 0, 0) == 0);
      long result = SYS_poll;
      __asm__ volatile("int3; syscall" : "+a"(result) : "D"(0), "S"(0), "d"(-1) : "rcx", "r11", "memory");
      _exit(1);
    }
    need_wait(pid, STOPPED(SIGTRAP));
    need_pt(request, pid, 0, 0);
    if (request == PTRACE_SYSCALL) {
      need_wait(pid, SYSCALL_STOP);
      need_pt(request, pid, 0, 0);
    }
    send(pid, SIGCONT, round);
    int status = 0;
    NEED(wait4_raw(pid, &status, 0) == pid);
    calls_first += status == STOPPED(SIGTRAP) && SYSCALL_NUMBER(registers(pid)) == SYS_poll;
    need_pt(request, pid, 0, 0);
    need_wait(pid, STOPPED(SIGUSR1));
    end(pid);
  }
  say("%s: %d of %d", name, calls_first, ROUNDS);
}

static long waits(int epoll) {
  struct epoll_event event;
  return epoll_wait(epoll, &event, 1, -1);
}

static long sleeps(int epoll) {
  (void)epoll;
  return poll(NULL, 0, -1);
}

static void untraced(const char* name, long (*call)(int), int first) {
  Gate gate = gate_new();
  const pid_t pid = fork();
  NEED(pid >= 0);
  if (pid == 0) {
    prepare();
    const int epoll = epoll_create1(0);
    for (int round = 0; round < ROUNDS; ++round) {
      if (raw(call(epoll)) != -EINTR) _exit(1);
      gate_open(gate);
    }
    _exit(0);
  }
  for (int round = 0; round < ROUNDS; ++round) {
    send(pid, first, round);
    gate_pass(gate);
  }
  int status = 0;
  NEED(wait4_raw(pid, &status, 0) == pid);
  say("%s: %s", name, status_words(status));
}

int main(void) {
  start();
  traced("PTRACE_SYSCALL", PTRACE_SYSCALL);
  traced("PTRACE_SINGLESTEP", PTRACE_SINGLESTEP);
  untraced("epoll_wait, SIGCONT", waits, SIGCONT);
  untraced("epoll_wait, SIGWINCH", waits, SIGWINCH);
  untraced("poll, SIGCONT", sleeps, SIGCONT);
  untraced("poll, SIGWINCH", sleeps, SIGWINCH);
  return 0;
}
