// kernel/exit.c: __do_wait goes through the caller's children in the order of their birth, then through
// tracees that are others' children, the latest attached first.

#include "guest.h"

static pid_t* pids;
static Gate made, go;
static void makes_children(void) {
  for (int i = 0; i < 3; i++) pids[i] = spawn("OTHERS", block_forever);
  gate_open(made);
  gate_pass(go);
}

int main(void) {
  start();
  made = gate_new();
  go = gate_new();
  pids = shared_memory(4096);
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  pid_t maker = spawn("MAKER", makes_children);
  gate_pass(made);
  static const char* const others[] = {"OTHERS_FIRST", "OTHERS_SECOND", "OTHERS_THIRD"};
  static const char* const own[] = {"OWN_FIRST", "OWN_SECOND", "OWN_THIRD"};
  for (int i = 0; i < 3; i++) {
    name_pid(pids[i], others[i]);
    pids[3 + i] = spawn_blocked(own[i]);
  }
  static const int order[] = {4, 1, 5, 0, 3, 2};
  for (int i = 0; i < 6; i++) need_pt(PTRACE_SEIZE, pids[order[i]], 0, 0);
  for (int i = 5; i >= 0; i--) {
    need_pt(PTRACE_INTERRUPT, pids[order[i]], 0, 0);
    siginfo_t info;
    NEED(waitid_raw(P_PID, pids[order[i]], &info, WSTOPPED | WNOWAIT) == 0);
  }
  for (int i = 0; i < 6; i++) tell_wait(-1, i % 2 ? __WALL : 0);
  say("a child that ended comes in its place");
  for (int i = 0; i < 6; i++) {
    need_pt(PTRACE_CONT, pids[order[i]], 0, 0);
    kill(pids[order[i]], SIGKILL);
    siginfo_t info;
    NEED(waitid_raw(P_PID, pids[order[i]], &info, WEXITED | WNOWAIT) == 0);
  }
  for (int i = 0; i < 6; i++) tell_wait(-1, 0);
  gate_open(go);
  tell_wait(maker, 0);
  say("MAKER's children were its own to reap; they come to the subreaper now");
  for (int i = 0; i < 3; i++) {
    int status;
    long pid = wait4_raw(-1, &status, 0);
    say("%d, %s", pid == pids[0] || pid == pids[1] || pid == pids[2],
        pid > 0 ? status_words(status) : answer_words(pid));
  }
  tell_wait(-1, 0);
  return 0;
}
