// The SIGTRAP of a breakpoint is for the tracer that wrote the int3. When that one suppresses it, as
// debuggers do, the other sees nothing.

#include "steps.h"

static long text_at(const char* where) {
  long word = 0;
  need_pt(PTRACE_PEEKTEXT, TRACEE, (unsigned long)where, (unsigned long)&word);
  return word;
}

static void sets_breakpoint(void) {
  need_wait(TRACEE, STOPPED(SIGUSR1));
  const long text = text_at(steps_begin);
  need_pt(PTRACE_POKETEXT, TRACEE, (unsigned long)steps_begin, (text & ~0xffL) | 0xcc);
  need_pt(PTRACE_CONT, TRACEE, 0, nest_state.self == kOuter && with_inner() ? SIGUSR1 : 0);
  tell_step();
  need_pt(PTRACE_POKETEXT, TRACEE, (unsigned long)steps_begin, text);
  struct user_regs_struct regs = registers(TRACEE);
  regs.rip--;
  need_pt(PTRACE_SETREGS, TRACEE, 0, (unsigned long)&regs);
  tell_go(PTRACE_CONT, TRACEE, 0);
  tell_end(TRACEE);
}
static void lets_run(void) {
  met(PTRACE_CONT);
  tell_end(TRACEE);
}

// An int3 of the program's own is everybody's.
static void traps_itself(void) {
  meet();
  __asm__ volatile("int3");
}
static void sees_trap(void) {
  met(PTRACE_CONT);
  tell_stop(TRACEE);
  tell_siginfo(TRACEE);
  tell_go(PTRACE_CONT, TRACEE, SIGTRAP);
  tell_end(TRACEE);
}

int main(int argc, char** argv) {
  const Story stories[] = {
      {"INNER's", lets_run, sets_breakpoint, stepped},
      {"OUTER's", sets_breakpoint, lets_run, stepped},
      {"the program's", sees_trap, sees_trap, traps_itself},
  };
  return nest_each(argc, argv, stories, sizeof stories / sizeof stories[0]);
}
