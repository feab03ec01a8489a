#include <stdio.h>

int left(void);
int right(void);

int main(void) {
  printf("built %d\n", left() + right());
  return 0;
}
