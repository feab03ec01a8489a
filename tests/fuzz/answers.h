// What an actor was answered, in words.

#ifndef NESTRACE_TESTS_FUZZ_ANSWERS_H_
#define NESTRACE_TESTS_FUZZ_ANSWERS_H_

#include "op.h"
#include "shared.h"

// Prints the answer to `op`, which `actor` has carried out.
void print_answer(const struct Op* op, const struct Actor* actor);
void print_record(const struct Record* record);
// From now on `number` is printed as the letter of actor `index`.
void name_actor(int number, int index);
void forget_names(void);

#endif  // NESTRACE_TESTS_FUZZ_ANSWERS_H_
