// kernel/ptrace.c: ptrace_traceme: TRACEME looks at no argument, and answers EPERM once traced, by
// whomever.

#include "guest.h"

static void body(void) {
  tell_pt(PTRACE_TRACEME, 0, 0, 0);
  tell_pt(PTRACE_TRACEME, -1, 1, 1);
}

static void garbage(void) {
  tell_pt(PTRACE_TRACEME, INT_MIN, -1L, -1L);
  tell_pt(PTRACE_TRACEME, 0, 0, 0);
}

int main(void) {
  start();
  pid_t pid = spawn_stopped("CHILD", body);
  need_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);

  pid = spawn_seized("SEIZED", body, 0);
  tell_wait(pid, 0);

  pid = spawn("GARBAGE", garbage);
  tell_wait(pid, 0);
  return 0;
}
