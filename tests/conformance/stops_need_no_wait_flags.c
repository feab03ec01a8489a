// A ptrace-stop is reported without WUNTRACED, and since Linux 4.7 to waits with and without __WCLONE. waitid
// wants WSTOPPED or not as the transcript shows.

#include "guest.h"

static void body(void) {
  for (int i = 0; i < 6; i++) raise(SIGUSR1);
}

int main(void) {
  start();
  pid_t pid = spawn_traced("CHILD", body);
  static const unsigned options[] = {0,           WUNTRACED,         __WCLONE,  __WALL,
                                     __WNOTHREAD, __WCLONE | __WALL, WCONTINUED};
  for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
    tell_wait(i % 2 ? pid : -1, options[i]);
    need_pt(PTRACE_CONT, pid, 0, 0);
  }
  tell_wait(pid, __WCLONE);

  pid = spawn_traced("CHILD", body);
  tell_waitid(P_PID, pid, WSTOPPED | WNOWAIT);
  tell_waitid(P_PID, pid, WEXITED | WNOHANG);
  tell_waitid(P_PID, pid, WCONTINUED | WNOHANG);
  tell_waitid(P_PID, pid, WSTOPPED | WNOHANG);
  end_child(pid);
  say("a child that is not traced does need them");
  pid = spawn("PLAIN", body);
  tell_wait(pid, __WCLONE);
  tell_wait(pid, 0);
  return 0;
}
