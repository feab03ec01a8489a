// What /proc/PID/status and /proc/PID/stat say of tracing, on the roads by which they can be opened.
// Run with --proc=native.

#include "guest.h"
#include "seccomp.h"

static long open_at(int directory, const char* path, int flags) {
  const long fd = syscall(SYS_openat, directory, path, flags);
  return fd < 0 ? -errno : fd;
}

static void read_from(long fd, char* text, size_t size) {
  NEED(fd >= 0);
  const ssize_t length = read((int)fd, text, size - 1);
  NEED(length > 0);
  text[length] = 0;
  close((int)fd);
}

static const char* field(const char* text, const char* name) {
  char head[64];
  snprintf(head, sizeof head, "\n%s:\t", name);
  const char* found = strstr(text, head);
  return found == NULL ? "?" : found + strlen(head);
}

static void tell_text(const char* who, const char* status) {
  const pid_t tracer = atoi(field(status, "TracerPid"));
  say("%s: State %.1s, TracerPid %s, Seccomp %d, filters %d", who, field(status, "State"),
      tracer == 0 ? "0" : pid_words(tracer), atoi(field(status, "Seccomp")),
      atoi(field(status, "Seccomp_filters")));
}

static void tell_status(pid_t pid) {
  char path[64], status[4096], stat[4096];
  snprintf(path, sizeof path, "/proc/%d/status", pid);
  read_from(open_at(AT_FDCWD, path, O_RDONLY), status, sizeof status);
  tell_text(pid_words(pid), status);
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  read_from(open_at(AT_FDCWD, path, O_RDONLY), stat, sizeof stat);
  say("%s: stat %.1s", pid_words(pid), strrchr(stat, ')') + 2);
}

static void tell_open(const char* what, long fd) {
  char status[4096];
  if (fd < 0) {
    say("%s: %s", what, answer_words(fd));
    return;
  }
  say("%s: %s, access mode %d", what, fcntl((int)fd, F_GETFD) & FD_CLOEXEC ? "close-on-exec" : "kept",
      fcntl((int)fd, F_GETFL) & O_ACCMODE);
  read_from(fd, status, sizeof status);
  tell_text(what, status);
}

static void roads(void) {
  char path[PATH_MAX + 8];
  tell_open("self", open_at(AT_FDCWD, "/proc/self/status", O_RDONLY));
  tell_open("thread-self", open_at(AT_FDCWD, "/proc/thread-self/status", O_RDONLY | O_CLOEXEC));
  tell_open("open", syscall(SYS_open, "/proc/self/status", O_RDONLY));
  const int process = open("/proc/self", O_RDONLY | O_DIRECTORY);
  NEED(process >= 0);
  tell_open("by descriptor", open_at(process, "status", O_RDONLY | O_NOFOLLOW));
  tell_open("a bad descriptor", open_at(process + 1, "status", O_RDONLY));
  NEED(fchdir(process) == 0);
  tell_open("by directory", open_at(AT_FDCWD, "status", O_RDONLY));
  tell_open("by its own way", open_at(AT_FDCWD, "../self/task/../status", O_RDONLY));
  tell_open("nobody", open_at(AT_FDCWD, "/proc/2147483647/status", O_RDONLY));
  tell_open("nowhere", open_at(AT_FDCWD, (const char*)8, O_RDONLY));
  memset(path, '/', sizeof path);
  strcpy(path + sizeof path - 8, "status");
  tell_open("too far", open_at(AT_FDCWD, path, O_RDONLY));
  tell_open(
      "not to be",
      syscall(SYS_openat, AT_FDCWD, "/proc/self/status", O_RDONLY | O_CREAT | O_EXCL, 0600) < 0 ? -errno : 0);
  const struct rlimit limit = {(rlim_t)process + 1, (rlim_t)process + 1};
  struct rlimit before;
  NEED(getrlimit(RLIMIT_NOFILE, &before) == 0);
  NEED(prlimit(0, RLIMIT_NOFILE, &(struct rlimit){limit.rlim_cur, before.rlim_max}, NULL) == 0);
  tell_open("one too many", open_at(AT_FDCWD, "/proc/self/status", O_RDONLY));
  NEED(prlimit(0, RLIMIT_NOFILE, &before, NULL) == 0);
  close(process);
}

static void sleeper(void) { pause(); }

static Gate is_strict;

static void strict(void) {
  NEED(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) == 0);
  syscall(SYS_write, is_strict.fd[1], "", 1);
  for (;;) continue;
}

static pid_t traced_by_thread;

static void* thread_traces(void* unused) {
  need_pt(PTRACE_SEIZE, traced_by_thread, 0, 0);
  need_pt(PTRACE_INTERRUPT, traced_by_thread, 0, 0);
  int status;
  NEED(waitpid(traced_by_thread, &status, 0) == traced_by_thread);
  name_pid(gettid(), "THREAD");
  tell_status(traced_by_thread);
  return unused;
}

int main(void) {
  start();
  name_pid(getpid(), "SELF");
  roads();

  const pid_t child = spawn_traced("CHILD", sleeper);
  NEED(waitpid(child, NULL, 0) == child);
  tell_status(child);
  tell_pt(PTRACE_DETACH, child, 0, SIGSTOP);
  NEED(waitpid(child, NULL, WUNTRACED) == child);
  tell_status(child);
  tell_pt(PTRACE_SEIZE, child, 0, 0);
  NEED(waitpid(child, NULL, 0) == child);
  tell_status(child);
  tell_pt(PTRACE_LISTEN, child, 0, 0);
  tell_status(child);
  kill(child, SIGKILL);
  siginfo_t info;
  NEED(waitid(P_PID, child, &info, WEXITED | WNOWAIT) == 0);
  tell_status(child);
  NEED(waitpid(child, NULL, 0) == child);

  traced_by_thread = spawn("THREADS_CHILD", sleeper);
  pthread_t thread;
  NEED(pthread_create(&thread, NULL, thread_traces, NULL) == 0);
  pthread_join(thread, NULL);
  kill(traced_by_thread, SIGKILL);

  is_strict = gate_new();
  const pid_t strict_child = spawn("STRICT", strict);
  gate_pass(is_strict);
  kill(strict_child, SIGSTOP);
  NEED(waitpid(strict_child, NULL, WUNTRACED) == strict_child);
  tell_status(strict_child);
  kill(strict_child, SIGKILL);

  say("PR_GET_SECCOMP: %d", prctl(PR_GET_SECCOMP));
  filter_call(SYS_getpgid, SECCOMP_RET_ERRNO | EPERM);
  say("PR_GET_SECCOMP: %d", prctl(PR_GET_SECCOMP));
  tell_status(getpid());
  return 0;
}
