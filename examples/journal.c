// journal FILE: appends five records, and says which did not fit.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int lost;

static void __attribute__((noinline)) on_lost(int record, int error) {
  lost += record > 0;
  fprintf(stderr, "record %d: %s\n", record, strerror(error));
}

static void append(int fd, int record) {
  char line[32];
  const int size = snprintf(line, sizeof(line), "record %d\n", record);
  if (write(fd, line, size) < 0) on_lost(record, errno);
}

int main(int argc, char** argv) {
  const int fd = open(argc > 1 ? argv[1] : "journal.out", O_WRONLY | O_CREAT | O_TRUNC, 0644);
  for (int record = 1; record <= 5; ++record) append(fd, record);
  return lost;
}
