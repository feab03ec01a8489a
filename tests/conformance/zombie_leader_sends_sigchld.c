// A traced leader that ends before its threads sends its tracer SIGCHLD then already, though it cannot be
// waited for: a wait for its stops alone is ECHILD, one for its end finds nothing yet. The SIGCHLD for the
// end comes with the last thread. What is waited for in the end is the exit code of the last thread
// (kernel/exit.c: synchronize_group_exit).

#include "guest.h"

static Gate go;
static void* thread_main(void* unused) {
  gate_pass(go);
  syscall(SYS_exit, 3);
  return unused;
}
static void body(void) {
  pthread_t thread;
  pthread_create(&thread, NULL, thread_main, NULL);
  syscall(SYS_exit, 4);
}

static void tell_sigchld(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  siginfo_t info;
  NEED(sigwaitinfo(&set, &info) == SIGCHLD);
  say("SIGCHLD: %s", siginfo_words(&info));
}

int main(void) {
  start();
  go = gate_new();
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  sigprocmask(SIG_BLOCK, &set, NULL);
  pid_t pid = spawn_traced("LEADER", body);
  tell_sigchld();
  need_wait(pid, STOPPED(SIGSTOP));
  need_pt(PTRACE_CONT, pid, 0, 0);
  tell_sigchld();
  tell_waitid(P_PID, pid, WSTOPPED | WNOHANG);
  tell_waitid(P_PID, pid, WCONTINUED | WNOHANG);
  tell_waitid(P_PID, pid, WEXITED | WNOHANG);
  tell_wait(pid, WNOHANG);
  tell_pt(PTRACE_CONT, pid, 0, 0);
  tell_pt(PTRACE_ATTACH, pid, 0, 0);
  gate_open(go);
  tell_sigchld();
  tell_waitid(P_PID, pid, WSTOPPED | WNOHANG);
  tell_wait(pid, WNOHANG);
  tell_wait(pid, WNOHANG);
  return 0;
}
