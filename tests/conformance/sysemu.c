// PTRACE_SYSEMU stops at the entry of a system call that is then not made: no exit-stop, the tracer sets the
// result. PTRACE_SYSEMU_SINGLESTEP does the same and steps. The kernel stores -ENOSYS where the tracer stores
// nothing.

#include "guest.h"

static void body(void) {
  say("CHILD: getppid %ld", raw(syscall(SYS_getppid)));
  say("CHILD: gettid %ld", raw(syscall(SYS_gettid)));
  say("CHILD: exit_group is next");
}

static void emulate_until(pid_t pid, long number, int stop) {
  for (;;) {
    need_pt(PTRACE_SYSEMU, pid, 0, 0);
    need_wait(pid, stop);
    if (SYSCALL_NUMBER(registers(pid)) == number) return;
    // Let it be made: PTRACE_SYSCALL from a SYSEMU stop runs to the exit only if it re-enters, so rewind
    // instead.
    struct user_regs_struct regs = registers(pid);
    regs.rip -= 2;
    regs.rax = regs.orig_rax;
    need_pt(PTRACE_SETREGS, pid, 0, (unsigned long)&regs);
    need_pt(PTRACE_SYSCALL, pid, 0, 0);
    need_wait(pid, stop);
    need_pt(PTRACE_SYSCALL, pid, 0, 0);
    need_wait(pid, stop);
  }
}

int main(void) {
  start();
  pid_t pid = spawn_stopped("CHILD", body);
  need_pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD);
  emulate_until(pid, SYS_getppid, SYSGOOD_STOP);
  tell_siginfo(pid);
  tell_event_number(pid);
  struct ptrace_syscall_info info;
  memset(&info, 0, sizeof info);
  long size = pt(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, (unsigned long)&info);
  say("GET_SYSCALL_INFO %ld, op %d", size, info.op);
  say("rax %ld", (long)registers(pid).rax);
  tell_pt(PTRACE_POKEUSR, pid, offsetof(struct user_regs_struct, rax), 4711);
  emulate_until(pid, SYS_gettid, SYSGOOD_STOP);
  say("not given a result, and stepped");
  tell_pt(PTRACE_SYSEMU_SINGLESTEP, pid, 0, 0);
  tell_wait(pid, 0);
  tell_siginfo(pid);
  say("rax %ld", (long)registers(pid).rax);
  emulate_until(pid, SYS_exit_group, SYSGOOD_STOP);
  say("without TRACESYSGOOD");
  need_pt(PTRACE_SETOPTIONS, pid, 0, 0);
  tell_pt(PTRACE_SYSEMU, pid, 0, 0);
  int status = tell_wait(pid, 0);
  if (WIFSTOPPED(status)) tell_siginfo(pid);
  end_child(pid);
  return 0;
}
