// Both trace system calls: a syscall-enter-stop is INNER's first, a syscall-exit-stop OUTER's first. Each has
// its own PTRACE_O_TRACESYSGOOD.

#include "nesting.h"

static void tracee(void) {
  meet();
  syscall(SYS_gettid);
}

static void trace(void) {
  met(PTRACE_SYSCALL);
  tell_call(TRACEE);
  tell_go(PTRACE_SYSCALL, TRACEE, 0);
  tell_call(TRACEE);
  tell_go(PTRACE_CONT, TRACEE, 0);
  tell_end(TRACEE);
}

static void outer(void) { trace(); }
static void inner(void) { trace(); }

int main(int argc, char** argv) {
  return nest(
      argc, argv,
      (Story){.outer = outer, .inner = inner, .tracee = tracee, .outer_options = PTRACE_O_TRACESYSGOOD});
}
