// Children that are not traced: those made with another exit signal than SIGCHLD are for __WCLONE or __WALL;
// threads of anybody are nobody's children (ECHILD) unless traced; a pid names a process, a tracee's tid a
// thread.

#include "guest.h"

static Gate ready, leave;
static pid_t* tid;
static void* thread_main(void* unused) {
  *tid = gettid_raw();
  gate_open(ready);
  gate_pass(leave);
  return unused;
}
static void threaded(void) {
  pthread_t thread;
  pthread_create(&thread, NULL, thread_main, NULL);
  pthread_join(thread, NULL);
}

int main(void) {
  start();
  ready = gate_new();
  leave = gate_new();
  tid = shared_memory(sizeof *tid);
  static const long signals[] = {SIGCHLD, 0, SIGUSR1};
  signal(SIGUSR1, SIG_IGN);
  for (int i = 0; i < 3; i++) {
    say("exit signal %ld", signals[i]);
    long pid = syscall(SYS_clone, signals[i], 0, 0, 0, 0);
    if (pid == 0) syscall(SYS_exit_group, 8);
    name_pid(pid, "CHILD");
    siginfo_t info;
    NEED(waitid_raw(P_PID, pid, &info, WEXITED | WNOWAIT | __WALL) == 0);
    static const unsigned options[] = {0, __WCLONE, __WALL, __WALL | __WCLONE, __WNOTHREAD};
    for (int j = 0; j < 5; j++) tell_waitid(P_PID, pid, WEXITED | WNOWAIT | WNOHANG | options[j]);
    tell_wait(pid, __WALL);
  }
  say("a thread of a child");
  pid_t pid = spawn("CHILD", threaded);
  gate_pass(ready);
  name_pid(*tid, "THREAD");
  tell_wait(*tid, __WALL | WNOHANG);
  tell_waitid(P_PID, *tid, WEXITED | __WALL | WNOHANG);
  need_pt(PTRACE_SEIZE, *tid, 0, 0);
  tell_wait(*tid, WNOHANG);
  tell_waitid(P_PID, *tid, WEXITED | WNOHANG);
  tell_wait(pid, WNOHANG);
  need_pt(PTRACE_INTERRUPT, *tid, 0, 0);
  tell_wait(*tid, 0);
  need_pt(PTRACE_DETACH, *tid, 0, 0);
  tell_wait(*tid, __WALL | WNOHANG);
  gate_open(leave);
  tell_wait(pid, 0);
  return 0;
}
