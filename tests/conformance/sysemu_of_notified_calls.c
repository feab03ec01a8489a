// PTRACE_SYSEMU of ptrace, wait4 and waitid: they are not made either.

#include "guest.h"

static void body(void) {
  __asm__ volatile("int3");
  long a = syscall(SYS_ptrace, PTRACE_TRACEME, 0, 0, 0);
  long b = syscall(SYS_wait4, -1, 0, 0, 0);
  long c = syscall(SYS_waitid, P_ALL, 0, 0, WEXITED, 0);
  __asm__ volatile("int3");
  say("CHILD: ptrace %ld, wait4 %ld, waitid %ld", a, b, c);
}

int main(void) {
  start();
  pid_t pid = spawn_stopped("CHILD", body);
  need_pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD);
  need_pt(PTRACE_CONT, pid, 0, 0);
  need_wait(pid, STOPPED(SIGTRAP));
  for (int i = 0; i < 3; i++) {
    tell_pt(PTRACE_SYSEMU, pid, 0, 0);
    tell_wait(pid, 0);
    say("orig_rax %ld", (long)registers(pid).orig_rax);
    tell_pt(PTRACE_POKEUSR, pid, offsetof(struct user_regs_struct, rax), 100 + i);
  }
  tell_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  need_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  return 0;
}
