// What strace -f does: seize, follow everything, stop at every system call, wait for any. The tracee forks,
// vforks and execs, and starts threads; each thread's own sequence of events is deterministic, so it is
// recorded per thread.

#include "guest.h"

static volatile pid_t thread_tid;
static void* thread_main(void* unused) {
  thread_tid = gettid();
  syscall(SYS_getppid);
  return unused;
}
static void body(void) {
  raise(SIGWINCH);
  syscall(SYS_getppid);
  pid_t child = fork();
  if (child == 0) {
    syscall(SYS_getppid);
    syscall(SYS_exit_group, 1);
  }
  wait4_raw(child, NULL, 0);
  child = vfork();
  if (child == 0) {
    char* argv[] = {"guest", "2", NULL};
    char* envp[] = {NULL};
    execve("/proc/self/exe", argv, envp);
    _exit(99);
  }
  wait4_raw(child, NULL, 0);
  pthread_t thread;
  pthread_create(&thread, NULL, thread_main, NULL);
  pthread_join(thread, NULL);
  // Joined is not gone: an exit of the group before its own end would be the thread's status.
  while (syscall(SYS_tgkill, getpid(), thread_tid, 0) == 0) sched_yield();
  syscall(SYS_exit_group, 3);
}

static struct {
  pid_t pid;
  int in_call;
  char log[4096];
} threads[8];
static int thread_count;

static int index_of(pid_t pid) {
  for (int i = 0; i < thread_count; i++) {
    if (threads[i].pid == pid) return i;
  }
  NEED(thread_count < 8);
  threads[thread_count].pid = pid;
  return thread_count++;
}

static void record(int i, const char* words) {
  strncat(threads[i].log, words, sizeof threads[i].log - strlen(threads[i].log) - 1);
  strncat(threads[i].log, "\n", sizeof threads[i].log - strlen(threads[i].log) - 1);
}

static const char* call_words(long number) {
  switch (number) {
    case SYS_getppid:
      return "getppid";
    case SYS_vfork:
      return "vfork";
    case SYS_execve:
      return "execve";
    case SYS_wait4:
      return "wait4";
    case SYS_exit:
      return "exit";
    case SYS_exit_group:
      return "exit_group";
  }
  return NULL;
}

int main(int argc, char** argv) {
  if (argc > 1) return atoi(argv[1]);
  start();
  pid_t first =
      spawn_seized("FIRST", body,
                   PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                       PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXIT | PTRACE_O_TRACEVFORKDONE);
  int begin;
  NEED(wait4_raw(first, &begin, __WALL) == first && WIFSTOPPED(begin) && WSTOPSIG(begin) == SIGWINCH);
  need_pt(PTRACE_SYSCALL, first, 0, 0);
  index_of(first);
  for (;;) {
    int status;
    long pid = wait4_raw(-1, &status, __WALL);
    if (pid == -ECHILD) break;
    NEED(pid > 0);
    int i = index_of(pid);
    if (!WIFSTOPPED(status)) {
      record(i, status_words(status));
      continue;
    }
    int signal = 0;
    char line[128];
    if (status == SYSGOOD_STOP) {
      struct user_regs_struct regs = registers(pid);
      const char* name = call_words(regs.orig_rax);
      long result = regs.rax;
      threads[i].in_call = !threads[i].in_call;
      // An interrupted wait4 is entered again: whether it happens is a matter of time.
      if (name != NULL && !(threads[i].in_call == 0 && result == -512) && regs.orig_rax != SYS_wait4) {
        if (threads[i].in_call) {
          snprintf(line, sizeof line, "%s enter", name);
        } else {
          snprintf(line, sizeof line, "%s exit %s", name, result > 0 ? "> 0" : answer_words(result));
        }
        record(i, line);
      }
    } else if (status >> 16 == 0) {
      signal = WSTOPSIG(status);
      record(i, signal_words(signal));
    } else {
      int event = status >> 16;
      if (event == PTRACE_EVENT_EXIT) {
        snprintf(line, sizeof line, "%s, message %#lx", status_words(status), event_message(pid));
        record(i, line);
      } else {
        record(i, status_words(status));
      }
      // The new thread's number is a matter of order: it is given here, where its parent tells it.
      if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK || event == PTRACE_EVENT_CLONE) {
        snprintf(line, sizeof line, "its child is %c", 'A' + index_of(event_message(pid)));
        record(i, line);
      }
    }
    need_pt(PTRACE_SYSCALL, pid, 0, signal);
  }
  for (int i = 0; i < thread_count; i++) {
    say("== %c", 'A' + i);
    for (char* line = strtok(threads[i].log, "\n"); line != NULL; line = strtok(NULL, "\n")) say("%s", line);
  }
  return 0;
}
