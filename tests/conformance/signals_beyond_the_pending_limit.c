// RLIMIT_SIGPENDING is nothing to the standard signals that the kernel itself sends (kernel/signal.c:
// __send_signal_locked, override_rlimit): the SIGSTOP of PTRACE_ATTACH, the SIGTRAP of an execve(2) and the
// SIGCHLD of stops and ends keep their siginfo where the limit of whoever gets them is used up. What
// tgkill(2) and sigqueue(3) send has none there, and says SI_USER and pid 0; a real-time exit signal is not
// sent at all.

#include "sigchld.h"

enum { FREE, NONE, FULL };  // the limit is as it was; 0; used up by signals that are pending
static const char* const words[] = {"has room", "may have none", "has a full queue"};
static int of_tracer, of_tracee;

static siginfo_t last;
static void note(int signal, siginfo_t* info, void* context) {
  (void)signal, (void)context;
  last = *info;
  handled++;
}

static void use_up(int how) {
  struct rlimit limit;
  NEED(getrlimit(RLIMIT_SIGPENDING, &limit) == 0);
  if (how == FREE) return;
  limit.rlim_cur = how == NONE ? 0 : 5;
  NEED(setrlimit(RLIMIT_SIGPENDING, &limit) == 0);
  const int signal = SIGRTMIN + 5;
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, signal);
  sigprocmask(SIG_BLOCK, &set, NULL);
  const union sigval value = {0};
  while (sigqueue(getpid(), signal, value) == 0) {
  }
  NEED(errno == EAGAIN);
}

// Waits for the handler of SIGCHLD, which is blocked, and prints what it was given.
static void tell_handled(void) {
  sigset_t none;
  sigprocmask(SIG_BLOCK, NULL, &none);
  sigdelset(&none, SIGCHLD);
  while (handled == 0) sigsuspend(&none);
  say("handled: %s", siginfo_words(&last));
  handled = 0;
}

static void stop(pid_t pid) {
  tell_handled();
  tell_wait(pid, WNOHANG);
  tell_siginfo(pid);
}

static Gate ready;
static void sleeper(void) {
  use_up(of_tracee);
  gate_open(ready);
  block_forever();
}

static void executes(void) {
  use_up(of_tracee);
  exec_self("5");
}

static void executes_blocked(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTRAP);
  sigprocmask(SIG_BLOCK, &set, NULL);
  use_up(of_tracee);
  exec_self("6");
}

static void forks(void) {
  use_up(of_tracee);
  if (fork() == 0) _exit(4);
  _exit(3);
}

static void attaches(void) {
  ready = gate_new();
  pid_t pid = spawn("TRACEE", sleeper);
  gate_pass(ready);
  for (int round = 0; round < 2; round++) {
    tell_pt(PTRACE_ATTACH, pid, 0, 0);
    stop(pid);
    if (of_tracer != FULL && of_tracee != FULL) {  // other processes of the user count
      need_pt(PTRACE_CONT, pid, 0, 0);
      say("a signal of tgkill(2)");
      NEED(syscall(SYS_tgkill, pid, pid, SIGSTOP) == 0);
      stop(pid);
      need_pt(PTRACE_CONT, pid, 0, 0);
      say("and one of sigqueue(3)");
      const union sigval value = {7};
      NEED(sigqueue(pid, SIGTRAP, value) == 0);
      stop(pid);
    }
    tell_pt(PTRACE_DETACH, pid, 0, 0);
  }
  say("a group-stop, and the end");
  need_pt(PTRACE_ATTACH, pid, 0, 0);
  stop(pid);
  need_pt(PTRACE_CONT, pid, 0, SIGSTOP);
  stop(pid);
  kill(pid, SIGKILL);
  tell_handled();
  tell_wait(pid, WNOHANG);
}

