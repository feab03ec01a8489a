// What the parts of the interpreter share. README.md has the picture: a controller tells actors, one after
// the other, what to do, and prints what became of it.
//
// Actors and controller talk through one shared mapping at a fixed address, which an actor maps again after
// exec. Nothing of the C library is used in an actor: a system call more or less would show to its tracer.

#ifndef NESTRACE_TESTS_FUZZ_SHARED_H_
#define NESTRACE_TESTS_FUZZ_SHARED_H_

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <signal.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

enum { kActors = 12, kRecords = 24, kBufferSize = 4096, kStackSize = 32768, kSharedFd = 99 };

// What an actor, or the controller as a third party, can be told to do.
enum Verb {
  kNothing,
  kClone,      // FLAGS, the new actor in `child`
  kClone3,     // the same
  kPtrace,     // REQUEST PID ADDR DATA PAYLOAD
  kRewrite,    // PID REGISTER VALUE: GETREGS, change, SETREGS
  kResign,     // PID WHAT VALUE: GETSIGINFO, change, SETSIGINFO
  kWait4,      // PID OPTIONS
  kWaitid,     // TYPE PID OPTIONS
  kWaitPidfd,  // PID OPTIONS
  kKill,       // PID SIGNAL
  kTkill,      // PID SIGNAL
  kQueue,      // PID SIGNAL: rt_sigqueueinfo
  kTgqueue,    // PID SIGNAL: rt_tgsigqueueinfo
  kAction,     // SIGNAL HOW FLAGS
  kMask,       // HOW SET
  kPending,    // rt_sigpending
  kCall,       // NUMBER: a system call without arguments
  kInt80,      // NUMBER: the same through int $0x80
  kBlock,      // HOW SET: a call that blocks
  kTake,       // SET: rt_sigtimedwait that does not wait
  kExec,       //
  kExit,       // CODE: of the thread
  kExitGroup,  // CODE
  kSetpgid,    // becomes the leader of a process group
  kFault,      // KIND: int3, bad address, ...
  kFilter,     // seccomp: RET_TRACE for getppid, RET_ERRNO for getpgrp
  kPdeath,     // SIGNAL: PR_SET_PDEATHSIG
  kVerbs,
};

enum { kCommandArgs = 5 };

struct Command {
  int32_t verb;
  int32_t child;               // kClone, kClone3: index of the new actor
  int64_t args[kCommandArgs];  // pids and pointers resolved
};

// A signal that a handler got.
struct Record {
  int32_t signo, code, pid, uid, status;
};

struct Actor {
  uint32_t go;    // number of the last command given (futex)
  uint32_t done;  // of the last one finished
  int32_t tid;    // written by the kernel as the thread is born
  int32_t tgid;
  uint32_t execs;
  struct Command command;
  int64_t result;
  int64_t result2;
  int32_t status;
  int32_t pad;
  siginfo_t info;
  struct rusage usage;
  uint64_t iov[2];
  uint64_t clone_args[11];
  uint32_t record_count;
  struct Record records[kRecords];
  char buffer[kBufferSize] __attribute__((aligned(64)));
};

struct Shared {
  struct Actor actors[kActors];
};

#define SHARED ((struct Shared*)0x10000000)
#define HOLE 0x20000000ul  // nothing is mapped there

// Each actor runs on a stack of its own, also after a fork, so that a signal handler knows whose it is.
extern char actor_stacks[kActors][kStackSize];

// What PEEKDATA and POKEDATA read and write, and a page that can't be written.
extern long probe_word;
extern const long constant_word;

long call6(long number, long a, long b, long c, long d, long e, long f);
// clone(2) whose child runs the actor on its own stack.
long clone_actor(struct Actor* actor, unsigned long flags);
long clone3_actor(struct Actor* self, struct Actor* actor, unsigned long flags);
// Carries out `self->command`. Called by the controller too.
void carry_out(struct Actor* self);

#endif  // NESTRACE_TESTS_FUZZ_SHARED_H_
