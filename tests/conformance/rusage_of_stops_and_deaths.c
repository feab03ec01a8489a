// wait4(2) and waitid(2) fill the rusage for stops as for deaths; nothing to report leaves it alone.

#include "guest.h"

static void body(void) {
  // Work that shows: at least a hundred page faults.
  char* memory = mmap(NULL, 400 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (int i = 0; i < 400; i++) memory[i * 4096] = 1;
  raise(SIGUSR1);
}

static void tell(const char* what, struct rusage* usage) {
  unsigned char* bytes = (unsigned char*)usage;
  size_t untouched = 0;
  for (size_t i = 0; i < sizeof *usage; i++) untouched += bytes[i] == 0x5a;
  if (untouched == sizeof *usage) {
    say("%s: untouched", what);
  } else {
    say("%s: maxrss %d, minflt > 100: %d, microseconds sane: %d", what, usage->ru_maxrss > 0,
        usage->ru_minflt > 100, usage->ru_utime.tv_usec < 1000000 && usage->ru_stime.tv_usec < 1000000);
  }
  memset(usage, 0x5a, sizeof *usage);
}

int main(void) {
  start();
  struct rusage usage;
  memset(&usage, 0x5a, sizeof usage);
  int status;
  siginfo_t info;
  pid_t pid = spawn_stopped("CHILD", body);
  NEED(raw(syscall(SYS_wait4, pid, &status, WNOHANG, &usage)) == 0);
  tell("nothing", &usage);
  need_pt(PTRACE_CONT, pid, 0, 0);
  NEED(raw(syscall(SYS_waitid, P_PID, pid, &info, WSTOPPED | WNOWAIT, &usage)) == 0);
  tell("waitid WNOWAIT of a stop", &usage);
  NEED(raw(syscall(SYS_waitid, P_PID, pid, &info, WSTOPPED | WNOHANG, &usage)) == 0);
  tell("waitid of a stop", &usage);
  NEED(raw(syscall(SYS_waitid, P_PID, pid, &info, WSTOPPED | WNOHANG, &usage)) == 0);
  tell("waitid of nothing", &usage);
  need_pt(PTRACE_SYSCALL, pid, 0, 0);
  NEED(raw(syscall(SYS_wait4, pid, &status, 0, &usage)) == pid);
  tell("wait4 of a stop", &usage);
  need_pt(PTRACE_CONT, pid, 0, 0);
  NEED(raw(syscall(SYS_wait4, pid, &status, 0, &usage)) == pid);
  tell("wait4 of a death", &usage);
  NEED(raw(syscall(SYS_wait4, pid, &status, 0, &usage)) == -ECHILD);
  tell("wait4 of nobody", &usage);
  return 0;
}
