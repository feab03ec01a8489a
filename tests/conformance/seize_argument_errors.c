// kernel/ptrace.c: ptrace_attach looks at SEIZE's address and option bits before it looks at the target:
// bad bits are EIO even for the caller itself, good ones EPERM.

#include "guest.h"

int main(void) {
  start();
  pid_t self = getpid();
  pid_t child = spawn_blocked("CHILD");
  say("on a child");
  tell_pt(PTRACE_SEIZE, child, 1, 0);
  say("address PTR: %s", answer_words(pt(PTRACE_SEIZE, child, (unsigned long)&child, 0)));
  tell_pt(PTRACE_SEIZE, child, 0, 0x100);
  tell_pt(PTRACE_SEIZE, child, 0, 0x400000);
  tell_pt(PTRACE_SEIZE, child, 0, -1L);
  say("high bit: %s", answer_words(pt(PTRACE_SEIZE, child, 0, ~(~0UL >> 1))));
  tell_pt(PTRACE_SEIZE, child, 1, 0x100);
  say("on itself");
  tell_pt(PTRACE_SEIZE, self, 1, 0);
  tell_pt(PTRACE_SEIZE, self, 0, 0x100);
  tell_pt(PTRACE_SEIZE, self, 0, PTRACE_O_TRACESYSGOOD);
  tell_pt(PTRACE_SEIZE, self, 0, 0);
  say("on nobody");
  tell_pt(PTRACE_SEIZE, INT_MAX, 1, 0);
  tell_pt(PTRACE_SEIZE, 0, 0, 0x100);
  say("at last");
  tell_pt(PTRACE_SEIZE, child, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
  say("twice, and with bad bits");
  tell_pt(PTRACE_SEIZE, child, 0, 0);
  tell_pt(PTRACE_ATTACH, child, 0, 0);
  tell_pt(PTRACE_SEIZE, child, 0, 0x100);
  end_child(child);
  return 0;
}
