// CLONE_CLEAR_SIGHAND (clone3(2)): the child has no handler of SIGCHLD, nor its flags; SIG_IGN it inherits,
// without the flags. Its own tracees stop and end accordingly.

#include <linux/sched.h>

#include "sigchld.h"

static void handler(int signal) { (void)signal; }

static void body(void) {
  for (;;) raise(SIGUSR1);
}

static void tell_pending(void) {
  sigset_t pending;
  sigpending(&pending);
  say("SIGCHLD pending: %d", sigismember(&pending, SIGCHLD));
  drop_sigchld();
}

static void tracer(void) {
  struct sigaction action;
  sigaction(SIGCHLD, NULL, &action);
  say("%s, flags %#x",
      action.sa_handler == SIG_DFL   ? "SIG_DFL"
      : action.sa_handler == SIG_IGN ? "SIG_IGN"
                                     : "a handler",
      action.sa_flags & (SA_NOCLDSTOP | SA_NOCLDWAIT));
  pid_t pid = spawn_stopped("TRACEE", body);
  stop_was_told(pid);
  tell_pending();
  need_pt(PTRACE_CONT, pid, 0, 0);
  need_wait(pid, STOPPED(SIGUSR1));
  stop_was_told(pid);
  tell_pending();
  kill(pid, SIGKILL);
  tell_wait(pid, 0);
  tell_pending();
  tell_wait(pid, 0);
}

static void run(const char* title, void (*action)(int), int flags, uint64_t clone_flags) {
  say("== %s, %s", title, clone_flags == 0 ? "plain clone3" : "CLONE_CLEAR_SIGHAND");
  struct sigaction to = {.sa_handler = action, .sa_flags = flags | SA_RESTART};
  sigaction(SIGCHLD, &to, NULL);
  struct clone_args args = {.flags = clone_flags, .exit_signal = SIGCHLD};
  const pid_t pid = syscall(SYS_clone3, &args, sizeof args);
  NEED(pid >= 0);
  if (pid == 0) {
    name_pid(getpid(), "TRACER");
    tracer();
    _exit(0);
  }
  name_pid(pid, "TRACER");
  tell_wait(pid, 0);
  drop_sigchld();
}

int main(void) {
  start();
  block_sigchld();
  const uint64_t clear = CLONE_CLEAR_SIGHAND;
  for (int i = 0; i < 2; i++) {
    run("a handler", handler, 0, i * clear);
    run("SA_NOCLDSTOP", handler, SA_NOCLDSTOP, i * clear);
    run("SA_NOCLDWAIT", handler, SA_NOCLDWAIT, i * clear);
    run("SIG_DFL, SA_NOCLDSTOP, SA_NOCLDWAIT", SIG_DFL, SA_NOCLDSTOP | SA_NOCLDWAIT, i * clear);
    run("SIG_IGN", SIG_IGN, 0, i * clear);
    run("SIG_IGN, SA_NOCLDSTOP", SIG_IGN, SA_NOCLDSTOP, i * clear);
  }
  return 0;
}
