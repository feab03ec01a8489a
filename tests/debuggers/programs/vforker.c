// vfork, then exec of itself with an argument in the child.
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

void grown_up(void) { dprintf(1, "executed\n"); }

int main(int argc, char** argv) {
  if (argc > 1) {
    grown_up();
    return 7;
  }
  pid_t child = vfork();
  if (child == 0) {
    execl(argv[0], argv[0], "again", (char*)NULL);
    _exit(127);
  }
  int status = 0;
  waitpid(child, &status, 0);
  dprintf(1, "vfork child left with %d\n", WEXITSTATUS(status));
  return 0;
}
