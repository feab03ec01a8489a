// waitid(2): EINVAL without any of WEXITED, WSTOPPED, WCONTINUED, for unknown options, P_PID 0 or negative,
// P_PGID negative, P_PIDFD negative; EBADF for a descriptor that is no pidfd. The siginfo is zeroed or
// untouched as the kernel has it.

#include "guest.h"

static void nothing(void) {}

static void all(void) {
  static const unsigned options[] = {0,         WNOHANG,         WNOWAIT,
                                     WEXITED,   WSTOPPED,        WCONTINUED,
                                     0x100,     WEXITED | 0x100, WEXITED | __WALL | __WCLONE | __WNOTHREAD,
                                     0xffffffff};
  for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
    tell_waitid(P_ALL, 0, options[i] | WNOHANG);
  }
  static const int types[] = {P_ALL, P_PID, P_PGID, P_PIDFD, 4, -1, 99};
  static const int ids[] = {0, 1, -1, INT_MAX, INT_MIN};
  for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
    for (size_t j = 0; j < sizeof ids / sizeof ids[0]; j++) {
      if (types[i] == P_PIDFD && ids[j] == 1) continue;  // stdout, which is no pidfd: below
      tell_waitid(types[i], ids[j], WEXITED | WNOHANG);
    }
  }
}

int main(void) {
  start();
  say("without children");
  all();
  int file = open("/dev/null", O_RDONLY);
  tell_waitid_named(P_PIDFD, file, "/dev/null", WEXITED | WNOHANG);
  tell_waitid_named(P_PIDFD, 1000, "closed", WEXITED | WNOHANG);
  say("infop NULL: %s", answer_words(waitid_raw(P_ALL, 0, NULL, WEXITED)));
  say("infop 1: %s", answer_words(waitid_raw(P_ALL, 0, (siginfo_t*)1, WEXITED)));
  say("with a running child");
  pid_t pid = spawn_blocked("CHILD");
  all();
  end_child(pid);
  say("infop NULL reaps");
  pid = spawn("CHILD", nothing);
  say("%s", answer_words(waitid_raw(P_PID, pid, NULL, WEXITED)));
  tell_wait(pid, 0);
  say("infop 1 reaps and is EFAULT");
  pid = spawn("CHILD", nothing);
  say("%s", answer_words(waitid_raw(P_PID, pid, (siginfo_t*)1, WEXITED)));
  tell_wait(pid, 0);
  say("rusage 1 reaps and is EFAULT");
  pid = spawn("CHILD", nothing);
  siginfo_t info;
  memset(&info, 0x5a, sizeof info);
  say("%s", answer_words(raw(syscall(SYS_waitid, P_PID, pid, &info, WEXITED, 1))));
  say("infop untouched: %d", info.si_signo == 0x5a5a5a5a);
  tell_wait(pid, 0);
  return 0;
}
