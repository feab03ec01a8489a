// Prints the word of the directory that it is in; the public one prints something else.
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(void) {
  char path[4096] = "";
  if (readlink("/proc/self/exe", path, sizeof(path) - 1) < 0) return 1;
  puts(strstr(path, "/secret/") != NULL ? "xyzzy told" : "nothing");
  return 0;
}
