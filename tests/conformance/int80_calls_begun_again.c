// int $0x80 in 64-bit code: a call with a time to wait that natively nothing has interrupted keeps its number
// and its time.

#include <sys/epoll.h>

#include "one_call.h"

enum { I386_poll = 168, I386_nanosleep = 162, I386_epoll_wait = 256, I386_sched_yield = 158 };

static int int80(int number, long first, long second, long third, long fourth) {
  long result;
  __asm__ volatile("int $0x80"
                   : "=a"(result)
                   : "a"(number), "b"(first), "c"(second), "d"(third), "S"(fourth)
                   : "memory", "r8", "r9", "r10", "r11");
  return (int)result;
}

// Where the kernel has no 32-bit system calls, `int $0x80` is a fault, or fails.
static int has_int80(void) {
  int status;
  const pid_t pid = fork();
  if (pid == 0) _exit(int80(I386_sched_yield, 0, 0, 0, 0) != 0);
  NEED(waitpid(pid, &status, 0) == pid);
  return status == 0;
}

// SIGCONT, which is blocked, interrupts nothing; SIGUSR1 does.
static void numbers(const char* name, int number, long first, long second, long third) {
  for (int times = 0; times < 3; ++times) {
    const pid_t pid = fork();
    NEED(pid >= 0);
    if (pid == 0) {
      block_sigcont_and_handle(SIGUSR1);
      NEED(pt(PTRACE_TRACEME, 0, 0, 0) == 0);
      raise(SIGSTOP);
      int80(number, first, second, third, 0);
      _exit(1);
    }
    need_wait(pid, STOPPED(SIGSTOP));
    need_pt(PTRACE_CONT, pid, 0, 0);
    for (int i = 0; i < times; ++i) {
      until_it_sleeps(pid);
      kill(pid, SIGCONT);
      favour_others();
    }
    until_it_sleeps(pid);
    kill(pid, SIGUSR1);
    need_wait(pid, STOPPED(SIGUSR1));
    const struct user_regs_struct regs = registers(pid);
    say("%s, %d SIGCONT before: call %lld = %s", name, times, regs.orig_rax, answer_words(regs.rax));
    end_child(pid);
  }
}

// The time does not begin anew.
static void timeout(void* low) {
  const pid_t pid = fork();
  NEED(pid >= 0);
  if (pid == 0) {
    const int epoll = epoll_create1(0);
    NEED(epoll >= 0);
    _exit(int80(I386_epoll_wait, epoll, (long)low, 1, 500));
  }
  // For longer than the call may take, if it does not wait for us.
  int status = 0, rounds = 0;
  while (rounds < 100 && wait4_raw(pid, &status, WNOHANG) == 0) {
    kill(pid, SIGWINCH);
    const struct timespec while_it_waits = {0, 50000000};
    nanosleep(&while_it_waits, NULL);
    ++rounds;
  }
  say("epoll_wait with a time: ended %d, %s", rounds < 100, status_words(status));
  if (rounds == 100) end_child(pid);
}

int main(void) {
  start();
  if (!has_int80()) skip("no 32-bit system calls in this kernel");
  // What the calls point to must lie below 4 GiB.
  int* low = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  NEED(low != MAP_FAILED);
  low[0] = 100;
  numbers("poll", I386_poll, 0, 0, 100000);
  numbers("nanosleep", I386_nanosleep, (long)low, 0, 0);
  timeout(low + 16);
  return 0;
}
