// The nestrace command. See options.cc for its command line, supervisor.h for what it does.

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "supervisor/front.h"
#include "supervisor/inherited_signals.h"
#include "supervisor/options.h"
#include "supervisor/result.h"
#include "supervisor/supervisor.h"

namespace nestrace {
namespace {

constexpr int kOwnFailure = 125;

// One write, so that lines of several processes do not mix.
void Complain(absl::string_view text) {
  const std::string line = absl::StrCat("nestrace: ", text, "\n");
  if (write(STDERR_FILENO, line.data(), line.size()) < 0) return;  // nobody to tell
}

int Print(const std::string& text) {
  return fputs(text.c_str(), stdout) < 0 || fflush(stdout) != 0 ? kOwnFailure : 0;
}

// Descriptors 0, 1 and 2 that are closed must not become one of ours, which messages would then be written
// to. PROGRAM finds them closed still.
bool ReserveStandardDescriptors() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (fcntl(fd, F_GETFD) >= 0) continue;
    if (open("/dev/null", O_RDWR | O_CLOEXEC) != fd) return false;
  }
  return true;
}

Result Run(const CommandLine& line, const InheritedSignals& inherited, Front* front) {
  Supervisor::Options options;
  options.emulator.nesting = line.nesting;
  options.inherited = inherited;
  options.end_with_program = line.leave_nothing;
  options.signals = front->signals();
  options.on_job_state = [front](int signal) { front->ShowJobState(signal); };
  absl::StatusOr<std::unique_ptr<Supervisor>> supervisor = Supervisor::Start({line.argv}, options);
  if (!supervisor.ok()) return Result::Failed(std::string(supervisor.status().message()));
  return (*supervisor)->Run();
}

int Main(int argc, char** argv) {
  if (!ReserveStandardDescriptors()) return kOwnFailure;
  absl::StatusOr<CommandLine> line = ParseCommandLine(argc, argv);
  if (!line.ok()) {
    Complain(line.status().message());
    return kOwnFailure;
  }
  if (line->action == CommandLine::Action::kHelp) return Print(HelpText());
  if (line->action == CommandLine::Action::kVersion) return Print(VersionText());

  // What Bazel or a CI runner kills may be a shell around nestrace.
  if (line->leave_nothing) prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  const InheritedSignals inherited = InheritedSignals::TakeOver();
  absl::StatusOr<Front> front = Front::Split();
  if (!front.ok()) {
    Complain(front.status().message());
    return kOwnFailure;
  }
  const Result result = Run(*line, inherited, &*front);
  if (result.kind == Result::Kind::kSignaled) DieOfSignal(result.value);
  if (result.kind == Result::Kind::kNotStarted)
    Complain(absl::StrCat(line->argv[0], ": ", result.ToString()));
  if (result.kind == Result::Kind::kFailed) Complain(result.ToString());
  ExitWith(result.ExitCode());
}

}  // namespace
}  // namespace nestrace

int main(int argc, char** argv) { return nestrace::Main(argc, argv); }
