// Executes itself; with "thread" as its argument, from a thread that is not the leader.
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char* self;

void second_life(void) { dprintf(1, "second life\n"); }

static void* execute(void* unused) {
  (void)unused;
  execl(self, self, "again", (char*)NULL);
  return NULL;
}

int main(int argc, char** argv) {
  self = argv[0];
  if (argc > 1 && strcmp(argv[1], "again") == 0) {
    second_life();
    return 5;
  }
  dprintf(1, "first life\n");
  if (argc > 1) {
    pthread_t thread;
    pthread_create(&thread, NULL, execute, NULL);
    pthread_join(thread, NULL);
  }
  execute(NULL);
  return 1;
}
