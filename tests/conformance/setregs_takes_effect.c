// SETREGS, POKEUSER and SETREGSET change what the tracee goes on with: arguments and number of a system
// call at its entry, the result at its exit, and where it continues.

#include "guest.h"

static volatile int landed;
__attribute__((noreturn, used)) static void landing(void) {
  // No frame was made, so no call that wants an aligned stack: raw exit.
  __asm__ volatile("mov $60, %%eax\n mov $42, %%edi\n syscall" ::: "memory");
  __builtin_unreachable();
}

static void body(void) {
  say("getppid changed at its exit: %ld", raw(syscall(SYS_getppid)));
  say("getppid turned into getpid: %d", syscall(SYS_getppid) == getpid());
  say("getppid turned into none: %ld", raw(syscall(SYS_getppid)));
  say("getppid skipped with a result: %ld", raw(syscall(SYS_getppid)));
  syscall(SYS_getppid);
  say("never printed");
}

int main(void) {
  start();
  pid_t pid = spawn_stopped("CHILD", body);
  need_pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD);
  struct user_regs_struct regs;

  need_enter(pid, SYS_getppid, SYSGOOD_STOP);
  need_pt(PTRACE_SYSCALL, pid, 0, 0);
  need_wait(pid, SYSGOOD_STOP);
  regs = registers(pid);
  regs.rax = 4711;
  tell_pt(PTRACE_SETREGS, pid, 0, (unsigned long)&regs);

  need_enter(pid, SYS_getppid, SYSGOOD_STOP);
  tell_pt(PTRACE_POKEUSR, pid, offsetof(struct user_regs_struct, orig_rax), SYS_getpid);
  need_pt(PTRACE_SYSCALL, pid, 0, 0);
  need_wait(pid, SYSGOOD_STOP);
  regs = registers(pid);
  say("at the exit orig_rax is getpid: %d, rax its pid: %d", regs.orig_rax == SYS_getpid,
      (pid_t)regs.rax == pid);

  need_enter(pid, SYS_getppid, SYSGOOD_STOP);
  struct iovec iov = {&regs, sizeof regs};
  regs = registers(pid);
  regs.orig_rax = -1;
  tell_pt(PTRACE_SETREGSET, pid, NT_PRSTATUS, (unsigned long)&iov);
  need_pt(PTRACE_SYSCALL, pid, 0, 0);
  need_wait(pid, SYSGOOD_STOP);
  say("rax at its exit: %ld", (long)registers(pid).rax);

  need_enter(pid, SYS_getppid, SYSGOOD_STOP);
  regs = registers(pid);
  regs.orig_rax = -1;
  regs.rax = 77;
  tell_pt(PTRACE_SETREGS, pid, 0, (unsigned long)&regs);
  need_pt(PTRACE_SYSCALL, pid, 0, 0);
  need_wait(pid, SYSGOOD_STOP);
  say("rax at its exit: %ld", (long)registers(pid).rax);

  need_enter(pid, SYS_getppid, SYSGOOD_STOP);
  need_pt(PTRACE_SYSCALL, pid, 0, 0);
  need_wait(pid, SYSGOOD_STOP);
  tell_pt(PTRACE_POKEUSR, pid, offsetof(struct user_regs_struct, rip), (unsigned long)(void*)landing);
  tell_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  return 0;
}
