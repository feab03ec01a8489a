// wait4(2): unknown options, among them WNOWAIT and WEXITED, are EINVAL; __WALL|__WCLONE|__WNOTHREAD may be
// combined; INT_MIN is ESRCH; no child is ECHILD; a bad status pointer is EFAULT after the child was reaped.

#include "guest.h"

static void nothing(void) {}

int main(void) {
  start();
  static const unsigned options[] = {
      0,          WNOHANG,          WUNTRACED,   WCONTINUED,
      WEXITED,    WNOWAIT,          0x10,        0x100,
      __WALL,     __WCLONE,         __WNOTHREAD, __WALL | __WCLONE | __WNOTHREAD,
      0xffffffff, WEXITED | WNOHANG};
  say("without children");
  for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) tell_wait(-1, options[i]);
  static const pid_t pids[] = {0, 1, INT_MAX, INT_MIN, INT_MIN + 1, -2};
  for (size_t i = 0; i < sizeof pids / sizeof pids[0]; i++) {
    int status = 0x77;
    say("pid %d: %s, status %#x", pids[i], answer_words(wait4_raw(pids[i], &status, 0)), status);
    say("pid %d bad options: %s", pids[i], answer_words(wait4_raw(pids[i], &status, WNOWAIT)));
  }
  say("with a running child");
  pid_t pid = spawn_blocked("CHILD");
  for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) tell_wait(-1, options[i] | WNOHANG);
  tell_wait(INT_MIN, WNOHANG);
  tell_wait(0, WNOHANG);
  tell_wait(-getpgrp(), WNOHANG);
  end_child(pid);

  say("status NULL");
  pid = spawn("CHILD", nothing);
  say("%s", pid_words(wait4_raw(pid, NULL, 0)));
  say("status 1");
  pid = spawn("CHILD", nothing);
  say("%s", answer_words(wait4_raw(pid, (int*)1, 0)));
  tell_wait(pid, 0);
  say("rusage 1");
  pid = spawn("CHILD", nothing);
  int status = 0x77;
  say("%s", answer_words(raw(syscall(SYS_wait4, pid, &status, 0, 1))));
  say("status %#x", status);
  tell_wait(pid, 0);
  say("a stop of a tracee with a bad status pointer is taken");
  pid = spawn_traced("TRACEE", nothing);
  say("%s", answer_words(wait4_raw(pid, (int*)1, 0)));
  tell_wait(pid, WNOHANG);
  tell_siginfo(pid);
  need_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  return 0;
}
