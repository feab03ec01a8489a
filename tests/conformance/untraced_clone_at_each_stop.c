// clone(2) and clone3(2) with CLONE_UNTRACED, by a tracee that is followed through its system calls or step
// by step: one entry and one end, nothing between them, and the flags are what they were; also where the call
// fails.
#include <linux/sched.h>

#include "guest.h"

static const unsigned long kUntraced = 0x00800000;  // CLONE_UNTRACED; the child has no exit signal
static const unsigned long kBad = 0x00000800;       // CLONE_SIGHAND without CLONE_VM

struct shared {
  unsigned long flags[5];  // struct clone_args up to exit_signal
  int made;
};
static struct shared* shared;
static long number;

// No library call between the stop and the call, so that few steps are between.
static long call(long nr, unsigned long first, unsigned long second) {
  long result;
  register long none asm("r10") = 0;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(nr), "D"(first), "S"(second), "d"(0), "r"(none)
               : "rcx", "r11", "memory");
  return result;
}

static void child(void) {
  if (number == SYS_clone) {
    if (call(SYS_clone, shared->flags[0], 0) == 0) call(SYS_exit_group, 0, 0);
  } else {
    if (call(435, (unsigned long)shared->flags, sizeof shared->flags + 24) == 0) call(SYS_exit_group, 0, 0);
  }
  call(SYS_exit_group, 7, 0);
}

static void follow(long request, const char* name, unsigned long flags) {
  say("%s through %s, %s", name, request_words(request), (flags & kBad) != 0 ? "which fails" : "which works");
  memset(shared, 0, sizeof *shared);
  shared->flags[0] = flags;
  pid_t pid = spawn_traced("CHILD", child);
  need_wait(pid, (SIGSTOP << 8) | 0x7f);
  need_pt(PTRACE_SETOPTIONS, pid, 0,
          PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL);
  for (int status = 0;;) {
    need_pt(request, pid, 0, 0);
    if (wait4_raw(pid, &status, __WALL) != pid || !WIFSTOPPED(status)) {
      say("  %s", status_words(status));
      break;
    }
    struct user_regs_struct regs = registers(pid);
    if ((long)regs.orig_rax != number) continue;
    siginfo_t info;
    need_pt(PTRACE_GETSIGINFO, pid, 0, (unsigned long)&info);
    const long rax = (long)regs.rax;
    say("  %s, si_code %d, rax %s, flags %#lx", status_words(status), info.si_code,
        rax > 0 ? "the child" : answer_words(rax),
        number == SYS_clone ? (unsigned long)regs.rdi : shared->flags[0]);
  }
}

int main(void) {
  start();
  shared = shared_memory(sizeof *shared);
  const long requests[] = {PTRACE_SYSCALL, PTRACE_SINGLESTEP, PTRACE_SINGLEBLOCK};
  for (size_t i = 0; i < sizeof requests / sizeof *requests; ++i) {
    for (int bad = 0; bad < 2; ++bad) {
      number = SYS_clone;
      follow(requests[i], "clone", kUntraced | (bad ? kBad : 0));
      number = 435;  // clone3
      follow(requests[i], "clone3", kUntraced | (bad ? kBad : 0));
    }
  }
  return 0;
}
