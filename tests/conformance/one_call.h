// Shared by the guests about one system call of a tracee, which its tracer follows or steps over.

#ifndef NESTRACE_TESTS_CONFORMANCE_ONE_CALL_H_
#define NESTRACE_TESTS_CONFORMANCE_ONE_CALL_H_

#include "state_of.h"

KIT void do_nothing(int signal) { (void)signal; }

// SIGCONT, blocked, interrupts no call; `signal` does, and a call fails with EINTR then.
KIT void block_sigcont_and_handle(int signal) {
  const struct sigaction action = {.sa_handler = do_nothing};
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCONT);
  NEED(sigprocmask(SIG_BLOCK, &set, NULL) == 0 && sigaction(signal, &action, NULL) == 0);
}

// Makes the call behind a SIGTRAP, which stops the tracee in front of it.
KIT void trap_and_call(long number, long first, long second, long third, long fourth) {
  register long r10 __asm__("r10") = fourth;
  __asm__ volatile("int3; syscall"
                   : "+a"(number)
                   : "D"(first), "S"(second), "d"(third), "r"(r10)
                   : "rcx", "r11", "memory");
}

// Resumes it there with PTRACE_SYSCALL or a step, till it is in the call.
KIT void follow_into_call(pid_t pid, int request) {
  need_wait(pid, STOPPED(SIGTRAP));
  need_pt(request, pid, 0, 0);
  if (request == PTRACE_SYSCALL) {
    need_wait(pid, SYSCALL_STOP);
    need_pt(request, pid, 0, 0);
  }
}

#endif  // NESTRACE_TESTS_CONFORMANCE_ONE_CALL_H_
