// A call that writes sleeps till all is written: a signal that is ignored does not cut it short, one that is
// handled does.

#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include "flood.h"

enum { SIZE = 300000, PIPE_SIZE = 65536 };
static unsigned char bytes[SIZE], read_bytes[SIZE];

// Reads all, in small pieces, and checks it.
static pid_t reads(int end, int other) {
  const pid_t pid = fork();
  NEED(pid >= 0);
  if (pid != 0) return pid;
  close(other);
  size_t total = 0;
  ssize_t count;
  while ((count = read(end, read_bytes + total, SIZE - total < 4096 ? SIZE - total : 4096)) > 0)
    total += count;
  _exit(total == SIZE && memcmp(bytes, read_bytes, SIZE) == 0 ? 0 : 1);
}

static void handler(int number) { (void)number; }

// A pipe that nobody reads is full, and then a signal comes that is handled.
static pid_t interrupts(int end, pid_t target) {
  const pid_t pid = fork();
  NEED(pid >= 0);
  if (pid != 0) return pid;
  int count = 0;
  while (count < PIPE_SIZE) NEED(ioctl(end, FIONREAD, &count) == 0);
  for (;;) {  // till it sleeps
    kill(target, SIGUSR1);
    const struct timespec pause = {0, 5000000};
    nanosleep(&pause, NULL);
  }
}

int main(void) {
  start();
  for (int i = 0; i < SIZE; ++i) bytes[i] = i * 31 + (i >> 8);
  const pid_t self = getpid();
  const int file = syscall(SYS_memfd_create, "bytes", 0);
  NEED(write(file, bytes, SIZE) == SIZE);
  const pid_t flooder = flood(self, 500);
  static const char* const names[] = {"write", "send", "sendfile", "write to a socket"};
  for (int i = 0; i < 8; ++i) {
    int ends[2];
    const int kind = i % 4;
    if (kind == 1 || kind == 3) {
      NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    } else {
      NEED(pipe(ends) == 0);
    }
    const pid_t reader = reads(ends[0], ends[1]);
    close(ends[0]);
    off_t from = 0;
    const ssize_t result = kind == 1   ? send(ends[1], bytes, SIZE, 0)
                           : kind == 2 ? sendfile(ends[1], file, &from, SIZE)
                                       : write(ends[1], bytes, SIZE);
    say("%s = %zd", names[kind], result);
    close(ends[1]);
    int status;
    NEED(wait4_raw(reader, &status, 0) == reader);
    say("the reader has it: %s", status_words(status));
  }
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = handler;
  sigaction(SIGUSR1, &action, NULL);
  int ends[2];
  NEED(pipe(ends) == 0);
  const pid_t other = interrupts(ends[0], self);
  say("write that is interrupted = %zd", write(ends[1], bytes, SIZE));
  kill(other, SIGKILL);
  kill(flooder, SIGKILL);
  return 0;
}
