// The tracer makes another call of the one that RET_TRACE stopped, of a kind that its supervisor is not
// notified of: what is made behind it from the same instruction has its stops.

#include "seccomp.h"

static long call(long number) { return raw(syscall(number, -1, 0, WNOHANG, 0)); }

static void body(void) {
  filter_call(SYS_wait4, SECCOMP_RET_TRACE | 3);
  say("CHILD: turned into getppid %d", call(SYS_wait4) == getppid());
  say("CHILD: wait4 %s", answer_words(call(SYS_wait4)));
  say("CHILD: turned into getppid %d", call(SYS_wait4) == getppid());
  say("CHILD: getppid %d", call(SYS_getppid) == getppid());
  say("CHILD: wait4 %s", answer_words(call(SYS_wait4)));
  raise(SIGUSR1);
}

static void traced(int request) {
  const pid_t pid = spawn_seized("CHILD", body, PTRACE_O_TRACESECCOMP | PTRACE_O_TRACESYSGOOD);
  int events = 0;
  for (int i = 0; i < 200; ++i) {
    int status = 0;
    NEED(wait4_raw(pid, &status, __WALL) == pid);
    if (!WIFSTOPPED(status)) {
      say("%s", status_words(status));
      return;
    }
    const int event = status >> 16 != 0 || WSTOPSIG(status) == (SIGTRAP | 0x80);
    if (event) say("%s, call %ld", status_words(status), (long)registers(pid).orig_rax);
    if (status >> 16 == PTRACE_EVENT_SECCOMP && events++ % 2 == 0)
      need_pt(PTRACE_POKEUSR, pid, offsetof(struct user_regs_struct, orig_rax), SYS_getppid);
    need_pt(events == 0 ? PTRACE_CONT : request, pid, 0, event ? 0 : WSTOPSIG(status));
  }
  kill(pid, SIGKILL);
}

int main(void) {
  start();
  say("== PTRACE_CONT");
  traced(PTRACE_CONT);
  say("== PTRACE_SYSCALL");
  traced(PTRACE_SYSCALL);
  return 0;
}
