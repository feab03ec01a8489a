// PTRACE_EVENT_EXIT's message is the wait status to come: exit codes, signals, and what a thread that is
// not the last leaves behind.

#include "guest.h"

static void exits(void) { _exit(0x1234); }
static void dies(void) { syscall(SYS_kill, getpid(), SIGTERM); }
static void* thread_exits(void* unused) {
  syscall(SYS_exit, 5);
  return unused;
}
static Gate reaped;
static void with_thread(void) {
  pthread_t thread;
  pthread_create(&thread, NULL, thread_exits, NULL);
  pthread_join(thread, NULL);
  // pthread_join returns before the thread is a zombie, and the group's exit code would become its own.
  gate_pass(reaped);
  _exit(9);
}

static void run(const char* name, Body body, unsigned long options) {
  pid_t pid = spawn_stopped(name, body);
  need_pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEEXIT | options);
  int signal = 0;
  for (;;) {
    need_pt(PTRACE_CONT, pid, 0, signal);
    int status = tell_wait(pid, 0);
    if (!WIFSTOPPED(status)) return;
    signal = 0;
    if (status >> 16 == PTRACE_EVENT_EXIT) {
      say("message %#lx: %s", event_message(pid), status_words(event_message(pid)));
      tell_siginfo(pid);
    } else if (status >> 16 == 0) {
      signal = WSTOPSIG(status);
    }
  }
}

int main(void) {
  start();
  reaped = gate_new();
  run("EXITS", exits, 0);
  run("DIES", dies, 0);
  pid_t pid = spawn_stopped("THREADED", with_thread);
  need_pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEEXIT | PTRACE_O_TRACECLONE);
  need_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  pid_t thread = tell_event_pid(pid, "THREAD");
  tell_wait(thread, __WALL);
  need_pt(PTRACE_CONT, pid, 0, 0);
  need_pt(PTRACE_CONT, thread, 0, 0);
  tell_wait(thread, __WALL);
  say("message %#lx", event_message(thread));
  need_pt(PTRACE_CONT, thread, 0, 0);
  tell_wait(thread, __WALL);
  gate_open(reaped);
  tell_wait(pid, 0);
  say("message %#lx", event_message(pid));
  need_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  return 0;
}
