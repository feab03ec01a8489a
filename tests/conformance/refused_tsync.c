// SECCOMP_FILTER_FLAG_TSYNC is refused if another thread has a filter that the caller has not: the call
// returns that thread, and every thread keeps the filters it has; as it does if the filter is no good.

#include "seccomp.h"

static Gate ready, go;
static volatile pid_t other;

static long set_filter(unsigned action, unsigned flags, unsigned short length) {
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_waitid, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, action),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {length, code};
  return raw(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program));
}

static void tell_sync(unsigned action, unsigned short length) {
  const long answer = set_filter(action, SECCOMP_FILTER_FLAG_TSYNC, length);
  say("TSYNC: %s", answer == other ? "THREAD" : answer_words(answer));
}

static void waits(void) {
  syscall(SYS_wait4, -1, NULL, WNOHANG, NULL);
  syscall(SYS_waitid, P_ALL, 0, NULL, WNOHANG | WEXITED, NULL);
}

static void* has_its_own(void* unused) {
  (void)unused;
  other = gettid_raw();
  filter_call(SYS_wait4, SECCOMP_RET_TRACE | 5);
  gate_open(ready);
  gate_pass(go);
  waits();
  return NULL;
}

static void* has_none(void* unused) {
  (void)unused;
  other = gettid_raw();
  gate_open(ready);
  gate_pass(go);
  waits();
  return NULL;
}

static void run_thread(void* (*body)(void*), unsigned short length) {
  pthread_t thread;
  NEED(pthread_create(&thread, NULL, body, NULL) == 0);
  gate_pass(ready);
  tell_sync(SECCOMP_RET_TRACE | 7, length);
  gate_open(go);
  NEED(pthread_join(thread, NULL) == 0);
  waits();
}

static void differ(void) { run_thread(has_its_own, 4); }

static void bad_filter(void) {
  filter_call(SYS_wait4, SECCOMP_RET_TRACE | 6);
  run_thread(has_none, 3);
}

static void good(void) {
  filter_call(SYS_wait4, SECCOMP_RET_TRACE | 6);
  run_thread(has_none, 4);
}

static void run(const char* title, Body body) {
  say("== %s", title);
  pid_t pid = spawn_seized("CHILD", body, PTRACE_O_TRACECLONE | PTRACE_O_TRACESECCOMP);
  for (;;) {
    int status;
    const long stopped = wait4_raw(-1, &status, __WALL);
    NEED(stopped > 0);
    const int event = status >> 16;
    if (event == PTRACE_EVENT_SECCOMP) {
      say("%s: %s of %s", stopped == pid ? "LEADER" : "THREAD", word_words(event_message(stopped)),
          SYSCALL_NUMBER(registers(stopped)) == SYS_wait4 ? "wait4" : "waitid");
    }
    if (WIFEXITED(status) && stopped == pid) break;
    if (WIFSTOPPED(status)) need_pt(PTRACE_CONT, stopped, 0, 0);
  }
}

int main(void) {
  start();
  ready = gate_new();
  go = gate_new();
  run("the threads differ", differ);
  run("the filter is no good", bad_filter);
  run("done", good);
  return 0;
}
