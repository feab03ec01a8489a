// loops KIND COUNT: does one thing COUNT times. What it costs under a supervisor shows in the time it takes.

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void check(int good, const char* what) {
  if (good) return;
  perror(what);
  exit(1);
}

static void call(void) { syscall(SYS_getppid); }

static void open_file(void) {
  const int fd = open("/etc/passwd", O_RDONLY);
  check(fd >= 0, "open");
  close(fd);
}

static void process(void) {
  const pid_t pid = fork();
  check(pid >= 0, "fork");
  if (pid == 0) _exit(0);
  check(waitpid(pid, NULL, 0) == pid, "waitpid");
}

static void* nothing(void* unused) { return unused; }

static void thread(void) {
  pthread_t thread;
  check(pthread_create(&thread, NULL, nothing, NULL) == 0, "pthread_create");
  pthread_join(thread, NULL);
}

// A thread that ends when it has made the next one. COUNT of them go on till the process is killed.
static void* successor(void* attributes) {
  pthread_t thread;
  check(pthread_create(&thread, attributes, successor, attributes) == 0, "pthread_create");
  return NULL;
}

static void line_of_threads(void) {
  static pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  successor(&attributes);
}

static void wait_for_ever(void) {
  for (;;) pause();
}

static void handler(int number) { (void)number; }

static void signal_self(void) { raise(SIGUSR1); }

// A tracee that is stepped from one getppid(2) to the next by PTRACE_SYSCALL: two stops each.
static pid_t tracee;

static void begin_tracing(void) {
  tracee = fork();
  check(tracee >= 0, "fork");
  if (tracee == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    for (;;) syscall(SYS_getppid);
  }
  check(waitpid(tracee, NULL, 0) == tracee, "waitpid");
}

static void traced_call(void) {
  for (int stop = 0; stop < 2; ++stop) {
    check(ptrace(PTRACE_SYSCALL, tracee, 0, 0) == 0, "ptrace");
    check(waitpid(tracee, NULL, 0) == tracee, "waitpid");
  }
}

static void end_tracing(void) {
  kill(tracee, SIGKILL);
  waitpid(tracee, NULL, 0);
}

// One request on one of many tracees, all of which are stopped.
enum { TRACEES = 300 };

static void begin_many(void) {
  for (int i = 0; i < TRACEES; ++i) begin_tracing();
}

static void request(void) { check(ptrace(PTRACE_SETOPTIONS, tracee, 0, 0) == 0, "ptrace"); }

static const struct {
  const char* name;
  void (*once)(void);
  void (*begin)(void);
  void (*end)(void);
} kinds[] = {
    {"call", call, NULL, NULL},
    {"open", open_file, NULL, NULL},
    {"process", process, NULL, NULL},
    {"thread", thread, NULL, NULL},
    {"signal", signal_self, NULL, NULL},
    {"traced_call", traced_call, begin_tracing, end_tracing},
    {"request", request, begin_tracing, end_tracing},
    {"request_of_many", request, begin_many, NULL},
    {"threads", line_of_threads, NULL, wait_for_ever},
};

int main(int argc, char** argv) {
  signal(SIGUSR1, handler);
  for (size_t i = 0; argc == 3 && i < sizeof kinds / sizeof kinds[0]; ++i) {
    if (strcmp(argv[1], kinds[i].name) != 0) continue;
    if (kinds[i].begin != NULL) kinds[i].begin();
    for (int count = atoi(argv[2]); count > 0; --count) kinds[i].once();
    if (kinds[i].end != NULL) kinds[i].end();
    return 0;
  }
  fprintf(stderr, "usage: loops KIND COUNT\n");
  return 2;
}
