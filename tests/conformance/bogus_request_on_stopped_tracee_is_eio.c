// arch/x86/kernel/ptrace.c: arch_ptrace ends in kernel/ptrace.c: ptrace_request, whose default is EIO.
// The tracee stays stopped. The upper half of the request register counts.

#include "guest.h"

static void nothing(void) {}

int main(void) {
  start();
  pid_t pid = spawn_stopped("CHILD", nothing);
  static const long requests[] = {10,  11,  20,     22,     23,     27,         28, 29, 34,
                                  100, 999, 0x41ff, 0x4213, 0x4300, 0x7fffffff, -1, -2, LONG_MIN};
  for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) tell_pt(requests[i], pid, 0, 0);
#ifdef __x86_64__
  // PTRACE_CONT in the lower half is no PTRACE_CONT.
  say("2^32 + PTRACE_CONT: %s", answer_words(pt((1L << 32) | PTRACE_CONT, pid, 0, 0)));
#endif
  tell_wait(pid, WNOHANG);
  tell_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  return 0;
}
