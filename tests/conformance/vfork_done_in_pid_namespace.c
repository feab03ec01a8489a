// The message of PTRACE_EVENT_VFORK_DONE is the child's number in the tracer's pid namespace, also if the
// child is gone already: the kernel keeps its struct pid till then (kernel/fork.c:kernel_clone).

#include "guest.h"

static void makes_child_without_zombie(void) {
  signal(SIGCHLD, SIG_IGN);
  pid_t child = vfork();
  if (child == 0) _exit(0);
  block_forever();
}

static void init_traces(void) {
  for (int options = 0; options < 2; options++) {
    pid_t pid = spawn_traced("PARENT", makes_child_without_zombie);
    need_wait(pid, STOPPED(SIGSTOP));
    need_pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEVFORKDONE | (options == 1 ? PTRACE_O_TRACEVFORK : 0));
    tell_pt(PTRACE_CONT, pid, 0, 0);
    tell_wait(pid, 0);
    say("message: PARENT + %ld", (long)event_message(pid) - pid);
    if (options == 1) {
      pid_t child = event_message(pid);
      name_pid(child, "CHILD");
      tell_wait(child, __WALL);
      tell_pt(PTRACE_CONT, child, 0, 0);
      tell_wait(child, __WALL);
      tell_pt(PTRACE_CONT, pid, 0, 0);
      tell_wait(pid, 0);
      say("message: PARENT + %ld", (long)event_message(pid) - pid);
    }
    end_child(pid);
  }
  _exit(7);
}

int main(void) {
  start();
  pid_t init = syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0);
  if (init == -1) skip("needs the right to make a pid namespace");
  if (init == 0) init_traces();
  name_pid(init, "INIT");
  tell_wait(init, 0);
  return 0;
}
