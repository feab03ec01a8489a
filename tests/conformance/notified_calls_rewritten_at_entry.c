// A tracer may turn any call into ptrace, wait4 or waitid at its entry, and these into any other.

#include "guest.h"

static void body(void) {
  say("getppid turned into wait4: %s", answer_words(raw(syscall(SYS_getppid, -1, 0, WNOHANG, 0))));
  say("wait4 turned into getppid: %d", syscall(SYS_wait4, -1, 0, 0, 0) == getppid());
  say("ptrace turned into getpid: %d", syscall(SYS_ptrace, 12345, 0, 0, 0) == getpid());
  say("waitid skipped: %s", answer_words(raw(syscall(SYS_waitid, P_ALL, 0, 0, WEXITED, 0))));
  say("getppid turned into ptrace: %s", answer_words(raw(syscall(SYS_getppid, PTRACE_CONT, 0, 0, 0))));
}

static void turn(pid_t pid, long from, long into) {
  need_enter(pid, from, SYSGOOD_STOP);
  tell_pt(PTRACE_POKEUSR, pid, offsetof(struct user_regs_struct, orig_rax), into);
  need_pt(PTRACE_SYSCALL, pid, 0, 0);
  need_wait(pid, SYSGOOD_STOP);
  struct user_regs_struct regs = registers(pid);
  say("exit: call %s", (long)regs.orig_rax == into ? "as changed" : "else");
}

int main(void) {
  start();
  pid_t pid = spawn_stopped("CHILD", body);
  need_pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD);
  turn(pid, SYS_getppid, SYS_wait4);
  turn(pid, SYS_wait4, SYS_getppid);
  turn(pid, SYS_ptrace, SYS_getpid);
  turn(pid, SYS_waitid, -1);
  turn(pid, SYS_getppid, SYS_ptrace);
  tell_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  return 0;
}
