// fail_write --program=NAME --nth=N [--error=ERRNO] -- COMMAND...
//
// Runs the command and makes the Nth write to a regular file by each process of program NAME fail, as a full
// disk does: ENOSPC, or another errno by number. NAME is compared with the last part of /proc/PID/exe. All
// else goes on: COMMAND may be a debugger that runs the program.

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "supervisor/inherited.h"
#include "supervisor/supervisor.h"

namespace {

using nestrace::Call;
using nestrace::Decision;
using nestrace::Tid;

struct Settings {
  std::string program;
  int nth = 0;
  int error = ENOSPC;
  std::vector<std::string> command;
};

absl::StatusOr<Settings> Parse(int argc, char** argv) {
  Settings settings;
  int i = 1;
  for (; i < argc && argv[i] != absl::string_view("--"); ++i) {
    absl::string_view word = argv[i];
    bool good = true;
    if (absl::ConsumePrefix(&word, "--program=")) {
      settings.program = std::string(word);
    } else if (absl::ConsumePrefix(&word, "--nth=")) {
      good = absl::SimpleAtoi(word, &settings.nth);
    } else if (absl::ConsumePrefix(&word, "--error=")) {
      good = absl::SimpleAtoi(word, &settings.error);
    } else {
      good = false;
    }
    if (!good) return absl::InvalidArgumentError(absl::StrCat("what is ", argv[i], "?"));
  }
  for (++i; i < argc; ++i) settings.command.push_back(argv[i]);
  if (settings.program.empty() || settings.nth < 1) {
    return absl::InvalidArgumentError(
        "usage: fail_write --program=NAME --nth=N [--error=ERRNO] -- COMMAND...");
  }
  return settings;
}

class FailWrite : public nestrace::Policy {
 public:
  explicit FailWrite(const Settings& settings) : settings_(settings) {}

  std::vector<std::string> Calls() const override {
    return {"write", "writev", "pwrite64", "pwritev", "pwritev2"};
  }

  absl::StatusOr<Decision> OnCall(Call* call) override {
    // A thread may put another file under the number before the kernel looks: it spoils its own count.
    if (!IsRegularFile(call->tid(), static_cast<int>(call->arg(0))) || !IsOurs(call->tid())) {
      return Decision::Run();
    }
    int& count = writes_[call->process().value];
    const auto counted = [&count] { ++count; };
    if (count + 1 == settings_.nth) return Decision::Deny(settings_.error).WhenTaken(counted);
    return Decision::Run().WhenTaken(counted);
  }

  absl::StatusOr<bool> MayExecute(Tid tid) override {
    writes_.erase(tid.value);  // the process starts anew; it is its leader that says so
    return true;
  }

 private:
  bool IsOurs(Tid tid) const {
    char path[PATH_MAX];
    const ssize_t size = readlink(absl::StrCat("/proc/", tid.value, "/exe").c_str(), path, sizeof(path));
    const std::string program(path, size < 0 ? 0 : size);
    return program.substr(program.rfind('/') + 1) == settings_.program;
  }

  static bool IsRegularFile(Tid tid, int fd) {
    struct stat status;
    return stat(absl::StrCat("/proc/", tid.value, "/fd/", fd).c_str(), &status) == 0 &&
           S_ISREG(status.st_mode);
  }

  const Settings settings_;
  std::map<pid_t, int> writes_;  // by process
};

absl::StatusOr<nestrace::Result> Run(const Settings& settings) {
  FailWrite policy(settings);
  nestrace::Supervisor::Options options;
  options.inherited = nestrace::Inherited::TakeOver();
  options.policy = &policy;
  absl::StatusOr<std::unique_ptr<nestrace::Supervisor>> supervisor =
      nestrace::Supervisor::Start({settings.command}, options);
  if (!supervisor.ok()) return supervisor.status();
  return (*supervisor)->Run();
}

}  // namespace

int main(int argc, char** argv) {
  const absl::StatusOr<Settings> settings = Parse(argc, argv);
  absl::StatusOr<nestrace::Result> result =
      settings.ok() ? Run(*settings) : absl::StatusOr<nestrace::Result>(settings.status());
  if (!result.ok()) {
    fprintf(stderr, "fail_write: %s\n", std::string(result.status().message()).c_str());
    return 125;
  }
  return result->ExitCode();
}
