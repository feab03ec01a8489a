// Checks one guest of two tracers against the transcript that the rules of nesting demand.
//
//   check [--nestrace=PATH] [--option=OPTION]... [--runs=N] [--deadline=SECONDS] [--show] GUEST EXPECTED
//
// The kernel cannot run such a guest, but three parts of the story it can, and each of them is held against
// it:
//
// - `GUEST inner`, OUTER being away: EXPECTED without the lines of OUTER, and without those with a star.
// - `GUEST outer`, INNER being away: EXPECTED without the lines of INNER, and without those with a star.
// - `GUEST`: whoever comes second gets EPERM, and that is the last line.
//
// So EXPECTED is no record of what nestrace did: what a tracer sees in it is what the kernel shows that
// tracer when it is alone. Then nestrace runs the guest: with --nesting=off it must print what the kernel
// did, and without, N times, EXPECTED. The first two are also run under nestrace, where they are guests with
// one tracer.
//
// Without --nestrace only the native runs are made. --show prints what nestrace makes of the guest, or,
// without
// --nestrace, all that the kernel does.
//
// Prints PASS, FAIL or SKIP and the guest's name, and exits with 0, 1, 0; 2 for a wrong command line. The
// environment variables are those of compare (../conformance/compare.cc).

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "run.h"

