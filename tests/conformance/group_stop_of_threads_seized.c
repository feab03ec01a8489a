// A group-stop stops every thread, and each seized one reports it: EVENT_STOP with the stopping signal. All
// listen; SIGCONT traps all of them again with SIGTRAP, and one gets the signal.

#include "guest.h"

static Gate go;
static void* thread_main(void* unused) {
  block_forever();
  return unused;
}
static void body(void) {
  pthread_t thread;
  pthread_create(&thread, NULL, thread_main, NULL);
  gate_pass(go);
  _exit(6);
}

int main(void) {
  start();
  go = gate_new();
  pid_t pid = spawn_seized("LEADER", body, PTRACE_O_TRACECLONE);
  tell_wait(pid, 0);
  pid_t thread = tell_event_pid(pid, "THREAD");
  tell_wait(thread, __WALL);
  need_pt(PTRACE_CONT, thread, 0, 0);
  need_pt(PTRACE_CONT, pid, 0, 0);
  syscall(SYS_tgkill, pid, pid, SIGSTOP);
  tell_wait(pid, 0);
  tell_siginfo(pid);
  tell_wait(thread, __WALL | WNOHANG);
  tell_pt(PTRACE_CONT, pid, 0, SIGSTOP);
  tell_wait(pid, 0);
  tell_wait(thread, __WALL);
  tell_siginfo(thread);
  tell_pt(PTRACE_LISTEN, pid, 0, 0);
  tell_pt(PTRACE_LISTEN, thread, 0, 0);
  tell_wait(-1, __WALL | WNOHANG);
  syscall(SYS_tgkill, pid, thread, SIGCONT);
  tell_wait(pid, 0);
  tell_siginfo(pid);
  tell_wait(thread, __WALL);
  tell_siginfo(thread);
  tell_pt(PTRACE_CONT, pid, 0, 0);
  tell_pt(PTRACE_CONT, thread, 0, 0);
  tell_wait(thread, __WALL);
  tell_siginfo(thread);
  tell_pt(PTRACE_CONT, thread, 0, SIGCONT);
  gate_open(go);
  tell_wait(thread, __WALL);
  tell_wait(pid, 0);
  return 0;
}
