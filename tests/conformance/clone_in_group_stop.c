// A thread made while its process's group-stop is in effect (its maker was resumed from it) takes part in it.
// A traced one's first stop is that group-stop: EVENT_STOP with the stopping signal if it is seized, and
// otherwise a plain group-stop, with the SIGSTOP of the auto-attach behind it.

#include "guest.h"

static Gate go, finish, reaped;
static void* thread_main(void* unused) {
  gate_pass(finish);
  return unused;
}
static void body(void) {
  pthread_t thread;
  gate_pass(go);
  pthread_create(&thread, NULL, thread_main, NULL);
  gate_pass(reaped);
  _exit(5);
}

// A tracee resumed from its group-stop, about to make a thread.
static pid_t resumed(int seized) {
  pid_t pid = spawn_traced_with(PTRACE_O_TRACECLONE, "LEADER", body, seized);
  syscall(SYS_tgkill, pid, pid, SIGTSTP);
  tell_wait(pid, 0);
  need_pt(PTRACE_CONT, pid, 0, SIGSTOP);
  tell_wait(pid, 0);
  tell_siginfo(pid);
  need_pt(PTRACE_CONT, pid, 0, 0);
  gate_open(go);
  return pid;
}

int main(void) {
  start();
  go = gate_new();
  finish = gate_new();
  reaped = gate_new();
  for (int seized = 0; seized < 2; seized++) {
    pid_t pid = resumed(seized);
    tell_wait(pid, 0);
    pid_t thread = tell_event_pid(pid, "THREAD");
    tell_wait(thread, __WALL);
    tell_siginfo(thread);
    need_pt(PTRACE_CONT, pid, 0, 0);
    tell_pt(PTRACE_CONT, thread, 0, 0);
    if (!seized) {
      tell_wait(thread, __WALL);
      tell_siginfo(thread);
      tell_pt(PTRACE_CONT, thread, 0, 0);
    }
    gate_open(finish);
    tell_wait(thread, __WALL);
    gate_open(reaped);
    tell_wait(pid, 0);
  }
  return 0;
}
