// arch/x86/kernel/ptrace.c: task_user_regset_view: GETREGSET shows the 32-bit view of a tracee that runs in a
// 32-bit code segment, whatever its program is; GETREGS of a 64-bit tracer always shows the 64-bit registers.

#include "guest.h"

static void nothing(void) {}
static char buffer[8192];

static void tell(pid_t pid) {
  static const struct {
    const char* name;
    unsigned type;
  } types[] = {
      {"PRSTATUS", NT_PRSTATUS}, {"PRFPREG", NT_PRFPREG}, {"PRXFPREG", NT_PRXFPREG}, {"386_TLS", NT_386_TLS}};
  for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
    struct iovec iov = {buffer, sizeof buffer};
    long answer = pt(PTRACE_GETREGSET, pid, types[i].type, (unsigned long)&iov);
    say("%s: %s, length %zu", types[i].name, answer_words(answer), iov.iov_len);
    iov.iov_len = 4;
    say("  four bytes: %s", answer_words(pt(PTRACE_GETREGSET, pid, types[i].type, (unsigned long)&iov)));
  }
  struct user_regs_struct regs;
  memset(&regs, 0x5a, sizeof regs);
  long answer = pt(PTRACE_GETREGS, pid, 0, (unsigned long)&regs);
  say("GETREGS: %s, cs %#lx", answer_words(answer), (long)regs.cs);
  struct ptrace_syscall_info info;
  memset(&info, 0, sizeof info);
  NEED(pt(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, (unsigned long)&info) > 0);
  say("arch %#x", info.arch);
}

int main(void) {
  start();
  pid_t pid = spawn_stopped("CHILD", nothing);
  tell(pid);
  unsigned long cs = registers(pid).cs;
  tell_pt(PTRACE_POKEUSR, pid, offsetof(struct user_regs_struct, cs), 0x23);
  tell(pid);
  tell_pt(PTRACE_POKEUSR, pid, offsetof(struct user_regs_struct, cs), cs);
  tell(pid);
  need_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  return 0;
}
