// ptrace(2): EPERM from ATTACH and SEIZE for the caller's own thread group, for a tracee of anybody, for a
// zombie and for a kernel thread.

#include "guest.h"

static void nothing(void) {}
static Gate leave;
static pid_t* thread_tid;
static Gate thread_ready;

static void* thread_main(void* unused) {
  *thread_tid = gettid_raw();
  gate_open(thread_ready);
  gate_pass(leave);
  return unused;
}

static void attach_both(pid_t pid) {
  tell_pt(PTRACE_ATTACH, pid, 0, 0);
  tell_pt(PTRACE_SEIZE, pid, 0, 0);
}

static pid_t* grandchild;
static Gate grandchild_ready;
static void traces_a_child(void) {
  *grandchild = spawn_stopped("GRANDCHILD", nothing);
  gate_open(grandchild_ready);
  gate_pass(leave);
  end_child(*grandchild);
}

int main(void) {
  start();
  leave = gate_new();
  thread_ready = gate_new();
  grandchild_ready = gate_new();
  thread_tid = shared_memory(4096);
  grandchild = thread_tid + 1;

  attach_both(getpid());
  pthread_t thread;
  pthread_create(&thread, NULL, thread_main, NULL);
  gate_pass(thread_ready);
  name_pid(*thread_tid, "OWN_THREAD");
  attach_both(*thread_tid);
  gate_open(leave);
  pthread_join(thread, NULL);

  pid_t zombie = spawn("ZOMBIE", nothing);
  siginfo_t info;
  NEED(waitid_raw(P_PID, zombie, &info, WEXITED | WNOWAIT) == 0);
  attach_both(zombie);
  tell_wait(zombie, 0);

  pid_t mine = spawn_stopped("TRACEE", nothing);
  attach_both(mine);
  end_child(mine);

  pid_t other = spawn("TRACER", traces_a_child);
  gate_pass(grandchild_ready);
  name_pid(*grandchild, "OTHERS_TRACEE");
  attach_both(*grandchild);
  gate_open(leave);
  tell_wait(other, 0);
  return 0;
}
