// ptrace(2), ptrace access mode checking: a caller without privilege may attach to its own uid's processes
// that are dumpable, to others' not (EPERM); an unknown pid stays ESRCH.

#include <grp.h>

#include "guest.h"

enum { NOBODY = 65534, OTHER = 65533 };
static Gate ready;

static int try_to_become(uid_t uid) {
  return setgroups(0, NULL) == 0 && setresgid(uid, uid, uid) == 0 && setresuid(uid, uid, uid) == 0;
}
static void become(uid_t uid) { NEED(try_to_become(uid)); }
static void own_child(void) {
  prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  gate_open(ready);
  block_forever();
}
static void not_dumpable(void) {
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  gate_open(ready);
  block_forever();
}
static void other_uid(void) {
  become(OTHER);
  prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  gate_open(ready);
  block_forever();
}
static pid_t root_child, other_child;

static void attach_both(pid_t pid) {
  long answer = tell_pt(PTRACE_SEIZE, pid, 0, 0);
  if (answer == 0) {
    tell_pt(PTRACE_INTERRUPT, pid, 0, 0);
    tell_wait(pid, __WALL);
    tell_pt(PTRACE_DETACH, pid, 0, 0);
  }
  answer = tell_pt(PTRACE_ATTACH, pid, 0, 0);
  if (answer == 0) {
    tell_wait(pid, __WALL);
    unsigned long word;
    say("PEEKDATA: %s", answer_words(pt(PTRACE_PEEKDATA, pid, (unsigned long)&ready, (unsigned long)&word)));
    tell_pt(PTRACE_DETACH, pid, 0, 0);
  }
}

static void unprivileged(void) {
  become(NOBODY);
  attach_both(root_child);
  attach_both(other_child);
  tell_pt(PTRACE_SEIZE, INT_MAX, 0, 0);
  pid_t own = spawn("SAME_UID", own_child);
  gate_pass(ready);
  attach_both(own);
  end_child(own);
  own = spawn("NOT_DUMPABLE", not_dumpable);
  gate_pass(ready);
  attach_both(own);
  end_child(own);
}

int main(void) {
  start();
  pid_t probe = fork();
  if (probe == 0) _exit(try_to_become(OTHER) ? 0 : 1);
  int status;
  NEED(wait4_raw(probe, &status, 0) == probe);
  if (status != 0) skip("needs the right to become somebody else");
  ready = gate_new();
  root_child = spawn_blocked("ROOTS");
  other_child = spawn("OTHERS", other_uid);
  gate_pass(ready);
  pid_t pid = spawn("UNPRIVILEGED", unprivileged);
  tell_wait(pid, 0);
  say("root");
  attach_both(other_child);
  pid = spawn("NOT_DUMPABLE", not_dumpable);
  gate_pass(ready);
  attach_both(pid);
  end_child(pid);
  end_child(root_child);
  end_child(other_child);
  return 0;
}
