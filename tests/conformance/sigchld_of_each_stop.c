// The SIGCHLD a tracer gets (kernel/signal.c: do_notify_parent_cldstop): CLD_TRAPPED with the low seven bits
// of the stop signal; CLD_STOPPED at a group-stop and, with status 0, at the stop of an INTERRUPT; CLD_EXITED
// or CLD_KILLED at the end.

#include "sigchld.h"

static void body(void) {
  syscall(SYS_getppid);
  raise(SIGUSR1);
  raise(SIGSTOP);
  __asm__ volatile("nop");
  syscall(SYS_exit_group, 3);
}

static void stop(pid_t pid) {
  tell_sigchld();
  tell_wait(pid, WNOHANG);
  tell_sigchld_now();
}

int main(void) {
  start();
  block_sigchld();
  for (int seized = 0; seized < 2; seized++) {
    pid_t pid;
    unsigned long options = PTRACE_O_TRACEEXIT | PTRACE_O_TRACESYSGOOD;
    if (seized) {
      pid = spawn_seized("SEIZED", body, options);
      tell_sigchld();
      tell_wait(pid, WNOHANG);
      need_pt(PTRACE_INTERRUPT, pid, 0, 0);
      need_pt(PTRACE_CONT, pid, 0, 0);
      stop(pid);
    } else {
      pid = spawn_traced("ATTACHED", body);
      stop(pid);
      need_pt(PTRACE_SETOPTIONS, pid, 0, options);
      need_pt(PTRACE_SYSCALL, pid, 0, 0);
      stop(pid);
      need_pt(PTRACE_SYSCALL, pid, 0, 0);
      stop(pid);
      need_pt(PTRACE_CONT, pid, 0, 0);
      stop(pid);
    }
    need_pt(PTRACE_CONT, pid, 0, 0);
    stop(pid);
    say("group-stop");
    need_pt(PTRACE_CONT, pid, 0, SIGSTOP);
    stop(pid);
    if (seized) {
      need_pt(PTRACE_LISTEN, pid, 0, 0);
      kill(pid, SIGCONT);
      tell_sigchld();
      tell_wait(pid, 0);
      // The EVENT_STOP's own SIGCHLD may have found the first one pending.
      drop_sigchld();
      need_pt(PTRACE_CONT, pid, 0, 0);
      stop(pid);
    }
    say("step");
    need_pt(PTRACE_SINGLESTEP, pid, 0, 0);
    stop(pid);
    say("EVENT_EXIT and the end");
    need_pt(PTRACE_CONT, pid, 0, 0);
    stop(pid);
    need_pt(PTRACE_CONT, pid, 0, 0);
    stop(pid);
  }
  return 0;
}
