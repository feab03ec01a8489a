// SIGKILL with TRACEEXIT stops at EVENT_EXIT with message 9; a second SIGKILL does not end that stop, the
// registers stay readable, CONT ends it. A tracee stopped elsewhere goes to EVENT_EXIT when it is killed.

#include "guest.h"

static void nothing(void) {}

int main(void) {
  start();
  say("running");
  pid_t pid = spawn_seized("CHILD", block_forever, PTRACE_O_TRACEEXIT);
  kill(pid, SIGKILL);
  tell_wait(pid, 0);
  say("message %#lx", event_message(pid));
  tell_siginfo(pid);
  kill(pid, SIGKILL);
  tell_pt(PTRACE_KILL, pid, 0, 0);
  tell_wait(pid, WNOHANG);
  struct user_regs_struct regs;
  say("GETREGS: %s", answer_words(pt(PTRACE_GETREGS, pid, 0, (unsigned long)&regs)));
  tell_pt(PTRACE_INTERRUPT, pid, 0, 0);
  tell_pt(PTRACE_CONT, pid, 0, SIGUSR1);
  tell_wait(pid, 0);

  say("stopped");
  pid = spawn_stopped("CHILD", nothing);
  need_pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEEXIT);
  kill(pid, SIGKILL);
  tell_wait(pid, 0);
  say("message %#lx", event_message(pid));
  tell_pt(PTRACE_SINGLESTEP, pid, 0, 0);
  tell_wait(pid, 0);

  say("syscall-stop, detached at EVENT_EXIT");
  pid = spawn_stopped("CHILD", nothing);
  need_pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEEXIT);
  need_enter(pid, SYS_exit_group, SYSCALL_STOP);
  tell_pt(PTRACE_KILL, pid, 0, 0);
  tell_wait(pid, 0);
  say("message %#lx", event_message(pid));
  tell_pt(PTRACE_DETACH, pid, 0, 0);
  tell_wait(pid, 0);

  say("option taken away at EVENT_EXIT");
  pid = spawn_stopped("CHILD", nothing);
  need_pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEEXIT);
  need_pt(PTRACE_CONT, pid, 0, SIGTERM);
  tell_wait(pid, 0);
  tell_pt(PTRACE_SETOPTIONS, pid, 0, 0);
  tell_pt(PTRACE_SYSCALL, pid, 0, 0);
  tell_wait(pid, 0);
  return 0;
}
