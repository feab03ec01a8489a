// How a run of nestrace ended.
//
//   absl::StatusOr<Result> result = supervisor->Run();
//   if (!result.ok()) ...
//   return result->ExitCode();

#ifndef NESTRACE_SUPERVISOR_RESULT_H_
#define NESTRACE_SUPERVISOR_RESULT_H_

#include <string>

namespace nestrace {

struct Result {
  enum class Kind {
    kExited,      // PROGRAM ended with exit code `value`
    kSignaled,    // PROGRAM was killed by signal `value`
    kNotStarted,  // PROGRAM could not be executed: execve(2) failed with errno `value`
  };
  Kind kind = Kind::kExited;
  int value = 0;

  // From the wait(2) status of PROGRAM.
  static Result FromWaitStatus(int status);
  static Result NotStarted(int error);

  // What a shell would make of it: the exit code, 128 plus the signal, 127 for a program that is not there,
  // 126 for one that can't be executed.
  int ExitCode() const;
  // One line for people, without "nestrace: " in front.
  std::string ToString() const;
};

}  // namespace nestrace

#endif  // NESTRACE_SUPERVISOR_RESULT_H_
