// A thread of TRACEE, which both tracers trace, calls execve: it takes TRACEE's number. Each tracer gets
// PTRACE_EVENT_EXEC with the thread's former number and no further word of that number.

#include "nesting.h"

static void* thread_body(void* unused) {
  (void)unused;
  exec_self("7");
  return NULL;
}
static void tracee(void) {
  pthread_t thread;
  NEED(pthread_create(&thread, NULL, thread_body, NULL) == 0);
  block_forever();
}

static void trace(void) {
  tell_stop(TRACEE);
  const pid_t task = event_message(TRACEE);
  name_pid(task, "THREAD");
  tell_go(PTRACE_CONT, TRACEE, 0);
  if (nest_state.self == kOuter) {
    my_turn(INNER);
  } else {
    hand_to(OUTER);
  }
  tell_stop(task);
  tell_go(PTRACE_CONT, task, 0);
  tell_stop(TRACEE);
  say("message %s", pid_words(event_message(TRACEE)));
  tell_stop(task);
  tell_go(PTRACE_CONT, TRACEE, 0);
  tell_end(TRACEE);
}

int main(int argc, char** argv) {
  const unsigned long asks = PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC;
  return nest(
      argc, argv,
      (Story){
          .outer = trace, .inner = trace, .tracee = tracee, .outer_options = asks, .inner_options = asks});
}
