// kernel/ptrace.c: ptrace_detach takes its signal as an unsigned int, ptrace_resume as a long: 2^32 is a
// good signal number (0) for DETACH and a bad one for CONT.

#include "guest.h"

static void nothing(void) {}

int main(void) {
  start();
  pid_t pid = spawn_stopped("CHILD", nothing);
  unsigned long high = 1UL << 32;
  say("CONT: %s", answer_words(pt(PTRACE_CONT, pid, 0, high)));
  say("DETACH: %s", answer_words(pt(PTRACE_DETACH, pid, 0, high)));
  tell_wait(pid, 0);
  return 0;
}