static void execs(void) {
  say("the SIGTRAP of an execve(2)");
  pid_t pid = spawn_traced("TRACEE", executes);
  stop(pid);
  tell_pt(PTRACE_CONT, pid, 0, 0);
  stop(pid);
  tell_pt(PTRACE_CONT, pid, 0, SIGTRAP);
  tell_handled();
  tell_wait(pid, WNOHANG);
  say("blocked, it comes later");
  pid = spawn_traced("TRACEE", executes_blocked);
  stop(pid);
  tell_pt(PTRACE_CONT, pid, 0, 0);
  stop(pid);
  tell_pt(PTRACE_CONT, pid, 0, 0);
  tell_handled();
  tell_wait(pid, WNOHANG);
}

static void births(void) {
  say("the SIGSTOP of a child");
  pid_t pid = spawn_traced("TRACEE", forks);
  stop(pid);
  need_pt(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEFORK);
  need_pt(PTRACE_CONT, pid, 0, 0);
  need_wait(pid, EVENT(PTRACE_EVENT_FORK));
  pid_t child = tell_event_pid(pid, "CHILD");
  tell_wait(child, 0);
  tell_siginfo(child);
  handled = 0;
  drop_sigchld();
  need_pt(PTRACE_CONT, child, 0, 0);
  tell_handled();
  tell_wait(child, WNOHANG);
  need_pt(PTRACE_CONT, pid, 0, 0);
  tell_handled();
  tell_wait(pid, WNOHANG);
}

static void raises(void) {
  use_up(of_tracee);
  syscall(SYS_kill, getpid(), SIGUSR1);
  block_forever();
}

static void goes_on_to_stop(pid_t pid) {
  siginfo_t info;
  need_pt(PTRACE_CONT, pid, 0, 0);
  NEED(waitid_raw(P_PID, pid, &info, WSTOPPED | WNOWAIT) == 0);
  stop_was_told(pid);
}

static void merges(void) {
  say("of several stops, the first is told");
  pid_t one = spawn_stopped("ONE", raises);
  pid_t two = spawn_stopped("TWO", raises);
  drop_sigchld();
  handled = 0;
  for (int round = 0; round < 2; round++) {
    goes_on_to_stop(two);
    goes_on_to_stop(one);
    tell_handled();
    tell_wait(one, WNOHANG);
    tell_wait(two, WNOHANG);
    kill(one, SIGUSR1);
    kill(two, SIGUSR2);
  }
  end_child(one);
  tell_handled();
  end_child(two);
  tell_handled();
}

static void takes(void) {
  say("taken by sigwaitinfo(2)");
  signal(SIGCHLD, SIG_DFL);
  pid_t pid = spawn_traced("TRACEE", raises);
  tell_sigchld();
  tell_wait(pid, WNOHANG);
  need_pt(PTRACE_CONT, pid, 0, 0);
  tell_sigchld();
  tell_wait(pid, WNOHANG);
  say("and by signalfd(2)");
  const sigset_t set = sigchld_set();
  const int fd = signalfd(-1, &set, SFD_CLOEXEC);
  kill(pid, SIGKILL);
  tell_signalfd(fd);
  tell_wait(pid, WNOHANG);
}

static Gate go, done;
static int* number;
static int exit_signal;
static void* rest(void* unused) {
  (void)unused;
  gate_pass(go);
  syscall(SYS_exit, 4);
  return NULL;
}

// Makes a child that leaves a thread behind.
static void parent(void) {
  const pid_t pid = syscall(SYS_clone, exit_signal, 0, 0, 0, 0);
  NEED(pid >= 0);
  if (pid == 0) {
    pthread_t thread;
    gate_pass(go);
    NEED(pthread_create(&thread, NULL, rest, NULL) == 0);
    syscall(SYS_exit, 6);
  }
  *number = pid;
  gate_open(ready);
  gate_pass(done);
}

