// A traced thread's reports name its tid in SIGCHLD; its end, too, is told to the tracer.

#include "sigchld.h"

static Gate reaped;
static void* thread_main(void* unused) {
  syscall(SYS_tgkill, getpid(), gettid_raw(), SIGUSR1);
  syscall(SYS_exit, 4);
  return unused;
}
static void body(void) {
  pthread_t thread;
  pthread_create(&thread, NULL, thread_main, NULL);
  gate_pass(reaped);
  _exit(5);
}

int main(void) {
  start();
  reaped = gate_new();
  block_sigchld();
  pid_t pid = spawn_seized("LEADER", body, PTRACE_O_TRACECLONE);
  // The event and the thread's first stop come in either order, and two SIGCHLDs may become one.
  tell_wait(pid, 0);
  pid_t thread = tell_event_pid(pid, "THREAD");
  tell_wait(thread, __WALL);
  drop_sigchld();
  need_pt(PTRACE_CONT, pid, 0, 0);
  need_pt(PTRACE_CONT, thread, 0, 0);
  tell_sigchld();
  tell_wait(thread, WNOHANG);
  need_pt(PTRACE_CONT, thread, 0, 0);
  tell_sigchld();
  tell_wait(thread, WNOHANG);
  gate_open(reaped);
  tell_sigchld();
  tell_wait(pid, WNOHANG);
  return 0;
}
