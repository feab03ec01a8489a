// A tracer that calls execve stays the tracer.

#include "guest.h"

static void nothing(void) {}

int main(int argc, char** argv) {
  if (argc > 1) {
    pid_t pid = atoi(argv[1]);
    start();
    name_pid(pid, "CHILD");
    say("the new program");
    tell_siginfo(pid);
    tell_pt(PTRACE_SYSCALL, pid, 0, 0);
    tell_wait(pid, 0);
    tell_pt(PTRACE_CONT, pid, 0, 0);
    tell_wait(pid, 0);
    return 0;
  }
  start();
  pid_t pid = spawn_stopped("CHILD", nothing);
  char number[16];
  snprintf(number, sizeof number, "%d", pid);
  exec_self(number);
  return 1;
}
