// What becomes of a tracee whose tracer ends: shared by the guests tracer_death_*.c.
//
// A child of the guest is traced by another child, which brings it to some stop and ends; the guest then sees
// what is left, as the child's parent.

#ifndef NESTRACE_TESTS_CONFORMANCE_TRACER_DEATH_H_
#define NESTRACE_TESTS_CONFORMANCE_TRACER_DEATH_H_

#include "guest.h"

KIT Gate attached, go_on;

// Waits until it is traced, then gives a tracer some stops.
KIT void traced_life(void) {
  gate_pass(attached);
  syscall(SYS_kill, getpid(), SIGUSR1);
  syscall(SYS_getppid);
  pid_t child = syscall(SYS_fork);
  if (child == 0) syscall(SYS_exit_group, 0);
  int status;
  wait4_raw(child, &status, 0);
  gate_pass(go_on);
  _exit(7);
}

// Runs `tracer` on a new child with `options`, and reports. The tracer is told with a SEIZE done and the
// child running.
KIT pid_t run_tracer(const char* title, unsigned long options, void (*tracer)(pid_t child)) {
  say("== %s", title);
  attached = gate_new();
  go_on = gate_new();
  pid_t child = spawn("CHILD", traced_life);
  pid_t other = fork();
  NEED(other >= 0);
  if (other == 0) {
    name_pid(getpid(), "TRACER");
    need_pt(PTRACE_SEIZE, child, 0, options);
    gate_open(attached);
    tracer(child);
    _exit(0);
  }
  name_pid(other, "TRACER");
  need_wait(other, EXITED(0));
  return child;
}

// Lets the child go to its end, and reports it.
KIT void tell_end(pid_t child) {
  gate_open(go_on);
  tell_wait(child, 0);
}

// Waits for a stop of the child without taking it.
KIT void peek_stop(pid_t child) {
  siginfo_t info;
  memset(&info, 0, sizeof info);
  NEED(waitid_raw(P_PID, child, &info, WSTOPPED | WEXITED | WNOWAIT) == 0);
  say("at %s", siginfo_words(&info));
}

#endif  // NESTRACE_TESTS_CONFORMANCE_TRACER_DEATH_H_
