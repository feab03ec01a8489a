// PTRACE_SINGLEBLOCK stops after the next taken branch, or, where the processor (a virtual one) cannot, after
// the next instruction; SINGLESTEP stops after one. The trap flag that the tracer's step sets is not seen by
// GETREGS.

#include "guest.h"

static void body(void) {
  __asm__ volatile(
      "int3\n"
      "nop\n nop\n nop\n"
      "jmp 1f\n"
      "nop\n"
      "1: nop\n nop\n"
      "pushf\n pop %%rax\n"
      "nop\n"
      :
      :
      : "rax", "cc", "memory");
}

static long at;
static void step(pid_t pid, long request) {
  tell_pt(request, pid, 0, 0);
  tell_wait(pid, 0);
  tell_siginfo(pid);
  struct user_regs_struct regs = registers(pid);
  say("moved %ld, trap flag %d", (long)regs.rip - at, (int)(regs.eflags >> 8 & 1));
  at = regs.rip;
}

int main(void) {
  start();
  pid_t pid = spawn_stopped("CHILD", body);
  need_pt(PTRACE_CONT, pid, 0, 0);
  need_wait(pid, STOPPED(SIGTRAP));
  at = registers(pid).rip;
  step(pid, PTRACE_SINGLESTEP);
  step(pid, PTRACE_SINGLEBLOCK);
  for (int i = 0; i < 7; i++) step(pid, PTRACE_SINGLESTEP);
  say("the pushed flags: trap flag %d", (int)(registers(pid).rax >> 8 & 1));
  tell_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);

  say("the program's own trap flag");
  pid = spawn_stopped("CHILD", body);
  need_pt(PTRACE_CONT, pid, 0, 0);
  need_wait(pid, STOPPED(SIGTRAP));
  struct user_regs_struct regs = registers(pid);
  regs.eflags |= 0x100;
  tell_pt(PTRACE_SETREGS, pid, 0, (unsigned long)&regs);
  say("trap flag %d", (int)(registers(pid).eflags >> 8 & 1));
  tell_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  tell_siginfo(pid);
  end_child(pid);
  return 0;
}
