// Shared by the guests about signals that are ignored: a child that sends `target` one after the other.

#ifndef NESTRACE_TESTS_CONFORMANCE_FLOOD_H_
#define NESTRACE_TESTS_CONFORMANCE_FLOOD_H_

#include "guest.h"

KIT pid_t flood(pid_t target, long microseconds) {
  const pid_t pid = fork();
  NEED(pid >= 0);
  if (pid != 0) return pid;
  for (;;) {
    kill(target, SIGWINCH);
    const struct timespec pause = {0, microseconds * 1000};
    nanosleep(&pause, NULL);
  }
}

#endif  // NESTRACE_TESTS_CONFORMANCE_FLOOD_H_
