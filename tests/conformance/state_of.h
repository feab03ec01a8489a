// The state of a process, as a letter, as /proc/PID/stat has it.

#ifndef NESTRACE_TESTS_CONFORMANCE_STATE_OF_H_
#define NESTRACE_TESTS_CONFORMANCE_STATE_OF_H_

#include "guest.h"

// '?' if there is none.
KIT char state_of(pid_t pid) {
  char path[64], name[64], state = '?';
  int number;
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  FILE* stat = fopen(path, "r");
  if (stat == NULL) return state;
  NEED(fscanf(stat, "%d %63s %c", &number, name, &state) == 3);
  fclose(stat);
  return state;
}

KIT void until_it_sleeps(pid_t pid) {
  while (state_of(pid) != 'S') sched_yield();
}

#endif  // NESTRACE_TESTS_CONFORMANCE_STATE_OF_H_
