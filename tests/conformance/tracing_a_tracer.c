// A tracer may itself be traced, by somebody who does not trace its tracee: its ptrace and wait4 calls are
// system calls with entry and exit like any other, and their results are what it gets.

#include "guest.h"

static void inner_body(void) { raise(SIGUSR1); }

static void tracer_body(void) {
  pid_t pid = spawn_traced("INNER", inner_body);
  int status = 0;
  long answer = wait4_raw(pid, &status, 0);
  answer = pt(PTRACE_CONT, pid, 0, 65);
  answer = pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEEXIT);
  answer = pt(PTRACE_CONT, pid, 0, 0);
  siginfo_t info;
  answer = waitid_raw(P_PID, pid, &info, WSTOPPED);
  answer = pt(PTRACE_CONT, pid, 0, 0);
  answer = wait4_raw(pid, &status, 0);
  answer = pt(PTRACE_DETACH, pid, 0, 0);
  answer = wait4_raw(pid, &status, 0);
  answer = wait4_raw(pid, &status, 0);
  (void)answer;
  syscall(SYS_exit_group, WEXITSTATUS(status));
}

static const char* call_words(long number) {
  switch (number) {
    case SYS_ptrace:
      return "ptrace";
    case SYS_wait4:
      return "wait4";
    case SYS_waitid:
      return "waitid";
  }
  return NULL;
}

int main(void) {
  start();
  pid_t pid = spawn_stopped("TRACER", tracer_body);
  need_pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD);
  int signal = 0;
  int entering = 1;
  for (;;) {
    need_pt(PTRACE_SYSCALL, pid, 0, signal);
    int status;
    NEED(wait4_raw(pid, &status, 0) == pid);
    signal = 0;
    if (WIFEXITED(status) || WIFSIGNALED(status)) {
      say("%s", status_words(status));
      return 0;
    }
    struct user_regs_struct regs = registers(pid);
    long result = regs.rax;
    if (status == SYSGOOD_STOP) {
      const char* name = call_words(regs.orig_rax);
      // A call that its SIGCHLD interrupted is entered anew: when, is a matter of time.
      int restarts = !entering && result <= -512 && result >= -516;
      if (name != NULL && !entering && !restarts) {
        if ((long)regs.orig_rax == SYS_ptrace) {
          say("ptrace %s = %s", request_words(regs.rdi), answer_words(result));
        } else {
          say("%s = %s", name, result > 0 ? "INNER" : answer_words(result));
        }
      }
      if (name != NULL && entering) NEED(result == -ENOSYS);
      entering = !entering;
    } else {
      NEED(status == STOPPED(SIGCHLD));
      signal = SIGCHLD;
    }
  }
}
