// A 64-bit program may make the 32-bit system calls by int 0x80: ptrace (26), wait4 (114), waitpid (7),
// waitid (284). They take and give 32-bit layouts. The tracer sees such a call with AUDIT_ARCH_I386.

#include "guest.h"

#define I386_ptrace 26
#define I386_wait4 114
#define I386_waitpid 7
#define I386_waitid 284
#define I386_getppid 64

static long int80(long number, long a, long b, long c, long d, long e) {
  long result;
  __asm__ volatile("int $0x80"
                   : "=a"(result)
                   : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e)
                   : "memory", "r8", "r9", "r10", "r11");
  return (int)result;
}

// Where the kernel has no 32-bit system calls, `int $0x80` is a fault, or returns something else.
static int has_int80(void) {
  int status;
  const pid_t pid = fork();
  if (pid == 0) _exit(int80(I386_getppid, 0, 0, 0, 0, 0) != getppid());
  NEED(waitpid(pid, &status, 0) == pid);
  return status == 0;
}

static void body(void) {
  raise(SIGUSR1);
  int80(I386_getppid, 1, 2, 3, 4, 5);
}

int main(void) {
  start();
  // What the calls point to must lie below 4 GiB.
  char* low = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  NEED(low != MAP_FAILED);
  if (!has_int80()) skip("no 32-bit system calls in this kernel");
  int* status = (int*)low;
  unsigned* words = (unsigned*)low;
  long at = (long)low;

  say("no children: wait4 %s, waitpid %s", answer_words(int80(I386_wait4, -1, at, 0, 0, 0)),
      answer_words(int80(I386_waitpid, -1, at, 0, 0, 0)));
  say("wait4 INT_MIN %s, bad options %s", answer_words(int80(I386_wait4, INT_MIN, at, 0, 0, 0)),
      answer_words(int80(I386_wait4, -1, at, WNOWAIT, 0, 0)));
  say("waitid no options %s", answer_words(int80(I386_waitid, P_ALL, 0, at, 0, 0)));
  pid_t pid = spawn_traced("CHILD", body);
  long answer = int80(I386_wait4, pid, at, 0, 0, 0);
  say("wait4 %s, %s", pid_words(answer), status_words(*status));
  say("CONT with a bad signal %s", answer_words(int80(I386_ptrace, PTRACE_CONT, pid, 0, 65, 0)));
  say("unknown request %s", answer_words(int80(I386_ptrace, 999, pid, 0, 0, 0)));
  say("SETOPTIONS %s", answer_words(int80(I386_ptrace, PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD, 0)));
  const long upper = 7l << 32;  // is not looked at
  say("CONT %s", answer_words(int80(I386_ptrace, upper | PTRACE_CONT, upper | pid, upper, upper, 0)));
  memset(low, 0, 4096);
  answer = int80(I386_waitid, P_PID, pid, at, WSTOPPED | WNOWAIT, 0);
  say("waitid %s: signo %u code %u pid %s status %#x", answer_words(answer), words[0], words[2],
      pid_words(words[3]), words[5]);
  answer = int80(I386_waitpid, pid, at, 0, 0, 0);
  say("waitpid %s, %s", pid_words(answer), status_words(*status));

  memset(low, 0, 4096);
  answer = int80(I386_ptrace, PTRACE_GETSIGINFO, pid, 0, at, 0);
  say("GETSIGINFO %s: signo %u code %d pid %s", answer_words(answer), words[0], (int)words[2],
      pid_words(words[3]));
  memset(low, 0x5a, 4096);
  answer = int80(I386_ptrace, PTRACE_GETREGS, pid, 0, at, 0);
  int stored = 0;
  for (int i = 0; i < 4096; i++) {
    if (low[i] != 0x5a) stored = i + 1;
  }
  say("GETREGS %s, %d bytes", answer_words(answer), stored);
  answer = int80(I386_ptrace, PTRACE_PEEKUSR, pid, 13 * 4, at, 0);
  say("PEEKUSER cs %s, %#x", answer_words(answer), words[0]);
  say("PEEKUSER misaligned %s, outside %s", answer_words(int80(I386_ptrace, PTRACE_PEEKUSR, pid, 2, at, 0)),
      answer_words(int80(I386_ptrace, PTRACE_PEEKUSR, pid, 4096, at, 0)));
  words[0] = at + 64;
  words[1] = 1024;
  answer = int80(I386_ptrace, PTRACE_GETREGSET, pid, NT_PRSTATUS, at, 0);
  say("GETREGSET %s, length %u", answer_words(answer), words[1]);
  words[16] = 0x12345678;
  answer = int80(I386_ptrace, PTRACE_PEEKDATA, pid, at, at + 128, 0);
  say("PEEKDATA %s", answer_words(answer));
  answer = int80(I386_ptrace, PTRACE_ARCH_PRCTL, pid, 0, 0x1003, 0);
  say("ARCH_PRCTL %s", answer_words(answer));

  say("the tracee's own int 0x80");
  need_enter(pid, I386_getppid, SYSGOOD_STOP);
  struct ptrace_syscall_info info;
  memset(&info, 0, sizeof info);
  answer = pt(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, (unsigned long)&info);
  say("%ld: op %d arch %#x nr %ld args %ld %ld %ld %ld %ld", answer, info.op, info.arch, (long)info.entry.nr,
      (long)info.entry.args[0], (long)info.entry.args[1], (long)info.entry.args[2], (long)info.entry.args[3],
      (long)info.entry.args[4]);
  say("without TRACESYSGOOD, and behind it");
  for (int i = 0; i < 2; i++) {
    need_pt(PTRACE_SETOPTIONS, pid, 0, 0);
    need_pt(PTRACE_SYSCALL, pid, 0, 0);
    need_wait(pid, SYSCALL_STOP);
    memset(&info, 0, sizeof info);
    answer = pt(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, (unsigned long)&info);
    say("%ld: op %d arch %#x", answer, info.op, info.arch);
  }
  say("DETACH %s", answer_words(int80(I386_ptrace, PTRACE_DETACH, pid, 0, 0, 0)));
  answer = int80(I386_wait4, -1, at, 0, 0, 0);
  say("wait4 %s, %s", pid_words(answer), status_words(*status));
  return 0;
}
