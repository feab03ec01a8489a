// PTRACE_GETEVENTMSG: 1 at a syscall-enter-stop, 2 at its exit, 0 at a signal-delivery-stop and
// EVENT_STOP, the wait status at EVENT_EXIT. (It is stored at any ptrace-stop since Linux 5.3.)

#include "guest.h"

static void body(void) {
  syscall(SYS_getppid);
  raise(SIGUSR1);
  syscall(SYS_exit_group, 3);
}

int main(void) {
  start();
  pid_t pid = spawn_seized("CHILD", body, PTRACE_O_TRACEEXIT);
  tell_wait(pid, 0);
  tell_event_number(pid);
  tell_pt(PTRACE_INTERRUPT, pid, 0, 0);
  tell_pt(PTRACE_SYSCALL, pid, 0, 0);
  tell_wait(pid, 0);
  tell_event_number(pid);
  for (;;) {
    tell_pt(PTRACE_SYSCALL, pid, 0, 0);
    int status = tell_wait(pid, 0);
    if (!WIFSTOPPED(status)) break;
    tell_event_number(pid);
  }
  say("bad pointers");
  pid = spawn_stopped("OTHER", body);
  tell_pt(PTRACE_GETEVENTMSG, pid, 0, 0);
  tell_pt(PTRACE_GETEVENTMSG, pid, 0, 1);
  tell_pt(PTRACE_GETEVENTMSG, pid, 0, -1L);
  end_child(pid);
  return 0;
}
