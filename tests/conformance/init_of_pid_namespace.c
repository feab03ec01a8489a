// The init of a pid namespace: what it traces does not keep it from ending; a fault ends it, which no signal
// from inside does; and SIGSTOP from inside does not stop it.

#include <stddef.h>

#include "guest.h"

static Gate ready;

static void in_namespace(const char* name, void (*init)(void)) {
  const pid_t pid = syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0);
  NEED(pid >= 0);
  if (pid == 0) {
    init();
    _exit(7);
  }
  name_pid(pid, name);
  gate_pass(ready);
  tell_wait(pid, WUNTRACED);
}

static pid_t sleeper(void) {
  const pid_t pid = fork();
  NEED(pid >= 0);
  if (pid == 0) block_forever();
  return pid;
}

static void traces_exit(void) {
  need_pt(PTRACE_SEIZE, sleeper(), 0, PTRACE_O_TRACEEXIT);
  gate_open(ready);
}

static void traces_child(void) {
  need_pt(PTRACE_SEIZE, sleeper(), 0, 0);
  gate_open(ready);
}

// Its zombie is for its parent, which is killed, and then for init.
static void traces_grandchild(void) {
  int ends[2];
  NEED(pipe(ends) == 0);
  pid_t pid = fork();
  NEED(pid >= 0);
  if (pid == 0) {
    pid = sleeper();
    NEED(write(ends[1], &pid, sizeof pid) == sizeof pid);
    block_forever();
  }
  NEED(read(ends[0], &pid, sizeof pid) == sizeof pid);
  need_pt(PTRACE_SEIZE, pid, 0, 0);
  gate_open(ready);
}

static void without_core(void) {
  const struct rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  gate_open(ready);
}

static void faults(void) {
  without_core();
  *(volatile int*)8 = 1;
}

static void traps(void) {
  without_core();
  __asm__ volatile("INT3");
}

static void is_undefined(void) {
  without_core();
  __asm__ volatile("UD2");
}

static void makes_trapped_call(void) {
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const struct sock_fprog program = {4, filter};
  without_core();
  NEED(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  NEED(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
  syscall(SYS_getppid);
}

static void aborts(void) {
  without_core();
  abort();
}

static void* joined(void* unused) { return unused; }

// The fault is another thread's.
static void* faulting(void* unused) {
  *(volatile int*)8 = 1;
  return unused;
}

static void thread_faults(void) {
  pthread_t thread;
  without_core();
  NEED(pthread_create(&thread, NULL, joined, NULL) == 0);
  NEED(pthread_join(thread, NULL) == 0);
  NEED(pthread_create(&thread, NULL, faulting, NULL) == 0);
  block_forever();
}

static void handler(int number) {
  (void)number;
  _exit(8);
}

static void handles_fault(void) {
  without_core();
  signal(SIGSEGV, handler);
  *(volatile int*)8 = 1;
}

// All but those that it handles.
static void signalled_from_inside(void) {
  gate_open(ready);
  const pid_t pid = fork();
  NEED(pid >= 0);
  if (pid == 0) {
    for (int number = 1; number < 32; ++number) NEED(kill(1, number) == 0);
    _exit(0);
  }
  NEED(wait4_raw(pid, NULL, 0) == pid);
}

static void waits(void) {
  gate_open(ready);
  block_forever();
}

static void signalled_from_outside(int number) {
  const pid_t pid = syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0);
  NEED(pid >= 0);
  if (pid == 0) waits();
  name_pid(pid, "OUTSIDE");
  gate_pass(ready);
  NEED(kill(pid, SIGTERM) == 0);
  NEED(kill(pid, number) == 0);
  tell_wait(pid, WUNTRACED);
  if (number == SIGSTOP) {
    NEED(kill(pid, SIGKILL) == 0);
    tell_wait(pid, 0);
  }
}

// Its tracer sees the fault, which the kernel drops then.
static void traced(void) {
  const pid_t pid = syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0);
  NEED(pid >= 0);
  if (pid == 0) {
    gate_pass(ready);
    faults();
  }
  name_pid(pid, "TRACED");
  need_pt(PTRACE_SEIZE, pid, 0, 0);
  gate_open(ready);
  for (int i = 0; i < 3; ++i) {
    tell_wait(pid, 0);
    tell_pt(PTRACE_CONT, pid, 0, SIGSEGV);
  }
  tell_wait(pid, 0);
  tell_pt(PTRACE_DETACH, pid, 0, SIGSEGV);
  tell_wait(pid, 0);
}

int main(void) {
  start();
  ready = gate_new();
  in_namespace("TRACEEXIT", traces_exit);
  in_namespace("CHILD", traces_child);
  in_namespace("GRANDCHILD", traces_grandchild);
  in_namespace("FAULTS", faults);
  in_namespace("INT3", traps);
  in_namespace("UD2", is_undefined);
  in_namespace("CALL", makes_trapped_call);
  in_namespace("ABORTS", aborts);
  in_namespace("THREAD", thread_faults);
  in_namespace("HANDLER", handles_fault);
  in_namespace("INSIDE", signalled_from_inside);
  signalled_from_outside(SIGSTOP);
  signalled_from_outside(SIGKILL);
  traced();
  return 0;
}
