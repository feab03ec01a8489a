// PTRACE_TRACEME, PTRACE_ATTACH and PTRACE_SEIZE ask whether the tracee is dumpable, and not whether the
// tracer is (kernel/ptrace.c, security/commoncap.c). No call here names memory.

#include "guest.h"

static Gate go, ready;

static void set_dumpable(int dumpable) { NEED(prctl(PR_SET_DUMPABLE, dumpable, 0, 0, 0) == 0); }

static void tell_wait_for(pid_t pid, const char* what) {
  say("%s: %s", what, wait4_raw(pid, NULL, __WALL) == pid ? "found" : "not found");
}

static void traces_itself(void) {
  gate_pass(go);
  if (pt(PTRACE_TRACEME, 0, 0, 0) != 0) _exit(1);
  raise(SIGSTOP);
}

static void waits(void) {
  gate_open(ready);
  block_forever();
}

static void dumps_nothing(void) {
  set_dumpable(0);
  waits();
}

static void child_traces_itself(int inherits) {
  say("== PTRACE_TRACEME of a child that is %s", inherits ? "not dumpable" : "dumpable");
  if (inherits) set_dumpable(0);
  const pid_t pid = spawn("CHILD", traces_itself);
  set_dumpable(0);
  gate_open(go);
  tell_wait_for(pid, "the stop");
  say("CONT: %s", answer_words(pt(PTRACE_CONT, pid, 0, 0)));
  tell_wait_for(pid, "the end");
  set_dumpable(1);
}

static void attaches(int tracee_dumpable) {
  say("== attaching to what is %s", tracee_dumpable ? "dumpable" : "not dumpable");
  const pid_t pid = spawn("CHILD", tracee_dumpable ? waits : dumps_nothing);
  gate_pass(ready);
  set_dumpable(0);
  const long seized = pt(PTRACE_SEIZE, pid, 0, 0);
  say("SEIZE: %s", answer_words(seized));
  if (seized == 0) {
    NEED(pt(PTRACE_INTERRUPT, pid, 0, 0) == 0 && wait4_raw(pid, NULL, __WALL) == pid);
    NEED(pt(PTRACE_DETACH, pid, 0, 0) == 0);
  }
  const long attached = pt(PTRACE_ATTACH, pid, 0, 0);
  say("ATTACH: %s", answer_words(attached));
  if (attached == 0) tell_wait_for(pid, "the stop");
  kill(pid, SIGKILL);
  tell_wait_for(pid, "the end");
  set_dumpable(1);
}

int main(void) {
  start();
  go = gate_new();
  ready = gate_new();
  set_dumpable(1);
  for (int inherits = 0; inherits < 2; ++inherits) child_traces_itself(inherits);
  for (int dumpable = 1; dumpable >= 0; --dumpable) attaches(dumpable);
  return 0;
}
