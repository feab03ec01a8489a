// build_tracer [-o FILE] [--] COMMAND [ARG...]
//
// Runs a build and writes FILE (compile_commands.json) out of the compilers that it executed. It is a tracer,
// so that it hears of every execve(2), whoever makes it: a statically linked program, one without the
// environment. As it is built on nestrace, compilers may run under strace or gdb all the same.
//
// The exit status is that of COMMAND; 125 if build_tracer failed.

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "emu/observer.h"
#include "examples/build_tracer/compilation.h"
#include "nlohmann/json.hpp"
#include "supervisor/inherited.h"
#include "supervisor/supervisor.h"

namespace build_tracer {
namespace {

constexpr int kOwnFailure = 125;

// The command line of a process, which stands still.
std::vector<std::string> ReadCommandLine(const std::string& proc) {
  std::ifstream file(proc + "/cmdline");
  std::vector<std::string> words;
  for (std::string word; std::getline(file, word, '\0');) words.push_back(word);
  return words;
}

std::string Absolute(const std::filesystem::path& directory, const std::string& path) {
  return (directory / path).lexically_normal();
}

// Collects the entries. A compiler is often several processes, and may be a wrapper of another: what is
// started by one that compiles has no entry of its own.
class Database : public nestrace::Observer {
 public:
  void OnBirth(const Birth& birth) override {
    if (compiling_.count(birth.parent.value) != 0) compiling_.insert(birth.tid.value);
  }

  void OnExec(const Exec& exec) override {
    if (compiling_.count(exec.tid.value) != 0) return;
    const std::string proc = "/proc/" + std::to_string(exec.tid.value);
    const std::vector<Compilation> compilations = CompilationsOf(ReadCommandLine(proc));
    if (compilations.empty()) return;
    compiling_.insert(exec.tid.value);
    std::error_code error;
    const std::filesystem::path directory = std::filesystem::read_symlink(proc + "/cwd", error);
    if (error) return;  // it was killed
    for (const Compilation& compilation : compilations) Add(directory, compilation);
  }

  void OnExit(const Exit& exit) override { compiling_.erase(exit.tid.value); }

  bool Write(const std::string& path) const {
    std::ofstream file(path);
    file << entries_.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
    return file.flush().good();
  }

 private:
  void Add(const std::filesystem::path& directory, const Compilation& compilation) {
    nlohmann::json entry = {{"directory", directory.string()},
                            {"file", Absolute(directory, compilation.file)},
                            {"arguments", compilation.arguments}};
    if (!compilation.output.empty()) entry["output"] = Absolute(directory, compilation.output);
    entries_.push_back(std::move(entry));
  }

  std::set<pid_t> compiling_;  // threads
  nlohmann::json entries_ = nlohmann::json::array();
};

struct CommandLine {
  std::string output = "compile_commands.json";
  std::vector<std::string> command;  // empty: the command line was wrong
};

CommandLine Parse(int argc, char** argv) {
  CommandLine line;
  int i = 1;
  if (i + 1 < argc && strcmp(argv[i], "-o") == 0) {
    line.output = argv[i + 1];
    i += 2;
  }
  if (i < argc && strcmp(argv[i], "--") == 0) ++i;
  if (i < argc && argv[i][0] == '-') return line;
  line.command.assign(argv + i, argv + argc);
  return line;
}

// What ends build_tracer alone ends the build.
nestrace::SignalSource Signals() {
  sigset_t set;
  sigemptyset(&set);
  for (int signal : {SIGHUP, SIGINT, SIGQUIT, SIGTERM}) sigaddset(&set, signal);
  return {signalfd(-1, &set, SFD_CLOEXEC), getpid(), {}};
}

int Fail(const std::string& why) {
  fprintf(stderr, "build_tracer: %s\n", why.c_str());
  return kOwnFailure;
}

int Main(int argc, char** argv) {
  const CommandLine line = Parse(argc, argv);
  if (line.command.empty()) return Fail("usage: build_tracer [-o FILE] [--] COMMAND [ARG...]");

  Database database;
  nestrace::Supervisor::Options options;
  options.inherited = nestrace::Inherited::TakeOver();
  options.signals = Signals();
  options.emulator.observer = &database;
  absl::StatusOr<std::unique_ptr<nestrace::Supervisor>> supervisor =
      nestrace::Supervisor::Start({line.command}, options);
  if (!supervisor.ok()) return Fail(std::string(supervisor.status().message()));
  const absl::StatusOr<nestrace::Result> result = (*supervisor)->Run();
  if (!result.ok()) return Fail(std::string(result.status().message()));
  if (result->kind == nestrace::Result::Kind::kNotStarted)
    fprintf(stderr, "build_tracer: %s\n", result->ToString().c_str());
  if (!database.Write(line.output)) return Fail("cannot write " + line.output);
  return result->ExitCode();
}

}  // namespace
}  // namespace build_tracer

int main(int argc, char** argv) { return build_tracer::Main(argc, argv); }
