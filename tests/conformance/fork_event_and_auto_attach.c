// TRACEFORK: the parent's event tells the child's pid; the child starts with a stop of its own: SIGSTOP with
// code 0 and pid 0 where the parent was attached, EVENT_STOP with SIGTRAP where it was seized. It has the
// parent's options.

#include "guest.h"

static void body(void) {
  pid_t child = fork();
  if (child == 0) {
    pid_t grandchild = fork();
    if (grandchild == 0) _exit(1);
    waitpid(grandchild, NULL, 0);
    _exit(2);
  }
  waitpid(child, NULL, 0);
  _exit(3);
}

static void first_stop(pid_t pid) {
  tell_wait(pid, 0);
  tell_siginfo(pid);
  tell_event_number(pid);
}

int main(void) {
  start();
  for (int seized = 0; seized < 2; seized++) {
    pid_t pid = spawn_traced_with(PTRACE_O_TRACEFORK | PTRACE_O_TRACESYSGOOD, "PARENT", body, seized);
    tell_wait(pid, 0);
    tell_siginfo(pid);
    pid_t child = tell_event_pid(pid, "CHILD");
    first_stop(child);
    say("the child is seized, too: %s", answer_words(pt(PTRACE_INTERRUPT, child, 0, 0)));
    if (seized) {
      need_pt(PTRACE_CONT, child, 0, 0);
      tell_wait(child, 0);
    }
    say("its options are its own now");
    tell_pt(PTRACE_SETOPTIONS, pid, 0, 0);
    tell_pt(PTRACE_SYSCALL, child, 0, 0);
    tell_wait(child, 0);
    say("rax %ld", (long)registers(child).rax);
    need_pt(PTRACE_CONT, child, 0, 0);
    tell_wait(child, 0);
    pid_t grandchild = tell_event_pid(child, "GRANDCHILD");
    first_stop(grandchild);
    need_pt(PTRACE_CONT, grandchild, 0, 0);
    tell_wait(grandchild, 0);
    need_pt(PTRACE_CONT, child, 0, 0);
    say("its parent's SIGCHLD comes when the tracer reaped");
    tell_wait(child, 0);
    tell_siginfo(child);
    need_pt(PTRACE_CONT, child, 0, 0);
    tell_wait(child, 0);
    need_pt(PTRACE_CONT, pid, 0, 0);
    tell_wait(pid, 0);
    tell_siginfo(pid);
    need_pt(PTRACE_CONT, pid, 0, 0);
    tell_wait(pid, 0);
  }
  return 0;
}
