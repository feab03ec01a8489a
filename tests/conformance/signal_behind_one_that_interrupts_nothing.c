// SIGCONT that is blocked, and signals that are ignored, interrupt no system call. One that comes right
// behind them does, and finds the thread in its call: a tracer sees the call, or the step over it, end before
// the signal; who is not traced finds that a call has failed which no handler has restarted.

#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>

#include "one_call.h"

enum { ROUNDS = 100 };

static void prepare(void) {
  block_sigcont_and_handle(SIGUSR1);
  block_sigcont_and_handle(SIGTSTP);
}

// Sends `pid`, once it sleeps, both signals, the second a bit later.
static void send(pid_t pid, int first, int second, int round) {
  until_it_sleeps(pid);
  kill(pid, first);
  for (volatile int i = 0; i < round % 100 * 100; ++i) continue;
  kill(pid, second);
}

static void calls(long number, long epoll) {
  static struct epoll_event event;
  if (number == SYS_poll) {
    trap_and_call(number, 0, 0, -1, 0);
  } else {
    trap_and_call(number, epoll, (long)&event, 1, -1);
  }
}

static void traced(const char* name, int request, long number, int second) {
  int calls_first = 0, failed = 0;
  for (int round = 0; round < ROUNDS; ++round) {
    const pid_t pid = fork();
    NEED(pid >= 0);
    if (pid == 0) {
      prepare();
      const int epoll = epoll_create1(0);
      NEED(pt(PTRACE_TRACEME, 0, 0, 0) == 0);
      calls(number, epoll);
      _exit(1);
    }
    follow_into_call(pid, request);
    send(pid, SIGCONT, second, round);
    int status = 0;
    NEED(wait4_raw(pid, &status, 0) == pid);
    const struct user_regs_struct regs = registers(pid);
    calls_first += status == STOPPED(SIGTRAP) && SYSCALL_NUMBER(regs) == number;
    failed += SYSCALL_RESULT(regs) == -EINTR;
    need_pt(request, pid, 0, 0);
    need_wait(pid, STOPPED(second));
    end_child(pid);
  }
  say("%s: %d of %d, %d with EINTR", name, calls_first, ROUNDS, failed);
}

static long waits(int epoll) {
  struct epoll_event event;
  return epoll_wait(epoll, &event, 1, -1);
}

static long sleeps(int epoll) {
  (void)epoll;
  return poll(NULL, 0, -1);
}

static long selects(int epoll) {
  (void)epoll;
  return select(0, NULL, NULL, NULL, NULL);
}

static long reads(int epoll) {
  static int pipes[2];
  char byte;
  (void)epoll;
  if (pipes[1] == 0) NEED(pipe(pipes) == 0);
  return read(pipes[0], &byte, 1);
}

static void untraced(const char* name, long (*call)(int), int first, int second) {
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
    send(pid, first, second, round);
    gate_pass(gate);
  }
  int status = 0;
  NEED(wait4_raw(pid, &status, 0) == pid);
  say("%s: %s", name, status_words(status));
}

// Whoever attaches later sees the same call begin.
static void attached_later(const char* name, int first) {
  int shown = 0;
  for (int round = 0; round < ROUNDS; ++round) {
    Gate out = gate_new(), again = gate_new();
    const pid_t pid = fork();
    NEED(pid >= 0);
    if (pid == 0) {
      prepare();
      for (;;) {
        sleeps(0);
        gate_open(out);
        gate_pass(again);
      }
    }
    send(pid, first, SIGTSTP, round);
    gate_pass(out);
    until_it_sleeps(pid);
    need_pt(PTRACE_SEIZE, pid, 0, 0);
    need_pt(PTRACE_INTERRUPT, pid, 0, 0);
    int status = 0;
    NEED(wait4_raw(pid, &status, 0) == pid);
    gate_open(again);
    struct user_regs_struct regs;
    do {
      need_pt(PTRACE_SYSCALL, pid, 0, 0);
      NEED(wait4_raw(pid, &status, 0) == pid);
      regs = registers(pid);
    } while (SYSCALL_NUMBER(regs) != SYS_poll);
    shown += SYSCALL_RESULT(regs) == -ENOSYS;
    end_child(pid);
    close(out.fd[0]), close(out.fd[1]), close(again.fd[0]), close(again.fd[1]);
  }
  say("%s: %d of %d", name, shown, ROUNDS);
}

int main(void) {
  start();
  traced("poll, PTRACE_SYSCALL", PTRACE_SYSCALL, SYS_poll, SIGUSR1);
  traced("poll, PTRACE_SINGLESTEP", PTRACE_SINGLESTEP, SYS_poll, SIGUSR1);
  traced("poll, PTRACE_SYSCALL, SIGTSTP", PTRACE_SYSCALL, SYS_poll, SIGTSTP);
  traced("epoll_wait, PTRACE_SYSCALL", PTRACE_SYSCALL, SYS_epoll_wait, SIGUSR1);
  traced("epoll_wait, PTRACE_SINGLESTEP", PTRACE_SINGLESTEP, SYS_epoll_wait, SIGUSR1);
  untraced("epoll_wait, SIGCONT", waits, SIGCONT, SIGUSR1);
  untraced("epoll_wait, SIGWINCH", waits, SIGWINCH, SIGUSR1);
  untraced("epoll_wait, SIGCONT, SIGTSTP", waits, SIGCONT, SIGTSTP);
  untraced("poll, SIGCONT", sleeps, SIGCONT, SIGUSR1);
  untraced("poll, SIGWINCH", sleeps, SIGWINCH, SIGUSR1);
  untraced("select, SIGCONT", selects, SIGCONT, SIGUSR1);
  untraced("select, SIGWINCH", selects, SIGWINCH, SIGUSR1);
  untraced("read, SIGWINCH", reads, SIGWINCH, SIGUSR1);
  attached_later("attached later, SIGWINCH", SIGWINCH);
  attached_later("attached later, SIGCONT", SIGCONT);
  return 0;
}
