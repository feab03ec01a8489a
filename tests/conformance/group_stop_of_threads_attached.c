// The same for attached threads: each reports the stopping signal, without a siginfo. CONT lets each run, and
// SIGCONT is a signal like any other.

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
  pid_t pid = spawn_stopped("LEADER", body);
  need_pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACECLONE);
  need_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  pid_t thread = tell_event_pid(pid, "THREAD");
  tell_wait(thread, __WALL);
  need_pt(PTRACE_CONT, thread, 0, 0);
  need_pt(PTRACE_CONT, pid, 0, 0);
  syscall(SYS_tgkill, pid, thread, SIGSTOP);
  tell_wait(thread, __WALL);
  tell_siginfo(thread);
  tell_pt(PTRACE_CONT, thread, 0, SIGSTOP);
  tell_wait(thread, __WALL);
  tell_siginfo(thread);
  tell_wait(pid, 0);
  tell_siginfo(pid);
  tell_pt(PTRACE_CONT, thread, 0, 0);
  syscall(SYS_tgkill, pid, thread, SIGCONT);
  tell_wait(thread, __WALL);
  tell_siginfo(thread);
  tell_pt(PTRACE_CONT, thread, 0, SIGCONT);
  tell_wait(pid, WNOHANG);
  say("SIGCONT does not resume a ptrace-stop");
  tell_pt(PTRACE_CONT, pid, 0, 0);
  gate_open(go);
  tell_wait(thread, __WALL);
  tell_wait(pid, 0);
  return 0;
}
