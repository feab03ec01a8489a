// execve by the leader: its traced threads die and are reported, each to be waited for, before the event.

#include "guest.h"

static Gate ready;
static void* thread_main(void* unused) {
  gate_open(ready);
  block_forever();
  return unused;
}
static void body(void) {
  pthread_t thread;
  for (int i = 0; i < 2; i++) pthread_create(&thread, NULL, thread_main, NULL);
  for (int i = 0; i < 2; i++) gate_pass(ready);
  exec_self("5");
}

int main(int argc, char** argv) {
  if (argc > 1) return atoi(argv[1]);
  start();
  ready = gate_new();
  pid_t pid = spawn_stopped("LEADER", body);
  need_pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT);
  pid_t thread[2];
  for (int i = 0; i < 2; i++) {
    need_pt(PTRACE_CONT, pid, 0, 0);
    tell_wait(pid, 0);
    thread[i] = tell_event_pid(pid, i == 0 ? "FIRST" : "SECOND");
    tell_wait(thread[i], __WALL);
    need_pt(PTRACE_CONT, thread[i], 0, 0);
  }
  need_pt(PTRACE_CONT, pid, 0, 0);
  for (int i = 0; i < 2; i++) {
    tell_wait(thread[i], __WALL);
    say("message %#lx", event_message(thread[i]));
    tell_wait(pid, WNOHANG);
  }
  say("the event waits for the threads' end");
  for (int i = 0; i < 2; i++) {
    tell_pt(PTRACE_CONT, thread[i], 0, 0);
    tell_wait(thread[i], __WALL);
  }
  tell_wait(pid, 0);
  tell_event_pid(pid, NULL);
  need_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  need_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  return 0;
}
