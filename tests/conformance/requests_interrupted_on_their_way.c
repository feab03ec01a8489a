// ptrace(2) is never interrupted, and a wait that has taken a report returns it, whatever comes while the
// caller is in the call: signals with a handler; signals that another thread takes, which wake the caller for
// nothing; work that the kernel has for it, as that of io_uring. None of these makes a request act twice.

#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/time.h>

#include "guest.h"

enum { kRounds = 1000, kTimeouts = 12 };

static void nothing(int signo) { (void)signo; }

static int wrong;

// INTERRUPT, wait, CONT, and nothing more to wait for.
static void a_round(pid_t pid) {
  int status = 0;
  wrong += pt(PTRACE_INTERRUPT, pid, 0, 0) != 0;
  wrong += waitpid(pid, &status, __WALL) != pid || status >> 8 != (SIGTRAP | PTRACE_EVENT_STOP << 8);
  wrong += pt(PTRACE_CONT, pid, 0, 0) != 0;
  wrong += waitpid(pid, &status, WNOHANG | __WALL) != 0;
}

static pid_t a_tracee(void) {
  pid_t pid = spawn_blocked("CHILD");
  need_pt(PTRACE_SEIZE, pid, 0, 0);
  return pid;
}

static void tell(const char* what) {
  say("%s: %d wrong", what, wrong);
  wrong = 0;
}

static void with_a_handler(void) {
  pid_t pid = a_tracee();
  const struct itimerval often = {{0, 150}, {0, 150}}, never = {{0, 0}, {0, 0}};
  NEED(setitimer(ITIMER_REAL, &often, NULL) == 0);
  for (int i = 0; i < kRounds; i++) a_round(pid);
  NEED(setitimer(ITIMER_REAL, &never, NULL) == 0);
  end_child(pid);
  tell("a handler");
}

static volatile int done;

static void* steal(void* set) {
  struct signalfd_siginfo info;
  const int fd = signalfd(-1, set, SFD_NONBLOCK);
  NEED(fd >= 0);
  while (!done) {
    kill(getpid(), SIGUSR1);
    if (read(fd, &info, sizeof info) < 0) sched_yield();
    usleep(50);
  }
  close(fd);
  return NULL;
}

static void with_a_thief(void) {
  pthread_t thief;
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  NEED(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
  pid_t pid = a_tracee();
  NEED(pthread_create(&thief, NULL, steal, &set) == 0);
  NEED(pthread_sigmask(SIG_UNBLOCK, &set, NULL) == 0);
  for (int i = 0; i < kRounds; i++) a_round(pid);
  done = 1;
  NEED(pthread_join(thief, NULL) == 0);
  end_child(pid);
  tell("a thief");
}

// Timeouts that end in the midst of the calls.
static void with_a_ring(void) {
  struct io_uring_params params = {.flags = IORING_SETUP_CQSIZE, .cq_entries = 4096};
  const int fd = syscall(SYS_io_uring_setup, 64, &params);
  if (fd < 0) return;  // not on every kernel
  const size_t sq_size = params.sq_off.array + params.sq_entries * sizeof(unsigned);
  const size_t cq_size = params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe);
  const int shared = MAP_SHARED | MAP_POPULATE, access = PROT_READ | PROT_WRITE;
  char* sq = mmap(NULL, sq_size, access, shared, fd, IORING_OFF_SQ_RING);
  char* cq = mmap(NULL, cq_size, access, shared, fd, IORING_OFF_CQ_RING);
  struct io_uring_sqe* entries =
      mmap(NULL, params.sq_entries * sizeof *entries, access, shared, fd, IORING_OFF_SQES);
  NEED(sq != MAP_FAILED && cq != MAP_FAILED && entries != MAP_FAILED);
  unsigned *tail = (unsigned*)(sq + params.sq_off.tail), *array = (unsigned*)(sq + params.sq_off.array);
  unsigned *head = (unsigned*)(cq + params.cq_off.head), *end = (unsigned*)(cq + params.cq_off.tail);
  static struct __kernel_timespec times[kTimeouts];
  pid_t pid = a_tracee();
  for (int i = 0; i < kRounds; i++) {
    for (int k = 0; k < kTimeouts; k++) {
      const unsigned place = *tail & (params.sq_entries - 1);
      times[k].tv_nsec = 2000 + k * 3000;
      entries[place] = (struct io_uring_sqe){
          .opcode = IORING_OP_TIMEOUT, .fd = -1, .addr = (unsigned long)&times[k], .len = 1};
      array[place] = place;
      __atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
    }
    NEED(syscall(SYS_io_uring_enter, fd, kTimeouts, 0, 0, NULL, 0) == kTimeouts);
    a_round(pid);
    while (__atomic_load_n(end, __ATOMIC_ACQUIRE) - *head < kTimeouts) sched_yield();
    *head = *end;
  }
  end_child(pid);
  close(fd);
}

int main(void) {
  start();
  const struct sigaction action = {.sa_handler = nothing, .sa_flags = SA_RESTART};
  NEED(sigaction(SIGALRM, &action, NULL) == 0 && sigaction(SIGUSR1, &action, NULL) == 0);
  with_a_handler();
  with_a_thief();
  with_a_ring();
  tell("a ring");
  return 0;
}
