// RET_TRACE on calls that the supervisor has begin again: one event each, then their result.

#include "seccomp.h"

static Gate released;

static void stops_itself(void) {
  gate_pass(released);
  raise(SIGUSR1);
  block_forever();
}

// The wait sleeps till the tracee stops, and SIGCHLD does not end it.
static void waits_for_stop(void) {
  const pid_t pid = spawn("TRACEE", stops_itself);
  need_pt(PTRACE_SEIZE, pid, 0, 0);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGCHLD);
  sigprocmask(SIG_BLOCK, &signals, NULL);
  filter_call(SYS_wait4, SECCOMP_RET_TRACE | 6);
  for (int i = 0; i < 2; ++i) {
    int status = 0;
    const long answer = wait4_raw(pid, &status, i == 0 ? 0 : WNOHANG);
    say("CHILD: wait4 %s, %s", answer == pid ? "the tracee" : answer_words(answer), status_words(status));
  }
  kill(pid, SIGKILL);
}

// The zombie is of a kind that the kernel would not find for this wait, if it did not know of the tracing.
static void waits_for_zombie(void) {
  const pid_t pid = syscall(SYS_clone, SIGUSR2, 0, 0, 0, 0);
  NEED(pid >= 0);
  if (pid == 0) block_forever();
  signal(SIGUSR2, SIG_IGN);
  need_pt(PTRACE_SEIZE, pid, 0, 0);
  kill(pid, SIGKILL);
  siginfo_t info;
  NEED(waitid_raw(P_PID, pid, &info, WEXITED | WNOWAIT | __WALL) == 0);
  filter_call(SYS_wait4, SECCOMP_RET_TRACE | 6);
  int status = 0;
  const long answer = wait4_raw(-1, &status, 0);
  say("CHILD: wait4 %s, %s", answer == pid ? "the tracee" : answer_words(answer), status_words(status));
}

static void clones_untraced(void) {
  filter_call(SYS_clone, SECCOMP_RET_TRACE | 6);
  for (int i = 0; i < 2; ++i) {
    const pid_t pid = syscall(SYS_clone, CLONE_UNTRACED, 0, 0, 0, 0);
    if (pid == 0) _exit(3);
    int status = 0;
    const long answer = wait4_raw(pid, &status, __WALL);
    say("CHILD: wait4 %s, %s", answer == pid ? "the child" : answer_words(answer), status_words(status));
  }
}

static void traced(void (*body)(void), int request) {
  const pid_t pid = spawn_seized("CHILD", body, PTRACE_O_TRACESECCOMP | PTRACE_O_TRACESYSGOOD);
  for (int i = 0; i < 60; ++i) {
    const int status = tell_wait(pid, __WALL);
    if (!WIFSTOPPED(status)) return;
    if (i == 0) gate_open(released);
    const int event = status >> 16 != 0 || WSTOPSIG(status) == (SIGTRAP | 0x80);
    need_pt(request, pid, 0, event ? 0 : WSTOPSIG(status));
  }
  kill(pid, SIGKILL);
}

int main(void) {
  start();
  released = gate_new();
  say("== a wait for a stop");
  traced(waits_for_stop, PTRACE_CONT);
  say("== a wait for a zombie");
  traced(waits_for_zombie, PTRACE_CONT);
  say("== clone with CLONE_UNTRACED");
  traced(clones_untraced, PTRACE_CONT);
  return 0;
}
