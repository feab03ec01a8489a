// Forks two children one after another; each says its number and leaves with it, main collects both.
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int number = 0;

int in_child(int n) {
  number = n;
  dprintf(1, "child %d\n", n);
  return n + 10;
}

void collected(int status) { dprintf(1, "collected exit %d signal %d\n", WEXITSTATUS(status), WTERMSIG(status)); }

int main(void) {
  for (int n = 1; n <= 2; ++n) {
    pid_t child = fork();
    if (child == 0) _exit(in_child(n));
    int status = 0;
    if (waitpid(child, &status, 0) != child) abort();
    collected(status);
  }
  dprintf(1, "parent done\n");
  return 0;
}
