// si_utime and si_stime of the SIGCHLD of a stop are those of the thread, without its siblings and the
// children it has waited for; of an end, those of the process, without its children.

#include "guest.h"

static volatile siginfo_t told;
static Gate go;

static void handler(int signal, siginfo_t* info, void* context) {
  (void)signal, (void)context;
  told = *info;
}

// Takes 200 ms of CPU time.
static void burn(void) {
  struct timespec used;
  do {
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  } while (used.tv_sec == 0 && used.tv_nsec < 200 * 1000 * 1000);
}

static void* burning(void* unused) {
  burn();
  return unused;
}

static void child_burns(void) {
  const pid_t pid = fork();
  NEED(pid >= 0);
  if (pid == 0) {
    burn();
    _exit(0);
  }
  int status;
  while (wait4_raw(pid, &status, 0) != pid) {
  }
}

static void thread_burns(void) {
  pthread_t thread;
  NEED(pthread_create(&thread, NULL, burning, NULL) == 0 && pthread_join(thread, NULL) == 0);
}

static void (*work)(void);
static void body(void) {
  gate_pass(go);
  work();
  raise(SIGUSR1);
  _exit(0);
}

static const char* much_words(long used) { return used >= 10 ? "much" : "little"; }

static void tell(const char* what) {
  say("%s: %s, %s", what, code_words(SIGCHLD, told.si_code), much_words(told.si_utime + told.si_stime));
}

static void trace(pid_t pid) {
  need_pt(PTRACE_SEIZE, pid, 0, 0);
  gate_open(go);
  int status = 0, signal = 0;
  while (wait4_raw(pid, &status, 0) == pid && (signal = WSTOPSIG(status)) != SIGUSR1) {
    need_pt(PTRACE_CONT, pid, 0, signal);
  }
  tell("stop");
  need_pt(PTRACE_CONT, pid, 0, 0);
  struct rusage usage;
  siginfo_t info;
  NEED(waitid_raw(P_PID, pid, &info, WEXITED | WNOWAIT) == 0);
  tell("end");
  NEED(syscall(SYS_wait4, pid, &status, 0, &usage) == pid);
  say("wait4: %s", much_words((usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 10000));
}

static void run(const char* title, void (*what)(void), int stranger) {
  say("== %s%s", title, stranger ? ", the tracer is not the parent" : "");
  work = what;
  pid_t* pid = shared_memory(sizeof *pid);
  go = gate_new();
  Gate made = gate_new();
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART};
  const pid_t parent = stranger ? fork() : 0;
  NEED(parent >= 0);
  if (parent == 0) {
    *pid = spawn("CHILD", body);
    gate_open(made);
    int status;
    if (stranger) _exit(wait4_raw(*pid, &status, 0) == *pid ? 0 : 1);
  }
  gate_pass(made);
  sigaction(SIGCHLD, &action, NULL);
  trace(*pid);
  signal(SIGCHLD, SIG_DFL);
  if (stranger) need_wait(parent, EXITED(0));
}

int main(void) {
  start();
  run("a child's time", child_burns, 0);
  run("a child's time", child_burns, 1);
  run("a thread's time", thread_burns, 0);
  run("its own time", burn, 0);
  return 0;
}
