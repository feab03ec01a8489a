// ptrace(2), execve under ptrace: when another thread than the leader calls execve, all other threads die,
// and it takes the leader's tid. The event is reported for the new tid, its message is the old one; until it
// was waited for, requests on both are ESRCH, and the old tid is nobody's.

#include "guest.h"

static void* thread_main(void* unused) {
  exec_self("5");
  return unused;
}
static void body(void) {
  pthread_t thread;
  pthread_create(&thread, NULL, thread_main, NULL);
  block_forever();
}

static void run(const char* title, unsigned long options) {
  say("%s", title);
  pid_t pid = spawn_stopped("LEADER", body);
  need_pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACECLONE | options);
  need_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
  pid_t thread = tell_event_pid(pid, "THREAD");
  tell_wait(thread, __WALL);
  need_pt(PTRACE_CONT, pid, 0, 0);
  need_pt(PTRACE_CONT, thread, 0, 0);
  if (options & PTRACE_O_TRACEEXIT) {
    tell_wait(pid, __WALL);
    say("message %#lx", event_message(pid));
    say("its exit is not reported: its tid lives on");
    tell_pt(PTRACE_CONT, pid, 0, 0);
  }
  siginfo_t info;
  memset(&info, 0, sizeof info);
  NEED(waitid_raw(P_PID, pid, &info, WSTOPPED | WEXITED | WNOWAIT) == 0);
  say("%s", siginfo_words(&info));
  if (options & PTRACE_O_TRACEEXEC) {
    tell_pt(PTRACE_SETOPTIONS, pid, 0, options);
    tell_pt(PTRACE_SETOPTIONS, thread, 0, options);
    tell_wait(thread, __WALL | WNOHANG);
  }
  tell_wait(pid, 0);
  tell_siginfo(pid);
  if (options & PTRACE_O_TRACEEXEC) tell_event_pid(pid, NULL);
  tell_pt(PTRACE_SETOPTIONS, thread, 0, 0);
  tell_wait(thread, __WALL);
  need_pt(PTRACE_SETOPTIONS, pid, 0, 0);
  tell_pt(PTRACE_CONT, pid, 0, 0);
  tell_wait(pid, 0);
}

int main(int argc, char** argv) {
  if (argc > 1) return atoi(argv[1]);
  start();
  run("TRACEEXEC", PTRACE_O_TRACEEXEC);
  run("TRACEEXEC and TRACEEXIT", PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT);
  run("neither", 0);
  return 0;
}
