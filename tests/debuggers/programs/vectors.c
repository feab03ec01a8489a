// Loads known values into the vector registers, gives a debugger a place to look and to change them, and says
// what it then finds there.
#include <stdio.h>
#include <string.h>

typedef unsigned long long Lanes[4] __attribute__((aligned(32)));

static Lanes before = {0x1111111111111111, 0x2222222222222222, 0x3333333333333333, 0x4444444444444444};
static Lanes after;
static double x87 = 2.5;

void loaded(void);

int main(void) {
  // The label is where a debugger stops: no C code runs between the load and the store.
  __asm__ volatile(
      "fldl %2\n\t"
      "vmovdqa %1, %%ymm0\n\t"
      "vmovdqa %%ymm0, %%ymm7\n\t"
      "stc\n"
      ".globl vectors_loaded\n"
      "vectors_loaded:\n\t"
      "nop\n\t"
      "vmovdqa %%ymm0, %0\n\t"
      "fstpl %2\n\t"
      "vzeroupper\n"
      : "=m"(after)
      : "m"(before), "m"(x87)
      : "xmm0", "xmm7", "memory", "cc", "st");
  for (int i = 0; i < 4; ++i) printf("lane %d %llx\n", i, after[i]);
  printf("x87 %g\n", x87);
  return 0;
}
