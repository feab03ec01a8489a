// kernel/fork.c: kernel_clone: CLONE_VFORK makes a clone a VFORK event, else an exit signal other than
// SIGCHLD a CLONE event, else it is a FORK event. Each has its own option. CLONE_UNTRACED makes none.

#include "guest.h"

#ifndef CLONE_UNTRACED
#define CLONE_UNTRACED 0x00800000
#endif

static long flags;
static void body(void) {
  long child = syscall(SYS_clone, flags, 0, 0, 0, 0);
  if (child == 0) syscall(SYS_exit_group, 9);
  int status;
  wait4_raw(child, &status, __WALL);
  say("PARENT: its child %s", status_words(status));
}

static void run(const char* title, long clone_flags, unsigned long options) {
  say("== %s", title);
  flags = clone_flags;
  pid_t pid = spawn_seized("PARENT", body, options);
  for (;;) {
    int status = tell_wait(pid, __WALL);
    if (!WIFSTOPPED(status)) return;
    int event = status >> 16;
    if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK || event == PTRACE_EVENT_CLONE) {
      pid_t child = tell_event_pid(pid, "CHILD");
      tell_wait(child, __WALL);
      need_pt(PTRACE_CONT, child, 0, 0);
      tell_wait(child, __WALL);
    }
    need_pt(PTRACE_CONT, pid, 0, 0);
  }
}

int main(void) {
  start();
  static const struct {
    const char* name;
    long flags;
  } kinds[] = {{"SIGCHLD", SIGCHLD},
               {"SIGUSR1", SIGUSR1},
               {"no signal", 0},
               {"CLONE_VFORK", CLONE_VFORK | SIGCHLD},
               {"CLONE_VFORK, no signal", CLONE_VFORK},
               {"CLONE_UNTRACED", CLONE_UNTRACED | SIGCHLD},
               {"CLONE_PTRACE", CLONE_PTRACE | SIGCHLD}};
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
    if (kinds[i].flags & CLONE_PTRACE) continue;  // clone_ptrace_flag.c
    char title[64];
    snprintf(title, sizeof title, "%s, all options", kinds[i].name);
    run(title, kinds[i].flags, PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE);
    snprintf(title, sizeof title, "%s, TRACEFORK", kinds[i].name);
    run(title, kinds[i].flags, PTRACE_O_TRACEFORK);
    snprintf(title, sizeof title, "%s, TRACECLONE", kinds[i].name);
    run(title, kinds[i].flags, PTRACE_O_TRACECLONE);
    snprintf(title, sizeof title, "%s, TRACEVFORK", kinds[i].name);
    run(title, kinds[i].flags, PTRACE_O_TRACEVFORK);
  }
  return 0;
}
