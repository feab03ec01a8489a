// si_code at each kind of stop: 5 or 0x85 with the tracee's own pid at a syscall-stop, TRAP_TRACE after a
// step, TRAP_BRKPT after a step over a syscall instruction, SI_KERNEL at int3, 5 at the first instruction of
// a handler that a step entered.

#include "guest.h"

static void handler(int unused) { (void)unused; }
static void body(void) {
  signal(SIGUSR1, handler);
  raise(SIGUSR2);
  __asm__ volatile("nop\n nop\n nop");
  syscall(SYS_getppid);
  raise(SIGUSR1);
  __asm__ volatile("int3");
}

static void step(pid_t pid, int signal) {
  tell_pt(PTRACE_SINGLESTEP, pid, 0, signal);
  tell_wait(pid, 0);
  tell_siginfo(pid);
}

int main(void) {
  start();
  pid_t pid = spawn_stopped("CHILD", body);
  need_pt(PTRACE_CONT, pid, 0, 0);
  need_wait(pid, STOPPED(SIGUSR2));
  say("plain steps");
  step(pid, 0);
  step(pid, 0);
  say("syscall-stops");
  need_enter(pid, SYS_getppid, SYSCALL_STOP);
  tell_siginfo(pid);
  tell_pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD);
  tell_siginfo(pid);
  tell_pt(PTRACE_SYSCALL, pid, 0, 0);
  tell_wait(pid, 0);
  tell_siginfo(pid);
  say("step from an exit-stop");
  step(pid, 0);
  say("step from an enter-stop: over the syscall instruction");
  need_enter(pid, SYS_gettid, SYSGOOD_STOP);
  step(pid, 0);
  struct user_regs_struct regs = registers(pid);
  say("rax is the pid: %d", (pid_t)regs.rax == pid);
  tell_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  say("step into a handler");
  step(pid, SIGUSR1);
  say("at the handler: %d, trap flag shown: %d", registers(pid).rip == (unsigned long)(void*)handler,
      (int)(registers(pid).eflags >> 8 & 1));
  step(pid, 0);
  tell_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  say("int3");
  tell_siginfo(pid);
  end_child(pid);
  return 0;
}
