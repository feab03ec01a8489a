// kernel/ptrace.c: ptrace_resume and ptrace_detach: a signal above 64 or negative is EIO and the tracee
// stays where it is.

#include "guest.h"

static void nothing(void) {}

int main(void) {
  start();
  pid_t pid = spawn_stopped("CHILD", nothing);
  static const long requests[] = {PTRACE_CONT,   PTRACE_SYSCALL,           PTRACE_SINGLESTEP,
                                  PTRACE_SYSEMU, PTRACE_SYSEMU_SINGLESTEP, PTRACE_SINGLEBLOCK,
                                  PTRACE_DETACH};
  static const long signals[] = {65, 128, 1000, -1, INT_MIN};
  for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
    for (size_t j = 0; j < sizeof signals / sizeof signals[0]; j++) {
      say("%s with signal %ld: %s", request_words(requests[i]), signals[j],
          answer_words(pt(requests[i], pid, 0, signals[j])));
    }
  }
  tell_wait(pid, WNOHANG);
  tell_siginfo(pid);
  say("64 is the last signal");
  tell_pt(PTRACE_CONT, pid, 0, 64);
  tell_wait(pid, 0);
  return 0;
}
