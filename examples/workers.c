// Four threads, each of which writes one line.

#include <pthread.h>
#include <stdio.h>

enum { kWorkers = 4 };

void report(int worker) { dprintf(1, "worker %d\n", worker); }

static void* worker_main(void* argument) {
  report((int)(long)argument);
  return NULL;
}

int main(void) {
  pthread_t workers[kWorkers];
  for (long i = 0; i < kWorkers; ++i) pthread_create(&workers[i], NULL, worker_main, (void*)i);
  for (int i = 0; i < kWorkers; ++i) pthread_join(workers[i], NULL);
  return 0;
}
