// A thread is a tracee of its own: event CLONE, a first stop, its own stops and its own end, which __WALL or
// __WCLONE or its being traced makes visible to a wait by tid; the leader's end comes last.

#include "guest.h"

static Gate reaped;
static void* thread_main(void* unused) {
  syscall(SYS_tgkill, getpid(), gettid_raw(), SIGUSR1);
  return unused;
}
static void body(void) {
  pthread_t thread;
  pthread_create(&thread, NULL, thread_main, NULL);
  pthread_join(thread, NULL);
  gate_pass(reaped);
}

int main(void) {
  start();
  reaped = gate_new();
  for (int seized = 0; seized < 2; seized++) {
    pid_t pid = spawn_traced_with(PTRACE_O_TRACECLONE, "LEADER", body, seized);
    tell_wait(pid, 0);
    pid_t thread = tell_event_pid(pid, "THREAD");
    tell_wait(thread, seized ? 0 : __WCLONE);
    tell_siginfo(thread);
    need_pt(PTRACE_CONT, pid, 0, 0);
    need_pt(PTRACE_CONT, thread, 0, 0);
    tell_wait(thread, __WALL);
    tell_siginfo(thread);
    need_pt(PTRACE_CONT, thread, 0, 0);
    tell_waitid(P_PID, thread, WEXITED);
    tell_wait(thread, __WALL);
    tell_pt(PTRACE_CONT, thread, 0, 0);
    gate_open(reaped);
    tell_wait(pid, 0);
  }
  return 0;
}
