// The stage: the actors of one seed, as the controller sees them.

#ifndef NESTRACE_TESTS_FUZZ_STAGE_H_
#define NESTRACE_TESTS_FUZZ_STAGE_H_

#include "op.h"
#include "shared.h"

enum ActorState {
  kUnborn,
  kIdle,     // waits for a command
  kBlocked,  // in a command, in the system call `syscall`
  kStopped,  // in a ptrace-stop or a group-stop
  kZombie,
  kGone,
};

struct Sight {
  enum ActorState state;
  long syscall;   // kBlocked
  long switches;  // context switches so far
  char letter;    // as in /proc/TID/status
  int commanded;  // the last command is not finished
};

struct Stage {
  int number[kActors];  // thread ids, as they were at birth; 0: unborn
  int tgid[kActors];
  int watched[kActors];   // the thread id now: exec changes it
  int claimed[kActors];   // somebody was told to make it
  int replaced[kActors];  // another thread of its process was executed
  struct Sight sight[kActors];
};

extern struct Stage stage;

void stage_begin(void);
// Waits until nothing moves any more: every actor waits for a command, is blocked in one, is stopped or dead.
// 0 if that does not come to be.
int stage_settle(void);
// Kills and reaps all actors. 0 if one does not end.
int stage_end(void);
int is_alive(int actor);

#endif  // NESTRACE_TESTS_FUZZ_STAGE_H_
