// 200 short threads, up to ten at a time.
#include <pthread.h>
#include <stdio.h>

enum { kRounds = 20, kAtOnce = 10 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
int finished = 0;

void* brief(void* unused) {
  pthread_mutex_lock(&lock);
  ++finished;
  pthread_mutex_unlock(&lock);
  return unused;
}

int main(void) {
  for (int round = 0; round < kRounds; ++round) {
    pthread_t threads[kAtOnce];
    for (int i = 0; i < kAtOnce; ++i) pthread_create(&threads[i], NULL, brief, NULL);
    for (int i = 0; i < kAtOnce; ++i) pthread_join(threads[i], NULL);
  }
  printf("finished %d\n", finished);
  return 0;
}