namespace {

struct Options {
  std::string nestrace;
  std::vector<std::string> nestrace_options;
  int runs = 1;
  int deadline_seconds = 15;
  bool show = false;
  std::string guest, expected;
};

[[noreturn]] void Usage() {
  std::fprintf(stderr,
               "usage: check [--nestrace=PATH] [--option=OPTION]... [--runs=N] [--deadline=SECONDS] [--show] "
               "GUEST EXPECTED\n");
  std::exit(2);
}

int NumberFromEnvironment(const char* name, int otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr || std::atoi(value) <= 0 ? otherwise : std::atoi(value);
}

Options ParseCommandLine(int argc, char** argv) {
  Options options;
  options.runs = NumberFromEnvironment("NESTRACE_CONFORMANCE_RUNS", options.runs);
  options.deadline_seconds = NumberFromEnvironment("NESTRACE_CONFORMANCE_DEADLINE", options.deadline_seconds);
  int i = 1;
  for (; i < argc && std::strncmp(argv[i], "--", 2) == 0; ++i) {
    const std::string word = argv[i];
    const size_t equals = word.find('=');
    const std::string name = word.substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : word.substr(equals + 1);
    if (name == "--nestrace") {
      options.nestrace = value;
    } else if (name == "--option") {
      options.nestrace_options.push_back(value);
    } else if (name == "--runs" && std::atoi(value.c_str()) > 0) {
      options.runs = std::atoi(value.c_str());
    } else if (name == "--deadline" && std::atoi(value.c_str()) > 0) {
      options.deadline_seconds = std::atoi(value.c_str());
    } else if (word == "--show") {
      options.show = true;
    } else {
      Usage();
    }
  }
  if (argc - i != 2) Usage();
  options.guest = argv[i];
  options.expected = argv[i + 1];
  return options;
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  if (!file) {
    std::fprintf(stderr, "check: cannot read %s\n", path.c_str());
    std::exit(2);
  }
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// The story as it is when `role` is away. `inner: ...` is a line of INNER, `tracee*: ...` one that needs
// both.
std::string Without(const std::string& role, const std::string& story) {
  std::istringstream lines(story);
  std::string rest;
  for (std::string line; std::getline(lines, line);) {
    const std::string speaker = line.substr(0, line.find(':'));
    if (speaker != role && speaker.find('*') == std::string::npos) rest += line + "\n";
  }
  return rest;
}

bool EndsInEperm(const std::string& transcript) {
  const std::string end = " = EPERM\n";
  return transcript.size() >= end.size() && transcript.substr(transcript.size() - end.size()) == end;
}

class Checker {
 public:
  explicit Checker(const Options& options) : options_(options), story_(ReadFile(options.expected)) {}

  // The exit status.
  int Run() {
    const Outcome refused = Native({});
    if (refused.exit_code == kExitSkip) {
      std::printf("%sSKIP: %s\n", refused.transcript.c_str(), Name().c_str());
      return 0;
    }
    if (options_.show) return Show();
    if (refused.exit_code != 0 || !EndsInEperm(refused.transcript)) {
      std::printf("%s[%s]\n", refused.transcript.c_str(), refused.end.c_str());
      return Fail("the kernel does not refuse the second tracer");
    }
    const bool same = Alone("inner", "outer") && Alone("outer", "inner") &&
                      Expect("native", refused, {"--nesting=off"}, {}, options_.runs) &&
                      Expect(options_.expected, Ending(story_), {}, {}, options_.runs);
    if (same) std::printf("PASS: %s\n", Name().c_str());
    return same ? 0 : 1;
  }

 private:
  std::string Name() const { return options_.guest.substr(options_.guest.rfind('/') + 1); }

  int Fail(const std::string& why) const {
    std::printf("FAIL: %s: %s\n", Name().c_str(), why.c_str());
    return 1;
  }

  static Outcome Ending(const std::string& transcript) { return {transcript, "exit 0", 0}; }

  Outcome Native(const std::vector<std::string>& arguments) const {
    std::vector<std::string> command = {options_.guest};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return ::Run(command, true, options_.deadline_seconds);
  }

  Outcome Emulated(const std::vector<std::string>& flags, const std::vector<std::string>& arguments) const {
    std::vector<std::string> command = {options_.nestrace};
    command.insert(command.end(), options_.nestrace_options.begin(), options_.nestrace_options.end());
    command.insert(command.end(), flags.begin(), flags.end());
    command.push_back("--");
    command.push_back(options_.guest);
    command.insert(command.end(), arguments.begin(), arguments.end());
    return ::Run(command, false, options_.deadline_seconds);
  }

  // Is the story what the kernel makes of it when only `role` is there, and not `other`?
  bool Alone(const std::string& role, const std::string& other) const {
    const Outcome story = Ending(Without(other, story_));
    const Outcome native = Native({role});
    if (!Same(story, native)) {
      PrintDiff((options_.expected + " without " + other).c_str(), story, "native", native);
      Fail("the kernel does not agree about what " + role + " sees");
      return false;
    }
    return Expect("native", native, {}, {role}, 1);
  }

  bool Expect(const std::string& name, const Outcome& story, const std::vector<std::string>& flags,
              const std::vector<std::string>& arguments, int runs) const {
    if (options_.nestrace.empty()) return true;
    std::string what = "nestrace";
    for (const std::string& flag : flags) what += " " + flag;
    for (const std::string& argument : arguments) what += " " + argument;
    for (int run = 1; run <= runs; ++run) {
      const Outcome emulated = Emulated(flags, arguments);
      if (Same(story, emulated)) continue;
      PrintDiff(name.c_str(), story, what.c_str(), emulated);
      Fail("differs in run " + std::to_string(run) + " of " + std::to_string(runs));
      return false;
    }
    return true;
  }

  int Show() const {
    if (!options_.nestrace.empty()) {
      const Outcome all = Emulated({}, {});
      std::printf("%s[%s]\n", all.transcript.c_str(), all.end.c_str());
      return 0;
    }
    for (const char* role : {"", "inner", "outer"}) {
      const Outcome native =
          Native(*role == '\0' ? std::vector<std::string>() : std::vector<std::string>{role});
      std::printf("== %s\n%s[%s]\n", *role == '\0' ? "both" : role, native.transcript.c_str(),
                  native.end.c_str());
    }
    return 0;
  }

  const Options options_;
  const std::string story_;
};

}  // namespace

int main(int argc, char** argv) {
  const Options options = ParseCommandLine(argc, argv);
  AdoptOrphans();
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  return Checker(options).Run();
}
