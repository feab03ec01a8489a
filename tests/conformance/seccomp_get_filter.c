// PTRACE_SECCOMP_GET_FILTER and GET_METADATA show the tracee's own filters, the oldest first, to a caller who
// may (CAP_SYS_ADMIN, and no filter of its own).

#include "seccomp.h"

static void body(void) {
  filter_call(SYS_getppid, SECCOMP_RET_ERRNO | 1);
  filter_call(SYS_getpgrp, SECCOMP_RET_ERRNO | 2);
  raise(SIGUSR1);
}

int main(void) {
  start();
  pid_t pid = spawn_stopped("CHILD", body);
  say("no filter");
  for (int i = 0; i < 2; i++) {
    say("GET_FILTER %d: %s", i, answer_words(pt(PTRACE_SECCOMP_GET_FILTER, pid, i, 0)));
  }
  need_pt(PTRACE_CONT, pid, 0, 0);
  int status = tell_wait(pid, 0);
  NEED(WIFSTOPPED(status));
  say("two filters");
  for (int i = 0; i < 3; i++) {
    struct sock_filter code[64];
    memset(code, 0, sizeof code);
    say("GET_FILTER %d to NULL: %s", i, answer_words(pt(PTRACE_SECCOMP_GET_FILTER, pid, i, 0)));
    long answer = pt(PTRACE_SECCOMP_GET_FILTER, pid, i, (unsigned long)code);
    say("GET_FILTER %d: %s, compares %u, returns %#x", i, answer_words(answer), code[1].k, code[2].k);
  }
  struct seccomp_metadata metadata = {0, 0};
  long answer = pt(PTRACE_SECCOMP_GET_METADATA, pid, sizeof metadata, (unsigned long)&metadata);
  say("GET_METADATA: %s, flags %#x", answer_words(answer), (unsigned)metadata.flags);
  end_child(pid);
  return 0;
}
