// waitid(2) with P_PIDFD and a PIDFD_NONBLOCK descriptor: EAGAIN instead of blocking (Linux 5.10), 0 with
// WNOHANG, for tracees too; a pidfd of somebody who is no child is ECHILD.

#include "guest.h"

static void nothing(void) {}

int main(void) {
  start();
  pid_t pid = spawn_seized("CHILD", block_forever, 0);
  int pidfd = syscall(SYS_pidfd_open, pid, O_NONBLOCK);
  NEED(pidfd >= 0);
  tell_waitid_named(P_PIDFD, pidfd, "PIDFD", WEXITED);
  tell_waitid_named(P_PIDFD, pidfd, "PIDFD", WSTOPPED);
  tell_waitid_named(P_PIDFD, pidfd, "PIDFD", WEXITED | WNOHANG);
  need_pt(PTRACE_INTERRUPT, pid, 0, 0);
  int blocking = syscall(SYS_pidfd_open, pid, 0);
  tell_waitid_named(P_PIDFD, blocking, "BLOCKING", WSTOPPED | WNOWAIT);
  tell_waitid_named(P_PIDFD, pidfd, "PIDFD", WSTOPPED);
  tell_waitid_named(P_PIDFD, pidfd, "PIDFD", WSTOPPED);
  end_child(pid);
  tell_waitid_named(P_PIDFD, pidfd, "PIDFD", WEXITED);
  int self = syscall(SYS_pidfd_open, getpid(), 0);
  tell_waitid_named(P_PIDFD, self, "SELF", WEXITED);
  int parent = syscall(SYS_pidfd_open, getppid(), 0);
  pid = spawn("CHILD", nothing);
  tell_waitid_named(P_PIDFD, parent, "PARENT", WEXITED);
  tell_wait(pid, 0);
  return 0;
}
