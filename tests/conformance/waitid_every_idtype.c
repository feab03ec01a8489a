// waitid(2) finds a tracee's stops and end by P_ALL, P_PID, P_PGID and P_PIDFD, P_PGID 0 being the caller's
// own group; WNOWAIT leaves the report.

#include "guest.h"

static void body(void) { _exit(7); }
static void leader(void) {
  setpgid(0, 0);
  traced_body = body;
  traced_entry();
}

static void round_of(pid_t pid, int type, id_t id, const char* id_name) {
  tell_waitid_named(type, id, id_name, WSTOPPED | WNOWAIT);
  tell_waitid_named(type, id, id_name, WSTOPPED | WNOWAIT | WNOHANG);
  tell_waitid_named(type, id, id_name, WEXITED | WSTOPPED);
  tell_waitid_named(type, id, id_name, WSTOPPED | WNOHANG);
  need_pt(PTRACE_CONT, pid, 0, 0);
  tell_waitid_named(type, id, id_name, WEXITED | WNOWAIT);
  tell_waitid_named(type, id, id_name, WSTOPPED | WNOHANG);
  tell_waitid_named(type, id, id_name, WEXITED);
  tell_waitid_named(type, id, id_name, WEXITED | WNOHANG);
}

int main(void) {
  start();
  setpgid(0, 0);
  pid_t pid = spawn_traced("CHILD", body);
  round_of(pid, P_ALL, 0, "0");
  pid = spawn_traced("CHILD", body);
  round_of(pid, P_PID, pid, "CHILD");
  pid = spawn_traced("CHILD", body);
  round_of(pid, P_PGID, 0, "0");
  pid = spawn_traced("CHILD", body);
  round_of(pid, P_PGID, getpgrp(), "OWN_GROUP");
  pid = spawn_traced("CHILD", body);
  int pidfd = syscall(SYS_pidfd_open, pid, 0);
  round_of(pid, P_PIDFD, pidfd, "PIDFD");
  say("a group of its own");
  pid = spawn("LEADER", leader);
  tell_waitid(P_PID, pid, WSTOPPED | WNOWAIT);
  tell_waitid_named(P_PGID, 0, "0", WSTOPPED | WEXITED | WNOHANG);
  tell_wait(0, WNOHANG);
  tell_wait(-pid, 0);
  need_pt(PTRACE_CONT, pid, 0, 0);
  tell_waitid_named(P_PGID, pid, "LEADER", WEXITED);
  return 0;
}
