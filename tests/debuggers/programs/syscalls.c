// A fixed series of system calls for strace to show.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void say(const char* what, long result) {
  dprintf(1, "%s %s\n", what, result < 0 ? strerrorname_np(errno) : "ok");
}

int main(void) {
  int file = open("made", O_CREAT | O_RDWR | O_TRUNC, 0600);
  say("open", file);
  say("write", write(file, "twelve bytes", 12));
  say("lseek", lseek(file, 0, SEEK_SET));
  char bytes[12];
  say("read", read(file, bytes, sizeof bytes));
  close(file);
  say("missing", open("missing", O_RDONLY));
  int ends[2] = {-1, -1};
  say("socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
  say("send", send(ends[0], "hi", 2, 0));
  say("recv", recv(ends[1], bytes, sizeof bytes, 0));
  say("unlink", unlink("made"));
  return 9;
}
