// Two processes may trace each other: the kernel looks for no circle. The child blocks SIGCHLD: the one that
// tells it of its tracee's stop would stop it for its own tracer, who is just that stopped tracee.

#include "guest.h"

static Gate go, done;
static pid_t parent;
static void body(void) {
  name_pid(parent, "PARENT");
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  sigprocmask(SIG_BLOCK, &set, NULL);
  gate_pass(go);
  tell_pt(PTRACE_SEIZE, parent, 0, 0);
  tell_pt(PTRACE_INTERRUPT, parent, 0, 0);
  tell_wait(parent, __WALL);
  tell_siginfo(parent);
  tell_pt(PTRACE_DETACH, parent, 0, 0);
  gate_open(done);
  block_forever();
}

int main(void) {
  start();
  go = gate_new();
  done = gate_new();
  parent = getpid();
  pid_t pid = spawn("CHILD", body);
  need_pt(PTRACE_SEIZE, pid, 0, 0);
  gate_open(go);
  gate_pass(done);
  say("back in the parent");
  tell_pt(PTRACE_INTERRUPT, pid, 0, 0);
  tell_wait(pid, 0);
  end_child(pid);
  return 0;
}
