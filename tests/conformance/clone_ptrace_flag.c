// clone(2) with CLONE_PTRACE: a traced caller's child is traced, too, with no event and no option; where
// nobody traces the caller the flag does nothing.

#include "guest.h"

static pid_t* child_pid;
static void body(void) {
  long child = syscall(SYS_clone, CLONE_PTRACE | SIGCHLD, 0, 0, 0, 0);
  if (child == 0) syscall(SYS_exit_group, 9);
  *child_pid = child;
  raise(SIGUSR1);
  int status;
  wait4_raw(child, &status, __WALL);
  say("PARENT: its child %s", status_words(status));
}

int main(void) {
  start();
  child_pid = shared_memory(sizeof *child_pid);
  pid_t pid = spawn_stopped("PARENT", body);
  need_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  name_pid(*child_pid, "CHILD");
  pid_t child = *child_pid;
  tell_wait(child, 0);
  tell_siginfo(child);
  need_pt(PTRACE_CONT, child, 0, 0);
  tell_wait(child, 0);
  need_pt(PTRACE_CONT, pid, 0, 0);
  int status = tell_wait(pid, 0);
  while (WIFSTOPPED(status)) {
    need_pt(PTRACE_CONT, pid, 0, 0);
    status = tell_wait(pid, 0);
  }
  say("untraced");
  long plain = syscall(SYS_clone, CLONE_PTRACE | SIGCHLD, 0, 0, 0, 0);
  if (plain == 0) syscall(SYS_exit_group, 9);
  name_pid(plain, "PLAIN");
  tell_wait(plain, 0);
  return 0;
}
