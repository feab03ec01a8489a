// Running a guest program, natively or under nestrace, and showing how two runs differ.
//
//   AdoptOrphans();
//   const Outcome native = Run({"./guest"}, true, 15);
//   const Outcome emulated = Run({"nestrace", "--", "./guest"}, false, 15);
//   if (!Same(native, emulated)) PrintDiff("native", native, "nestrace", emulated);
//
// No process outlives a run: the caller is a child subreaper (PR_SET_CHILD_SUBREAPER in prctl(2)), so all
// descendants stay in its tree, and whatever is left of the tree after a run is killed.

#ifndef NESTRACE_TESTS_CONFORMANCE_RUN_H_
#define NESTRACE_TESTS_CONFORMANCE_RUN_H_

#include <string>
#include <vector>

inline constexpr int kExitSkip = 77;  // the guest's own word for "cannot run here"

struct Outcome {
  std::string transcript;  // all that was written to stdout and stderr
  std::string end;         // "exit 0", "killed by signal 9", "deadline of 15 s passed"
  int exit_code = -1;
};

// To be called once, before the first run.
void AdoptOrphans();

// Runs `command` for at most `deadline_seconds`. Under nestrace the guest is a child of the program that is
// started; `natively`, it is made one too.
Outcome Run(const std::vector<std::string>& command, bool natively, int deadline_seconds);

bool Same(const Outcome& a, const Outcome& b);

// A unified diff with five lines of context.
void PrintDiff(const char* name_a, const Outcome& a, const char* name_b, const Outcome& b);

// `verbose` is the outcome of a run with nestrace --verbose, whose lines stand between those of the
// transcript: prints what is around the first line of the transcript that is not the native one.
void Explain(const Outcome& verbose, const Outcome& native);

#endif  // NESTRACE_TESTS_CONFORMANCE_RUN_H_
