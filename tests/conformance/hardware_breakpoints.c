// A watchpoint stops the tracee after the access, a hardware breakpoint before the instruction: SIGTRAP with
// TRAP_HWBKPT, DR6 telling which. A child made by fork has none of them.

#include "guest.h"

static volatile unsigned long watched __attribute__((aligned(8)));
__attribute__((noinline)) static void breakpoint_here(void) { __asm__ volatile("nop"); }

static void body(void) {
  watched = 1;
  say("CHILD wrote");
  (void)watched;
  say("CHILD read");
  breakpoint_here();
  say("CHILD called");
  pid_t pid = fork();
  if (pid == 0) {
    watched = 2;
    _exit(0);
  }
  waitpid(pid, NULL, 0);
  watched = 3;
}

static unsigned long peek_debug(pid_t pid, int number) {
  unsigned long word = 0;
  need_pt(PTRACE_PEEKUSR, pid, offsetof(struct user, u_debugreg) + 8 * number, (unsigned long)&word);
  return word;
}

static void poke_debug(pid_t pid, int number, unsigned long value) {
  tell_pt(PTRACE_POKEUSR, pid, offsetof(struct user, u_debugreg) + 8 * number, value);
}

static void tell_stop(pid_t pid) {
  tell_siginfo(pid);
  say("DR6 %#lx, DR7 %#lx", peek_debug(pid, 6), peek_debug(pid, 7));
  say("at the breakpoint: %d", registers(pid).rip == (unsigned long)(void*)breakpoint_here);
}

int main(void) {
  start();
  pid_t pid = spawn_stopped("CHILD", body);
  poke_debug(pid, 0, (unsigned long)&watched);
  poke_debug(pid, 1, (unsigned long)(void*)breakpoint_here);
  poke_debug(pid, 7, 1 | 4 | (1 << 16) | (2 << 18));
  for (;;) {
    tell_pt(PTRACE_CONT, pid, 0, 0);
    int status = tell_wait(pid, 0);
    if (!WIFSTOPPED(status)) break;
    tell_stop(pid);
    if (WSTOPSIG(status) == SIGTRAP) poke_debug(pid, 6, 0);
    if (watched == 0 && registers(pid).rip == (unsigned long)(void*)breakpoint_here) {
      say("a read-write watchpoint instead");
      poke_debug(pid, 7, 1 | (3 << 16));
    }
  }
  return 0;
}
