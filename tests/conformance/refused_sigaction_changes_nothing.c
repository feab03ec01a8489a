// rt_sigaction(2) that is refused, for the size of its signal set (EINVAL) or for a structure that can't be
// read to its end (EFAULT), leaves things as they were: stops go on sending SIGCHLD.

#include "sigchld.h"

struct kernel_sigaction {
  void (*handler)(int);
  unsigned long flags;
  void* restorer;
  uint64_t mask;
};

static void body(void) {
  for (;;) raise(SIGUSR1);
}

static void refuse(const void* action, size_t set_size) {
  say("SIG_IGN: %s", answer_words(raw(syscall(SYS_rt_sigaction, SIGCHLD, action, NULL, set_size))));
}

int main(void) {
  start();
  struct sigaction action = {.sa_handler = count_handled, .sa_flags = SA_RESTART};
  sigaction(SIGCHLD, &action, NULL);
  pid_t pid = spawn_stopped("CHILD", body);
  const struct kernel_sigaction ignore = {SIG_IGN, 0, NULL, 0};
  static const size_t readable[] = {0, 8, 16, 24, 31};
  char* end = hole();
  for (size_t i = 0; i <= sizeof readable / sizeof readable[0]; i++) {
    if (i == 0) {
      refuse(&ignore, 0);
      refuse(&ignore, 4);
      refuse(&ignore, 16);
      refuse(NULL, 4);
    } else {
      char* at = end - readable[i - 1];
      memcpy(at, &ignore, readable[i - 1]);
      refuse(at, 8);
    }
    handled = 0;
    need_pt(PTRACE_CONT, pid, 0, 0);
    need_wait(pid, STOPPED(SIGUSR1));
    stop_was_told(pid);
    say("handled %d", handled);
  }
  end_child(pid);
  return 0;
}
