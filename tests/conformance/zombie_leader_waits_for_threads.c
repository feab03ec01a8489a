// A leader that called exit(2) while a thread lives is a zombie that nobody can wait for; requests are ESRCH.
// Once the last thread has ended and was reaped by its tracer, the leader can be waited for.

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

int main(void) {
  start();
  go = gate_new();
  pid_t pid = spawn_stopped("LEADER", body);
  need_pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXIT);
  need_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  pid_t thread = tell_event_pid(pid, "THREAD");
  tell_wait(thread, __WALL);
  need_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  say("message %#lx", event_message(pid));
  need_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, WNOHANG);
  tell_pt(PTRACE_CONT, pid, 0, 0);
  need_pt(PTRACE_CONT, thread, 0, 0);
  gate_open(go);
  tell_wait(thread, __WALL);
  say("message %#lx", event_message(thread));
  tell_wait(pid, WNOHANG);
  need_pt(PTRACE_CONT, thread, 0, 0);
  siginfo_t info;
  NEED(waitid_raw(P_PID, thread, &info, WEXITED | WNOWAIT | __WALL) == 0);
  say("the thread is a zombie, not reaped");
  tell_wait(pid, WNOHANG);
  tell_wait(thread, __WALL);
  say("reaped");
  tell_wait(pid, 0);
  return 0;
}
