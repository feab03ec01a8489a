// PTRACE_GET_SYSCALL_INFO looks at si_code and the event message only (kernel/ptrace.c:
// ptrace_get_syscall_info_op), whatever the stop is: si_code is the tracer's to change, and anybody's who
// queues a signal to itself.

#include "guest.h"

#define SYSCALL_CODE (SIGTRAP | 0x80)
#define SECCOMP_CODE (SIGTRAP | PTRACE_EVENT_SECCOMP << 8)

static void queue_to_self(int code) {
  siginfo_t info;
  memset(&info, 0, sizeof info);
  info.si_signo = SIGUSR2;
  info.si_code = code;
  NEED(syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR2, &info) == 0);
}

static void body(void) {
  queue_to_self(SECCOMP_CODE);
  queue_to_self(SYSCALL_CODE);
  syscall(SYS_getppid, 1, 2, 3, 4, 5, 6);
  syscall(SYS_getppid, 11, 12, 13, 14, 15, 16);
  syscall(SYS_exit_group, 0);
}

static void tell_info(pid_t pid, const char* when) {
  struct ptrace_syscall_info info;
  memset(&info, 0, sizeof info);
  long size = pt(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, (unsigned long)&info);
  struct user_regs_struct regs = registers(pid);
  say("%s: size %ld, op %d, arch x86-64 %d, rip %d, rsp %d", when, size, info.op,
      info.arch == AUDIT_ARCH_X86_64, info.instruction_pointer == regs.rip, info.stack_pointer == regs.rsp);
  if (info.op == PTRACE_SYSCALL_INFO_ENTRY || info.op == PTRACE_SYSCALL_INFO_SECCOMP) {
    say("  nr %lld, arguments as in GETREGS %d", (long long)info.entry.nr,
        info.entry.args[0] == regs.rdi && info.entry.args[5] == regs.r9);
  }
  if (info.op == PTRACE_SYSCALL_INFO_EXIT) {
    say("  rval as rax %d, error %d", (unsigned long)info.exit.rval == regs.rax, info.exit.is_error);
  }
  if (info.op == PTRACE_SYSCALL_INFO_SECCOMP) say("  data %u", info.seccomp.ret_data);
}

static void tell_infos(pid_t pid, const char* stop) {
  static const int codes[] = {SYSCALL_CODE, SECCOMP_CODE, SIGTRAP, SYSCALL_CODE | 0x8000, SI_USER};
  siginfo_t saved;
  say("%s", stop);
  tell_info(pid, "as it is");
  need_pt(PTRACE_GETSIGINFO, pid, 0, (unsigned long)&saved);
  for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
    siginfo_t info = saved;
    info.si_code = codes[i];
    need_pt(PTRACE_SETSIGINFO, pid, 0, (unsigned long)&info);
    char when[32];
    snprintf(when, sizeof when, "si_code %#x", codes[i]);
    tell_info(pid, when);
  }
  need_pt(PTRACE_SETSIGINFO, pid, 0, (unsigned long)&saved);
}

static void go(pid_t pid, long request) {
  need_pt(request, pid, 0, 0);
  tell_wait(pid, 0);
}

int main(void) {
  start();
  pid_t pid = spawn_stopped("CHILD", body);
  tell_infos(pid, "SIGSTOP");
  need_pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXIT);
  go(pid, PTRACE_CONT);
  tell_info(pid, "SIGUSR2 with the code of an event");
  go(pid, PTRACE_CONT);
  tell_info(pid, "SIGUSR2 with the code of a syscall-stop");
  go(pid, PTRACE_SYSCALL);
  go(pid, PTRACE_SYSCALL);
  tell_infos(pid, "syscall-enter-stop");
  go(pid, PTRACE_SYSCALL);
  tell_infos(pid, "syscall-exit-stop");
  need_pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEEXIT);
  go(pid, PTRACE_SYSCALL);
  tell_infos(pid, "syscall-enter-stop without TRACESYSGOOD");
  go(pid, PTRACE_SINGLESTEP);
  tell_infos(pid, "step");
  kill(pid, SIGHUP);
  go(pid, PTRACE_CONT);
  need_pt(PTRACE_CONT, pid, 0, SIGHUP);
  tell_wait(pid, 0);
  say("message %lu", event_message(pid));
  tell_infos(pid, "PTRACE_EVENT_EXIT, the message of which is that of an entry");
  go(pid, PTRACE_CONT);
  return 0;
}
