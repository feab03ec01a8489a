// A thread that was joined is gone: from unshare(2) and setns(2), which want a process of one thread, from
// tgkill(2) and from /proc. The kernel wakes who joins it a moment before it is, so that a look from another
// processor may still find it; hence there is one only. A thread that is traced stays till its tracer has
// waited for it.

#include "guest.h"

enum { ROUNDS = 100 };
static pid_t thread_tid;
static int user_namespace;

static void* thread_main(void* unused) {
  thread_tid = gettid_raw();
  return unused;
}

static void join_a_thread(void) {
  pthread_t thread;
  NEED(pthread_create(&thread, NULL, thread_main, NULL) == 0);
  NEED(pthread_join(thread, NULL) == 0);
}

static int refuses(long result) {
  NEED(result == 0 || errno == EINVAL);
  return result != 0;
}

static int unshare_refuses(void) { return refuses(unshare(CLONE_NEWUSER)); }
static int setns_refuses(void) { return refuses(setns(user_namespace, CLONE_NEWUSER)); }
static int unshare_of_nothing_refuses(void) { return refuses(unshare(CLONE_THREAD)); }
static int tgkill_finds_it(void) { return syscall(SYS_tgkill, getpid(), thread_tid, 0) == 0; }

static int proc_lists_it(void) {
  char path[64];
  snprintf(path, sizeof(path), "/proc/self/task/%d", thread_tid);
  return access(path, F_OK) == 0;
}

static int status_counts_it(void) {
  char text[4096] = "";
  const int fd = open("/proc/self/status", O_RDONLY);
  NEED(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0);
  close(fd);
  const char* threads = strstr(text, "Threads:");
  NEED(threads != NULL);
  return atoi(threads + strlen("Threads:")) != 1;
}

// In a process of its own for each try: one that has moved can't move again.
static int in_a_child(int (*finds_it)(void)) {
  const pid_t pid = fork();
  NEED(pid >= 0);
  if (pid == 0) {
    join_a_thread();
    _exit(finds_it());
  }
  int status;
  NEED(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) < 2);
  return WEXITSTATUS(status);
}

static void count(const char* what, int (*finds_it)(void), int forks) {
  int found = 0;
  for (int i = 0; i < ROUNDS; i++) {
    if (!forks) join_a_thread();
    found += forks ? in_a_child(finds_it) : finds_it();
  }
  say("%s: %s", what, found < ROUNDS / 10 ? "gone" : "still there");
}

// --- a thread that is traced.

static Gate go, joined, waited;

static void* traced_thread(void* unused) {
  gate_pass(go);
  return unused;
}

static void tracees_process(void) {
  pthread_t thread;
  NEED(pthread_create(&thread, NULL, traced_thread, NULL) == 0);
  NEED(pthread_join(thread, NULL) == 0);
  say("joined, and not waited for: unshare = %s", answer_words(raw(unshare(CLONE_THREAD))));
  gate_open(joined);
  gate_pass(waited);
  say("waited for: unshare = %s", answer_words(raw(unshare(CLONE_THREAD))));
}

static void stay_on_this_processor(void) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(sched_getcpu(), &set);
  NEED(sched_setaffinity(0, sizeof(set), &set) == 0);
}

int main(void) {
  start();
  stay_on_this_processor();
  const pid_t holder = fork();
  NEED(holder >= 0);
  if (holder == 0) {
    if (unshare(CLONE_NEWUSER) != 0) _exit(1);
    raise(SIGSTOP);
    _exit(0);
  }
  int status;
  NEED(waitpid(holder, &status, WUNTRACED) == holder);
  if (!WIFSTOPPED(status)) skip("no user namespaces");
  char path[64];
  snprintf(path, sizeof(path), "/proc/%d/ns/user", holder);
  NEED((user_namespace = open(path, O_RDONLY)) >= 0);
  count("unshare(CLONE_NEWUSER)", unshare_refuses, 1);
  count("setns(CLONE_NEWUSER)", setns_refuses, 1);
  count("unshare(CLONE_THREAD)", unshare_of_nothing_refuses, 0);
  count("tgkill", tgkill_finds_it, 0);
  count("/proc/self/task", proc_lists_it, 0);
  count("/proc/self/status", status_counts_it, 0);
  kill(holder, SIGKILL);
  NEED(waitpid(holder, &status, 0) == holder);

  go = gate_new();
  joined = gate_new();
  waited = gate_new();
  const pid_t pid = spawn_seized("LEADER", tracees_process, PTRACE_O_TRACECLONE);
  need_wait(pid, EVENT(PTRACE_EVENT_CLONE));
  const pid_t thread = event_message(pid);
  need_wait(thread, EVENT_STOP(SIGTRAP));
  need_pt(PTRACE_CONT, thread, 0, 0);
  need_pt(PTRACE_CONT, pid, 0, 0);
  gate_open(go);
  gate_pass(joined);
  need_wait(thread, EXITED(0));
  gate_open(waited);
  tell_wait(pid, 0);
  return 0;
}
