// The tracer is a thread, and who may nest is asked of its process. Another thread of the tracer's process is
// refused as by the kernel. INNER, which one thread of OUTER's traces, nests inside the other thread's link;
// INNER's second thread may wait for TRACEE, but not hold it, and may not attach once more.

#include "nesting.h"

static void tracee(void) {
  signal(SIGUSR1, SIG_IGN);
  my_turn(TRACEE);
  send(TRACEE, SIGUSR1);
}

static Gate first, second;
static void take_turns(void) {
  first = gate_new();
  second = gate_new();
}

static void* second_of_outer(void* unused) {
  (void)unused;
  gate_pass(second);
  say("second thread: SEIZE(TRACEE) = %s", answer_words(pt(PTRACE_SEIZE, TRACEE, 0, 0)));
  if (both()) need_pt(PTRACE_SEIZE, INNER, 0, 0);
  gate_open(first);
  gate_pass(second);
  return NULL;
}

static void outer(void) {
  take_turns();
  pthread_t thread;
  NEED(pthread_create(&thread, NULL, second_of_outer, NULL) == 0);
  need_pt(PTRACE_SEIZE, TRACEE, 0, 0);
  gate_open(second);
  gate_pass(first);
  hand_to(INNER);
  if (!with_inner()) hand_to(TRACEE);
  tell_stop(TRACEE);
  tell_go(PTRACE_CONT, TRACEE, SIGUSR1);
  my_turn(INNER);
  gate_open(second);
  pthread_join(thread, NULL);
  tell_end(TRACEE);
}

static void* second_of_inner(void* unused) {
  (void)unused;
  gate_pass(second);
  say("second thread: SEIZE(TRACEE) = %s", answer_words(pt(PTRACE_SEIZE, TRACEE, 0, 0)));
  hand_to(TRACEE);
  tell_stop(TRACEE);
  say("second thread: CONT(TRACEE) = %s", answer_words(pt(PTRACE_CONT, TRACEE, 0, 0)));
  gate_open(first);
  return NULL;
}

static void inner(void) {
  my_turn(OUTER);
  take_turns();
  pthread_t thread;
  NEED(pthread_create(&thread, NULL, second_of_inner, NULL) == 0);
  attach(PTRACE_SEIZE, TRACEE, 0);
  gate_open(second);
  gate_pass(first);
  pthread_join(thread, NULL);
  tell_go(PTRACE_CONT, TRACEE, 0);
  hand_to(OUTER);
  tell_end(TRACEE);
}

int main(int argc, char** argv) {
  return nest(argc, argv, (Story){.outer = outer, .inner = inner, .tracee = tracee, .by_hand = 1});
}
