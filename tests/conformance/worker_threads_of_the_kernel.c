// The thread that io_uring(7) has made in a process (IORING_SETUP_SQPOLL) is found in /proc/PID/task by who
// attaches to all threads. It can be attached to, seized, stopped, resumed and let go as any other.
#include <dirent.h>
#include <linux/io_uring.h>

#include "guest.h"

static void child(void) {
  struct io_uring_params params;
  memset(&params, 0, sizeof params);
  params.flags = IORING_SETUP_SQPOLL;
  params.sq_thread_idle = 100;
  if (syscall(SYS_io_uring_setup, 8, &params) < 0) _exit(77);
  raise(SIGSTOP);
  block_forever();
}

static pid_t worker_of(pid_t pid) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/task", pid);
  DIR* directory = opendir(path);
  NEED(directory != NULL);
  pid_t worker = 0;
  for (struct dirent* entry; (entry = readdir(directory)) != NULL;) {
    const pid_t tid = atoi(entry->d_name);
    if (tid > 0 && tid != pid) worker = tid;
  }
  closedir(directory);
  NEED(worker != 0);
  return worker;
}

static void tell_stop(pid_t worker) {
  tell_wait(worker, __WALL);
  tell_siginfo(worker);
  const struct user_regs_struct regs = registers(worker);
  say("it is in system call %ld, its program at %s", (long)regs.orig_rax, regs.rip == 0 ? "0" : "an address");
}

static void attach(int seize) {
  pid_name_count = 0;
  pid_t pid = spawn("CHILD", child);
  int status = 0;
  NEED(waitpid(pid, &status, WUNTRACED) == pid);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) skip("no io_uring here");
  pid_t worker = worker_of(pid);
  name_pid(worker, "WORKER");
  NEED(kill(pid, SIGCONT) == 0);
  tell_pt(PTRACE_CONT, worker, 0, 0);
  tell_pt(seize ? PTRACE_SEIZE : PTRACE_ATTACH, worker, 0, 0);
  tell_pt(PTRACE_ATTACH, worker, 0, 0);
  if (seize) tell_pt(PTRACE_INTERRUPT, worker, 0, 0);
  tell_stop(worker);
  tell_pt(PTRACE_CONT, worker, 0, 0);
  tell_wait(worker, __WALL | WNOHANG);
  if (seize) {
    tell_pt(PTRACE_INTERRUPT, worker, 0, 0);
    tell_stop(worker);
    tell_pt(PTRACE_DETACH, worker, 0, 0);
    NEED(kill(pid, SIGKILL) == 0);
  } else {
    NEED(kill(pid, SIGKILL) == 0);
    tell_wait(worker, __WALL);
  }
  tell_wait(pid, 0);
}

int main(void) {
  start();
  attach(0);
  attach(1);
  return 0;
}
