// Goes 100 calls deep and comes back.
#include <stdio.h>

long descend(int depth) {
  long here = depth;
  if (depth == 0) return here;
  return here + descend(depth - 1);
}

int main(void) {
  long sum = descend(100);
  printf("sum %ld\n", sum);
  return 0;
}
