// fs/exec.c: ptrace_event(PTRACE_EVENT_EXEC): a tracee that was attached and has no TRACEEXEC gets a SIGTRAP
// from itself after execve; a seized one gets nothing. The signal can be blocked, ignored by CONT, or kill.

#include "guest.h"

static void body(void) { exec_self("5"); }
static void blocked(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTRAP);
  sigprocmask(SIG_BLOCK, &set, NULL);
  exec_self("6");
}

int main(int argc, char** argv) {
  if (argc > 1) return atoi(argv[1]);
  start();
  pid_t pid = spawn_stopped("CHILD", body);
  tell_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  tell_siginfo(pid);
  tell_event_number(pid);
  say("rax %ld", (long)registers(pid).rax);
  tell_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  say("passed on it kills");
  pid = spawn_stopped("CHILD", body);
  tell_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  tell_pt(PTRACE_CONT, pid, 0, SIGTRAP);
  tell_wait(pid, 0);
  say("blocked it is not seen");
  pid = spawn_stopped("CHILD", blocked);
  tell_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  say("under PTRACE_SYSCALL the exit-stop comes first");
  pid = spawn_stopped("CHILD", body);
  need_pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD);
  need_enter(pid, SYS_execve, SYSGOOD_STOP);
  tell_pt(PTRACE_SYSCALL, pid, 0, 0);
  tell_wait(pid, 0);
  say("rax %ld orig_rax %ld", (long)registers(pid).rax, (long)registers(pid).orig_rax);
  tell_pt(PTRACE_SYSCALL, pid, 0, 0);
  tell_wait(pid, 0);
  tell_siginfo(pid);
  end_child(pid);
  say("seized");
  pid = spawn_seized("CHILD", body, 0);
  tell_wait(pid, 0);
  return 0;
}
