// Choosing the next operation of a seed, in view of the stage.

#ifndef NESTRACE_TESTS_FUZZ_GENERATE_H_
#define NESTRACE_TESTS_FUZZ_GENERATE_H_

#include <stdint.h>

#include "op.h"

void generate_begin(uint64_t seed);
void generate(struct Op* op);

#endif  // NESTRACE_TESTS_FUZZ_GENERATE_H_
