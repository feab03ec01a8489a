// TRACEVFORK and TRACEVFORKDONE: VFORK with the child's pid, the child's stop, and once the child exec'd or
// ended, VFORK_DONE with the same pid. Neither needs the other.

#include "guest.h"

static void body(void) {
  pid_t child = vfork();
  if (child == 0) _exit(1);
  waitpid(child, NULL, 0);
}

int main(void) {
  start();
  say("both");
  pid_t pid = spawn_stopped("PARENT", body);
  need_pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEVFORK | PTRACE_O_TRACEVFORKDONE);
  need_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  tell_siginfo(pid);
  pid_t child = tell_event_pid(pid, "CHILD");
  tell_wait(child, 0);
  tell_siginfo(child);
  need_pt(PTRACE_CONT, pid, 0, 0);
  say("the parent waits for the child");
  tell_wait(pid, WNOHANG);
  need_pt(PTRACE_CONT, child, 0, 0);
  tell_wait(child, 0);
  tell_wait(pid, 0);
  tell_event_pid(pid, NULL);
  tell_siginfo(pid);
  need_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  end_child(pid);

  say("VFORK_DONE alone");
  pid = spawn_stopped("PARENT", body);
  need_pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEVFORKDONE);
  need_pt(PTRACE_CONT, pid, 0, 0);
  int status = tell_wait(pid, 0);
  if (status >> 16 == PTRACE_EVENT_VFORK_DONE) {
    pid_t message = event_message(pid);
    say("message is a pid: %d", message > 0);
  }
  end_child(pid);

  say("VFORK alone, seized");
  pid = spawn_seized("PARENT", body, PTRACE_O_TRACEVFORK);
  tell_wait(pid, 0);
  child = tell_event_pid(pid, "CHILD");
  tell_wait(child, 0);
  need_pt(PTRACE_CONT, child, 0, 0);
  tell_wait(child, 0);
  need_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  tell_siginfo(pid);
  need_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  return 0;
}
