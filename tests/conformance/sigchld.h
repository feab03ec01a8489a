// Shared by the guests about the SIGCHLD that a report sends: takes it with sigwaitinfo and prints its
// siginfo, or counts it.

#ifndef NESTRACE_TESTS_CONFORMANCE_SIGCHLD_H_
#define NESTRACE_TESTS_CONFORMANCE_SIGCHLD_H_

#include <sys/signalfd.h>

#include "guest.h"

// A handler that counts.
static volatile int handled __attribute__((unused));
KIT void count_handled(int signal) {
  (void)signal;
  handled++;
}

KIT sigset_t sigchld_set(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  return set;
}

KIT void block_sigchld(void) {
  sigset_t set = sigchld_set();
  sigprocmask(SIG_BLOCK, &set, NULL);
}

// Waits for SIGCHLD and prints it.
KIT void tell_sigchld(void) {
  sigset_t set = sigchld_set();
  siginfo_t info;
  int signal;
  do {
    signal = sigwaitinfo(&set, &info);
  } while (signal == -1 && errno == EINTR);
  say("signal: %s", siginfo_words(&info));
}

// Prints whether SIGCHLD is pending, and takes it.
KIT void tell_sigchld_now(void) {
  sigset_t set = sigchld_set();
  struct timespec now = {0, 0};
  siginfo_t info;
  if (sigtimedwait(&set, &info, &now) == SIGCHLD) {
    say("signal pending: %s", siginfo_words(&info));
  } else {
    say("no signal pending");
  }
}

// Prints what a signalfd(2) gives.
KIT void tell_signalfd(int fd) {
  struct signalfd_siginfo info;
  NEED(read(fd, &info, sizeof info) == sizeof info);
  say("signalfd: %s code=%s pid=%s uid=%s status=%#x", signal_words(info.ssi_signo),
      code_words(info.ssi_signo, info.ssi_code), pid_words(info.ssi_pid), uid_words(info.ssi_uid),
      info.ssi_status);
}

// A stop can be waited for a moment before its SIGCHLDs are sent. They are behind this: a request waits till
// the tracee is off its processor (kernel/ptrace.c:ptrace_check_attach).
KIT void stop_was_told(pid_t pid) {
  siginfo_t info;
  const long result = pt(PTRACE_GETSIGINFO, pid, 0, (unsigned long)&info);
  NEED(result == 0 || result == -EINVAL);  // a group-stop has no siginfo
}

// Takes pending SIGCHLDs in silence, where two may have become one.
KIT void drop_sigchld(void) {
  sigset_t set = sigchld_set();
  struct timespec now = {0, 0};
  siginfo_t info;
  while (sigtimedwait(&set, &info, &now) == SIGCHLD) {
  }
}

#endif  // NESTRACE_TESTS_CONFORMANCE_SIGCHLD_H_
