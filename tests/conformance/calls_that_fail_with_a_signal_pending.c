// A signal that is pending as a call begins ends a call that sleeps, not one that the kernel refuses: waits
// with bad arguments or without a child, clone3(2). One that makes a child gives up before it does, and
// starts again. Each call is made once, in the 64-bit ABI and by int $0x80.

#include "guest.h"

#define R9 0x1234567890abcdef

static int has_int80;

static long int80(long number, long a, long b, long c, long d) {
  long result;
  __asm__ volatile("int $0x80"
                   : "=a"(result)
                   : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d), "D"(0l)
                   : "memory", "r8", "r9", "r10", "r11");
  return (int)result;
}

static void handler(int signal) { (void)signal; }

static void body(void) {
  signal(SIGUSR1, handler);
  raise(SIGUSR2);
  syscall(SYS_waitid, 15, 0, 0, WEXITED, 0);
  syscall(SYS_waitid, P_ALL, 0, 0, 0, 0);
  syscall(SYS_waitid, P_PID, 0, 0, WEXITED, 0);
  syscall(SYS_waitid, P_PIDFD, 99, 0, WEXITED, 0);
  syscall(SYS_wait4, -1, 0, 0x777, 0);
  syscall(SYS_wait4, INT_MIN, 0, 0, 0);
  syscall(SYS_wait4, -1, 0, 0, 0);
  static uint64_t args[11];
  syscall(SYS_clone3, 0, 0);
  syscall(SYS_clone3, 1, 64);
  syscall(SYS_clone3, args, 8);
  args[4] = 200;  // exit_signal
  syscall(SYS_clone3, args, 64);
  args[4] = SIGCHLD;
  register long r9 __asm__("r9") = R9;
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result), "+r"(r9)
                   : "a"(SYS_clone3), "D"(args), "S"(64l)
                   : "rcx", "r11", "memory");
  const int kept = r9 == R9;
  if (result == 0) _exit(kept ? 3 : 4);
  int status;
  syscall(SYS_wait4, result, &status, 0, 0);
  if (!kept || status != 3 << 8) _exit(1);
  if (!has_int80) return;
  int80(284, 15, 0, 0, WEXITED);
  int80(7, -1, 0, 0x777, 0);
  int80(7, -1, 0, 0, 0);
  int80(114, -1, 0, 0, 0);
  int80(435, 0, 0, 0, 0);
}

static void run(unsigned long options) {
  pid_t pid = spawn_stopped("CHILD", body);
  need_pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD | options);
  need_pt(PTRACE_CONT, pid, 0, 0);
  need_wait(pid, STOPPED(SIGUSR2));
  int status = 0, entry = 1, asked = 0;
  for (int steps = 0; steps < 400; steps++) {
    need_pt(PTRACE_SYSCALL, pid, 0, 0);
    NEED(wait4_raw(pid, &status, __WALL) == pid);
    if (WIFEXITED(status)) break;
    if (status == STOPPED(SIGUSR1) || status == STOPPED(SIGCHLD)) {
      if (status == STOPPED(SIGUSR1)) say("  %s", status_words(status));
      continue;
    }
    const struct user_regs_struct regs = registers(pid);
    if (status != SYSGOOD_STOP) {
      const pid_t child = event_message(pid);
      say("  %s, r9 %d", status_words(status), regs.r9 == R9);
      need_wait(child, STOPPED(SIGSTOP));
      say("  the child: r9 %d, result %ld", registers(child).r9 == R9, (long)registers(child).rax);
      need_pt(PTRACE_DETACH, child, 0, 0);
      continue;
    }
    if (entry) {
      struct ptrace_syscall_info info;
      memset(&info, 0, sizeof info);
      pt(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, (unsigned long)&info);
      // Once for each call, not for one that starts again; nor for the wait for the child.
      const int wait_for_child = regs.orig_rax == SYS_wait4 && (int)regs.rdi > 0 && regs.cs == 0x33 &&
                                 info.arch == AUDIT_ARCH_X86_64;
      say("call %ld of %#x begins", (long)regs.orig_rax, info.arch);
      if (!asked && !wait_for_child) {
        NEED(syscall(SYS_tgkill, pid, pid, SIGUSR1) == 0);
        asked = 1;
      }
    } else {
      const long result = (long)regs.rax;
      say("  and ends: %s, r9 %d", result > 0 ? "positive" : word_words(result), regs.r9 == R9);
      if (result > -512) asked = 0;
    }
    entry = !entry;
  }
  say("%s", status_words(status));
}

int main(void) {
  start();
  int status;
  const pid_t probe = fork();
  if (probe == 0) _exit(int80(64, 0, 0, 0, 0) != getppid());
  NEED(waitpid(probe, &status, 0) == probe);
  has_int80 = status == 0;
  run(0);
  say("with the event of the child");
  run(PTRACE_O_TRACEFORK | PTRACE_O_TRACECLONE);
  return 0;
}
