// Three worker threads, made one after another; each waits at a gate of its own until main opens it, then
// calls work() and leaves before the next gate opens, so that every debugger sees the same order. With a FIFO as its
// argument, main waits for a byte from it before it opens the first gate.
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { kWorkers = 3 };

int total = 0;
static sem_t started;
static sem_t gates[kWorkers];
static pid_t tids[kWorkers];

int twice(int value) {
  int result = value * 2;
  return result;
}

int work(int worker) {
  int gain = twice(worker + 1);
  total += gain;
  return gain;
}

static char state_of(pid_t tid) {
  char path[64], stat[256];
  snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
  int file = open(path, O_RDONLY);
  ssize_t size = read(file, stat, sizeof stat - 1);
  close(file);
  stat[size > 0 ? size : 0] = 0;
  char* name_end = strrchr(stat, ')');
  return name_end == NULL ? '?' : name_end[2];
}

// Whoever waits says so, or opens a gate, a moment before it sleeps in futex(2). Others wait for the sleep, so that
// its backtrace is always the same.
static void wait_asleep(pid_t tid) {
  while (state_of(tid) != 'S') usleep(1000);
}

static void* worker_main(void* argument) {
  int worker = (int)(long)argument;
  tids[worker] = gettid();
  sem_post(&started);
  sem_wait(&gates[worker]);
  wait_asleep(getpid());
  work(worker);
  return NULL;
}

void all_started(void) {}

static void wait_for_word(const char* fifo) {
  char byte;
  int words = open(fifo, O_RDWR);
  while (read(words, &byte, 1) != 1) continue;
  close(words);
}

void all_done(int sum) { dprintf(1, "total %d\n", sum); }

int main(int argc, char** argv) {
  pthread_t workers[kWorkers];
  sem_init(&started, 0, 0);
  for (int i = 0; i < kWorkers; ++i) {
    sem_init(&gates[i], 0, 0);
    pthread_create(&workers[i], NULL, worker_main, (void*)(long)i);
    sem_wait(&started);
    wait_asleep(tids[i]);
  }
  all_started();
  if (argc > 1) wait_for_word(argv[1]);
  for (int i = 0; i < kWorkers; ++i) {
    sem_post(&gates[i]);
    pthread_join(workers[i], NULL);
  }
  all_done(total);
  return 0;
}
