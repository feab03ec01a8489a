// Numbers are those of the asking thread's pid namespace: a tracer outside sees its numbers in event
// messages, one inside its own, in wait results, siginfo and messages; who is outside has the number 0 there.
// In a namespace of our own the numbers are known, so here they are printed.

#include "guest.h"

static void leaf(void) { syscall(SYS_kill, getpid(), SIGUSR1); }

static void forks(void) {
  pid_t pid = fork();
  if (pid == 0) _exit(3);
  wait4_raw(pid, NULL, 0);
}

static void signalled_from_outside(void) { block_forever(); }

static Gate from_outside, ready;

// The first process of the namespace.
static void init_traces(void) {
  say("inside: getpid %d, getppid %d", (int)syscall(SYS_getpid), (int)syscall(SYS_getppid));
  traced_body = leaf;
  pid_t pid = fork();
  if (pid == 0) {
    traced_entry();
    _exit(0);
  }
  int status;
  say("wait4 = %ld", wait4_raw(pid, &status, 0));
  siginfo_t info;
  memset(&info, 0, sizeof info);
  need_pt(PTRACE_GETSIGINFO, pid, 0, (unsigned long)&info);
  say("%s from %d", status_words(status), info.si_pid);
  need_pt(PTRACE_CONT, pid, 0, 0);
  memset(&info, 0, sizeof info);
  NEED(waitid_raw(P_PID, pid, &info, WSTOPPED) == 0);
  say("waitid: %d, status %#x", info.si_pid, info.si_status);
  need_pt(PTRACE_CONT, pid, 0, 0);
  say("wait4 = %ld", wait4_raw(-1, &status, 0));

  say("event message inside");
  traced_body = forks;
  pid = fork();
  if (pid == 0) {
    traced_entry();
    _exit(0);
  }
  NEED(wait4_raw(pid, &status, 0) == pid);
  need_pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEFORK);
  need_pt(PTRACE_CONT, pid, 0, 0);
  say("wait4 = %ld", wait4_raw(pid, &status, 0));
  say("%s: %lu", status_words(status), event_message(pid));
  say("requests on outside numbers: parent %s",
      answer_words(pt(PTRACE_SEIZE, getppid() ? getppid() : 4000000, 0, 0)));
  end_child(pid);

  say("a signal from outside");
  pid = fork();
  if (pid == 0) signalled_from_outside();
  need_pt(PTRACE_SEIZE, pid, 0, 0);
  gate_open(ready);
  NEED(wait4_raw(pid, &status, 0) == pid);
  memset(&info, 0, sizeof info);
  need_pt(PTRACE_GETSIGINFO, pid, 0, (unsigned long)&info);
  say("%s from %d", status_words(status), info.si_pid);
  end_child(pid);
  gate_pass(from_outside);
}

int main(void) {
  start();
  if (unshare(CLONE_NEWPID) != 0) skip("needs the right to make a pid namespace");
  from_outside = gate_new();
  ready = gate_new();
  pid_t init = fork();
  if (init == 0) {
    init_traces();
    _exit(0);
  }
  name_pid(init, "INIT");
  gate_pass(ready);
  // The guest's process group is not the namespace's alone, so signal through what init's children are called
  // outside.
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/task/%d/children", init, init);
  FILE* children = fopen(path, "re");
  int child = 0, next;
  if (children != NULL) {
    while (fscanf(children, "%d", &next) == 1) child = next;
    fclose(children);
  }
  NEED(child > 0);
  kill(child, SIGUSR2);
  gate_open(from_outside);
  tell_wait(init, 0);
  return 0;
}
