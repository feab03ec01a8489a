// INNER emulates a system call (PTRACE_SYSEMU), so OUTER, which traces system calls, sees nothing of it: for
// OUTER the tracee made none.

#include "nesting.h"

static void tracee(void) {
  meet();
  const long answer = with_inner() ? syscall(SYS_gettid) : 42;
  syscall(SYS_exit_group, answer == 42 ? 7 : 8);
}

static void outer(void) {
  met(PTRACE_SYSCALL);
  tell_call(TRACEE);
  tell_go(PTRACE_CONT, TRACEE, 0);
  tell_end(TRACEE);
}

static void inner(void) {
  met(PTRACE_SYSEMU);
  tell_call(TRACEE);
  tell_pt(PTRACE_POKEUSR, TRACEE, offsetof(struct user_regs_struct, rax), 42);
  tell_go(PTRACE_CONT, TRACEE, 0);
  tell_end(TRACEE);
}

int main(int argc, char** argv) {
  return nest(argc, argv, (Story){.outer = outer, .inner = inner, .tracee = tracee});
}
