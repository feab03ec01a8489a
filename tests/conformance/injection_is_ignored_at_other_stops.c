// ptrace(2): a signal given to CONT at an EVENT_STOP, in a group-stop or at an event is ignored.

#include "guest.h"

static void body(void) {
  raise(SIGSTOP);
  syscall(SYS_exit_group, 5);
}

int main(void) {
  start();
  say("EVENT_STOP of INTERRUPT, group-stop and EVENT_EXIT of a seized tracee");
  pid_t pid = spawn_seized("SEIZED", body, PTRACE_O_TRACEEXIT);
  tell_wait(pid, 0);
  tell_pt(PTRACE_INTERRUPT, pid, 0, 0);
  tell_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  tell_pt(PTRACE_CONT, pid, 0, SIGTERM);
  tell_wait(pid, 0);
  tell_pt(PTRACE_CONT, pid, 0, SIGTERM);
  tell_wait(pid, 0);

  pid = spawn_seized("SEIZED", body, 0);
  tell_wait(pid, 0);
  tell_pt(PTRACE_CONT, pid, 0, SIGSTOP);
  tell_wait(pid, 0);
  tell_pt(PTRACE_CONT, pid, 0, SIGTERM);
  tell_wait(pid, 0);

  say("group-stop of an attached tracee");
  pid = spawn_stopped("ATTACHED", body);
  tell_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  tell_pt(PTRACE_CONT, pid, 0, SIGSTOP);
  tell_wait(pid, 0);
  tell_siginfo(pid);
  tell_pt(PTRACE_CONT, pid, 0, SIGTERM);
  tell_wait(pid, 0);
  return 0;
}
