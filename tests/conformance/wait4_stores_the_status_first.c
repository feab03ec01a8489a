// wait4(2) stores the status, and then the usage: a bad pointer to the one or the other is EFAULT, what comes
// before it is stored, and the report is taken all the same. waitid(2) stores the usage, and then the
// siginfo.

#include "guest.h"

static struct rusage usage;

static void* bad(void) { return (void*)8; }

static const char* usage_words(void) { return usage.ru_maxrss == 0x5a5a5a5a5a5a5a5a ? "untouched" : "set"; }

static void tell(const char* what, long answer, int status) {
  say("%s: %s, status %s, usage %s", what, answer > 0 ? pid_words(answer) : answer_words(answer),
      status == 0x5a5a ? "untouched" : status_words(status), usage_words());
}

static void wait4_with(const char* what, pid_t pid, int bad_status, int bad_usage) {
  int status = 0x5a5a;
  memset(&usage, 0x5a, sizeof usage);
  tell(what, raw(syscall(SYS_wait4, pid, bad_status ? bad() : &status, __WALL, bad_usage ? bad() : &usage)),
       status);
  tell_wait(pid, WNOHANG);
}

static void waitid_with(const char* what, pid_t pid, int bad_info, int bad_usage) {
  siginfo_t info;
  memset(&info, 0, sizeof info);
  memset(&usage, 0x5a, sizeof usage);
  const long answer = raw(syscall(SYS_waitid, P_PID, pid, bad_info ? bad() : &info, WSTOPPED | WEXITED,
                                  bad_usage ? bad() : &usage));
  say("%s: %s, siginfo %s, usage %s", what, answer_words(answer),
      info.si_signo == 0 ? "untouched" : siginfo_words(&info), usage_words());
  tell_wait(pid, WNOHANG);
}

static void body(void) {
  for (;;) raise(SIGUSR1);
}

static void next_stop(pid_t pid) {
  siginfo_t info;
  need_pt(PTRACE_CONT, pid, 0, 0);
  NEED(waitid_raw(P_PID, pid, &info, WSTOPPED | WNOWAIT) == 0);
}

int main(void) {
  start();
  pid_t pid = spawn_stopped("CHILD", body);
  next_stop(pid);
  wait4_with("wait4, bad usage", pid, 0, 1);
  next_stop(pid);
  wait4_with("wait4, bad status", pid, 1, 0);
  next_stop(pid);
  wait4_with("wait4, both bad", pid, 1, 1);
  next_stop(pid);
  waitid_with("waitid, bad usage", pid, 0, 1);
  next_stop(pid);
  waitid_with("waitid, bad siginfo", pid, 1, 0);
  kill(pid, SIGKILL);
  wait4_with("wait4 of its end, bad usage", pid, 0, 1);
  return 0;
}
