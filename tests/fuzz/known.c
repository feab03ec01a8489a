// What is believed of the actors, from what they were told and have answered, and what follows from it.

#include "known.h"

#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "stage.h"

struct Known known[kActors];

void known_begin(void) {
  memset(known, 0, sizeof known);
  for (int i = 0; i < kActors; i++) known[i].tracer = known[i].creator = -1;
}

void known_look(void) {
  for (int i = 0; i < kActors; i++) {
    if (known[i].tracer >= 0 && !is_alive(known[i].tracer)) known[i].tracer = -1;
    if (!is_stopped(i)) known[i].has_signal = known[i].was_continued = 0;
  }
}

// ---- Who they are

int index_of(int64_t pid) { return pid >= kPidOf && pid < kPidOf + kActors ? (int)(pid - kPidOf) : -1; }

int same_process(int a, int b) { return stage.tgid[a] == stage.tgid[b]; }

int parent_of(int actor) {
  const int parent = known[actor].creator;
  if (parent < 0 || is_alive(parent)) return parent;
  for (int i = 0; i < kActors; i++) {
    if (stage.number[i] != 0 && same_process(i, parent) && is_alive(i)) return i;
  }
  return parent;
}

int is_child(int child, int parent) {
  return known[child].creator >= 0 && same_process(known[child].creator, parent);
}

int threads_of(int actor) {
  int count = 0;
  for (int i = 0; i < kActors; i++) count += stage.number[i] != 0 && is_alive(i) && same_process(i, actor);
  return count;
}

int living(void) {
  int count = 0;
  for (int i = 0; i < kActors; i++) count += stage.number[i] != 0 && is_alive(i);
  return count;
}

int unborn(void) {
  for (int i = 0; i < kActors; i++) {
    if (!stage.claimed[i]) return i;
  }
  return -1;
}

int process_has(int actor, int (*is_so)(int)) {
  for (int i = 0; i < kActors; i++) {
    if (stage.number[i] != 0 && same_process(i, actor) && is_so(i)) return 1;
  }
  return 0;
}

int is_stopped(int actor) { return stage.sight[actor].state == kStopped; }
int is_held_up(int actor) { return is_stopped(actor) && stage.sight[actor].commanded; }
int is_in_vfork(int actor) { return stage.sight[actor].letter == 'D'; }
int is_blocked_in(int actor, long call) {
  return stage.sight[actor].state == kBlocked && stage.sight[actor].syscall == call;
}
int is_in_sigtimedwait(int actor) { return is_blocked_in(actor, SYS_rt_sigtimedwait); }
int is_in_execve(int actor) { return is_blocked_in(actor, SYS_execve); }
int is_in_wait(int actor) { return is_blocked_in(actor, SYS_wait4) || is_blocked_in(actor, SYS_waitid); }

// ---- What they have done

static void set_tracer(int tracee, int by, int64_t options) {
  known[tracee].tracer = by;
  known[tracee].ends_with_tracer = (options & PTRACE_O_EXITKILL) != 0;
  if (by < 0) return;
  for (int i = 0; i < kActors; i++) {
    if (stage.number[i] != 0 && same_process(i, tracee)) known[i].was_traced = 1;
  }
}

void inherit_tracer(int child, int actor) {
  if (!known[actor].was_traced) return;
  known[child].was_traced = 1;
  known[child].tracer = known[actor].tracer;
  known[child].ends_with_tracer = known[actor].ends_with_tracer;
}

