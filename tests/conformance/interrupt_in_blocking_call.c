// INTERRUPT in a blocking system call: the tracee stops with the call's number kept and -ERESTARTSYS (-512)
// or one of its kin in rax; resumed, it goes on waiting as if nothing had happened.

#include "guest.h"

static Gate go;
static void body(void) {
  char byte;
  say("CHILD read %ld", (long)read(go.fd[0], &byte, 1));
  say("CHILD paused: %s", answer_words(raw(syscall(SYS_pause))));
}
static void on_usr1(int unused) { (void)unused; }
static void entry(void) {
  signal(SIGUSR1, on_usr1);
  body();
}

static void interrupt(pid_t pid) {
  tell_pt(PTRACE_INTERRUPT, pid, 0, 0);
  tell_wait(pid, 0);
  struct user_regs_struct regs = registers(pid);
  say("orig_rax %ld, rax %ld", (long)regs.orig_rax, (long)regs.rax);
}

int main(void) {
  start();
  go = gate_new();
  pid_t pid = spawn_seized("CHILD", entry, PTRACE_O_TRACESYSGOOD);
  need_pt(PTRACE_INTERRUPT, pid, 0, 0);
  need_wait(pid, EVENT_STOP(SIGTRAP));
  // To the read of `go`: the entry's own gate has another descriptor.
  for (;;) {
    need_enter(pid, SYS_read, SYSGOOD_STOP);
    if ((int)registers(pid).rdi == go.fd[0]) break;
  }
  tell_pt(PTRACE_CONT, pid, 0, 0);
  interrupt(pid);
  tell_pt(PTRACE_SYSCALL, pid, 0, 0);
  tell_wait(pid, 0);
  struct user_regs_struct regs = registers(pid);
  say("entered again: orig_rax %ld, rax %ld", (long)regs.orig_rax, (long)regs.rax);
  tell_pt(PTRACE_CONT, pid, 0, 0);
  interrupt(pid);
  tell_pt(PTRACE_SYSCALL, pid, 0, 0);
  tell_wait(pid, 0);
  tell_pt(PTRACE_SYSCALL, pid, 0, 0);
  gate_open(go);
  tell_wait(pid, 0);
  say("rax %ld", (long)registers(pid).rax);
  need_enter(pid, SYS_pause, SYSGOOD_STOP);
  tell_pt(PTRACE_CONT, pid, 0, 0);
  interrupt(pid);
  tell_pt(PTRACE_CONT, pid, 0, 0);
  kill(pid, SIGUSR1);
  tell_wait(pid, 0);
  say("rax %ld", (long)registers(pid).rax);
  tell_pt(PTRACE_CONT, pid, 0, SIGUSR1);
  tell_wait(pid, 0);
  return 0;
}
