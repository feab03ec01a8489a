// PTRACE_EVENT_EXEC: the message is the thread's former tid, the new program has not run; PTRACE_SYSCALL from
// there still reports the exit of execve, with 0. A failed execve is no event.

#include "guest.h"

static void body(void) {
  char* argv[] = {"x", NULL};
  say("CHILD: %s", answer_words(raw(execve("/nonexistent", argv, argv + 1))));
  say("CHILD: %s", answer_words(raw(execve("/dev/null", argv, argv + 1))));
  exec_self("5");
}

int main(int argc, char** argv) {
  if (argc > 1) return atoi(argv[1]);
  start();
  for (int seized = 0; seized < 2; seized++) {
    pid_t pid;
    if (seized) {
      pid = spawn_seized("SEIZED", body, PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD);
    } else {
      pid = spawn_stopped("ATTACHED", body);
      need_pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD);
      need_pt(PTRACE_CONT, pid, 0, 0);
    }
    tell_wait(pid, 0);
    tell_siginfo(pid);
    tell_event_pid(pid, NULL);
    say("orig_rax %ld rax %ld", (long)registers(pid).orig_rax, (long)registers(pid).rax);
    tell_pt(PTRACE_SYSCALL, pid, 0, 0);
    tell_wait(pid, 0);
    tell_siginfo(pid);
    say("orig_rax %ld rax %ld", (long)registers(pid).orig_rax, (long)registers(pid).rax);
    tell_pt(PTRACE_CONT, pid, 0, 0);
    tell_wait(pid, 0);
  }
  say("a signal given at EVENT_EXEC is not delivered");
  pid_t pid = spawn_seized("SEIZED", body, PTRACE_O_TRACEEXEC);
  tell_wait(pid, 0);
  tell_pt(PTRACE_CONT, pid, 0, SIGTERM);
  tell_wait(pid, 0);
  return 0;
}
