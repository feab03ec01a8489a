// Registers, vector registers and memory are the tracee's: what one tracer writes the other reads, also when
// it has read them before in the same stop.

#include "nesting.h"

static volatile long cell = 1;

// kill(TRACEE, SIGUSR1) with 1 in r12 and in xmm0; what they hold behind the stop.
static void tracee(void) {
  register long r12 __asm__("r12") = 1;
  long xmm0 = 1;
  long answer = SYS_kill;
  __asm__ volatile(
      "movq %2, %%xmm0\n\t"
      "syscall\n\t"
      "movq %%xmm0, %2"
      : "+a"(answer), "+r"(r12), "+r"(xmm0)
      : "D"((long)TRACEE), "S"((long)SIGUSR1)
      : "rcx", "r11", "xmm0", "memory");
  NEED(answer == 0);
  say_both("r12 = %ld, xmm0 = %ld, cell = %ld", r12, xmm0, cell);
}

static void tell_all(void) {
  struct user_regs_struct by_regset;
  struct iovec general = {&by_regset, sizeof by_regset};
  struct user_fpregs_struct vectors;
  unsigned long by_peek, memory;
  struct user_regs_struct regs = registers(TRACEE);
  need_pt(PTRACE_GETREGSET, TRACEE, NT_PRSTATUS, (unsigned long)&general);
  need_pt(PTRACE_PEEKUSR, TRACEE, offsetof(struct user_regs_struct, r12), (unsigned long)&by_peek);
  need_pt(PTRACE_GETFPREGS, TRACEE, 0, (unsigned long)&vectors);
  need_pt(PTRACE_PEEKDATA, TRACEE, (unsigned long)&cell, (unsigned long)&memory);
  say("r12 = %llu %llu %lu, xmm0 = %u, cell = %lu", regs.r12, by_regset.r12, by_peek, vectors.xmm_space[0],
      memory);
}

static void write_all(unsigned long value) {
  struct user_fpregs_struct vectors;
  struct user_regs_struct regs = registers(TRACEE);
  regs.r12 = value;
  need_pt(PTRACE_SETREGS, TRACEE, 0, (unsigned long)&regs);
  need_pt(PTRACE_GETFPREGS, TRACEE, 0, (unsigned long)&vectors);
  vectors.xmm_space[0] = value;
  need_pt(PTRACE_SETFPREGS, TRACEE, 0, (unsigned long)&vectors);
  need_pt(PTRACE_POKEDATA, TRACEE, (unsigned long)&cell, value);
  say("writes %lu", value);
}

static void beside(void) {
  if (!both()) return;
  starred();
  need_pt(PTRACE_INTERRUPT, TRACEE, 0, 0);
  need_wait(TRACEE, EVENT_STOP(SIGTRAP));
  tell_all();
  turn_to(OUTER);
  tell_all();
  write_all(3);
  turn_to(OUTER);
  need_pt(PTRACE_CONT, TRACEE, 0, 0);
  plain();
}

static void outer(void) {
  need_wait(TRACEE, STOPPED(SIGUSR1));
  tell_all();
  turn_to(INNER);
  write_all(2);
  tell_all();
  if (both()) {
    turn_to(INNER);
    starred();
    tell_all();
    plain();
    hand_to(INNER);
  }
  need_pt(PTRACE_CONT, TRACEE, 0, with_inner() ? SIGUSR1 : 0);
  tell_end(TRACEE);
}

static void inner(void) {
  my_turn(OUTER);
  beside();
  need_wait(TRACEE, STOPPED(SIGUSR1));
  if (both()) {
    starred();
    tell_all();
    plain();
  }
  write_all(4);
  tell_all();
  need_pt(PTRACE_CONT, TRACEE, 0, 0);
  tell_end(TRACEE);
}

int main(int argc, char** argv) {
  return nest(argc, argv, (Story){.outer = outer, .inner = inner, .tracee = tracee});
}
