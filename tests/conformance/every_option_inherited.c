// An auto-attached child has each option of its parent: every event option set alone shows in the child as it
// does in the parent.

#include "guest.h"

static void act(int depth) {
  syscall(SYS_getppid);
  pid_t pid = fork();
  if (pid == 0) {
    if (depth > 0) act(depth - 1);
    syscall(SYS_exit_group, depth);
  }
  wait4_raw(pid, NULL, 0);
}
static void body(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  sigprocmask(SIG_BLOCK, &set, NULL);
  act(1);
}

// Runs one thread until it ends or forks; its children's lines come in turn, as their parent waits for them.
static void follow(pid_t pid, int depth) {
  static const char* const names[] = {"FIRST", "CHILD", "GRANDCHILD"};
  for (;;) {
    need_pt(PTRACE_CONT, pid, 0, 0);
    int status = tell_wait(pid, __WALL);
    if (!WIFSTOPPED(status)) return;
    if (status >> 16 == PTRACE_EVENT_FORK) {
      pid_t child = tell_event_pid(pid, names[depth + 1]);
      tell_wait(child, __WALL);
      follow(child, depth + 1);
    } else if (status >> 16 == PTRACE_EVENT_EXIT) {
      say("message %#lx", event_message(pid));
    }
  }
}

int main(void) {
  start();
  static const unsigned long options[] = {0, PTRACE_O_TRACEEXIT, PTRACE_O_EXITKILL, PTRACE_O_TRACEEXEC};
  for (int i = 0; i < 4; i++) {
    say("options %#lx and TRACEFORK", options[i]);
    pid_t pid = spawn_stopped("FIRST", body);
    need_pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEFORK | options[i]);
    follow(pid, 0);
  }
  return 0;
}
