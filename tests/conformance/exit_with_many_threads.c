// A process ends with all its threads at once.

#include "guest.h"

#define THREADS 300

static Gate ready;

static void* thread_main(void* unused) {
  gate_open(ready);
  for (;;) pause();
  return unused;
}

int main(void) {
  start();
  ready = gate_new();
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 65536);
  for (int i = 0; i < THREADS; i++) {
    pthread_t thread;
    NEED(pthread_create(&thread, &attributes, thread_main, NULL) == 0);
  }
  for (int i = 0; i < THREADS; i++) gate_pass(ready);
  say("%d threads", THREADS);
  fflush(stdout);
  _exit(0);
}
