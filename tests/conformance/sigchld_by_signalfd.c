// signalfd(2) delivers the SIGCHLD of stops with pid, uid, code and status.

#include <poll.h>

#include "sigchld.h"

static void body(void) {
  raise(SIGUSR1);
  syscall(SYS_getppid);
  _exit(3);
}

static void tell(int fd, pid_t pid) {
  tell_signalfd(fd);
  tell_wait(pid, WNOHANG);
  struct pollfd ready = {.fd = fd, .events = POLLIN};
  say("more: %d", poll(&ready, 1, 0));
}

int main(void) {
  start();
  block_sigchld();
  sigset_t set = sigchld_set();
  int fd = signalfd(-1, &set, SFD_CLOEXEC);
  pid_t pid = spawn_traced("CHILD", body);
  tell(fd, pid);
  need_pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXIT);
  need_pt(PTRACE_CONT, pid, 0, 0);
  tell(fd, pid);
  need_pt(PTRACE_SYSCALL, pid, 0, 0);
  tell(fd, pid);
  need_pt(PTRACE_CONT, pid, 0, 0);
  tell(fd, pid);
  need_pt(PTRACE_CONT, pid, 0, 0);
  tell(fd, pid);
  return 0;
}
