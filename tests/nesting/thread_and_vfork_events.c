// A new thread, and a child of vfork, for two tracers: each event is OUTER's first, and so are the first stop
// and the end of the new task. PTRACE_EVENT_VFORK_DONE comes for both when the child is gone.

#include "nesting.h"

static void* thread_body(void* unused) { return unused; }
static void makes_thread(void) {
  pthread_t thread;
  NEED(pthread_create(&thread, NULL, thread_body, NULL) == 0);
  pthread_join(thread, NULL);
}

static void makes_child(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  sigprocmask(SIG_BLOCK, &set, NULL);
  const pid_t pid = vfork();
  if (pid == 0) _exit(3);
  NEED(wait4_raw(pid, NULL, 0) == pid);
}

// OUTER's lines about the new task come when INNER has let the old one go.
static pid_t see_birth(void) {
  tell_stop(TRACEE);
  const pid_t task = event_message(TRACEE);
  name_pid(task, "TASK");
  tell_go(PTRACE_CONT, TRACEE, 0);
  if (nest_state.self == kOuter) {
    my_turn(INNER);
  } else {
    hand_to(OUTER);
  }
  tell_stop(task);
  tell_go(PTRACE_CONT, task, 0);
  return task;
}

static void sees_thread(void) {
  tell_end(see_birth());
  tell_end(TRACEE);
}

static void sees_vfork(void) {
  const pid_t task = see_birth();
  tell_end(task);
  if (nest_state.self == kOuter) {
    my_turn(INNER);
  } else {
    hand_to(OUTER);
  }
  tell_stop(TRACEE);
  say("message %s", pid_words(event_message(TRACEE)));
  tell_go(PTRACE_CONT, TRACEE, 0);
  tell_end(TRACEE);
}

int main(int argc, char** argv) {
  const unsigned long clone = PTRACE_O_TRACECLONE, fork = PTRACE_O_TRACEVFORK | PTRACE_O_TRACEVFORKDONE;
  const Story stories[] = {
      {"thread", sees_thread, sees_thread, makes_thread, clone, clone},
      {"vfork", sees_vfork, sees_vfork, makes_child, fork, fork},
  };
  return nest_each(argc, argv, stories, sizeof stories / sizeof stories[0]);
}
