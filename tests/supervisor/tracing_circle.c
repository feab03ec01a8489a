// tracing_circle PROGRAM ARG...
//
// Leaves behind two processes that execute PROGRAM, each of which is the other's tracer and is to be told of
// its exit: when both are killed, each stops at its PTRACE_EVENT_EXIT, with nobody left who could let it go
// on.

#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

static void attach_to(pid_t pid) {
  if (ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACEEXIT) < 0) {
    perror("PTRACE_SEIZE");
    exit(125);
  }
}

int main(int argc, char** argv) {
  int from_first[2], from_second[2];
  char byte = 0;
  if (argc < 2 || pipe(from_first) < 0 || pipe(from_second) < 0) return 125;
  const pid_t first = fork();
  if (first == 0) {
    const pid_t second = fork();
    if (second == 0) {
      if (read(from_first[0], &byte, 1) != 1) return 125;
      attach_to(getppid());
      if (write(from_second[1], &byte, 1) != 1) return 125;
    } else {
      attach_to(second);
      if (write(from_first[1], &byte, 1) != 1) return 125;
    }
    execvp(argv[1], argv + 1);
    return 127;
  }
  return read(from_second[0], &byte, 1) == 1 ? 0 : 125;
}
