// Processes that share their signal handlers (CLONE_SIGHAND without CLONE_THREAD): what the child makes of
// SIGCHLD holds for its parent, a tracer, and the other way round, until the child executes.

#include "sigchld.h"

static char stack[65536] __attribute__((aligned(16)));
static pid_t pid;
static Gate go, done;

static void body(void) {
  for (;;) raise(SIGUSR1);
}

static void act(void (*action)(int), int flags) {
  struct sigaction to = {.sa_handler = action, .sa_flags = flags | SA_RESTART};
  sigaction(SIGCHLD, &to, NULL);
}

static int handles(void* unused) {
  (void)unused;
  act(count_handled, 0);
  return 0;
}

static int handles_no_stops(void* unused) {
  (void)unused;
  act(count_handled, SA_NOCLDSTOP);
  return 0;
}

static int ignores(void* unused) {
  (void)unused;
  act(SIG_IGN, 0);
  return 0;
}

static int executes(void* unused) {
  (void)unused;
  char* argv[] = {"guest", "0", NULL};
  execv("/proc/self/exe", argv);
  return 1;
}

// Makes a child that shares the handlers and runs `function`, and has a stop of the tracee.
static void run(const char* title, int (*function)(void*)) {
  const pid_t child = clone(function, stack + sizeof stack, CLONE_VM | CLONE_SIGHAND | SIGUSR2, NULL);
  NEED(child > 0);
  int status;
  NEED(wait4_raw(child, &status, __WALL) == child && status == 0);
  handled = 0;
  need_pt(PTRACE_CONT, pid, 0, 0);
  need_wait(pid, STOPPED(SIGUSR1));
  stop_was_told(pid);
  say("%s: handled %d", title, handled);
}

static int traces(void* unused) {
  (void)unused;
  pid_t tracee = fork();
  NEED(tracee >= 0);
  if (tracee == 0) {
    need_pt(PTRACE_TRACEME, 0, 0, 0);
    body();
  }
  need_wait(tracee, STOPPED(SIGUSR1));
  gate_open(done);
  gate_pass(go);
  handled = 0;
  need_pt(PTRACE_CONT, tracee, 0, 0);
  need_wait(tracee, STOPPED(SIGUSR1));
  stop_was_told(tracee);
  say("the child, after its parent has set a handler: handled %d", handled);
  kill(tracee, SIGKILL);
  need_wait(tracee, SIGKILL);
  syscall(SYS_exit, 0);
  return 0;
}

int main(int argc, char** argv) {
  if (argc > 1) return atoi(argv[1]);
  start();
  signal(SIGUSR2, SIG_IGN);
  go = gate_new();
  done = gate_new();
  pid = spawn_stopped("CHILD", body);
  run("handler", handles);
  run("SA_NOCLDSTOP", handles_no_stops);
  run("handler", handles);
  run("exec", executes);
  run("SIG_IGN", ignores);
  act(count_handled, 0);
  run("the parent's own handler", executes);
  act(SIG_DFL, 0);
  const pid_t child = clone(traces, stack + sizeof stack, CLONE_VM | CLONE_SIGHAND | SIGUSR2, NULL);
  NEED(child > 0);
  gate_pass(done);
  act(count_handled, 0);
  gate_open(go);
  int status;
  NEED(wait4_raw(child, &status, __WALL) == child && status == 0);
  run("SIG_IGN", ignores);
  handled = 0;
  kill(pid, SIGKILL);
  tell_wait(pid, 0);
  say("handled %d", handled);
  return 0;
}
