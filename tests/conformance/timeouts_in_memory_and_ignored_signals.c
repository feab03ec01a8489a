// A signal that is ignored does not lengthen the wait of a call whose timeout lies in memory, and does not
// change it, but where the call tells of the time that is left.

#include <linux/aio_abi.h>
#include <linux/futex.h>
#include <mqueue.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ipc.h>
#include <sys/select.h>
#include <sys/sem.h>

#include "flood.h"

enum { MILLISECONDS = 150, LATE = 100 };

static long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static int epoll, semaphores, word;
static aio_context_t aio;

enum { SIGTIMEDWAIT, SEMTIMEDOP, EPOLL_PWAIT2, IO_GETEVENTS, PPOLL, PSELECT, POLL, NANOSLEEP, FUTEX, KINDS };
static const char* const names[] = {
    "rt_sigtimedwait", "semtimedop", "epoll_pwait2",    "io_getevents", "ppoll",
    "pselect6",        "poll",       "clock_nanosleep", "futex"};

static long waits(int kind, struct timespec* time) {
  const uint64_t set = 1ull << (SIGUSR1 - 1);
  struct sembuf take = {0, -1, 0};
  struct epoll_event event;
  struct io_event completion;
  switch (kind) {
    case SIGTIMEDWAIT:
      return syscall(SYS_rt_sigtimedwait, &set, NULL, time, sizeof set);
    case SEMTIMEDOP:
      return syscall(SYS_semtimedop, semaphores, &take, 1, time);
    case EPOLL_PWAIT2:
      return syscall(441, epoll, &event, 1, time, NULL, 8);
    case IO_GETEVENTS:
      return syscall(SYS_io_getevents, aio, 1, 1, &completion, time);
    case PPOLL:
      return syscall(SYS_ppoll, NULL, 0, time, NULL, 8);
    case PSELECT:
      return syscall(SYS_pselect6, 0, NULL, NULL, NULL, time, NULL);
    case POLL:
      return syscall(SYS_poll, NULL, 0, MILLISECONDS);
    case NANOSLEEP:
      return syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, time, NULL);
    default:
      return syscall(SYS_futex, &word, FUTEX_WAIT, 0, time, NULL, 0);
  }
}

int main(void) {
  start();
  const uint64_t set = 1ull << (SIGUSR1 - 1);
  NEED(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &set, NULL, sizeof set) == 0);
  epoll = epoll_create1(0);
  semaphores = semget(IPC_PRIVATE, 1, 0600);
  NEED(semaphores >= 0);
  NEED(syscall(SYS_io_setup, 1, &aio) == 0);
  const pid_t flooder = flood(getpid(), 20000);
  for (int kind = 0; kind < KINDS; kind++) {
    struct timespec time = {0, MILLISECONDS * 1000000};
    const long before = now();
    const long result = raw(waits(kind, &time));
    const long took = now() - before;
    say("%s: %s, time left %d, %s", names[kind], answer_words(result), time.tv_nsec != 0,
        took < MILLISECONDS          ? "early"
        : took < MILLISECONDS + LATE ? "in time"
                                     : "late");
  }
  kill(flooder, SIGKILL);
  semctl(semaphores, 0, IPC_RMID);
  return 0;
}
