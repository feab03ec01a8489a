// Requests need a stopped tracee, not one whose stop has been waited for: they work before the wait; a resume
// takes the report away.

#include "guest.h"

static void body(void) {
  raise(SIGUSR1);
  raise(SIGUSR1);
}

int main(void) {
  start();
  pid_t pid = spawn_traced("CHILD", body);
  siginfo_t info;
  NEED(waitid_raw(P_PID, pid, &info, WSTOPPED | WNOWAIT) == 0);
  tell_siginfo(pid);
  tell_pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXIT);
  tell_pt(PTRACE_SYSCALL, pid, 0, 0);
  tell_wait(pid, 0);
  say("DETACH without a wait");
  need_pt(PTRACE_CONT, pid, 0, 0);
  NEED(waitid_raw(P_PID, pid, &info, WSTOPPED | WNOWAIT) == 0);
  tell_pt(PTRACE_DETACH, pid, 0, 0);
  tell_wait(pid, 0);
  say("CONT without a wait; the report is gone at once");
  pid = spawn_stopped("CHILD", block_forever);
  need_pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD);
  need_pt(PTRACE_SYSCALL, pid, 0, 0);
  NEED(waitid_raw(P_PID, pid, &info, WSTOPPED | WNOWAIT) == 0);
  tell_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, WNOHANG);
  end_child(pid);
  return 0;
}