void known_note(const struct Op* op, int actor) {
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

// ---- Who may trace whom

int might_nest(int actor, int target) {
  const int tracer_is_traced = known[target].tracer >= 0 && known[known[target].tracer].was_traced;
  return known[target].was_traced && (known[actor].was_traced || tracer_is_traced);
}

int must_not_trace_child(int parent, int child) {
  const int differs = known[parent].ignores_sigchld || known[parent].was_traced;
  return is_other_child(parent, child) && (differs || threads_of(child) > 1);
}

int traces_other_child(int actor) {
  for (int i = 0; i < kActors; i++) {
    if (stage.number[i] != 0 && known[i].tracer >= 0 && same_process(known[i].tracer, actor) &&
        is_other_child(actor, i))
      return 1;
  }
  return 0;
}

// ---- Commands that are not finished

int is_for_group(const struct Op* wait) {
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

int is_awaited(int actor, int (*is_so)(const struct Op*)) {
  return waits(known[actor].creator, is_so) || waits(known[actor].tracer, is_so);
}

int will_disturb(int sender, int target) {
  const struct Op* op = &known[sender].given;
  if (!is_held_up(sender)) return 0;
  const int request = op->verb == kPtrace ? (int)op->args[0] : -1;
  const int stops = request == PTRACE_ATTACH || request == PTRACE_INTERRUPT || request == PTRACE_KILL;
  if (!stops && !is_kill(op->verb)) return 0;
  const int whom = index_of(op->args[stops ? 1 : 0]);
  return whom >= 0 && stage.number[whom] != 0 && same_process(whom, target);
}

int may_be_disturbed(int target) {
  for (int i = 0; i < kActors; i++) {
    if (stage.number[i] != 0 && will_disturb(i, target)) return 1;
  }
  return 0;
}

int goes_with(int sender, int target) {
  for (int i = 0; i < kActors; i++) {
    if (stage.number[i] == 0) continue;
    // Its process dies with its tracer, or takes a signal then that stops all.
    if (known[i].tracer >= 0 && same_process(known[i].tracer, target) && same_process(i, sender)) return 1;
    if (same_process(i, target) && will_disturb(i, sender)) return 1;
  }
  return 0;
}

int hits_sender(int sender, int target) {
  if (same_process(target, sender) && threads_of(target) > 1) return 1;
  // It is sent SIGCHLD, and stops.
  const int hears = (known[target].creator >= 0 && same_process(known[target].creator, sender)) ||
                    (known[target].tracer >= 0 && same_process(known[target].tracer, sender));
  return (hears && known[sender].was_traced) || goes_with(sender, target);
}

int moves_others(const struct Op* op) {
  return op->verb == kPtrace || is_kill(op->verb) || op->verb == kClone || op->verb == kClone3;
}

// ---- Who is told of whom

int must_block_sigchld(int actor) {
  if (actor < 0 || !known[actor].was_traced || known[actor].blocks_sigchld) return 0;
  return 1;
}

int moves_when_continued(int actor) {
  if (known[actor].tracer >= 0 || known[actor].has_signal) return 1;
  const int verb = known[actor].given.verb;
  return is_held_up(actor) && (verb == kExit || verb == kExitGroup || verb == kFault || is_kill(verb));
}

int is_seen_continuing(int actor) {
  const int parent = known[actor].creator, tracer = known[actor].tracer;
  // A traced parent stops for SIGCHLD.
  const int by_parent = parent >= 0 && (known[parent].sees_sigchld || known[parent].was_traced);
  const int by_tracer = tracer >= 0 && known[tracer].sees_sigchld;
  return by_parent || by_tracer || is_awaited(actor, is_for_continued);
}

int is_other_child(int parent, int child) {
  return parent >= 0 && known[child].creator >= 0 && same_process(known[child].creator, parent) &&
         known[child].has_other_signal;
}

int keeps_zombies(int actor) {
  for (int i = 0; i < kActors; i++) {
    if (stage.number[i] == 0 || stage.sight[i].state == kGone || known[i].tracer < 0) continue;
    if (!same_process(known[i].tracer, actor) || known[i].creator < 0 ||
        !same_process(known[i].creator, actor))
      continue;
    if (known[i].has_other_signal || stage.sight[i].state == kZombie) return 1;
  }
  return 0;
}

int continues_another(int actor) {
  for (int i = 0; i < kActors; i++) {
    if (stage.number[i] == 0 || !known[i].was_continued) continue;
    const int tracer = known[i].tracer;
    if (is_child(i, actor) || (tracer >= 0 && same_process(tracer, actor))) return 1;
  }
  return 0;
}

int is_watched(int actor) {
  const int tracer = known[actor].tracer;
  return tracer >= 0 && (is_in_wait(tracer) || known[tracer].sees_sigchld);
}

int is_told_twice(int actor) {
  const int tracer = known[actor].tracer;
  return tracer >= 0 && known[tracer].was_traced && threads_of(actor) > 1;
}

// Is the tracer of `actor` in a wait, perhaps for its number?
static int is_waited_for(int actor) { return known[actor].tracer >= 0 && is_in_wait(known[actor].tracer); }

// ---- What goes on when somebody dies

int outlives_family(int actor) {
  const int tracer = known[actor].tracer;
  if (!is_stopped(actor) || tracer < 0) return 0;
  for (int i = 0; i < kActors; i++) {
    if (stage.number[i] == 0 || !same_process(i, tracer) || known[i].tracer < 0) continue;
    if (same_process(known[i].tracer, actor)) return 1;
  }
  return is_child(tracer, actor) || is_child(actor, tracer);
}

int frees_visibly(int actor) {
  const int parent = known[actor].creator;
  if (parent < 0 || !is_in_vfork(parent)) return 0;
  return known[parent].was_traced || process_has(parent, is_in_sigtimedwait);
}

int frees_threads(int actor) {
  const int parent = known[actor].creator;
  return parent >= 0 && is_in_vfork(parent) && threads_of(parent) > 1;
}

// Is `process` told when `actor` dies: as its parent, or as the tracer of that, which is sent SIGCHLD?
static int is_told_of_end(int process, int actor) {
  const int parent = known[actor].creator, tracer = parent >= 0 ? known[parent].tracer : -1;
  return is_child(actor, process) || (tracer >= 0 && same_process(tracer, process));
}

static int holds(int actor, int tracee) {
  const int tracer = known[tracee].tracer;
  return stage.number[tracee] != 0 && is_stopped(tracee) && tracer >= 0 && same_process(tracer, actor);
}

int holds_family(int actor) {
  for (int i = 0; i < kActors; i++) {
    if (!holds(actor, i)) continue;
    if (known[actor].ignores_sigchld && is_child(i, actor)) return 1;
    const int creator = known[i].creator;
    if (creator >= 0 && known[creator].was_traced) return 1;
    const int looks = creator >= 0 && (known[creator].sees_sigchld || process_has(creator, is_in_wait));
    if (looks && is_told_of_end(creator, actor)) return 1;
    // It takes the SIGCHLD, or another thread that is traced does.
    if (is_child(actor, i) && threads_of(i) > 1) return 1;
    for (int j = 0; j < i; j++) {
      const int parent = known[j].creator;
      if (holds(actor, j) && (same_process(i, j) || (parent >= 0 && is_child(i, parent)))) return 1;
    }
  }
  return 0;
}

int may_be_traced(int actor) { return is_alive(actor) && known[actor].was_traced; }

int matters_to_exec(int actor) {
  for (int i = 0; i < kActors; i++) {
    if (stage.number[i] == 0 || i == actor || !same_process(i, actor)) continue;
    if (is_waited_for(i) || (is_stopped(i) && (known[i].tracer >= 0 || known[actor].tracer >= 0))) return 1;
  }
  return 0;
}
