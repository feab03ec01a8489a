// A thread blocked in wait4 is given the report of a tracee that another thread of its process attaches to
// later.

#include "guest.h"

static Gate attach;
static pid_t child;
static void* waiter(void* unused) {
  gate_open(attach);
  tell_wait(-1, __WALL);
  return unused;
}

int main(void) {
  start();
  attach = gate_new();
  child = spawn_blocked("CHILD");
  pthread_t thread;
  pthread_create(&thread, NULL, waiter, NULL);
  gate_pass(attach);
  favour_others();
  need_pt(PTRACE_SEIZE, child, 0, 0);
  favour_others();
  need_pt(PTRACE_INTERRUPT, child, 0, 0);
  pthread_join(thread, NULL);
  tell_siginfo(child);
  end_child(child);
  return 0;
}
