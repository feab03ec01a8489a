// A tracer outside of its tracees' pid namespace: wait results and event messages are in its own numbers, but
// the siginfo of a stop is as the tracee sees it, in the inner ones.

#include "guest.h"

static void body(void) {
  pid_t pid = fork();
  if (pid == 0) syscall(SYS_exit_group, syscall(SYS_getpid));
  wait4_raw(pid, NULL, 0);
  say("INIT: getpid %d, its child %d", (int)syscall(SYS_getpid), pid);
  syscall(SYS_kill, syscall(SYS_getpid), SIGUSR1);
}

static void tell_inner_siginfo(pid_t pid) {
  siginfo_t info;
  memset(&info, 0, sizeof info);
  need_pt(PTRACE_GETSIGINFO, pid, 0, (unsigned long)&info);
  say("%s %s, si_pid %d", signal_words(info.si_signo), code_words(info.si_signo, info.si_code), info.si_pid);
}

int main(void) {
  start();
  if (unshare(CLONE_NEWPID) != 0) skip("needs the right to make a pid namespace");
  // The namespace's first process ignores a SIGSTOP of its own; a seized one needs none.
  pid_t pid = spawn_seized("INIT", body, PTRACE_O_TRACEFORK | PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXIT);
  tell_wait(pid, 0);
  pid_t child = tell_event_pid(pid, "CHILD");
  tell_wait(child, 0);
  tell_inner_siginfo(child);
  need_pt(PTRACE_CONT, child, 0, 0);
  tell_wait(child, 0);
  say("the number it has inside: %lu", event_message(child) >> 8);
  need_pt(PTRACE_CONT, child, 0, 0);
  tell_wait(child, 0);
  need_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  tell_inner_siginfo(pid);
  need_pt(PTRACE_CONT, pid, 0, 0);
  int status = tell_wait(pid, 0);
  if (WIFSTOPPED(status)) tell_inner_siginfo(pid);
  end_child(pid);
  return 0;
}
