// A traced tracer's SIGCHLD is a signal-delivery-stop like any other signal, with the report's siginfo; its
// tracer may suppress it, and the wait finds the report all the same.

#include "guest.h"

static void inner_body(void) { raise(SIGUSR1); }
static pid_t* inner_pid;
static void handler(int unused) { (void)unused; }
static void tracer_body(void) {
  signal(SIGCHLD, handler);
  sigset_t set, old;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  sigprocmask(SIG_BLOCK, &set, &old);
  pid_t pid = spawn_traced("INNER", inner_body);
  *inner_pid = pid;
  for (;;) {
    // The report is there before its signal is let in.
    siginfo_t info;
    NEED(waitid_raw(P_PID, pid, &info, WSTOPPED | WEXITED | WNOWAIT) == 0);
    sigprocmask(SIG_SETMASK, &old, NULL);
    sigprocmask(SIG_BLOCK, &set, NULL);
    int status = tell_wait(pid, 0);
    if (!WIFSTOPPED(status)) break;
    need_pt(PTRACE_CONT, pid, 0, 0);
  }
}

int main(void) {
  start();
  inner_pid = shared_memory(sizeof *inner_pid);
  for (int pass = 0; pass < 2; pass++) {
    say("SIGCHLD %s", pass ? "passed on" : "suppressed");
    pid_t pid = spawn_stopped("TRACER", tracer_body);
    need_pt(PTRACE_CONT, pid, 0, 0);
    for (;;) {
      int status = tell_wait(pid, 0);
      if (!WIFSTOPPED(status)) break;
      name_pid(*inner_pid, "INNER");
      tell_siginfo(pid);
      need_pt(PTRACE_CONT, pid, 0, pass ? SIGCHLD : 0);
    }
  }
  return 0;
}
