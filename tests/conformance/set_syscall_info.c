// PTRACE_SET_SYSCALL_INFO (Linux 6.16, kernel/ptrace.c: ptrace_set_syscall_info) changes number, arguments
// and result at the syscall-stops it was made for: EINVAL for a short size, set flags or another op,
// ERANGE for a number that is no int.

#include "guest.h"

// linux/ptrace.h as of 6.16; older headers lack `flags`.
struct syscall_info {
  uint8_t op;
  uint8_t reserved;
  uint16_t flags;
  uint32_t arch;
  uint64_t instruction_pointer;
  uint64_t stack_pointer;
  uint64_t nr_or_rval;
  uint64_t args[6];  // the first byte is is_error at an exit
  uint32_t ret_data;
  uint32_t reserved2;
};

static void body(void) {
  say("getppid was made getpid: %d", syscall(SYS_getppid) == getpid());
  say("the error was made a value: %ld", raw(syscall(SYS_read, -1, 0, 0)));
  say("the value was made an error: %s", answer_words(raw(syscall(SYS_getppid))));
}

static struct syscall_info get(pid_t pid) {
  struct syscall_info info;
  memset(&info, 0, sizeof info);
  NEED(pt(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, (unsigned long)&info) > 0);
  return info;
}

static void set(pid_t pid, const char* what, struct syscall_info info, unsigned long size) {
  say("%s: %s", what, answer_words(pt(PTRACE_SET_SYSCALL_INFO, pid, size, (unsigned long)&info)));
}

int main(void) {
  start();
  pid_t pid = spawn_stopped("CHILD", body);
  if (pt(PTRACE_SET_SYSCALL_INFO, pid, 0, 0) == -EIO) skip("no PTRACE_SET_SYSCALL_INFO in this kernel");
  need_pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD);
  struct syscall_info info = get(pid);
  set(pid, "NONE at a signal-delivery-stop", info, sizeof info);
  info.op = PTRACE_SYSCALL_INFO_ENTRY;
  set(pid, "ENTRY at a signal-delivery-stop", info, sizeof info);

  need_enter(pid, SYS_getppid, SYSGOOD_STOP);
  info = get(pid);
  set(pid, "as it is", info, sizeof info);
  set(pid, "a larger size", info, 4096);
  set(pid, "a short size", info, sizeof info - 1);
  set(pid, "size 0", info, 0);
  say("NULL: %s", answer_words(pt(PTRACE_SET_SYSCALL_INFO, pid, sizeof info, 0)));
  struct syscall_info bad = info;
  bad.flags = 1;
  set(pid, "flags", bad, sizeof bad);
  bad = info;
  bad.reserved = 1;
  set(pid, "reserved", bad, sizeof bad);
  bad = info;
  bad.op = PTRACE_SYSCALL_INFO_EXIT;
  set(pid, "EXIT at an entry", bad, sizeof bad);
  bad.op = PTRACE_SYSCALL_INFO_SECCOMP;
  set(pid, "SECCOMP at an entry", bad, sizeof bad);
  bad = info;
  bad.nr_or_rval = 1UL << 40;
  set(pid, "a number that is no int", bad, sizeof bad);
  bad = info;
  bad.arch = bad.instruction_pointer = bad.stack_pointer = 0;
  set(pid, "other arch, ip, sp", bad, sizeof bad);
  info.nr_or_rval = SYS_getpid;
  info.args[0] = 0x777;
  set(pid, "getpid", info, sizeof info);
  struct user_regs_struct regs = registers(pid);
  say("orig_rax is getpid %d, rdi %#lx", (long)regs.orig_rax == SYS_getpid, (long)regs.rdi);

  need_pt(PTRACE_SYSCALL, pid, 0, 0);
  need_wait(pid, SYSGOOD_STOP);
  need_enter(pid, SYS_read, SYSGOOD_STOP);
  need_pt(PTRACE_SYSCALL, pid, 0, 0);
  need_wait(pid, SYSGOOD_STOP);
  info = get(pid);
  say("exit: rval %ld, error %d", (long)info.nr_or_rval, (int)(info.args[0] & 0xff));
  bad = info;
  bad.op = PTRACE_SYSCALL_INFO_ENTRY;
  set(pid, "ENTRY at an exit", bad, sizeof bad);
  info.nr_or_rval = 5;
  info.args[0] = 0;
  set(pid, "rval 5, no error", info, sizeof info);
  say("rax %ld", (long)registers(pid).rax);

  need_enter(pid, SYS_getppid, SYSGOOD_STOP);
  need_pt(PTRACE_SYSCALL, pid, 0, 0);
  need_wait(pid, SYSGOOD_STOP);
  info = get(pid);
  info.nr_or_rval = -ENOTTY;
  info.args[0] = 1;
  set(pid, "rval -ENOTTY, an error", info, sizeof info);
  need_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  return 0;
}
