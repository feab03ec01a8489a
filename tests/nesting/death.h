// Shared by the guests about the death of one of two tracers: a tracee's life with stops of every kind, and a
// tracer that dies in one of them.

#ifndef NESTRACE_TESTS_NESTING_DEATH_H_
#define NESTRACE_TESTS_NESTING_DEATH_H_

#include <poll.h>

#include "nesting.h"

// Returns when `pid` is dead, whoever may be there to wait for it.
KIT void await_death(pid_t pid) {
  int pidfd = syscall(SYS_pidfd_open, pid, 0);
  if (pidfd == -1 && errno == ESRCH) return;
  NEED(pidfd >= 0);
  struct pollfd end = {pidfd, POLLIN, 0};
  while (poll(&end, 1, -1) != 1) NEED(errno == EINTR);
  close(pidfd);
}

KIT void quiet_handler(int signal) { (void)signal; }

// SIGUSR1 and the stops that a tracer may die in.
KIT void live(void) {
  signal(SIGUSR1, quiet_handler);
  signal(SIGUSR2, quiet_handler);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  sigprocmask(SIG_BLOCK, &set, NULL);
  send(TRACEE, SIGUSR1);
  syscall(SYS_gettid);
  pid_t child = syscall(SYS_fork);
  if (child == 0) syscall(SYS_exit_group, 0);
  wait4_raw(child, NULL, 0);
}

// ---- Tracers that die. The tracee's SIGUSR1 is suppressed if there was one.

KIT void die(void) {
  say("dies");
  kill(getpid(), SIGKILL);
}

KIT void past_signal(long request) {
  need_wait(TRACEE, STOPPED(SIGUSR1));
  need_pt(request, TRACEE, 0, 0);
}

// Waits for a stop of the tracee without taking it.
KIT void peek(void) {
  siginfo_t info;
  memset(&info, 0, sizeof info);
  NEED(waitid_raw(P_PID, TRACEE, &info, WSTOPPED | WEXITED | WNOWAIT) == 0);
  say("not waited for: %s", siginfo_words(&info));
}

KIT void die_while_running(void) {
  past_signal(PTRACE_CONT);
  die();
}
KIT void die_at_signal(void) {
  tell_stop(TRACEE);
  die();
}
KIT void die_at_signal_not_waited(void) {
  peek();
  die();
}
KIT void die_at_enter(void) {
  past_signal(PTRACE_SYSCALL);
  tell_call(TRACEE);
  die();
}
KIT void die_at_enter_not_waited(void) {
  past_signal(PTRACE_SYSCALL);
  peek();
  die();
}
KIT void die_at_exit(void) {
  past_signal(PTRACE_SYSCALL);
  tell_call(TRACEE);
  tell_go(PTRACE_SYSCALL, TRACEE, 0);
  tell_call(TRACEE);
  die();
}
KIT void die_at_event_stop(void) {
  need_wait(TRACEE, STOPPED(SIGUSR1));
  tell_pt(PTRACE_INTERRUPT, TRACEE, 0, 0);
  tell_go(PTRACE_CONT, TRACEE, 0);
  tell_stop(TRACEE);
  die();
}
// At the first stop behind the signal: PTRACE_EVENT_FORK, PTRACE_EVENT_EXIT.
KIT void die_at_event(void) {
  past_signal(PTRACE_CONT);
  tell_stop(TRACEE);
  die();
}
KIT void die_at_group_stop(void) {
  tell_stop(TRACEE);
  tell_go(PTRACE_CONT, TRACEE, SIGSTOP);
  tell_stop(TRACEE);
  die();
}
KIT void die_before_reaping(void) {
  past_signal(PTRACE_CONT);
  peek();
  die();
}

#endif  // NESTRACE_TESTS_NESTING_DEATH_H_
