// A filter's RET_TRACE, RET_ERRNO and RET_KILL apply to ptrace, wait4 and waitid as to any other call.

#include "seccomp.h"

static long call;
static unsigned action;
static void body(void) {
  filter_call(call, action);
  pid_t pid = fork();
  if (pid == 0) _exit(6);
  switch (call) {
    case SYS_ptrace:
      say("CHILD: ptrace %s", answer_words(pt(PTRACE_CONT, INT_MAX, 0, 0)));
      break;
    case SYS_wait4: {
      int status = 0;
      long answer = wait4_raw(pid, &status, 0);
      say("CHILD: wait4 %s, %s", answer == pid ? "the child" : answer_words(answer), status_words(status));
      break;
    }
    case SYS_waitid: {
      siginfo_t info;
      memset(&info, 0, sizeof info);
      long answer = waitid_raw(P_PID, pid, &info, WEXITED);
      say("CHILD: waitid %s, status %d", answer_words(answer), info.si_status);
      break;
    }
  }
}

static void untraced(void) { body(); }

int main(void) {
  start();
  static const long calls[] = {SYS_ptrace, SYS_wait4, SYS_waitid};
  static const char* const names[] = {"ptrace", "wait4", "waitid"};
  for (int i = 0; i < 3; i++) {
    call = calls[i];
    say("== %s, RET_ERRNO", names[i]);
    action = SECCOMP_RET_ERRNO | ENOTTY;
    pid_t pid = spawn("CHILD", untraced);
    tell_wait(pid, 0);
    say("== %s, RET_KILL_PROCESS", names[i]);
    action = SECCOMP_RET_KILL_PROCESS;
    pid = spawn("CHILD", untraced);
    tell_wait(pid, 0);
    say("== %s, RET_TRACE, no tracer", names[i]);
    action = SECCOMP_RET_TRACE | 7;
    pid = spawn("CHILD", untraced);
    tell_wait(pid, 0);
    say("== %s, RET_TRACE", names[i]);
    for (int skipped = 0; skipped < 2; skipped++) {
      pid = spawn_stopped("CHILD", body);
      need_pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESECCOMP | PTRACE_O_TRACESYSGOOD);
      int signal = 0;
      for (;;) {
        need_pt(PTRACE_CONT, pid, 0, signal);
        int status;
        NEED(wait4_raw(pid, &status, 0) == pid);
        signal = 0;
        if (WIFSTOPPED(status) && status >> 8 == SIGCHLD) continue;  // when it comes is a matter of time
        say("%s", status_words(status));
        if (!WIFSTOPPED(status)) break;
        tell_event_number(pid);
        say("the call is %s: %d", names[i], (long)registers(pid).orig_rax == call);
        if (skipped) {
          need_pt(PTRACE_POKEUSR, pid, offsetof(struct user_regs_struct, orig_rax), -1L);
          need_pt(PTRACE_POKEUSR, pid, offsetof(struct user_regs_struct, rax), -ENOTTY);
        }
      }
    }
  }
  return 0;
}
