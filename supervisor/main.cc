// The nestrace command. See options.cc for its command line, supervisor.h for what it does.

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "supervisor/front.h"
#include "supervisor/inherited.h"
#include "supervisor/line_writer.h"
#include "supervisor/log.h"
#include "supervisor/native_proc.h"
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

Log::Sink SinkTo(UniqueFd fd, std::function<void(int error)> on_error) {
  auto writer = std::make_shared<LineWriter>(std::move(fd), std::move(on_error));
  return [writer](absl::string_view line) { writer->Write(line); };
}

// The logs that the command line asks for, if any.
absl::StatusOr<Logs> OpenLogs(const CommandLine& line, LogSource* source) {
  Logs logs;
  if (!line.log.empty()) {
    UniqueFd file(open(line.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0666));
    if (!file.ok()) return absl::ErrnoToStatus(errno, absl::StrCat("--log=", line.log));
    const auto on_error = [name = line.log](int error) {
      Complain(absl::StrCat("--log=", name, ": ", strerror(error), "; the log ends here"));
    };
    logs.Add(std::make_unique<JsonLog>(SinkTo(std::move(file), on_error), source));
  }
  if (line.verbose) {
    UniqueFd standard_error(fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
    const auto nobody_to_tell = [](int) {};
    logs.Add(std::make_unique<VerboseLog>(SinkTo(std::move(standard_error), nobody_to_tell), source));
  }
  return logs;
}

absl::StatusOr<Result> Run(const CommandLine& line, const Inherited& inherited, Front* front,
                           Observer* observer) {
  Supervisor::Options options;
  options.emulator.nesting = line.nesting;
  options.emulator.observer = observer;
  options.inherited = inherited;
  options.end_with_program = line.leave_nothing;
  options.signals = front->signals();
  options.on_job_state = [front](int signal) { front->ShowJobState(signal); };
  std::optional<NativeProc> native_proc;
  if (line.native_proc) {
    absl::StatusOr<NativeProc> opened = NativeProc::Open();
    if (!opened.ok()) return opened.status();
    options.policy = &native_proc.emplace(*std::move(opened));
  }
  absl::StatusOr<std::unique_ptr<Supervisor>> supervisor = Supervisor::Start({line.argv}, options);
  if (!supervisor.ok()) return supervisor.status();
  if (native_proc.has_value()) native_proc->set_supervisor(supervisor->get());
  return (*supervisor)->Run();
}

// Run, with what the command line wants to be told of it.
absl::StatusOr<Result> RunLogged(const CommandLine& line, const Inherited& inherited, Front* front) {
  if (line.log.empty() && !line.verbose) return Run(line, inherited, front, nullptr);
  absl::StatusOr<LinuxLogSource> source = LinuxLogSource::Open();
  if (!source.ok()) return source.status();
  absl::StatusOr<Logs> logs = OpenLogs(line, &*source);
  if (!logs.ok()) return logs.status();
  logs->Start({line.argv, line.nesting, getpid()});
  absl::StatusOr<Result> result = Run(line, inherited, front, &*logs);
  if (result.ok()) {
    logs->End(result->ExitCode(), result->ToString());
  } else {
    logs->End(kOwnFailure, std::string(result.status().message()));
  }
  return result;
}

int Main(int argc, char** argv) {
  if (!ReserveStandardDescriptors()) return kOwnFailure;
  absl::StatusOr<CommandLine> line = ParseCommandLine(argc, argv, getenv("TEST_BINARY"));
  if (!line.ok()) {
    Complain(line.status().message());
    return kOwnFailure;
  }
  if (line->action == CommandLine::Action::kHelp) return Print(HelpText());
  if (line->action == CommandLine::Action::kVersion) return Print(VersionText());

  // What Bazel or a CI runner kills may be a shell around nestrace.
  if (line->leave_nothing) prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  const Inherited inherited = Inherited::TakeOver();
  absl::StatusOr<Front> front = Front::Split();
  if (!front.ok()) {
    Complain(front.status().message());
    return kOwnFailure;
  }
  const absl::StatusOr<Result> result = RunLogged(*line, inherited, &*front);
  if (!result.ok()) {
    Complain(result.status().message());
    ExitWith(kOwnFailure);
  }
  if (result->kind == Result::Kind::kSignaled) DieOfSignal(result->value);
  if (result->kind == Result::Kind::kNotStarted) {
    Complain(absl::StrCat(line->argv[0], ": ", result->ToString()));
  }
  ExitWith(result->ExitCode());
}

}  // namespace
}  // namespace nestrace

int main(int argc, char** argv) { return nestrace::Main(argc, argv); }
