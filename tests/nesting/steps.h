// Shared by the guests that step: a tracee whose instructions behind SIGUSR1 are known.

#ifndef NESTRACE_TESTS_NESTING_STEPS_H_
#define NESTRACE_TESTS_NESTING_STEPS_H_

#include "nesting.h"

extern const char steps_begin[];

// kill(TRACEE, SIGUSR1) and, behind it, gettid(): 5 bytes, 2 bytes, and a nop of 1.
KIT void stepped(void) {
  long answer = SYS_kill;
  __asm__ volatile(
      "syscall\n\t"
      ".globl steps_begin\n"
      "steps_begin:\n\t"
      "movl $186, %%eax\n\t"
      "syscall\n\t"
      "nop"
      : "+a"(answer)
      : "D"((long)TRACEE), "S"((long)SIGUSR1)
      : "rcx", "r11", "memory");
  NEED(answer == TRACEE);
}

// The next stop is that of a step. (On some virtual machines a step now and then has no DR6.BS, natively too,
// in 1 of 15,000; Linux then says TRAP_BRKPT, as behind a system call.)
KIT void tell_step(void) {
  int status = 0;
  NEED(wait4_raw(TRACEE, &status, __WALL) == TRACEE);
  siginfo_t info;
  need_pt(PTRACE_GETSIGINFO, TRACEE, 0, (unsigned long)&info);
  const long at = (long)(registers(TRACEE).rip - (unsigned long)steps_begin);
  if (info.si_code == TRAP_BRKPT && at != 7) info.si_code = TRAP_TRACE;
  say("TRACEE: %s, %s, at +%ld", status_words(status), code_words(info.si_signo, info.si_code), at);
}

// Steps over the three instructions and lets the tracee run.
KIT void step_along(void) {
  met(PTRACE_SINGLESTEP);
  tell_step();
  tell_go(PTRACE_SINGLESTEP, TRACEE, 0);
  tell_step();
  tell_go(PTRACE_SINGLESTEP, TRACEE, 0);
  tell_step();
  tell_go(PTRACE_CONT, TRACEE, 0);
  tell_end(TRACEE);
}

KIT void trace_the_call(void) {
  met(PTRACE_SYSCALL);
  tell_call(TRACEE);
  tell_go(PTRACE_SYSCALL, TRACEE, 0);
  tell_call(TRACEE);
  tell_go(PTRACE_CONT, TRACEE, 0);
  tell_end(TRACEE);
}

#endif  // NESTRACE_TESTS_NESTING_STEPS_H_
