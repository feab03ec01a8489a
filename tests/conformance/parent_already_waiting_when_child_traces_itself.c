// A parent that is blocked in wait4 or waitid, by whatever selection, when its child calls PTRACE_TRACEME is
// given the stop. (Whether it is blocked already makes no difference to the transcript; favour_others() makes
// it likely.)

#include "guest.h"

static void body(void) {
  favour_others();
  NEED(pt(PTRACE_TRACEME, 0, 0, 0) == 0);
  favour_others();
  raise(SIGUSR1);
  _exit(4);
}

static void finish(pid_t pid) {
  need_pt(PTRACE_CONT, pid, 0, 0);
  favour_others();
  tell_wait(pid, 0);
}

int main(void) {
  start();
  setpgid(0, 0);
  name_pid(getpgrp(), "SELF");
  pid_t pid = spawn("CHILD", body);
  tell_wait(pid, 0);
  finish(pid);
  pid = spawn("CHILD", body);
  tell_wait(-1, 0);
  finish(pid);
  pid = spawn("CHILD", body);
  tell_wait(0, WUNTRACED | __WALL);
  finish(pid);
  pid = spawn("CHILD", body);
  tell_wait(-getpgrp(), 0);
  finish(pid);
  pid = spawn("CHILD", body);
  tell_waitid(P_ALL, 0, WSTOPPED);
  finish(pid);
  pid = spawn("CHILD", body);
  tell_waitid(P_PID, pid, WSTOPPED | WEXITED);
  finish(pid);
  pid = spawn("CHILD", body);
  tell_waitid(P_PGID, 0, WEXITED);
  finish(pid);
  pid = spawn("CHILD", body);
  tell_waitid_named(P_PIDFD, syscall(SYS_pidfd_open, pid, 0), "PIDFD", WSTOPPED);
  finish(pid);
  say("with another child, untraced, that ends first");
  pid_t other = spawn_blocked("OTHER");
  pid = spawn("CHILD", body);
  tell_wait(-1, 0);
  kill(other, SIGKILL);
  tell_wait(-1, 0);
  finish(pid);
  return 0;
}
