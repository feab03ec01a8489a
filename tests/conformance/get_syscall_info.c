// PTRACE_GET_SYSCALL_INFO answers the full size of what it knows, however short the buffer: 24 bytes for
// NONE, 80 at an entry, 33 at an exit. The op is not NONE only where the stop was reported with
// TRACESYSGOOD's 0x80: setting that option inside of the stop is too late.

#include "guest.h"

static void body(void) {
  syscall(SYS_getppid, 1, 2, 3, 4, 5, 6);
  syscall(SYS_read, -1, 0, 0, 0, 0, 0);
  syscall(SYS_getppid, 11, 12, 13, 14, 15, 16);
  syscall(SYS_kill, getpid(), SIGUSR1);
}

static void tell_info(pid_t pid) {
  struct ptrace_syscall_info info;
  memset(&info, 0x5a, sizeof info);
  long answer = pt(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, (unsigned long)&info);
  static const char* const ops[] = {"NONE", "ENTRY", "EXIT", "SECCOMP"};
  say("size %zu: %s, op %s", sizeof info, answer_words(answer), info.op < 4 ? ops[info.op] : "bad");
  say("  arch x86-64 %d, rip as in GETREGS %d, rsp %d", info.arch == AUDIT_ARCH_X86_64,
      info.instruction_pointer == registers(pid).rip, info.stack_pointer == registers(pid).rsp);
  if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
    say("  nr %ld args %ld %ld %ld %ld %ld %ld", (long)info.entry.nr, (long)info.entry.args[0],
        (long)info.entry.args[1], (long)info.entry.args[2], (long)info.entry.args[3],
        (long)info.entry.args[4], (long)info.entry.args[5]);
  } else if (info.op == PTRACE_SYSCALL_INFO_EXIT) {
    say("  rval %s error %d", info.exit.rval == getpid() ? "SELF" : word_words(info.exit.rval),
        info.exit.is_error);
  }
  static const unsigned long sizes[] = {0, 1, 8, 23, 24, 33, 40, 4096};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    char buffer[4096];
    memset(buffer, 0x5a, sizeof buffer);
    answer = pt(PTRACE_GET_SYSCALL_INFO, pid, sizes[i], (unsigned long)buffer);
    int stored = 0;
    for (int j = 0; j < 4096; j++) {
      if (buffer[j] != 0x5a) stored = j + 1;
    }
    say("  size %lu: %s, past the size: %d", sizes[i], answer_words(answer), stored > (long)sizes[i]);
  }
  say("  NULL: %s, NULL size 0: %s", answer_words(pt(PTRACE_GET_SYSCALL_INFO, pid, 8, 0)),
      answer_words(pt(PTRACE_GET_SYSCALL_INFO, pid, 0, 0)));
}

static void go(pid_t pid) {
  tell_pt(PTRACE_SYSCALL, pid, 0, 0);
  tell_wait(pid, 0);
}

int main(void) {
  start();
  pid_t pid = spawn_stopped("CHILD", body);
  tell_info(pid);
  say("a syscall-stop without TRACESYSGOOD");
  go(pid);
  tell_info(pid);
  tell_pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD);
  say("set inside of the stop: too late");
  tell_info(pid);
  go(pid);
  tell_info(pid);
  need_enter(pid, SYS_read, SYSGOOD_STOP);
  tell_info(pid);
  go(pid);
  tell_info(pid);
  need_enter(pid, SYS_getppid, SYSGOOD_STOP);
  tell_pt(PTRACE_SETOPTIONS, pid, 0, 0);
  say("cleared inside of the stop: still ENTRY");
  tell_info(pid);
  tell_pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXIT);
  tell_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  say("signal-delivery-stop");
  tell_info(pid);
  tell_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  say("EVENT_EXIT");
  tell_info(pid);
  end_child(pid);
  return 0;
}
