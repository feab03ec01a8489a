// A thread group leader dumps core and ends while another thread is held at PTRACE_EVENT_EXIT: the SIGCHLD
// that its tracer is sent says CLD_DUMPED.

#include <sys/stat.h>

#include "sigchld.h"

static Gate ready, go;
static char directory[] = "/tmp/nestrace-core-XXXXXX";

static void* thread(void* unused) {
  (void)unused;
  gate_open(ready);
  block_forever();
  return NULL;
}

static void body(void) {
  const struct rlimit most = {1 << 30, RLIM_INFINITY};
  pthread_t other;
  NEED(setrlimit(RLIMIT_CORE, &most) == 0 && chdir(directory) == 0);
  NEED(pthread_create(&other, NULL, thread, NULL) == 0);
  gate_pass(ready);
  gate_pass(go);
  syscall(SYS_kill, getpid(), SIGSEGV);
}

static void remove_core(void) {
  char path[64];
  snprintf(path, sizeof path, "%s/core", directory);
  unlink(path);
  rmdir(directory);
}

int main(void) {
  char pattern[16] = "";
  int fd = open("/proc/sys/kernel/core_pattern", O_RDONLY);
  if (fd < 0 || read(fd, pattern, sizeof pattern - 1) < 0 || strcmp(pattern, "core\n") != 0) {
    skip("core files are not made in the working directory");
  }
  fd = open("/proc/sys/kernel/core_uses_pid", O_RDONLY);
  char uses_pid = 0;
  if (fd < 0 || read(fd, &uses_pid, 1) != 1 || uses_pid != '0') skip("core files have other names");
  start_with_core_files();
  struct rlimit limit;
  if (getrlimit(RLIMIT_CORE, &limit) != 0 || limit.rlim_max != RLIM_INFINITY) skip("no core files allowed");
  NEED(mkdtemp(directory) != NULL);
  ready = gate_new();
  go = gate_new();
  block_sigchld();
  pid_t pid = spawn_seized("LEADER", body, PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXIT);
  tell_wait(pid, __WALL);
  pid_t other = tell_event_pid(pid, "THREAD");
  need_wait(other, EVENT_STOP(SIGTRAP));
  need_pt(PTRACE_CONT, other, 0, 0);
  need_pt(PTRACE_CONT, pid, 0, 0);
  gate_open(go);
  tell_wait(pid, __WALL);
  need_pt(PTRACE_CONT, pid, 0, SIGSEGV);
  tell_wait(other, __WALL);
  tell_event_number(other);
  tell_wait(pid, __WALL);
  tell_event_number(pid);
  drop_sigchld();
  need_pt(PTRACE_CONT, pid, 0, 0);
  tell_sigchld();
  need_pt(PTRACE_CONT, other, 0, 0);
  tell_wait(other, __WALL);
  tell_waitid(P_PID, pid, WEXITED);
  remove_core();
  return 0;
}
