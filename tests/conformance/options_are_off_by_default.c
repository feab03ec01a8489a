// Without options: fork, vfork, clone, exec of a seized tracee, exit and seccomp make no event, and the
// children are not traced.

#include "guest.h"

static void* thread_main(void* unused) { return unused; }
static void body(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  sigprocmask(SIG_BLOCK, &set, NULL);
  pid_t pid = fork();
  if (pid == 0) _exit(0);
  wait4_raw(pid, NULL, 0);
  pid = vfork();
  if (pid == 0) _exit(0);
  wait4_raw(pid, NULL, 0);
  pthread_t thread;
  pthread_create(&thread, NULL, thread_main, NULL);
  pthread_join(thread, NULL);
  exec_self("4");
}

int main(int argc, char** argv) {
  if (argc > 1) return atoi(argv[1]);
  start();
  pid_t pid = spawn_seized("SEIZED", body, 0);
  tell_wait(-1, __WALL);
  tell_wait(-1, __WALL);
  pid = spawn_stopped("ATTACHED", body);
  need_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(-1, __WALL);
  need_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(-1, __WALL);
  tell_wait(-1, __WALL);
  return 0;
}
