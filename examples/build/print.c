#include "print.h"

#include <stdio.h>

void print_area(int area) { printf("%d square metres\n", area); }
