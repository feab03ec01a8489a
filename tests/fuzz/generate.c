// The generator looks at the stage, so that most operations meet a tracee that can answer. What it believes
// of who traces whom is a guess from the answers; a wrong guess costs an ESRCH.
//
// What it must avoid, because native runs differ among themselves, is said where it is avoided.

#include "generate.h"

#include <linux/sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>

#include "stage.h"

#ifndef __WALL
#define __WALL 0x40000000
#endif
#define PICK(array) array[below(sizeof(array) / sizeof((array)[0]))]

// ---- Random numbers

static uint64_t state;

static uint64_t next(void) {  // splitmix64
  uint64_t z = state += 0x9e3779b97f4a7c15ull;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ z >> 27) * 0x94d049bb133111ebull;
  return z ^ z >> 31;
}

static int below(int limit) { return (int)(next() % (uint64_t)limit); }
static int chance(int percent) { return below(100) < percent; }

// ---- What is known

static const int64_t kDeathSignals = 1ll << (SIGCHLD - 1) | 1ll << (SIGWINCH - 1);
// What is believed of an actor.
struct Known {
  int tracer;   // -1: none that we know of
  int creator;  // kController, or the actor that made it
  int is_thread;
  int was_traced;        // it, or another thread of its process
  int is_emulated;       // resumed with PTRACE_SYSEMU or PTRACE_SYSEMU_SINGLESTEP
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
static struct Known known[kActors];

static int cycles;   // this seed may have tracers that trace each other
static int threads;  // this seed may have threads
static int handles_sigchld;

void generate_begin(uint64_t seed) {
  state = seed * 0x2545f4914f6cdd1dull + 1;
  memset(known, 0, sizeof known);
  for (int i = 0; i < kActors; i++) known[i].tracer = known[i].creator = -1;
  next();
  // Two threads that trace each other and stop at PTRACE_EVENT_EXIT can never be ended.
  cycles = chance(20);
  threads = chance(50);
  // A tracer is sent one SIGCHLD by each of several tracees that move at the same time: which one it gets,
  // and how many, depends on who is first.
  handles_sigchld = !threads && chance(70);
}

static int same_process(int a, int b) { return stage.tgid[a] == stage.tgid[b]; }

// The thread that `actor` is a child of: another one lives on for its creator.
static int parent_of(int actor) {
  const int parent = known[actor].creator;
  if (parent < 0 || is_alive(parent)) return parent;
  for (int i = 0; i < kActors; i++) {
    if (stage.number[i] != 0 && same_process(i, parent) && is_alive(i)) return i;
  }
  return parent;
}

// Is the process of `child` one of the children of `parent`'s?
static int is_child(int child, int parent) {
  return known[child].creator >= 0 && same_process(known[child].creator, parent);
}

static void set_tracer(int tracee, int by, int64_t options) {
  known[tracee].tracer = by;
  known[tracee].ends_with_tracer = (options & PTRACE_O_EXITKILL) != 0;
  if (by < 0) return;
  for (int i = 0; i < kActors; i++) {
    if (stage.number[i] != 0 && same_process(i, tracee)) known[i].was_traced = 1;
  }
}

static void inherit_tracer(int child, int actor) {
  if (!known[actor].was_traced) return;
  known[child].was_traced = 1;
  known[child].tracer = known[actor].tracer;
  known[child].ends_with_tracer = known[actor].ends_with_tracer;
}

// A traced tracer stops when a SIGCHLD comes, in the midst of what it does: it blocks SIGCHLD first.
static int must_block_sigchld(int actor) {
  if (actor < 0 || !known[actor].was_traced || known[actor].blocks_sigchld) return 0;
  return 1;
}

static int index_of(int64_t pid) {
  return pid >= kPidOf && pid < kPidOf + kActors ? (int)(pid - kPidOf) : -1;
}

void generate_note(const struct Op* op, int actor) {
  const struct Actor* shared = &SHARED->actors[actor];
  if (op->verb == kWait4 && shared->result > 0 && WIFSTOPPED(shared->status)) {
    for (int i = 0; i < kActors; i++) {
      if (stage.number[i] == shared->result) known[i].last_signal = WSTOPSIG(shared->status) & 0x7f;
    }
  }
  if (op->verb == kMask && shared->result == 0) {
    const int with = (op->args[1] & kDeathSignals) == kDeathSignals;
    if (op->args[0] == 0 && with) known[actor].blocks_sigchld = 1;
    if (op->args[0] == 1 && (op->args[1] & kDeathSignals) != 0) known[actor].blocks_sigchld = 0;
    if (op->args[0] == 2) known[actor].blocks_sigchld = with;
  }
  // The command may have waited till it was traced.
  if ((op->verb == kClone || op->verb == kClone3) && shared->result > 0) inherit_tracer(op->args[0], actor);
  if (op->verb != kPtrace || shared->result != 0) return;
  const int target = index_of(op->args[1]);
  switch (op->args[0]) {
    case PTRACE_TRACEME:
      set_tracer(actor, parent_of(actor), 0);
      break;
    case PTRACE_ATTACH:
      if (target >= 0) set_tracer(target, actor, 0);
      break;
    case PTRACE_SEIZE:
      if (target >= 0) set_tracer(target, actor, op->args[3]);
      break;
    case PTRACE_SETOPTIONS:
      if (target >= 0) known[target].ends_with_tracer = (op->args[3] & PTRACE_O_EXITKILL) != 0;
      break;
    case PTRACE_DETACH:
      if (target >= 0) set_tracer(target, -1, 0);
      break;
  }
}

static int may_get_command(int actor) {
  const struct Sight* sight = &stage.sight[actor];
  return (sight->state == kIdle || sight->state == kStopped) && !sight->commanded;
}

// How many living threads the process of `actor` has.
static int threads_of(int actor) {
  int count = 0;
  for (int i = 0; i < kActors; i++) count += stage.number[i] != 0 && is_alive(i) && same_process(i, actor);
  return count;
}

static int living(void) {
  int count = 0;
  for (int i = 0; i < kActors; i++) count += stage.number[i] != 0 && is_alive(i);
  return count;
}

static int unborn(void) {
  for (int i = 0; i < kActors; i++) {
    if (!stage.claimed[i]) return i;
  }
  return -1;
}

// Of a process: has it a thread like that?
static int process_has(int actor, int (*is_so)(int)) {
  for (int i = 0; i < kActors; i++) {
    if (stage.number[i] != 0 && same_process(i, actor) && is_so(i)) return 1;
  }
  return 0;
}

static int is_stopped(int actor) { return stage.sight[actor].state == kStopped; }
static int is_held_up(int actor) { return is_stopped(actor) && stage.sight[actor].commanded; }
static int is_in_vfork(int actor) { return stage.sight[actor].letter == 'D'; }
static int is_blocked_in(int actor, long call) {
  return stage.sight[actor].state == kBlocked && stage.sight[actor].syscall == call;
}
static int is_in_sigtimedwait(int actor) { return is_blocked_in(actor, SYS_rt_sigtimedwait); }
static int is_in_execve(int actor) { return is_blocked_in(actor, SYS_execve); }
static int is_in_wait(int actor) {
  return is_blocked_in(actor, SYS_wait4) || is_blocked_in(actor, SYS_waitid);
}

static int is_ignored_by_default(int64_t signo) {
  return signo == SIGCHLD || signo == SIGURG || signo == SIGWINCH;
}

static int is_stop_signal(int64_t signo) { return signo == SIGSTOP || signo == SIGTSTP || signo == SIGTTIN; }

// ---- Commands that are not finished

static int is_for_group(const struct Op* wait) {
  return wait->verb == kWait4 ? wait->args[0] == 0 : wait->args[0] == P_PGID;
}

static int is_for_continued(const struct Op* wait) {
  return (wait->args[wait->verb == kWait4 ? 1 : 2] & WCONTINUED) != 0;
}

// Is a thread of `parent`, which may be nobody, in a wait of that kind?
static int waits(int parent, int (*is_so)(const struct Op*)) {
  for (int i = 0; parent >= 0 && i < kActors; i++) {
    if (stage.number[i] != 0 && same_process(i, parent) && is_in_wait(i) && is_so(&known[i].given)) return 1;
  }
  return 0;
}

// Is the parent or the tracer of `actor`?
static int is_awaited(int actor, int (*is_so)(const struct Op*)) {
  return waits(known[actor].creator, is_so) || waits(known[actor].tracer, is_so);
}

// May `sender`, which is stopped, end or stop `target` when it goes on, or end a call of it?
static int will_disturb(int sender, int target) {
  const struct Op* op = &known[sender].given;
  if (!is_held_up(sender)) return 0;
  const int request = op->verb == kPtrace ? (int)op->args[0] : -1;
  const int stops = request == PTRACE_ATTACH || request == PTRACE_INTERRUPT || request == PTRACE_KILL;
  if (!stops && !is_kill(op->verb)) return 0;
  const int whom = index_of(op->args[stops ? 1 : 0]);
  return whom >= 0 && stage.number[whom] != 0 && same_process(whom, target);
}

// May anybody?
static int may_be_disturbed(int target) {
  for (int i = 0; i < kActors; i++) {
    if (stage.number[i] != 0 && will_disturb(i, target)) return 1;
  }
  return 0;
}

// Does `sender` end or stop with the process of `target`, perhaps in the midst of what it does?
static int goes_with(int sender, int target) {
  for (int i = 0; i < kActors; i++) {
    if (stage.number[i] == 0) continue;
    // Its process dies with its tracer, or takes a signal then that stops all.
    if (known[i].tracer >= 0 && same_process(known[i].tracer, target) && same_process(i, sender)) return 1;
    if (same_process(i, target) && will_disturb(i, sender)) return 1;
  }
  return 0;
}

// Might `sender` be stopped or end by what it sends to `target`, and have finished before, or not?
static int hits_sender(int sender, int target) {
  if (same_process(target, sender) && threads_of(target) > 1) return 1;
  // It is sent SIGCHLD, and stops.
  const int hears = (known[target].creator >= 0 && same_process(known[target].creator, sender)) ||
                    (known[target].tracer >= 0 && same_process(known[target].tracer, sender));
  return (hears && known[sender].was_traced) || goes_with(sender, target);
}

// ---- SIGCHLD

// Has `actor`, which is stopped, more to tell its parent or tracer, once it is continued, than that?
static int moves_when_continued(int actor) {
  if (known[actor].tracer >= 0 || known[actor].has_signal) return 1;
  const int verb = known[actor].given.verb;
  return is_held_up(actor) && (verb == kExit || verb == kExitGroup || verb == kFault || is_kill(verb));
}

// Can its parent or tracer see how close the two are?
static int is_seen_continuing(int actor) {
  const int parent = known[actor].creator, tracer = known[actor].tracer;
  // A traced parent stops for SIGCHLD.
  const int by_parent = parent >= 0 && (known[parent].sees_sigchld || known[parent].was_traced);
  const int by_tracer = tracer >= 0 && known[tracer].sees_sigchld;
  return by_parent || by_tracer || is_awaited(actor, is_for_continued);
}

// Is `child` one of `parent`, and its exit signal another than SIGCHLD?
static int is_other_child(int parent, int child) {
  return parent >= 0 && known[child].creator >= 0 && same_process(known[child].creator, parent) &&
         known[child].has_other_signal;
}

// Has the process of `actor` a child as its tracee whose zombie stays, also if it ignores SIGCHLD from now
// on?
static int keeps_zombies(int actor) {
  for (int i = 0; i < kActors; i++) {
    if (stage.number[i] == 0 || stage.sight[i].state == kGone || known[i].tracer < 0) continue;
    if (!same_process(known[i].tracer, actor) || known[i].creator < 0 ||
        !same_process(known[i].creator, actor))
      continue;
    if (known[i].has_other_signal || stage.sight[i].state == kZombie) return 1;
  }
  return 0;
}

// ---- Arguments

static const int signals[] = {SIGUSR1, SIGUSR1, SIGUSR2, SIGSTOP, SIGSTOP, SIGCONT,
                              SIGCONT, SIGTSTP, SIGTTIN, SIGTRAP, SIGURG,  SIGWINCH,
                              SIGTERM, SIGKILL, SIGCHLD, 34,      35,      SIGALRM};

static int any_signal(void) { return PICK(signals); }

static int harmless_signal(void) {
  static const int harmless[] = {SIGSTOP, SIGCONT, SIGTSTP, SIGURG, SIGWINCH, SIGCONT};
  return PICK(harmless);
}

static int64_t any_actor(void) {
  for (int tries = 0; tries < 20; tries++) {
    const int i = below(kActors);
    if (stage.number[i] != 0 && (is_alive(i) || tries > 10)) return kPidOf + i;
  }
  return kPidOf;
}

static uint64_t any_set(void) {
  static const int members[] = {SIGUSR1, SIGUSR2, SIGCHLD, SIGTRAP, SIGTSTP, SIGCONT, 34, SIGSTOP, SIGKILL};
  uint64_t set = 0;
  for (int i = below(3); i >= 0; i--) {
    const int member = PICK(members);
    // A blocked SIGCHLD is pending once: whose it is depends on who is first.
    if (member != SIGCHLD || handles_sigchld) set |= 1ull << (member - 1);
  }
  return set;
}

// The SIGTRAP of an execve(2) is known to differ (README.md), so is a SIGCHLD that has a handler.
static uint64_t any_set_to_take(int actor) {
  uint64_t set = any_set();
  if (known[actor].was_traced) set &= ~(1ull << (SIGTRAP - 1));
  if (known[actor].handles_sigchld) set &= ~(1ull << (SIGCHLD - 1));
  return set;
}

// Those of `tracer` for `tracee`.
static int64_t any_options(int tracer, int tracee) {
  int64_t options = 0;
  static const int good[] = {PTRACE_O_TRACESYSGOOD, PTRACE_O_TRACEFORK,   PTRACE_O_TRACEVFORK,
                             PTRACE_O_TRACECLONE,   PTRACE_O_TRACEEXEC,   PTRACE_O_TRACEVFORKDONE,
                             PTRACE_O_TRACEEXIT,    PTRACE_O_TRACESECCOMP};
  for (int i = below(5); i > 0; i--) options |= PICK(good);
  if (cycles) options &= ~PTRACE_O_TRACEEXIT;
  // Of a parent and a child that die together one finds the zombie of the other, or not.
  // And a parent of both is sent two SIGCHLDs, or one.
  const int parent = known[tracee].creator;
  const int family =
      is_child(tracer, tracee) || is_child(tracee, tracer) || (parent >= 0 && is_child(tracer, parent));
  if (chance(8) && !family) options |= PTRACE_O_EXITKILL;
  if (chance(3)) options |= 0x400;
  return options;
}

static int64_t wait_flags(int waitid) {
  int64_t flags = 0;
  if (waitid) {
    static const int kinds[] = {WEXITED, WSTOPPED, WCONTINUED};
    flags |= PICK(kinds) | PICK(kinds);
    if (chance(25)) flags |= WNOWAIT;
  } else {
    if (chance(30)) flags |= WUNTRACED;
    if (chance(20)) flags |= WCONTINUED;
    if (chance(1)) flags |= WNOWAIT;
  }
  if (chance(60)) flags |= __WALL;
  if (chance(8)) flags |= __WCLONE;
  if (chance(8)) flags |= __WNOTHREAD;
  return flags;
}

// ---- Operations of a tracer on its tracee

static int signal_to_pass(int tracee) {
  if (chance(45)) return 0;
  if (known[tracee].last_signal != 0 && known[tracee].last_signal != SIGTRAP && chance(60))
    return known[tracee].last_signal;
  if (chance(3)) return 65 + below(200);
  return chance(60) ? harmless_signal() : any_signal();
}

static void make_resume(struct Op* op, int tracee) {
  static const int requests[] = {PTRACE_CONT,
                                 PTRACE_CONT,
                                 PTRACE_CONT,
                                 PTRACE_SYSCALL,
                                 PTRACE_SYSCALL,
                                 PTRACE_SYSCALL,
                                 PTRACE_SINGLESTEP,
                                 PTRACE_SINGLEBLOCK,
                                 31,
                                 32,
                                 PTRACE_DETACH,
                                 PTRACE_LISTEN,
                                 PTRACE_INTERRUPT};
  op->args[0] = PICK(requests);
  if (op->args[0] == PTRACE_LISTEN || op->args[0] == PTRACE_INTERRUPT) return;
  op->args[3] = goes_with(op->actor, tracee) ? 0 : signal_to_pass(tracee);
  if (op->args[3] == SIGCONT && known[tracee].was_sent_stop && is_seen_continuing(tracee)) op->args[3] = 0;
  // Its parent is sent SIGCHLD, and stops too.
  const int parent = known[tracee].creator, parents = parent >= 0 ? known[parent].tracer : -1;
  if (known[op->actor].sees_sigchld && parents >= 0 && same_process(parents, op->actor)) op->args[3] = 0;
  const int suspended = known[tracee].given.verb == kBlock && known[tracee].given.args[0] == 3;
  const int emulates = op->args[0] == 31 || op->args[0] == 32;
  known[tracee].is_emulated = emulates;
  if (op->args[0] == PTRACE_DETACH && (known[tracee].has_signal || known[tracee].was_sent_stop))
    op->args[3] = 0;  // known to differ (README.md)
  const int wakes = threads_of(tracee) > 1 && process_has(tracee, is_in_sigtimedwait);
  if (op->args[3] == SIGCONT && (suspended || emulates || wakes))
    op->args[3] = 0;  // known to differ (README.md)
  if (is_stop_signal(op->args[3])) known[tracee].was_sent_stop = 1;
}

static const struct {
  int request;
  int64_t addr, data, payload;
} inspections[] = {
    {PTRACE_GETREGS, 0, POINTER(kBufferPointer), 0},
    {PTRACE_GETREGS, 0, POINTER(kBufferPointer), 0},
    {PTRACE_GETREGS, 0, POINTER(kHolePointer), 0},
    {PTRACE_GETFPREGS, 0, POINTER(kBufferPointer), 0},
    {PTRACE_GETSIGINFO, 0, POINTER(kBufferPointer), 0},
    {PTRACE_GETSIGINFO, 0, POINTER(kBufferPointer), 0},
    {PTRACE_GETSIGINFO, 0, POINTER(kHolePointer), 0},
    {PTRACE_GETEVENTMSG, 0, POINTER(kBufferPointer), 0},
    {PTRACE_GETEVENTMSG, 0, POINTER(kBufferPointer), 0},
    {PTRACE_GETREGSET, 1, 0, 4096},
    {PTRACE_GETREGSET, 1, 0, 64},
    {PTRACE_GETREGSET, 1, 0, 7},
    {PTRACE_GETREGSET, 2, 0, 512},
    {PTRACE_GETREGSET, 0x202, 0, 4096},
    {PTRACE_GETREGSET, 0x200, 0, 4096},
    {PTRACE_GETREGSET, 99, 0, 4096},
    {PTRACE_SETREGSET, 1, 0, 216},
    {PTRACE_SETREGSET, 2, 0, 512},
    {PTRACE_SETREGSET, 0x202, 0, 100},
    {0x420a, 8, POINTER(kBufferPointer), 0},  // GETSIGMASK
    {0x420a, 4, POINTER(kBufferPointer), 0},
    {0x420b, 8, POINTER(kBufferPointer), 0x200},  // SETSIGMASK
    {0x420b, 8, POINTER(kBufferPointer), 0},
    {0x420e, 88, POINTER(kBufferPointer), 0},  // GET_SYSCALL_INFO
    {0x420e, 16, POINTER(kBufferPointer), 0},
    {0x4209, 0, POINTER(kBufferPointer), (int64_t)4 << 32},              // PEEKSIGINFO
    {0x4209, 0, POINTER(kBufferPointer), (int64_t)4 << 32 | 1ll << 16},  // shared
    {0x4209, 0, POINTER(kBufferPointer), (int64_t)4 << 32 | 2ll << 16},
    {PTRACE_PEEKDATA, POINTER(kWordPointer), POINTER(kBufferPointer), 0},
    {PTRACE_PEEKDATA, POINTER(kConstantPointer), POINTER(kBufferPointer), 0},
    {PTRACE_PEEKTEXT, POINTER(kHolePointer), POINTER(kBufferPointer), 0},
    {PTRACE_POKEDATA, POINTER(kWordPointer), 77, 0},
    {PTRACE_POKETEXT, POINTER(kConstantPointer), 78, 0},
    {PTRACE_POKEDATA, POINTER(kHolePointer), 79, 0},
    {PTRACE_PEEKUSER, offsetof(struct user_regs_struct, rax), POINTER(kBufferPointer), 0},
    {PTRACE_PEEKUSER, offsetof(struct user_regs_struct, orig_rax), POINTER(kBufferPointer), 0},
    {PTRACE_PEEKUSER, offsetof(struct user_regs_struct, rip), POINTER(kBufferPointer), 0},
    {PTRACE_PEEKUSER, 3, POINTER(kBufferPointer), 0},
    {PTRACE_PEEKUSER, 100000, POINTER(kBufferPointer), 0},
    {PTRACE_PEEKUSER, 848 + 6 * 8, POINTER(kBufferPointer), 0},  // u_debugreg[6]
    {PTRACE_POKEUSER, 848, POINTER(kWordPointer), 0},
    {PTRACE_POKEUSER, 848 + 7 * 8, 0xd0101, 0},  // watch 4 bytes for writing
    {PTRACE_POKEUSER, offsetof(struct user_regs_struct, orig_rax), SYS_getppid, 0},
    {PTRACE_POKEUSER, offsetof(struct user_regs_struct, orig_rax), -1, 0},
    {PTRACE_POKEUSER, 4000, 1, 0},
    {PTRACE_GETFPREGS, 0, POINTER(kBufferPointer), 0},
    {PTRACE_SETOPTIONS, 0, -1, 0},
    {PTRACE_SETOPTIONS, 0, -1, 0},
    {PTRACE_SETOPTIONS, 0, -1, 0},
    {0x420f, 24, POINTER(kBufferPointer), 0},  // GET_RSEQ_CONFIGURATION
    {0x4213, 0, 0, 0},
    {5000, 0, 0, 0},
};

static void make_inspection(struct Op* op, int tracee) {
  if (chance(8)) {
    static const int64_t values[] = {0, -1, SYS_getppid, SYS_gettid};
    op->verb = kRewrite;
    op->args[0] = kPidOf + tracee;
    // Only these two: a tracee that loses its way is no actor any more.
    op->args[1] =
        (chance(50) ? offsetof(struct user_regs_struct, rax) : offsetof(struct user_regs_struct, orig_rax)) /
        8;
    op->args[2] = PICK(values);
    return;
  }
  if (chance(8)) {
    static const int64_t codes[] = {SI_QUEUE, 5, 0x80, SIGTRAP | PTRACE_EVENT_EXIT << 8};
    op->verb = kResign;
    op->args[0] = kPidOf + tracee;
    op->args[1] = below(3);
    op->args[2] = op->args[1] == 0 ? any_signal() : op->args[1] == 1 ? PICK(codes) : 9;
    return;
  }
  const int i = below(sizeof inspections / sizeof inspections[0]);
  op->args[0] = inspections[i].request;
  op->args[2] = inspections[i].addr;
  op->args[3] = inspections[i].data;
  op->args[4] = inspections[i].payload;
  if (op->args[0] == PTRACE_SETOPTIONS) op->args[3] = any_options(op->actor, tracee);
}

// Is `actor` stopped, and traced by its parent, child or tracee? If that dies, `actor` goes on, and what it
// asks about them has the one answer or the other.
static int outlives_family(int actor) {
  const int tracer = known[actor].tracer;
  if (!is_stopped(actor) || tracer < 0) return 0;
  for (int i = 0; i < kActors; i++) {
    if (stage.number[i] == 0 || !same_process(i, tracer) || known[i].tracer < 0) continue;
    if (same_process(known[i].tracer, actor)) return 1;
  }
  return is_child(tracer, actor) || is_child(actor, tracer);
}

static void make_wait(struct Op* op, int for_whom, int certain) {
  if (outlives_family(op->actor)) {
    op->verb = kPending;
    return;
  }
  int64_t pid = chance(60) && for_whom >= 0 ? kPidOf + for_whom
                : chance(75)                ? -1
                : chance(80)                ? any_actor()
                                            : 0;
  // Two threads that wait: either gets it.
  const int may_block = !may_be_disturbed(op->actor) && !process_has(op->actor, is_in_wait);
  const int block = chance(certain ? 40 : 6) && may_block;
  if (block && threads_of(op->actor) > 1 && pid <= 0) pid = any_actor();  // known to differ (README.md)
  const int64_t flags = block ? ~(int64_t)__WNOTHREAD : -1;               // this, too
  switch (below(10)) {
    default:
      op->verb = kWait4;
      op->args[0] = pid;
      op->args[1] = (wait_flags(0) & flags) | (block ? 0 : WNOHANG);
      break;
    case 0:
    case 1:
    case 2:
      op->verb = kWaitid;
      op->args[0] = pid == -1 ? P_ALL : pid == 0 ? P_PGID : chance(95) ? P_PID : P_PGID;
      op->args[1] = pid == -1 ? 0 : pid;
      op->args[2] = (wait_flags(1) & flags) | (block ? 0 : WNOHANG);
      break;
    case 3:
      if (is_stopped(op->actor)) {  // till it goes on the number may be nobody's
        op->verb = kPending;
        break;
      }
      op->verb = kWaitPidfd;
      op->args[0] = pid > 0 ? pid : any_actor();
      op->args[1] = wait_flags(1) | WNOHANG;
      break;
  }
}

// Might `actor` be a second tracer of `target`, which nestrace allows?
static int might_nest(int actor, int target) {
  const int tracer_is_traced = known[target].tracer >= 0 && known[known[target].tracer].was_traced;
  return known[target].was_traced && (known[actor].was_traced || tracer_is_traced);
}

// Which signal `parent` is sent first depends on which thread of `child` ends last; and its zombie is known
// to differ if SIGCHLD is ignored (README.md).
static int must_not_trace_child(int parent, int child) {
  return is_other_child(parent, child) && (known[parent].ignores_sigchld || threads_of(child) > 1);
}

// Does `op` make somebody move who tells the one that does it by SIGCHLD?
static int moves_others(const struct Op* op) {
  return op->verb == kPtrace || is_kill(op->verb) || op->verb == kClone || op->verb == kClone3;
}

static void make_attach(struct Op* op, int actor) {
  const int target = index_of(any_actor());
  const int will_stop =
      is_held_up(target) && moves_others(&known[target].given) && !known[target].blocks_sigchld;
  // One that is stopped attaches later, when another may have. One that is attached to stops in the midst of
  // what it has still to do.
  if (is_stopped(actor) || will_stop || might_nest(actor, target) || must_not_trace_child(actor, target)) {
    op->verb = kCall;
    op->args[0] = SYS_getpid;
    return;
  }
  // Attaching waits until execve(2) is done: not a rest that can be told (stage.c).
  if ((!cycles && target <= actor) || process_has(target, is_in_execve)) {
    op->verb = kCall;
    op->args[0] = SYS_gettid;
    return;
  }
  op->verb = kPtrace;
  op->args[0] = chance(60) ? PTRACE_SEIZE : PTRACE_ATTACH;
  op->args[1] = kPidOf + target;
  if (op->args[0] == PTRACE_SEIZE) op->args[3] = any_options(actor, target);
  if (chance(2)) op->args[2] = 1;
}

static void make_traceme(struct Op* op, int actor) {
  const int parent = parent_of(actor);
  // The controller is nobody's tracer.
  if (parent < 0 || !is_alive(parent) || known[actor].is_thread || might_nest(parent, actor) ||
      must_not_trace_child(parent, actor) || must_block_sigchld(parent)) {
    op->verb = kCall;
    op->args[0] = SYS_getpid;
    return;
  }
  op->verb = kPtrace;
  op->args[0] = PTRACE_TRACEME;
}

// ---- Operations of any actor

static void make_clone(struct Op* op, int actor) {
  const int child = unborn();
  op->verb = chance(80) ? kClone : kClone3;
  op->args[0] = child;
  int64_t flags = SIGCHLD;
  const int kind = below(10);
  const int is_traced_child =
      actor >= 0 && known[actor].tracer >= 0 && is_other_child(known[actor].tracer, actor);
  const int waits = actor >= 0 && process_has(actor, is_in_sigtimedwait);  // make_block
  if (threads && kind < 4 && !is_traced_child && !waits) {                 // must_not_trace_child
    flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD;
    known[child].is_thread = 1;
  } else if (threads && kind == 4 && !(actor >= 0 && may_be_disturbed(actor))) {
    flags |= CLONE_VFORK;
  } else if (kind == 5) {
    flags |= CLONE_VM;
  } else if (kind == 6) {
    flags = SIGWINCH;  // not one that kills the parent in the midst of what it does
  }
  if (kind == 7) flags |= CLONE_PTRACE;
  if (chance(3)) flags |= CLONE_UNTRACED;
  if (chance(5) && actor >= 0) flags |= CLONE_PARENT;
  op->args[1] = flags;
  const int inherits = actor >= 0 && (flags & (CLONE_PARENT | CLONE_THREAD)) != 0;
  known[child].creator = inherits ? known[actor].creator : actor;
  known[child].has_other_signal = inherits ? known[actor].has_other_signal : (flags & 0xff) != SIGCHLD;
  known[child].ignores_sigchld = actor >= 0 && known[actor].ignores_sigchld;
  known[child].sees_sigchld = actor >= 0 && known[actor].sees_sigchld;
  known[child].handles_sigchld = actor >= 0 && known[actor].handles_sigchld;
  if (actor >= 0) inherit_tracer(child, actor);
}

// Is SIGCONT pending for a child or a tracee of `actor`? The two SIGCHLDs that it will be sent may be one.
static int continues_another(int actor) {
  for (int i = 0; i < kActors; i++) {
    if (stage.number[i] == 0 || !known[i].was_continued) continue;
    const int tracer = known[i].tracer;
    if (is_child(i, actor) || (tracer >= 0 && same_process(tracer, actor))) return 1;
  }
  return 0;
}

static void make_action(struct Op* op, int actor) {
  static const int handled[] = {SIGUSR1, SIGUSR2, SIGCHLD, SIGTSTP, SIGCONT,
                                SIGTRAP, SIGTERM, 34,      SIGURG,  SIGKILL};
  static const int flags[] = {
      0, SA_RESTART, SA_NODEFER, (int)SA_RESETHAND, SA_NOCLDSTOP, SA_NOCLDWAIT, SA_RESTART};
  op->verb = kAction;
  op->args[0] = PICK(handled);
  op->args[1] = chance(70) ? 2 : below(2);
  op->args[2] = (uint32_t)PICK(flags);
  if (op->args[0] == SIGCHLD && op->args[1] == 2 && (!handles_sigchld || continues_another(actor)))
    op->args[1] = below(2);
  if (op->args[0] == SIGCHLD && op->args[1] == 2)
    known[actor].sees_sigchld = known[actor].handles_sigchld = 1;
  if (op->args[0] == SIGCONT && threads) op->args[1] = 0;
  if (op->args[0] != SIGCHLD || (op->args[1] != 1 && (op->args[2] & SA_NOCLDWAIT) == 0)) return;
  if (keeps_zombies(actor)) {
    op->args[0] = SIGURG;  // known to differ (README.md)
    return;
  }
  for (int i = 0; i < kActors; i++) {
    if (stage.number[i] != 0 && same_process(i, actor)) known[i].ignores_sigchld = 1;
  }
}

static int is_in(uint64_t set, int64_t signo) { return signo > 0 && (set >> (signo - 1) & 1) != 0; }

// Does a parent wait in vfork(2) for the end of `actor`, and is traced? Or may its SIGCHLD take another
// thread of it out of sigtimedwait(2) (README.md)?
static int frees_visibly(int actor) {
  const int parent = known[actor].creator;
  if (parent < 0 || !is_in_vfork(parent)) return 0;
  return known[parent].was_traced || process_has(parent, is_in_sigtimedwait);
}

// Does a parent of several threads wait in vfork(2) for the end of `actor`? It keeps an ignored SIGCHLD that
// natively is dropped, in the place of the next one (README.md).
static int frees_threads(int actor) {
  const int parent = known[actor].creator;
  return parent >= 0 && is_in_vfork(parent) && threads_of(parent) > 1;
}

static int holds(int actor, int tracee) {
  const int tracer = known[tracee].tracer;
  return stage.number[tracee] != 0 && is_stopped(tracee) && tracer >= 0 && same_process(tracer, actor);
}

// Does the process of `actor` hold two threads of another, one of which stops or ends that when they are let
// go, or two processes whose parent is told of both? Or one whose parent is traced, and stops for that, or is
// told of both of them? Or a child of its own, whose zombie it does not want?
static int holds_family(int actor) {
  for (int i = 0; i < kActors; i++) {
    if (!holds(actor, i)) continue;
    if (known[actor].ignores_sigchld && is_child(i, actor)) return 1;
    const int creator = known[i].creator;
    if (creator >= 0 && known[creator].was_traced) return 1;
    if (creator >= 0 && known[creator].sees_sigchld && is_child(actor, creator)) return 1;
    for (int j = 0; j < i; j++) {
      const int parent = known[j].creator;
      if (holds(actor, j) && (same_process(i, j) || (parent >= 0 && is_child(i, parent)))) return 1;
    }
  }
  return 0;
}

// What differs among native runs, or is known to differ (README.md).
static int64_t fit_signal(int target, int64_t signo) {
  if ((frees_visibly(target) || holds_family(target)) && !is_ignored_by_default(signo)) return SIGSTOP;
  if (is_in_vfork(target) && signo != SIGSTOP && signo != SIGCONT)
    return is_ignored_by_default(signo) ? 0 : SIGKILL;
  const struct Op* given = &known[target].given;
  const int will_suspend = is_held_up(target) && given->verb == kBlock && given->args[0] == 3;
  const int suspended = is_blocked_in(target, SYS_rt_sigsuspend) || will_suspend;
  if ((suspended || is_in_wait(target)) && (signo == SIGCONT || is_ignored_by_default(signo))) return SIGSTOP;
  if (suspended && is_in(known[target].suspended_with, signo)) return SIGSTOP;
  if (is_stopped(target) && known[target].tracer < 0 && is_ignored_by_default(signo)) return SIGSTOP;
  if (signo == SIGCONT && known[target].is_emulated) return SIGSTOP;
  return signo;
}

static int may_be_traced(int actor) { return is_alive(actor) && known[actor].was_traced; }

// Does the tracer of `actor` see which of it and its child stops first, or how close they are?
static int is_watched(int actor) {
  const int tracer = known[actor].tracer;
  return tracer >= 0 && (is_in_wait(tracer) || known[tracer].sees_sigchld);
}

// Is the tracer of `actor` in a wait, perhaps for its number?
static int is_waited_for(int actor) { return known[actor].tracer >= 0 && is_in_wait(known[actor].tracer); }

// Of the other threads that die as `actor` executes: is one waited for, or in a stop whose signal is sent
// anew (README.md)?
static int matters_to_exec(int actor) {
  for (int i = 0; i < kActors; i++) {
    if (stage.number[i] == 0 || i == actor || !same_process(i, actor)) continue;
    if (is_waited_for(i) || (is_stopped(i) && known[i].tracer >= 0)) return 1;
  }
  return 0;
}

// The same for a target of several threads.
static void fit_signal_to_threads(struct Op* op, int target) {
  // Of several threads that wake, any may take a signal of the process.
  const int for_all = op->args[1] == SIGSTOP || op->args[1] == SIGCONT || op->args[1] == SIGKILL;
  if (!for_all && op->verb == kKill) op->verb = kTkill;
  if (!for_all && op->verb == kQueue) op->verb = kTgqueue;
  // When they go on, one takes it or dies of it, and others finish what they do before, or don't.
  if (!for_all && process_has(target, is_stopped)) op->args[1] = SIGSTOP;
  // Known to differ (README.md).
  if (op->args[1] == SIGCONT &&
      (process_has(target, may_be_traced) || process_has(target, is_in_sigtimedwait)))
    op->args[1] = SIGSTOP;
  // One that waits in vfork(2) does not wake for it; others do when the next signal comes (README.md). One
  // that is stopped in a command has finished it before, or not, if the death of their tracer resumes all.
  if (op->args[1] == SIGSTOP && (process_has(target, is_in_vfork) || process_has(target, is_held_up)))
    op->args[1] = 0;
  // It keeps one that natively is dropped (README.md).
  if ((op->args[1] == SIGCONT || is_ignored_by_default(op->args[1])) && process_has(target, is_in_vfork))
    op->args[1] = 0;
}

static void make_signal(struct Op* op) {
  static const int verbs[] = {kKill, kKill, kTkill, kQueue, kTgqueue};
  op->verb = PICK(verbs);
  op->args[0] = any_actor();
  op->args[1] = chance(50) ? harmless_signal() : any_signal();
  if (op->args[1] == SIGCHLD && !handles_sigchld) op->args[1] = SIGURG;
  const int target = index_of(op->args[0]);
  if (stage.number[target] == 0) return;
  op->args[1] = fit_signal(target, op->args[1]);
  if (op->args[1] == SIGCONT && (is_stopped(target) || known[target].was_sent_stop) &&
      is_seen_continuing(target) && process_has(target, moves_when_continued))
    op->args[1] = SIGSTOP;
  // A tracee that runs in a group-stop and blocks SIGCONT tells of it later, or under nestrace at once
  // (README.md).
  if (op->args[1] == SIGCONT && !is_stopped(target) && known[target].was_sent_stop &&
      known[target].tracer >= 0)
    op->args[1] = SIGSTOP;
  if (threads && threads_of(target) > 1) fit_signal_to_threads(op, target);
  // Whether it is ignored that thread decides whose number kill(2) was given, which nestrace can't know.
  if (known[target].is_thread && op->verb == kKill) op->verb = kTkill;
  if (known[target].is_thread && op->verb == kQueue) op->verb = kTgqueue;
  if (is_stop_signal(op->args[1]) && frees_threads(target)) op->args[1] = 0;
  if (op->actor >= 0 && hits_sender(op->actor, target)) op->actor = kController;
  const int stops = is_stop_signal(op->args[1]);
  if (stops) known[target].was_sent_stop = 1;
  if (is_stopped(target) && op->args[1] == SIGCONT) known[target].was_continued = 1;
  if (is_stopped(target) && !stops && op->args[1] != SIGCONT && op->args[1] != 0)
    known[target].has_signal = 1;
}

static void make_death(struct Op* op, int actor) {
  if (living() < 2 || frees_visibly(actor) || holds_family(actor)) {
    op->verb = kCall;
    op->args[0] = SYS_getpid;
    return;
  }
  op->verb = known[actor].is_thread && chance(60) ? kExit : kExitGroup;
  op->args[0] = below(4);
}

static void make_fault(struct Op* op, int actor) {
  op->verb = kFault;
  op->args[0] = chance(70) ? 0 : below(4);
  if (frees_visibly(actor) || holds_family(actor)) op->verb = kPending;
}

static void make_block(struct Op* op, int actor) {
  op->verb = kBlock;
  op->args[0] = below(8);
  if (op->args[0] == 3 && may_be_disturbed(actor)) op->args[0] = 0;
  if (op->args[0] == 4 && threads_of(actor) > 1) op->args[0] = 0;    // any signal may end it (README.md)
  const uint64_t to_suspend = any_set() & ~(1ull << (SIGTRAP - 1));  // which a tracer may leave (README.md)
  op->args[1] = op->args[0] == 3 ? to_suspend : op->args[0] == 4 ? any_set_to_take(actor) : 0;
  if (is_in((uint64_t)op->args[1], SIGCHLD)) known[actor].sees_sigchld = 1;
}

// Something that `actor` does for itself.
static void make_act(struct Op* op, int actor) {
  static const int calls[] = {SYS_getpid, SYS_getppid, SYS_gettid, SYS_getppid, SYS_sched_yield, 1000};
  enum { kOldGetpid = 20, kOldGetppid = 64, kOldSchedYield = 158 };
  static const int old_calls[] = {kOldGetpid, kOldGetppid, kOldSchedYield, 1000};
  const int die = below(100);
  if (die < 14 && unborn() >= 0 && living() < 6 && !is_watched(actor)) {
    make_clone(op, actor);
  } else if (die < 24) {
    make_attach(op, actor);
  } else if (die < 30) {
    make_traceme(op, actor);
  } else if (die < 40) {
    make_action(op, actor);
  } else if (die < 45) {
    op->verb = kMask;
    op->args[0] = below(3);
    op->args[1] = any_set();
    if (known[actor].was_traced)
      op->args[1] = op->args[0] == 1 ? op->args[1] & ~kDeathSignals : op->args[1] | kDeathSignals;
  } else if (die < 60) {
    make_signal(op);
  } else if (die < 68) {
    op->verb = kCall;
    op->args[0] = PICK(calls);
    if (op->args[0] == SYS_getppid && outlives_family(actor)) op->args[0] = SYS_gettid;
  } else if (die < 71) {
    op->verb = kInt80;
    op->args[0] = PICK(old_calls);
    if (op->args[0] == kOldGetppid && outlives_family(actor)) op->args[0] = kOldGetpid;
  } else if (die < 77) {
    make_block(op, actor);
    known[actor].suspended_with = (uint64_t)op->args[1];
  } else if (die < 80) {
    // The SIGTRAP of a traced vfork child comes before its traced parent is back, or after.
    const int races = known[actor].tracer >= 0 && frees_visibly(actor);
    op->verb = races || matters_to_exec(actor) ? kPending : kExec;
  } else if (die < 83) {
    make_death(op, actor);
  } else if (die < 85) {
    op->verb = is_awaited(actor, is_for_group) ? kPending : kSetpgid;  // known to differ (README.md)
  } else if (die < 87) {
    make_fault(op, actor);
  } else if (die < 89) {
    op->verb = kFilter;
  } else if (die < 91) {
    op->verb = kPending;
  } else if (die < 93) {
    op->verb = kTake;
    op->args[0] = any_set_to_take(actor);
  } else {
    make_wait(op, -1, 0);
  }
}

static int make_trace(struct Op* op) {
  int pairs[kActors], count = 0;
  for (int i = 0; i < kActors; i++) {
    if (stage.number[i] == 0 || known[i].tracer < 0 || !may_get_command(known[i].tracer)) continue;
    if (is_stopped(known[i].tracer) && threads_of(known[i].tracer) > 1)
      continue;  // they may all be resumed at once
    if (stage.sight[i].state == kUnborn || stage.sight[i].state == kGone) continue;
    pairs[count++] = i;
    if (stage.sight[i].state == kStopped) pairs[count - 1] = i;
  }
  if (count == 0) return 0;
  const int tracee = pairs[below(count)];
  const int stopped = stage.sight[tracee].state == kStopped;
  const int zombie = stage.sight[tracee].state == kZombie;
  op->actor = known[tracee].tracer;
  op->verb = kPtrace;
  op->args[1] = kPidOf + tracee;
  const int die = below(100);
  if (die < 40) {
    make_wait(op, tracee, stopped || zombie);
  } else if (!stopped && die < 70 && !zombie) {
    op->args[0] = chance(85) || goes_with(op->actor, tracee) ? PTRACE_INTERRUPT : PTRACE_KILL;
  } else if (die < 70 && !will_disturb(tracee, op->actor)) {
    make_resume(op, tracee);
  } else {
    make_inspection(op, tracee);
  }
  return 1;
}

static void choose(struct Op* op);

void generate(struct Op* op) {
  memset(op, 0, sizeof *op);
  choose(op);
  if (moves_others(op) && must_block_sigchld(op->actor)) {
    op->verb = kMask;
    op->args[0] = 0;
    op->args[1] = kDeathSignals;
  }
  if (op->actor >= 0) known[op->actor].given = *op;
}

static void choose(struct Op* op) {
  for (int i = 0; i < kActors; i++) {
    if (known[i].tracer >= 0 && !is_alive(known[i].tracer)) known[i].tracer = -1;
    if (!is_stopped(i)) known[i].has_signal = known[i].was_continued = 0;
  }
  if (living() < 2 && unborn() >= 0) {
    op->actor = kController;
    make_clone(op, kController);
    op->args[1] = SIGCHLD;
    known[op->args[0]].is_thread = 0;
    return;
  }
  if (chance(60) && make_trace(op)) return;
  for (int tries = 0; tries < 30; tries++) {
    const int actor = below(kActors);
    if (stage.number[actor] == 0 || !may_get_command(actor)) continue;
    // A command for a stopped actor waits until it is resumed. Threads may all be resumed at once.
    if (stage.sight[actor].state == kStopped && (!chance(30) || threads_of(actor) > 1)) continue;
    op->actor = actor;
    make_act(op, actor);
    return;
  }
  op->actor = kController;
  make_signal(op);
}
