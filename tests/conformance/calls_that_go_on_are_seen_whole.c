// SIGCONT that is blocked does not interrupt a system call: who follows it, or steps over it, sees it end
// once, with its own number and all that it has done.

#include <poll.h>
#include <sys/socket.h>

#include "one_call.h"

enum { SIZE = 1 << 20 };

static int ends[2];
static char data[SIZE];

// Makes one call, behind a SIGTRAP.
static void makes(long number) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCONT);
  NEED(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
  NEED(pt(PTRACE_TRACEME, 0, 0, 0) == 0);
  if (number == SYS_poll) {
    trap_and_call(number, 0, 0, 300, 0);
  } else {
    trap_and_call(number, ends[0], (long)data, SIZE, 0);
  }
  _exit(1);
}

static void take_all(void) {
  for (long taken = 0; taken < SIZE;) {
    const long got = read(ends[1], data, sizeof data);
    NEED(got > 0);
    taken += got;
  }
}

static void followed(const char* name, long number, int request) {
  const pid_t pid = fork();
  NEED(pid >= 0);
  if (pid == 0) makes(number);
  follow_into_call(pid, request);
  for (int i = 0; i < 3; ++i) {
    until_it_sleeps(pid);
    kill(pid, SIGCONT);
    favour_others();
  }
  if (number != SYS_poll) take_all();
  int status = 0;
  NEED(wait4_raw(pid, &status, 0) == pid);
  const struct user_regs_struct regs = registers(pid);
  say("%s: %s, call %ld = %ld", name, status_words(status), SYSCALL_NUMBER(regs), SYSCALL_RESULT(regs));
  say("arguments are its own: %d",
      number == SYS_poll ? regs.rdx == 300 : regs.rsi == (unsigned long)data && regs.rdx == SIZE);
  end_child(pid);
}

int main(void) {
  start();
  NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  followed("poll, PTRACE_SYSCALL", SYS_poll, PTRACE_SYSCALL);
  followed("poll, PTRACE_SINGLESTEP", SYS_poll, PTRACE_SINGLESTEP);
  followed("write, PTRACE_SYSCALL", SYS_write, PTRACE_SYSCALL);
  followed("write, PTRACE_SINGLESTEP", SYS_write, PTRACE_SINGLESTEP);
  return 0;
}
