// A wait for a child that ends just as it begins finds the zombie before the SIGCHLD for it is looked at: a
// tracer sees the call end once, with the number of the child. Many times, since it is a matter of who is
// first.

#include "guest.h"

enum { kRounds = 300 };

static void body(void) {
  for (int i = 0; i < kRounds; i++) {
    const pid_t pid = fork();
    if (pid == 0) _exit(3);
    int status = 0;
    if (wait4_raw(pid, &status, 0) != pid || status != EXITED(3)) _exit(1);
  }
  _exit(0);
}

int main(void) {
  start();
  const pid_t pid = spawn_stopped("CHILD", body);
  need_pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD);
  int status = 0, found = 0, again = 0;
  for (;;) {
    need_pt(PTRACE_SYSCALL, pid, 0, 0);
    NEED(wait4_raw(pid, &status, __WALL) == pid);
    if (WIFEXITED(status)) break;
    if (status != SYSGOOD_STOP) continue;  // SIGCHLD
    struct ptrace_syscall_info info;
    NEED(pt(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, (unsigned long)&info) > 0);
    if (info.op != PTRACE_SYSCALL_INFO_EXIT || registers(pid).orig_rax != SYS_wait4) continue;
    found += info.exit.rval > 0;
    again += info.exit.is_error;
  }
  say("%s; %d waits found the child, %d began again", status_words(status), found, again);
  return 0;
}
