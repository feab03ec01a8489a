// PTRACE_GET_RSEQ_CONFIGURATION answers 24 whatever the size, and tells what rseq(2) registered.

#include "guest.h"

struct rseq_area {
  _Alignas(32) char bytes[32];
};
static struct rseq_area* area;

static int raw_child(void* unused) {
  (void)unused;
  if (pt(PTRACE_TRACEME, 0, 0, 0) != 0) return 1;
  syscall(SYS_kill, syscall(SYS_getpid), SIGSTOP);
  syscall(SYS_rseq, area, 32, 0, 0x53053053);
  syscall(SYS_kill, syscall(SYS_getpid), SIGUSR1);
  syscall(SYS_exit_group, 0);
  return 0;
}

struct configuration {
  uint64_t pointer;
  uint32_t size, signature, flags, pad;
};

static void tell_configuration(pid_t pid, unsigned long size) {
  struct configuration got;
  memset(&got, 0x5a, sizeof got);
  long answer = pt(PTRACE_GET_RSEQ_CONFIGURATION, pid, size, (unsigned long)&got);
  say("size %lu: %s, pointer %s size %#x signature %#x flags %#x pad %#x", size, answer_words(answer),
      got.pointer == 0                     ? "NULL"
      : got.pointer == (unsigned long)area ? "AREA"
                                           : "else",
      got.size, got.signature, got.flags, got.pad);
}

int main(void) {
  start();
  area = aligned_alloc(32, sizeof *area);
  memset(area, 0, sizeof *area);
  static char stack[65536] __attribute__((aligned(16)));
  // CLONE_VM without CLONE_THREAD: the kernel drops the parent's registration for such a child.
  pid_t pid = clone(raw_child, stack + sizeof stack, CLONE_VM | SIGCHLD, NULL);
  NEED(pid > 0);
  name_pid(pid, "CHILD");
  need_wait(pid, STOPPED(SIGSTOP));
  say("none");
  tell_configuration(pid, 24);
  need_pt(PTRACE_CONT, pid, 0, 0);
  need_wait(pid, STOPPED(SIGUSR1));
  say("registered");
  static const unsigned long sizes[] = {0, 8, 12, 23, 24, 25, 4096};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) tell_configuration(pid, sizes[i]);
  tell_pt(PTRACE_GET_RSEQ_CONFIGURATION, pid, 24, 0);
  tell_pt(PTRACE_GET_RSEQ_CONFIGURATION, pid, 0, 0);
  need_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  return 0;
}
