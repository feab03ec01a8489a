// A compiler wrapper that nothing can be preloaded into, once it is linked statically: compile_commands.sh.

#include <unistd.h>

int main(int argc, char** argv) {
  (void)argc;
  argv[0] = "cc";
  execvp(argv[0], argv);
  return 127;
}
