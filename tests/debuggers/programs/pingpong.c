// Parent and child take turns through two pipes, so that only one of them moves at a time; the child leaves when the
// parent has gone.
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int serve(int n) {
  dprintf(1, "parent plays %d\n", n);
  return n;
}

int reply(int n) {
  dprintf(1, "child plays %d\n", n);
  return n;
}

static void send(int to, char byte) {
  if (write(to, &byte, 1) != 1) abort();
}

static int receive(int from) {
  char byte;
  return read(from, &byte, 1) == 1;
}

int main(void) {
  int to_child[2], to_parent[2];
  if (pipe(to_child) != 0 || pipe(to_parent) != 0) return 1;
  if (fork() == 0) {
    close(to_child[1]);
    for (int n = 1; receive(to_child[0]); ++n) {
      reply(n);
      send(to_parent[1], 'c');
    }
    return 6;
  }
  close(to_child[0]);
  for (int n = 1; n <= 2; ++n) {
    serve(n);
    send(to_child[1], 'p');
    receive(to_parent[0]);
  }
  return 0;
}
