// CONT from a group-stop lets the tracee run while its process stays stopped: a later INTERRUPT reports the
// stopping signal. After SIGCONT it reports SIGTRAP.

#include "guest.h"

static Gate go;
static void body(void) {
  raise(SIGSTOP);
  say("CHILD runs in spite of the group-stop");
  gate_pass(go);
  raise(SIGUSR1);
}

int main(void) {
  start();
  go = gate_new();
  pid_t pid = spawn_seized("CHILD", body, 0);
  tell_wait(pid, 0);
  tell_pt(PTRACE_CONT, pid, 0, SIGSTOP);
  tell_wait(pid, 0);
  tell_pt(PTRACE_CONT, pid, 0, 0);
  gate_open(go);
  tell_wait(pid, 0);
  tell_pt(PTRACE_INTERRUPT, pid, 0, 0);
  tell_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  tell_siginfo(pid);
  say("SIGCONT while trapped");
  kill(pid, SIGCONT);
  tell_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  tell_siginfo(pid);
  tell_pt(PTRACE_INTERRUPT, pid, 0, 0);
  tell_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  tell_siginfo(pid);
  tell_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  end_child(pid);
  return 0;
}
