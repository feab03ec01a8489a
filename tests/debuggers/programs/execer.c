// Executes itself; with "thread" as its argument, from a thread that is not the leader, once the leader
// sleeps. (One that is killed on its way there, in a stop that strace has waited for and not looked at, is at
// PTRACE_EVENT_EXIT when it looks: PTRACE_GET_SYSCALL_INFO names no system call, and strace 6.1 prints once
// more the one that it decoded last.)
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char* self;

void second_life(void) { dprintf(1, "second life\n"); }

static void execute(void) { execl(self, self, "again", (char*)NULL); }

static char leader_state(void) {
  char line[256] = "";
  FILE* stat = fopen("/proc/self/stat", "r");
  fgets(line, sizeof(line), stat);
  fclose(stat);
  return strrchr(line, ')')[2];
}

static void* execute_in_thread(void* unused) {
  (void)unused;
  while (leader_state() != 'S') usleep(1000);
  execute();
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
    pthread_create(&thread, NULL, execute_in_thread, NULL);
    pthread_join(thread, NULL);
  }
  execute();
  return 1;
}
