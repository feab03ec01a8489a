// A pidfd of a thread (PIDFD_THREAD, Linux 6.9): waitid takes it for a traced thread as for a process, and it
// is readable once the thread is gone.

#include <poll.h>

#include "guest.h"

#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL
#endif

static Gate reaped;
static void* thread_main(void* unused) {
  syscall(SYS_tgkill, getpid(), gettid_raw(), SIGUSR1);
  syscall(SYS_exit, 4);
  return unused;
}
static void body(void) {
  pthread_t thread;
  pthread_create(&thread, NULL, thread_main, NULL);
  gate_pass(reaped);
}

int main(void) {
  start();
  if (raw(syscall(SYS_pidfd_open, getpid(), PIDFD_THREAD)) < 0) skip("no PIDFD_THREAD in this kernel");
  reaped = gate_new();
  pid_t pid = spawn_seized("LEADER", body, PTRACE_O_TRACECLONE);
  tell_wait(pid, 0);
  pid_t thread = tell_event_pid(pid, "THREAD");
  tell_wait(thread, __WALL);
  int of_thread = syscall(SYS_pidfd_open, thread, PIDFD_THREAD);
  int of_process = syscall(SYS_pidfd_open, pid, 0);
  say("pidfd_open of a tid without PIDFD_THREAD: %s", answer_words(raw(syscall(SYS_pidfd_open, thread, 0))));
  need_pt(PTRACE_CONT, thread, 0, 0);
  need_pt(PTRACE_CONT, pid, 0, 0);
  tell_waitid_named(P_PIDFD, of_thread, "OF_THREAD", WSTOPPED | __WALL);
  tell_waitid_named(P_PIDFD, of_process, "OF_PROCESS", WSTOPPED | WNOHANG | __WALL);
  need_pt(PTRACE_CONT, thread, 0, 0);
  tell_waitid_named(P_PIDFD, of_thread, "OF_THREAD", WEXITED | __WALL | WNOWAIT);
  struct pollfd ready = {.fd = of_thread, .events = POLLIN};
  say("readable: %d", poll(&ready, 1, 0));
  tell_waitid_named(P_PIDFD, of_thread, "OF_THREAD", WEXITED | __WALL);
  tell_waitid_named(P_PIDFD, of_thread, "OF_THREAD", WEXITED | __WALL);
  gate_open(reaped);
  tell_waitid_named(P_PIDFD, of_process, "OF_PROCESS", WEXITED);
  return 0;
}