// The tracer is sent the exit signal of a child that is another's, once its last thread is gone.
static void exit_signals(int signal) {
  say("exit signal %s", signal == SIGUSR1 ? "SIGUSR1" : "SIGRTMIN+1");
  const struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO | SA_RESTART};
  sigaction(signal, &action, NULL);
  ready = gate_new(), go = gate_new(), done = gate_new();
  number = shared_memory(sizeof *number);
  exit_signal = signal;
  const pid_t other = spawn("PARENT", parent);
  gate_pass(ready);
  const pid_t pid = *number;
  name_pid(pid, "CHILD");
  need_pt(PTRACE_SEIZE, pid, 0, 0);
  gate_open(go);
  tell_sigchld();
  say("the last thread");
  gate_open(go);
  tell_wait(pid, __WALL);
  say("handled %d", handled);
  if (handled > 0) say("code %d pid %s status %d", last.si_code, pid_words(last.si_pid), last.si_status);
  handled = 0;
  gate_open(done);
  tell_wait(other, 0);
  drop_sigchld();
}

static void calls(void) {
  use_up(of_tracee);
  raise(SIGUSR2);
  syscall(SYS_getppid);
  block_forever();
}

static void injects(void) {
  say("a signal injected at a syscall-stop, and one in the place of another");
  pid_t pid = spawn_traced("TRACEE", calls);
  stop(pid);
  need_pt(PTRACE_CONT, pid, 0, 0);
  tell_handled();
  need_wait(pid, STOPPED(SIGUSR2));
  need_pt(PTRACE_SYSCALL, pid, 0, 0);
  stop(pid);
  need_pt(PTRACE_CONT, pid, 0, SIGUSR1);
  stop(pid);
  need_pt(PTRACE_CONT, pid, 0, SIGSTOP);
  stop(pid);
  kill(pid, SIGKILL);
  tell_handled();
  tell_wait(pid, WNOHANG);
}

static void tracer(void) {
  block_sigchld();
  const struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO};
  sigaction(SIGCHLD, &action, NULL);
  use_up(of_tracer);
  attaches();
  execs();
  births();
  merges();
  injects();
  takes();
  exit_signals(SIGUSR1);
  if (of_tracer != FULL) exit_signals(SIGRTMIN + 1);
}

static void traced_tracer(void) {
  block_sigchld();
  const struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO};
  sigaction(SIGCHLD, &action, NULL);
  use_up(NONE);
  pid_t pid = fork();
  NEED(pid >= 0);
  if (pid == 0) {
    NEED(pt(PTRACE_TRACEME, 0, 0, 0) == 0);
    syscall(SYS_kill, getpid(), SIGUSR1);
    _exit(9);
  }
  name_pid(pid, "TRACEE");
  tell_handled();
  tell_wait(pid, 0);
  need_pt(PTRACE_CONT, pid, 0, 0);
  tell_handled();
  tell_wait(pid, 0);
}

int main(int argc, char** argv) {
  if (argc > 1) {
    sigset_t set;  // not what uses the limit up: how much that is depends on others
    sigemptyset(&set);
    sigaddset(&set, SIGTRAP);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    return atoi(argv[1]);
  }
  start();
  const int limits[][2] = {{FREE, FREE}, {FREE, NONE}, {NONE, FREE},
                           {NONE, NONE}, {FREE, FULL}, {FULL, FREE}};
  for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
    of_tracer = limits[i][0];
    of_tracee = limits[i][1];
    say("== the tracer %s, the tracee %s", words[of_tracer], words[of_tracee]);
    need_wait(spawn("TRACER", tracer), EXITED(0));
  }
  say("== the tracer is traced, too");
  pid_t pid = spawn_seized("TRACER", traced_tracer, 0);
  for (int i = 0; i < 2; i++) {
    need_wait(pid, STOPPED(SIGCHLD));
    siginfo_t info;
    need_pt(PTRACE_GETSIGINFO, pid, 0, (unsigned long)&info);
    say("outer: code=%s status=%#x", code_words(SIGCHLD, info.si_code), info.si_status);
    need_pt(PTRACE_CONT, pid, 0, SIGCHLD);
  }
  tell_wait(pid, 0);
  return 0;
}
