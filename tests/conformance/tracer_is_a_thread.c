// ptrace(2): the tracer is a thread. Its siblings may wait for the tracee, with __WNOTHREAD only the one that
// is its real parent (ECHILD for the others); their requests are ESRCH. When the tracing thread ends, the
// tracee is detached.

#include "guest.h"

static pid_t child;
static Gate attach, attached, leave;

static void* tracer_thread(void* unused) {
  gate_pass(attach);
  tell_pt(PTRACE_SEIZE, child, 0, 0);
  tell_pt(PTRACE_INTERRUPT, child, 0, 0);
  gate_open(attached);
  gate_pass(leave);
  say("the tracing thread");
  tell_pt(PTRACE_SETOPTIONS, child, 0, 0);
  tell_wait(child, WNOHANG | __WNOTHREAD);
  return unused;
}

static void* other_thread(void* unused) {
  say("a sibling that is nothing to the child");
  tell_waitid(P_PID, child, WSTOPPED | WNOWAIT | WNOHANG | __WNOTHREAD);
  tell_waitid(P_ALL, 0, WSTOPPED | WNOWAIT | WNOHANG | __WNOTHREAD);
  tell_waitid(P_PID, child, WSTOPPED | WNOWAIT | WNOHANG);
  tell_waitid(P_ALL, 0, WSTOPPED | WNOWAIT | WNOHANG);
  tell_pt(PTRACE_CONT, child, 0, 0);
  return unused;
}

int main(void) {
  start();
  attach = gate_new();
  attached = gate_new();
  leave = gate_new();
  child = spawn_blocked("CHILD");
  pthread_t thread;
  pthread_create(&thread, NULL, tracer_thread, NULL);
  gate_open(attach);
  gate_pass(attached);
  say("a sibling of the tracing thread, the child's parent");
  tell_pt(PTRACE_INTERRUPT, child, 0, 0);
  tell_pt(PTRACE_KILL, child, 0, 0);
  tell_pt(PTRACE_SEIZE, child, 0, 0);
  tell_waitid(P_PID, child, WSTOPPED | WNOWAIT);
  tell_pt(PTRACE_CONT, child, 0, 0);
  say("as the real parent it sees the stop even with __WNOTHREAD");
  tell_waitid(P_PID, child, WSTOPPED | WNOWAIT | WNOHANG | __WNOTHREAD);
  tell_waitid(P_ALL, 0, WSTOPPED | WNOWAIT | WNOHANG | __WNOTHREAD);
  pthread_t other;
  pthread_create(&other, NULL, other_thread, NULL);
  pthread_join(other, NULL);
  tell_wait(child, 0);
  gate_open(leave);
  pthread_join(thread, NULL);
  // pthread_join returns a little before the kernel has detached: SEIZE says when it has.
  long answer;
  do {
    answer = pt(PTRACE_SEIZE, child, 0, 0);
  } while (answer == -EPERM);
  say("detached: the leader's SEIZE is %s", answer_words(answer));
  tell_pt(PTRACE_INTERRUPT, child, 0, 0);
  tell_wait(child, __WNOTHREAD);
  end_child(child);
  return 0;
}
