// What is believed of the actors: a guess from what they were told and have answered. One that is wrong costs
// an ESRCH.

#ifndef NESTRACE_TESTS_FUZZ_KNOWN_H_
#define NESTRACE_TESTS_FUZZ_KNOWN_H_

#include <stdint.h>

#include "op.h"
#include "shared.h"

// What is believed of an actor.
struct Known {
  int tracer;   // -1: none that we know of
  int creator;  // kController, or the actor that made it
  int is_thread;
  int was_traced;        // it, or another thread of its process
  int ends_with_tracer;  // PTRACE_O_EXITKILL
  int last_signal;       // of the last stop that was waited for
  int has_signal;        // one was sent to it since it stopped
  int was_sent_stop;     // a signal that stops
  int was_continued;     // SIGCONT was sent to it since it stopped
  int has_other_signal;  // the exit signal of its process is not SIGCHLD
  int blocks_sigchld;
  int ignores_sigchld;      // or leaves no zombies
  int handles_sigchld;      // has a handler
  int sees_sigchld;         // has a handler or may wait for it
  uint64_t suspended_with;  // the set of its last call that may have been sigsuspend(2)
  struct Op given;          // its last command
};

extern struct Known known[kActors];

static const int64_t kDeathSignals = 1ll << (SIGCHLD - 1) | 1ll << (SIGWINCH - 1);

void known_begin(void);
// `actor` has finished `op`.
void known_note(const struct Op* op, int actor);
// Has a look at the stage.
void known_look(void);
// `child` is traced from birth on, if `actor`, which makes it, is traced with the option for it.
void inherit_tracer(int child, int actor);

// ---- Who they are

// The actor that a pid argument stands for; -1: none.
int index_of(int64_t pid);
int same_process(int a, int b);
// The thread that `actor` is a child of: another one lives on for its creator.
int parent_of(int actor);
// Is the process of `child` one of the children of `parent`'s?
int is_child(int child, int parent);
// How many living threads the process of `actor` has.
int threads_of(int actor);
// Of all, how many live; and one that was never told to be born, -1 if there is none.
int living(void);
int unborn(void);
// Of a process: has it a thread like that?
int process_has(int actor, int (*is_so)(int));
int is_stopped(int actor);
// Stopped with a command to finish.
int is_held_up(int actor);
int is_in_vfork(int actor);
int is_blocked_in(int actor, long call);
int is_in_sigtimedwait(int actor);
int is_in_execve(int actor);
int is_in_wait(int actor);

// ---- Who may trace whom

// Might `actor` be a second tracer of `target`, which nestrace allows?
int might_nest(int actor, int target);
// Which signal `parent` is sent first depends on which thread of `child` ends last; its zombie is known to
// differ if SIGCHLD is ignored, and the wait for it if `parent` is traced (README.md).
int must_not_trace_child(int parent, int child);
int traces_other_child(int actor);

// ---- Commands that are not finished

// A wait for a process group.
int is_for_group(const struct Op* wait);
// Is a thread of the parent or the tracer of `actor` in a wait of that kind?
int is_awaited(int actor, int (*is_so)(const struct Op*));
// May `sender`, which is stopped, end or stop `target` when it goes on, or end a call of it?
int will_disturb(int sender, int target);
// May anybody?
int may_be_disturbed(int target);
// Does `sender` end or stop with the process of `target`, perhaps in the midst of what it does?
int goes_with(int sender, int target);
// Might `sender` be stopped or end by what it sends to `target`, and have finished before, or not?
int hits_sender(int sender, int target);
// Does `op` make somebody move who tells the one that does it by SIGCHLD?
int moves_others(const struct Op* op);

// ---- Who is told of whom

// A traced tracer stops when a SIGCHLD comes, in the midst of what it does: it blocks SIGCHLD first.
int must_block_sigchld(int actor);
// Has `actor`, which is stopped, more to tell its parent or tracer, once it is continued, than that?
int moves_when_continued(int actor);
// Can its parent or tracer see how close such two things are?
int is_seen_continuing(int actor);
// Is `child` one of `parent`, and its exit signal another than SIGCHLD?
int is_other_child(int parent, int child);
// Has the process of `actor` a child as its tracee whose zombie stays, also if it ignores SIGCHLD from now
// on?
int keeps_zombies(int actor);
// Is SIGCONT pending for a child or a tracee of `actor`? The two SIGCHLDs that it will be sent may be one.
int continues_another(int actor);
// Does the tracer of `actor` see which of it and its child stops first, or how close they are?
int is_watched(int actor);
// Would the tracer of `actor`, traced itself, stop for the SIGCHLD of a leader's end, and for that of the
// last thread's, or once for both?
int is_told_twice(int actor);

// ---- What goes on when somebody dies

// Is `actor` stopped, and traced by its parent, child or tracee? If that dies, `actor` goes on, and what it
// asks about them has the one answer or the other.
int outlives_family(int actor);
// Does a parent wait in vfork(2) for the end of `actor`, and is traced? Or may its SIGCHLD take another
// thread of it out of sigtimedwait(2) (README.md)?
int frees_visibly(int actor);
// Does a parent of several threads wait in vfork(2) for the end of `actor`? It keeps an ignored SIGCHLD that
// natively is dropped, in the place of the next one (README.md).
int frees_threads(int actor);
// Does the process of `actor` hold two threads of another, one of which stops or ends that when they are let
// go, or two processes whose parent is told of both? Or one whose parent is traced, and stops for that, or is
// told of both of them? Or a child of its own, whose zombie it does not want? Or one of several threads of
// its parent, any of which may take its SIGCHLD?
int holds_family(int actor);
int may_be_traced(int actor);
// Of the other threads that die as `actor` executes: is one waited for, or in a stop whose signal is sent
// anew, or in the group-stop that a tracer has resumed `actor` from (README.md)?
int matters_to_exec(int actor);

#endif  // NESTRACE_TESTS_FUZZ_KNOWN_H_
