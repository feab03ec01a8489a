// SECCOMP_RET_TRACE where no tracer asked for the event: ENOSYS, whether there is a tracer or not.

#include "seccomp.h"

static void body(void) {
  filter_call(SYS_getppid, SECCOMP_RET_TRACE | 5);
  say("CHILD: %s", answer_words(raw(syscall(SYS_getppid))));
}

int main(void) {
  start();
  pid_t pid = spawn("UNTRACED", body);
  tell_wait(pid, 0);
  pid = spawn_stopped("TRACED", body);
  need_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  pid = spawn_stopped("TRACED", body);
  need_pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD);
  need_enter(pid, SYS_getppid, SYSGOOD_STOP);
  tell_pt(PTRACE_SYSCALL, pid, 0, 0);
  tell_wait(pid, 0);
  say("rax at the exit %ld", (long)registers(pid).rax);
  need_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  return 0;
}
