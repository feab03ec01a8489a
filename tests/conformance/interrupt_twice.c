// INTERRUPT of a tracee that is already trapped makes one more EVENT_STOP after it is resumed; several
// INTERRUPTs make one stop.

#include "guest.h"

static void body(void) {
  raise(SIGUSR1);
  block_forever();
}

int main(void) {
  start();
  pid_t pid = spawn_seized("CHILD", body, 0);
  tell_wait(pid, 0);
  for (int i = 0; i < 3; i++) tell_pt(PTRACE_INTERRUPT, pid, 0, 0);
  tell_wait(pid, WNOHANG);
  tell_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  tell_siginfo(pid);
  say("address and data do not matter");
  tell_pt(PTRACE_INTERRUPT, pid, 1, -1L);
  tell_pt(PTRACE_SINGLESTEP, pid, 0, 0);
  tell_wait(pid, 0);
  tell_siginfo(pid);
  tell_pt(PTRACE_CONT, pid, 0, 0);
  tell_pt(PTRACE_INTERRUPT, pid, 0, 0);
  tell_wait(pid, 0);
  tell_wait(pid, WNOHANG);
  end_child(pid);
  return 0;
}
