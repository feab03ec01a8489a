// PTRACE_GET/SET_SYSCALL_USER_DISPATCH_CONFIG (Linux 6.4): the size in the address must be exact, EINVAL
// else; what is set is judged as prctl(PR_SET_SYSCALL_USER_DISPATCH) would.

#include "guest.h"

struct configuration {
  uint64_t mode, selector, offset, length;
};

static volatile char* selector;
static void body(void) { say("CHILD runs"); }

static void tell_configuration(pid_t pid) {
  struct configuration got;
  memset(&got, 0x5a, sizeof got);
  long answer = pt(PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG, pid, sizeof got, (unsigned long)&got);
  say("GET = %s: mode %ld selector %s offset %#lx length %#lx", answer_words(answer), (long)got.mode,
      got.selector == (unsigned long)selector ? "SELECTOR" : word_words(got.selector), (long)got.offset,
      (long)got.length);
}

static void set(pid_t pid, uint64_t mode, uint64_t where, uint64_t offset, uint64_t length) {
  struct configuration to = {mode, where, offset, length};
  say("SET mode %ld selector %s offset %s length %s: %s", (long)mode,
      where == (unsigned long)selector ? "SELECTOR" : word_words(where), word_words(offset),
      word_words(length),
      answer_words(pt(PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG, pid, sizeof to, (unsigned long)&to)));
}

int main(void) {
  start();
  selector = shared_memory(4096);
  pid_t pid = spawn_stopped("CHILD", body);
  tell_configuration(pid);
  struct configuration config = {0, 0, 0, 0};
  static const unsigned long sizes[] = {0, 8, 31, 33, 64};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    say("size %lu: GET %s SET %s", sizes[i],
        answer_words(pt(PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG, pid, sizes[i], (unsigned long)&config)),
        answer_words(pt(PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG, pid, sizes[i], (unsigned long)&config)));
  }
  say("NULL: GET %s SET %s", answer_words(pt(PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG, pid, 32, 0)),
      answer_words(pt(PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG, pid, 32, 0)));
  set(pid, 0, 0, 0, 0);
  set(pid, 0, 1, 0, 0);
  set(pid, 0, 0, 1, 0);
  set(pid, 0, 0, 0, 1);
  set(pid, 2, 0, 0, 0);
  set(pid, 99, 0, 0, 0);
  set(pid, 1, (unsigned long)selector, 4096, 4096);
  tell_configuration(pid);
  set(pid, 1, (unsigned long)selector, -1UL, 2);
  set(pid, 1, -1UL, 0, 0);
  set(pid, 1, (unsigned long)selector, 0, 0);
  tell_configuration(pid);
  say("with the selector at ALLOW the child runs");
  tell_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  return 0;
}
