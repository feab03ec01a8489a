// A tracee that is somebody else's child: its tracer waits for it by pid, by any and by group; its parent
// sees nothing of its stops. Its end is the tracer's first.

#include "guest.h"

static pid_t* grandchild;
static Gate made, look, looked, reap;
static void grandchild_body(void) {
  gate_pass(reap);
  _exit(6);
}
static void parent_body(void) {
  *grandchild = spawn("GRANDCHILD", grandchild_body);
  gate_open(made);
  gate_pass(look);
  tell_wait(-1, WNOHANG | WUNTRACED);
  tell_waitid(P_PID, *grandchild, WSTOPPED | WEXITED | WCONTINUED | WNOHANG);
  gate_open(looked);
  tell_wait(-1, 0);
  tell_wait(-1, 0);
}

int main(void) {
  start();
  grandchild = shared_memory(sizeof *grandchild);
  made = gate_new();
  look = gate_new();
  looked = gate_new();
  reap = gate_new();
  setpgid(0, 0);
  pid_t parent = spawn("PARENT", parent_body);
  gate_pass(made);
  pid_t pid = *grandchild;
  name_pid(pid, "GRANDCHILD");
  tell_wait(pid, WNOHANG);
  tell_pt(PTRACE_ATTACH, pid, 0, 0);
  tell_waitid(P_ALL, 0, WSTOPPED | WNOWAIT);
  tell_waitid_named(P_PGID, 0, "0", WSTOPPED | WNOWAIT);
  tell_waitid_named(P_PIDFD, syscall(SYS_pidfd_open, pid, 0), "PIDFD", WSTOPPED | WNOWAIT);
  gate_open(look);
  gate_pass(looked);
  tell_wait(pid, 0);
  need_pt(PTRACE_CONT, pid, 0, 0);
  gate_open(reap);
  // PARENT reaps only what the tracer has; its line comes after ours, for the tracer's wait is not done yet.
  siginfo_t info;
  NEED(waitid_raw(P_PID, pid, &info, WEXITED | WNOWAIT) == 0);
  say("%s", siginfo_words(&info));
  int status;
  NEED(wait4_raw(pid, &status, 0) == pid);
  tell_wait(parent, 0);
  tell_wait(-1, 0);
  return 0;
}
