// Calls that sleep till all is moved, beside write and send: a signal that is ignored does not cut
// them short, nor does it make more of those that are short without it.

#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include "flood.h"
#include "seccomp.h"

enum { SIZE = 300000, PIPE_SIZE = 65536, PIECES = 7, MESSAGES = 40 };
static unsigned char bytes[SIZE], read_bytes[SIZE];

static void pauses(void) {
  const struct timespec pause = {0, 1000000};
  nanosleep(&pause, NULL);
}

static void divide(unsigned char* whole, struct iovec pieces[PIECES]) {
  size_t at = 0;
  for (int i = 0; i < PIECES; i++) {
    const size_t size = i == PIECES - 1 ? SIZE - at : i == 2 ? (size_t)0 : (size_t)10007 * (i + 1);
    pieces[i] = (struct iovec){whole + at, size};
    at += size;
  }
}

// Reads all, in small pieces, and checks it.
static void reads(int end) {
  size_t total = 0;
  ssize_t count;
  while ((count = read(end, read_bytes + total, SIZE - total < 4096 ? SIZE - total : 4096)) > 0)
    total += count;
  _exit(total == SIZE && memcmp(bytes, read_bytes, SIZE) == 0 ? 0 : 1);
}

// Writes all, slowly.
static void writes(int end) {
  for (size_t at = 0; at < SIZE;) {
    const size_t size = SIZE - at < 10000 ? SIZE - at : 10000;
    NEED(write(end, bytes + at, size) == (ssize_t)size);
    at += size;
    pauses();
  }
  _exit(0);
}

// Takes messages, slowly.
static void takes(int end) {
  for (int i = 0; i < MESSAGES; i++) {
    unsigned char message[64];
    pauses();
    if (recv(end, message, sizeof message, 0) != 1 + i % 7 || message[0] != i) _exit(1);
  }
  _exit(0);
}

// Sends them, slowly.
static void sends(int end) {
  for (int i = 0; i < MESSAGES; i++) {
    unsigned char message[64] = {i};
    pauses();
    NEED(send(end, message, 1 + i % 7, 0) == 1 + i % 7);
  }
  _exit(0);
}

static void name_messages(struct mmsghdr* headers, struct iovec* pieces, unsigned char (*messages)[64],
                          int sent) {
  memset(headers, 0, MESSAGES * sizeof headers[0]);
  for (int i = 0; i < MESSAGES; i++) {
    messages[i][0] = i;
    pieces[i] = (struct iovec){messages[i], sent ? 1 + i % 7 : 64};
    headers[i].msg_hdr.msg_iov = &pieces[i];
    headers[i].msg_hdr.msg_iovlen = 1;
  }
}

static int pipe_of_all[2], file;  // hold them

enum { WRITEV, WRITEV_SOCKET, SENDMSG, RECV, RECVMSG, SENDFILE, SPLICE, SENDMMSG, RECVMMSG, KINDS };
static const char* const names[] = {"writev",  "writev to a socket",   "sendmsg", "recv",
                                    "recvmsg", "sendfile to a socket", "splice",  "sendmmsg",
                                    "recvmmsg"};

static ssize_t moves(int kind, int end) {
  struct iovec pieces[PIECES];
  off_t from = 0;
  struct mmsghdr headers[MESSAGES];
  struct iovec message_pieces[MESSAGES];
  static unsigned char messages[MESSAGES][64];
  divide(kind == RECVMSG ? read_bytes : bytes, pieces);
  struct msghdr header = {.msg_iov = pieces, .msg_iovlen = PIECES};
  name_messages(headers, message_pieces, messages, kind == SENDMMSG);
  switch (kind) {
    case WRITEV:
    case WRITEV_SOCKET:
      return writev(end, pieces, PIECES);
    case SENDMSG:
      return sendmsg(end, &header, 0);
    case RECV:
      return recv(end, read_bytes, SIZE, MSG_WAITALL);
    case RECVMSG:
      return recvmsg(end, &header, MSG_WAITALL);
    case SENDFILE:
      return sendfile(end, file, &from, SIZE);
    case SPLICE:
      return splice(pipe_of_all[0], NULL, end, NULL, SIZE, 0);
    case SENDMMSG:
      return sendmmsg(end, headers, MESSAGES, 0);
    default: {
      const int count = recvmmsg(end, headers, MESSAGES, 0, NULL);
      for (int i = 0; i < count; i++) NEED((int)headers[i].msg_len == 1 + i % 7 && messages[i][0] == i);
      return count;
    }
  }
}

