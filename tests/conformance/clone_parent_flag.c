// clone(2) with CLONE_PARENT by a tracee: the child is its parent's child, here the tracer's own.

#include "guest.h"

static void body(void) {
  long child = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
  if (child == 0) syscall(SYS_exit_group, syscall(SYS_getppid) == getppid() ? 9 : 8);
  int status;
  say("PARENT: %s", answer_words(wait4_raw(-1, &status, __WALL)));
}

int main(void) {
  start();
  pid_t pid = spawn_stopped("TRACEE", body);
  need_pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEFORK | PTRACE_O_TRACECLONE);
  need_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  pid_t child = tell_event_pid(pid, "SIBLING");
  tell_wait(child, 0);
  need_pt(PTRACE_CONT, child, 0, 0);
  tell_wait(child, 0);
  tell_wait(child, WNOHANG);
  need_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  say("without an option");
  pid = spawn_stopped("TRACEE", body);
  need_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  int status;
  pid_t other = wait4_raw(-1, &status, 0);
  say("the tracer reaps its new child: %d, %s", other > 0 && other != pid, status_words(status));
  tell_wait(-1, 0);
  return 0;
}
