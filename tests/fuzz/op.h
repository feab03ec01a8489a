// An operation: one line of a script, such as "a ptrace CONT b 0 SIGUSR1 0". README.md lists them.

#ifndef NESTRACE_TESTS_FUZZ_OP_H_
#define NESTRACE_TESTS_FUZZ_OP_H_

#include <stdint.h>

#include "shared.h"

enum { kController = -1, kOpArgs = 5 };

struct Op {
  int actor;  // who acts; kController: the controller, as a third party
  int verb;
  int64_t args[kOpArgs];
};

// A pid argument: kPidOf + index is the number of an actor, its negative that of its process group. Anything
// else is meant as it stands.
enum { kPidOf = 1 << 30 };

// A word that is a pointer.
enum Pointer { kBufferPointer, kWordPointer, kConstantPointer, kHolePointer, kCodePointer, kPointers };
#define POINTER(kind) ((int64_t)1 << 50 | (kind))

// Kinds of arguments, one letter each: Actor that is new, Clone flags, Request, Pid, Word, Options of a wait,
// Type of a waitid, Signal, any other number (X).
const char* verb_kinds(int verb);
// Does it send a signal?
int is_kill(int verb);
// Into `line`, which has room for 256 bytes.
void print_op(const struct Op* op, char* line);
// 0 if `line` is no operation.
int parse_op(const char* line, struct Op* op);

#endif  // NESTRACE_TESTS_FUZZ_OP_H_
