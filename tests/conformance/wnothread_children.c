// __WNOTHREAD: a thread waits for the children it made itself; without it for those of all threads of its
// process.

#include "guest.h"

static void nothing(void) {}
static pid_t of_thread;
static Gate made, leave;

static void* thread_main(void* unused) {
  of_thread = spawn_traced("OF_THREAD", nothing);
  gate_open(made);
  gate_pass(leave);
  say("the thread");
  tell_wait(-1, __WNOTHREAD);
  tell_pt(PTRACE_CONT, of_thread, 0, 0);
  tell_wait(of_thread, __WNOTHREAD);
  tell_wait(-1, __WNOTHREAD | WNOHANG);
  tell_wait(-1, WNOHANG);
  return unused;
}

int main(void) {
  start();
  made = gate_new();
  leave = gate_new();
  pthread_t thread;
  pthread_create(&thread, NULL, thread_main, NULL);
  gate_pass(made);
  tell_wait(-1, __WNOTHREAD);
  pid_t of_leader = spawn_blocked("OF_LEADER");
  tell_wait(-1, __WNOTHREAD | WNOHANG);
  tell_wait(of_thread, __WNOTHREAD | WNOHANG);
  tell_waitid(P_PID, of_thread, WSTOPPED | WNOWAIT);
  tell_pt(PTRACE_CONT, of_thread, 0, 0);
  gate_open(leave);
  pthread_join(thread, NULL);
  end_child(of_leader);
  return 0;
}
