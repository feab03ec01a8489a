// A tracee's stops are told to its tracer alone; its parent hears of a group-stop when it is complete, of
// SIGCONT, and of the end only when the tracer has reaped it. Meanwhile the parent's wait finds nothing,
// though a pidfd is readable.

#include <poll.h>

#include "sigchld.h"

static Gate go, seized, next, done;

static void body(void) {
  gate_pass(go);
  raise(SIGUSR1);
  raise(SIGSTOP);
  _exit(3);
}

static pid_t child;
static void tracer(void) {
  sigset_t set = sigchld_set();
  sigprocmask(SIG_BLOCK, &set, NULL);
  need_pt(PTRACE_SEIZE, child, 0, 0);
  gate_open(seized);
  tell_sigchld();
  tell_wait(child, __WALL | WNOHANG);
  gate_open(done);
  gate_pass(next);
  need_pt(PTRACE_CONT, child, 0, 0);
  tell_sigchld();
  tell_wait(child, WNOHANG);
  gate_open(done);
  gate_pass(next);
  need_pt(PTRACE_CONT, child, 0, SIGSTOP);
  tell_sigchld();
  tell_wait(child, WNOHANG);
  stop_was_told(child);  // to the parent, too
  gate_open(done);
  gate_pass(next);
  need_pt(PTRACE_LISTEN, child, 0, 0);
  gate_open(done);
  gate_pass(next);
  tell_wait(child, 0);
  need_pt(PTRACE_CONT, child, 0, 0);
  tell_wait(child, 0);
  need_pt(PTRACE_CONT, child, 0, 0);
  NEED(waitid_raw(P_PID, child, NULL, WEXITED | WNOWAIT) == 0);
  gate_open(done);
  gate_pass(next);
  tell_wait(child, 0);
  tell_wait(child, 0);
  gate_open(done);
  gate_pass(next);
}

static void parent_looks(void) {
  gate_pass(done);
  say("the parent");
  tell_sigchld_now();
  tell_waitid(P_PID, child, WSTOPPED | WCONTINUED | WEXITED | WNOHANG);
}

int main(void) {
  start();
  go = gate_new();
  seized = gate_new();
  next = gate_new();
  done = gate_new();
  block_sigchld();
  child = spawn("CHILD", body);
  pid_t other = spawn("TRACER", tracer);
  gate_pass(seized);
  say("at the signal");
  gate_open(go);
  parent_looks();
  say("at SIGSTOP's signal-delivery-stop");
  gate_open(next);
  parent_looks();
  say("in the group-stop");
  gate_open(next);
  parent_looks();
  say("listening");
  gate_open(next);
  parent_looks();
  kill(child, SIGCONT);
  say("continued");
  tell_sigchld();
  tell_waitid(P_PID, child, WCONTINUED | WNOHANG);
  say("a zombie");
  gate_open(next);
  gate_pass(done);
  tell_sigchld_now();
  tell_waitid(P_PID, child, WSTOPPED | WCONTINUED | WEXITED | WNOHANG);
  struct pollfd pidfd = {.fd = syscall(SYS_pidfd_open, child, 0), .events = POLLIN};
  say("pidfd readable: %d", poll(&pidfd, 1, 0));
  say("reaped by the tracer");
  gate_open(next);
  parent_looks();
  gate_open(next);
  tell_wait(other, 0);
  return 0;
}
