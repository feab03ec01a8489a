#include "area.h"
#include "print.h"

int main(void) {
  print_area(area(3, 4));
  return 0;
}
