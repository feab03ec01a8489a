// PTRACE_KILL sends SIGKILL and answers 0 in any state of the tracee. After a SIGKILL a stopped tracee
// answers ESRCH to everything else, its death is reported, and once reaped KILL is ESRCH too.

#include "guest.h"

static void nothing(void) {}

int main(void) {
  start();
  say("running");
  pid_t pid = spawn_seized("RUNNING", block_forever, 0);
  tell_pt(PTRACE_KILL, pid, 0, 0);
  tell_wait(pid, 0);
  tell_pt(PTRACE_KILL, pid, 0, 0);

  say("signal-delivery-stop");
  pid = spawn_stopped("STOPPED", nothing);
  tell_pt(PTRACE_KILL, pid, 0, 0);
  struct user_regs_struct regs;
  say("GETREGS: %s", answer_words(pt(PTRACE_GETREGS, pid, 0, (unsigned long)&regs)));
  tell_pt(PTRACE_CONT, pid, 0, 0);
  tell_pt(PTRACE_DETACH, pid, 0, 0);
  tell_pt(PTRACE_SETOPTIONS, pid, 0, 0);
  tell_pt(PTRACE_KILL, pid, 0, 0);
  tell_wait(pid, 0);
  tell_pt(PTRACE_KILL, pid, 0, 0);

  say("killed by kill(2)");
  pid = spawn_stopped("STOPPED", nothing);
  kill(pid, SIGKILL);
  say("GETREGS: %s", answer_words(pt(PTRACE_GETREGS, pid, 0, (unsigned long)&regs)));
  tell_pt(PTRACE_CONT, pid, 0, 0);
  tell_pt(PTRACE_KILL, pid, 0, 0);
  tell_wait(pid, 0);

  say("stop not waited for yet");
  pid = spawn_traced("UNWAITED", nothing);
  siginfo_t info;
  NEED(waitid_raw(P_PID, pid, &info, WSTOPPED | WNOWAIT) == 0);
  tell_pt(PTRACE_KILL, pid, 0, 0);
  tell_wait(pid, 0);

  say("zombie");
  pid = spawn_stopped("ZOMBIE", nothing);
  need_pt(PTRACE_CONT, pid, 0, 0);
  NEED(waitid_raw(P_PID, pid, &info, WEXITED | WNOWAIT) == 0);
  tell_pt(PTRACE_KILL, pid, 0, 0);
  tell_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);

  say("not a tracee");
  pid = spawn_blocked("NOT_A_TRACEE");
  tell_pt(PTRACE_KILL, pid, 0, 0);
  tell_wait(pid, WNOHANG);
  end_child(pid);
  return 0;
}
