// A thread group leader that ends before its last thread, traced by a process that is not its parent: the
// tracer is sent SIGCHLD when the leader ends, and what the parent is to be sent, which may be nothing, when
// the last thread has ended (kernel/exit.c:release_task). That is SIGCHLD if the tracer has not executed as
// often as the parent had when it made the child (kernel/signal.c:do_notify_parent), whatever it does then.

#include "guest.h"

enum { TOLD = 100, DONE, GO, LAST };  // descriptors that outlive an exec
enum { NEVER, BEFORE, AFTER };        // when does the parent execute?
static sigset_t set;
static volatile int handled;
static siginfo_t handled_info;

static void handler(int signal, siginfo_t* info, void* context) {
  (void)signal, (void)context;
  handled_info = *info;
  handled++;
}

static void drain(void) {
  siginfo_t info;
  const struct timespec now = {0, 0};
  while (sigtimedwait(&set, &info, &now) > 0) say("tracer: %s", siginfo_words(&info));
}

static void pass(int fd) {
  char byte;
  if (read(fd, &byte, 1) != 1) _exit(1);
}

static void* thread(void* unused) {
  (void)unused;
  pass(LAST);
  syscall(SYS_exit, 4);
  return NULL;
}

static void child(void) {
  pthread_t other;
  pass(GO);
  NEED(pthread_create(&other, NULL, thread, NULL) == 0);
  syscall(SYS_exit, 3);
}

static void tell_and_wait(pid_t pid) {
  int status;
  if (write(TOLD, &pid, sizeof pid) != sizeof pid) _exit(1);
  pass(DONE);
  _exit(wait4_raw(pid, &status, __WALL) == pid ? 0 : 1);
}

static pid_t make(int signal) {
  const pid_t pid = syscall(SYS_clone, signal, 0, 0, 0, 0);
  if (pid == 0) child();
  return pid;
}

static void parent(int signal, int executes) {
  char argument[16];
  if (executes == BEFORE) {
    snprintf(argument, sizeof argument, "m%d", signal);
    exec_self(argument);
  }
  const pid_t pid = make(signal);
  if (executes == AFTER) {
    snprintf(argument, sizeof argument, "w%d", pid);
    exec_self(argument);
  }
  tell_and_wait(pid);
}

// One end of a new pipe, of which the other is descriptor `as`.
static int pipe_with(int as, int as_reader) {
  Gate gate = gate_new();
  NEED(dup2(gate.fd[as_reader ? 0 : 1], as) == as);
  close(gate.fd[as_reader ? 0 : 1]);
  return gate.fd[as_reader ? 1 : 0];
}

static void open_gate(int fd) {
  NEED(write(fd, "", 1) == 1);
  close(fd);
}

static void run(int exit_signal, int executes, int handles) {
  static const char* const when[] = {"", ", its parent executes before", ", its parent executes after"};
  say("== exit signal %s%s, the tracer %s", exit_signal == 0 ? "none" : signal_words(exit_signal),
      when[executes], handles ? "has a handler" : "blocks signals");
  const int told = pipe_with(TOLD, 0), done = pipe_with(DONE, 1);
  const int go = pipe_with(GO, 1), last = pipe_with(LAST, 1);
  const pid_t other = fork();
  NEED(other >= 0);
  if (other == 0) parent(exit_signal, executes);
  pid_t pid;
  NEED(read(told, &pid, sizeof pid) == sizeof pid && pid > 0);
  close(told);
  name_pid(other, "PARENT");
  name_pid(pid, "CHILD");
  need_pt(PTRACE_SEIZE, pid, 0, 0);
  const struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART};
  if (handles) sigaction(SIGUSR2, &action, NULL);
  open_gate(go);
  siginfo_t info;
  sigwaitinfo(&set, &info);
  say("tracer: %s", siginfo_words(&info));
  if (handles) sigprocmask(SIG_UNBLOCK, &set, NULL);
  open_gate(last);
  tell_waitid(P_PID, pid, WEXITED | WNOWAIT);
  if (handles) {
    sigprocmask(SIG_BLOCK, &set, NULL);
    say("handled %d: %s", handled, siginfo_words(&handled_info));
    signal(SIGUSR2, SIG_DFL);
  }
  drain();
  tell_wait(pid, 0);
  open_gate(done);
  tell_wait(other, 0);
  drain();
}

int main(int argc, char** argv) {
  if (argc > 1) {
    const int number = atoi(argv[1] + 1);
    tell_and_wait(argv[1][0] == 'm' ? make(number) : number);
  }
  start();
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  sigaddset(&set, SIGUSR2);
  sigprocmask(SIG_BLOCK, &set, NULL);
  for (int executes = NEVER; executes <= AFTER; executes++) {
    run(SIGCHLD, executes, 0);
    run(SIGUSR2, executes, 0);
    run(0, executes, 0);
  }
  run(SIGUSR2, NEVER, 1);
  return 0;
}