static void tell_moves(int kind) {
  int ends[2];
  const int receives = kind == RECV || kind == RECVMSG || kind == RECVMMSG;
  const int of_messages = kind == SENDMMSG || kind == RECVMMSG;
  if (kind == WRITEV) {
    NEED(pipe(ends) == 0);
  } else {
    NEED(socketpair(AF_UNIX, of_messages ? SOCK_DGRAM : SOCK_STREAM, 0, ends) == 0);
    const int size = 4096;
    NEED(setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size) == 0);
  }
  if (kind == SPLICE) {
    NEED(pipe(pipe_of_all) == 0);
    NEED(fcntl(pipe_of_all[1], F_SETPIPE_SZ, 1 << 20) >= SIZE);
    NEED(write(pipe_of_all[1], bytes, SIZE) == SIZE);
  }
  memset(read_bytes, 0, SIZE);
  const pid_t other = fork();
  NEED(other >= 0);
  if (other == 0) {
    close(ends[1]);
    if (receives) (kind == RECVMMSG ? sends : writes)(ends[0]);
    if (kind == SENDMMSG) takes(ends[0]);
    reads(ends[0]);
  }
  close(ends[0]);
  const ssize_t result = moves(kind, ends[1]);
  say("%s = %zd", names[kind], result);
  if (kind == RECV || kind == RECVMSG) say("all of it: %d", memcmp(bytes, read_bytes, SIZE) == 0);
  close(ends[1]);
  int status;
  NEED(wait4_raw(other, &status, 0) == other);
  say("the other end: %s", status_words(status));
  if (kind == SPLICE) {
    close(pipe_of_all[0]);
    close(pipe_of_all[1]);
  }
}

// What the call says without signals it says with them: there is no more, or it shall not wait.
static void tell_short(void) {
  int ends[2];
  NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  struct iovec pieces[2] = {{bytes, 3}, {bytes + 3, 4}};
  NEED(write(ends[0], bytes, 5) == 5);
  say("recv = %zd", recv(ends[1], read_bytes, 10, 0));
  NEED(writev(ends[0], pieces, 2) == 7);
  NEED(shutdown(ends[0], SHUT_WR) == 0);
  say("recv to the end = %zd", recv(ends[1], read_bytes, 10, MSG_WAITALL));
  close(ends[0]);
  close(ends[1]);
  NEED(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) == 0);
  NEED(send(ends[0], bytes, 2, 0) == 2 && send(ends[0], bytes, 3, 0) == 3);
  say("recv of a datagram = %zd", recv(ends[1], read_bytes, 10, MSG_WAITALL));
  struct mmsghdr headers[3];
  memset(headers, 0, sizeof headers);
  for (int i = 0; i < 3; i++) headers[i].msg_hdr = (struct msghdr){.msg_iov = pieces, .msg_iovlen = 2};
  say("recvmmsg = %d", recvmmsg(ends[1], headers, 3, MSG_WAITFORONE, NULL));
  close(ends[0]);
  close(ends[1]);
}

static void handler(int signal) { (void)signal; }

// A pipe that nobody reads is full, and then a signal comes that is handled.
static void tell_interrupted(void) {
  const pid_t self = getpid();
  struct sigaction action = {.sa_handler = handler};
  struct iovec pieces[PIECES];
  int ends[2];
  sigaction(SIGUSR1, &action, NULL);
  divide(bytes, pieces);
  NEED(pipe(ends) == 0);
  const pid_t other = fork();
  NEED(other >= 0);
  if (other == 0) {
    int count = 0;
    while (count < PIPE_SIZE) NEED(ioctl(ends[0], FIONREAD, &count) == 0);
    for (int i = 0; i < 20; i++) pauses();
    for (;;) {  // till it sleeps
      kill(self, SIGUSR1);
      for (int i = 0; i < 5; i++) pauses();
    }
  }
  say("writev that is interrupted = %zd", writev(ends[1], pieces, PIECES));
  kill(other, SIGKILL);
}

// The thread's own filter would kill it for a write, and does not know of any.
static void tell_filtered(void) {
  int ends[2];
  struct iovec pieces[PIECES];
  divide(bytes, pieces);
  NEED(pipe(ends) == 0);
  const pid_t writer = fork();
  NEED(writer >= 0);
  if (writer == 0) {
    const pid_t flooder = flood(getpid(), 500);
    filter_call(SYS_write, SECCOMP_RET_KILL_PROCESS);
    close(ends[0]);
    size_t at = 0;
    for (int i = 0; i < PIECES; i++) at += pieces[i].iov_len;
    const ssize_t result = writev(ends[1], pieces, PIECES);
    kill(flooder, SIGKILL);
    _exit(result > 0 && (size_t)result <= at ? 0 : 1);
  }
  close(ends[1]);
  while (read(ends[0], read_bytes, 1000) > 0) pauses();
  int status;
  NEED(wait4_raw(writer, &status, 0) == writer);
  say("writev under a filter: %s", status_words(status));
}

int main(void) {
  start();
  for (int i = 0; i < SIZE; ++i) bytes[i] = i * 31 + (i >> 8);
  file = syscall(SYS_memfd_create, "bytes", 0);
  NEED(write(file, bytes, SIZE) == SIZE);
  const pid_t flooder = flood(getpid(), 500);
  for (int kind = 0; kind < KINDS; kind++) tell_moves(kind);
  tell_short();
  tell_interrupted();
  tell_filtered();
  kill(flooder, SIGKILL);
  return 0;
}
