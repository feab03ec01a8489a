// The generator looks at the stage, so that most operations meet a tracee that can answer.
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

#include "known.h"
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

static int cycles;   // this seed may have tracers that trace each other
static int threads;  // this seed may have threads
static int handles_sigchld;

void generate_begin(uint64_t seed) {
  state = seed * 0x2545f4914f6cdd1dull + 1;
  known_begin();
  next();
  // Two threads that trace each other and stop at PTRACE_EVENT_EXIT can never be ended.
  cycles = chance(20);
  threads = chance(50);
  // A tracer is sent one SIGCHLD by each of several tracees that move at the same time: which one it gets,
  // and how many, depends on who is first.
  handles_sigchld = !threads && chance(70);
}

static int may_get_command(int actor) {
  const struct Sight* sight = &stage.sight[actor];
  return (sight->state == kIdle || sight->state == kStopped) && !sight->commanded;
}

static int is_ignored_by_default(int64_t signo) {
  return signo == SIGCHLD || signo == SIGURG || signo == SIGWINCH;
}

static int is_stop_signal(int64_t signo) { return signo == SIGSTOP || signo == SIGTSTP || signo == SIGTTIN; }

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
  if (op->args[0] == PTRACE_DETACH && (known[tracee].has_signal || known[tracee].was_sent_stop))
    op->args[3] = 0;  // known to differ (README.md)
  const int wakes = threads_of(tracee) > 1 && process_has(tracee, is_in_sigtimedwait);
  if (op->args[3] == SIGCONT && (suspended || wakes)) op->args[3] = 0;  // known to differ (README.md)
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

static void make_attach(struct Op* op, int actor) {
  const int target = index_of(any_actor());
  const int will_stop =
      is_held_up(target) && moves_others(&known[target].given) && !known[target].blocks_sigchld;
  // One that is stopped attaches later, when another may have. One that is attached to stops in the midst of
  // what it has still to do.
  if (is_stopped(actor) || will_stop || might_nest(actor, target) || must_not_trace_child(actor, target) ||
      traces_other_child(target)) {
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
  // The controller is nobody's tracer. One that is stopped does it later, when another may be its tracer.
  if (parent < 0 || !is_alive(parent) || known[actor].is_thread || is_stopped(actor) ||
      might_nest(parent, actor) || must_not_trace_child(parent, actor) || traces_other_child(actor) ||
      must_block_sigchld(parent)) {
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
  return signo;
}

// The same for a target of several threads.
static void fit_signal_to_threads(struct Op* op, int target) {
  // Of several threads that wake, any may take a signal of the process.
  const int for_all = op->args[1] == SIGSTOP || op->args[1] == SIGCONT || op->args[1] == SIGKILL;
  if (!for_all && op->verb == kKill) op->verb = kTkill;
  if (!for_all && op->verb == kQueue) op->verb = kTgqueue;
  const int kills =
      !is_stop_signal(op->args[1]) && op->args[1] != SIGCONT && !is_ignored_by_default(op->args[1]);
  if (kills && process_has(target, is_told_twice)) op->args[1] = 0;
  if (kills && op->args[1] != SIGKILL && process_has(target, is_in_execve)) op->args[1] = 0;  // README.md
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
  if (living() < 2 || frees_visibly(actor) || holds_family(actor) || process_has(actor, is_told_twice)) {
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
  if (frees_visibly(actor) || holds_family(actor) || process_has(actor, is_told_twice)) op->verb = kPending;
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
  known_look();
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
