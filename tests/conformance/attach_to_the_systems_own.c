// What may not be traced, but exists, is EPERM to PTRACE_ATTACH and PTRACE_SEIZE, behind bad arguments: init,
// for who is not root.

#include <sys/stat.h>

#include "guest.h"

static void body(void) {
  if (getuid() == 0) NEED(setresgid(65534, 65534, 65534) == 0 && setresuid(65534, 65534, 65534) == 0);
  struct stat init;
  if (stat("/proc/1", &init) != 0 || init.st_uid == getuid() || getpid() == 1) _exit(77);
  tell_pt(PTRACE_ATTACH, 1, 0, 0);
  tell_pt(PTRACE_ATTACH, 1, 8, 8);
  tell_pt(PTRACE_SEIZE, 1, 0, 0);
  tell_pt(PTRACE_SEIZE, 1, 8, 0);
  tell_pt(PTRACE_SEIZE, 1, 0, 1 << 30);
  tell_pt(PTRACE_INTERRUPT, 1, 0, 0);
  tell_pt(PTRACE_CONT, 1, 0, 0);
  tell_pt(PTRACE_KILL, 1, 0, 0);
}

int main(void) {
  start();
  name_pid(1, "INIT");
  const pid_t pid = spawn("CHILD", body);
  int status;
  NEED(wait4_raw(pid, &status, 0) == pid);
  if (status == EXITED(77)) skip("init is one's own");
  say("%s", status_words(status));
  return 0;
}
