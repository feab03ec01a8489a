// The command line: nestrace [OPTIONS] [--] PROGRAM [ARG...]
//
//   absl::StatusOr<CommandLine> line = ParseCommandLine(argc, argv);
//   if (!line.ok()) ... 125, with line.status().message()
//
// Options end at the first word that is not one, so that those of PROGRAM are left alone; that is why this is
// a table of its own and no general flags library.

#ifndef NESTRACE_SUPERVISOR_OPTIONS_H_
#define NESTRACE_SUPERVISOR_OPTIONS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace nestrace {

struct CommandLine {
  enum class Action { kRun, kHelp, kVersion };
  Action action = Action::kRun;
  bool nesting = true;            // --nesting=on|off
  bool leave_nothing = false;     // --leave-nothing
  bool native_proc = false;       // --proc=native|kernel
  std::string log;                // --log=FILE; empty: none
  bool verbose = false;           // -v, --verbose
  std::vector<std::string> argv;  // PROGRAM and its arguments; not empty in kRun
};

// Of nestrace.
inline constexpr char kVersion[] = "0.1";

// `bazel_test` is the test that Bazel has nestrace run, $TEST_BINARY, or null. With it among the words of the
// command, leave_nothing is set: `bazel test --run_under=//supervisor:nestrace` is to end as the test does
// without.
absl::StatusOr<CommandLine> ParseCommandLine(int argc, const char* const* argv,
                                             const char* bazel_test = nullptr);

// What --help prints.
std::string HelpText();
// What --version prints.
std::string VersionText();

}  // namespace nestrace

#endif  // NESTRACE_SUPERVISOR_OPTIONS_H_
