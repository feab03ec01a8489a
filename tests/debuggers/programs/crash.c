// Dies as its argument says: null (SIGSEGV at a known address), abort, divide, illegal, trap, stack.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct Record {
  char filler[0x40];
  int field;
};

static volatile int zero = 0;

void set_field(struct Record* record, int value) { record->field = value; }

int divide(int value) { return value / zero; }

int deeper(int depth) {
  if (depth < 0) return 0;
  volatile char block[65536];
  block[0] = (char)depth;
  return block[0] + deeper(depth + 1);
}

int main(int argc, char** argv) {
  const char* how = argc > 1 ? argv[1] : "null";
  if (strcmp(how, "null") == 0) set_field(NULL, 1);
  if (strcmp(how, "abort") == 0) abort();
  if (strcmp(how, "divide") == 0) return divide(1);
  if (strcmp(how, "illegal") == 0) __asm__ volatile("ud2");
  if (strcmp(how, "trap") == 0) __asm__ volatile("int3");
  if (strcmp(how, "stack") == 0) return deeper(0);
  return 0;
}
