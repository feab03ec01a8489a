// A counter that one function changes and another only reads.
#include <stdio.h>
#include <unistd.h>

int counter = 0;
int reads = 0;

int look(void) {
  ++reads;
  return counter;
}

void bump(int by) { counter += by; }

int main(void) {
  int sum = 0;
  for (int i = 1; i <= 6; ++i) {
    bump(i);
    sum += look();
  }
  dprintf(1, "counter %d reads %d sum %d\n", counter, reads, sum);
  return 0;
}
