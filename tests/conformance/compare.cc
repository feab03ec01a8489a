// Runs one guest program natively and under nestrace and compares the two transcripts.
//
//   compare [--nestrace=PATH] [--option=OPTION]... [--runs=N] [--deadline=SECONDS] [--show] GUEST [ARGS...]
//
// The kernel is the oracle. The guest runs natively twice: two different native transcripts, or a
// native exit status other than 0, mean that the guest itself is wrong, and the test fails without
// asking nestrace. Then it runs N times as `PATH OPTION... -- GUEST ARGS...`, and everything it writes to
// stdout and stderr, and its exit status, must be what they were natively. Without --nestrace only
// the native runs are made, which is how a new guest is proved. --show prints the native transcript.
//
// Prints PASS, FAIL or SKIP and the guest's name, with a unified diff for FAIL. What nestrace made different
// is run once more with --verbose, and what went on around the first difference is shown: stops and whom they
// were reported to, requests and their results, deaths. A guest that exits 77 natively cannot run on this
// machine; that is a SKIP, with the guest's own words. Exit status: 0 for PASS and SKIP, 1 for FAIL, 2 for a
// wrong command line.
//
// The environment variables NESTRACE_CONFORMANCE_RUNS and NESTRACE_CONFORMANCE_DEADLINE give N and
// the seconds one run may take where the command line does not.

#include <cstdio>
#include <cstdlib>
#include <cstring>
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
  std::vector<std::string> guest;
};

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
      std::fprintf(stderr, "compare: bad option %s\n", word.c_str());
      std::exit(2);
    }
  }
  options.guest.assign(argv + i, argv + argc);
  if (options.guest.empty()) {
    std::fprintf(
        stderr,
        "usage: compare [--nestrace=PATH] [--option=OPTION]... [--runs=N] [--deadline=SECONDS] [--show] "
        "GUEST [ARGS...]\n");
    std::exit(2);
  }
  return options;
}

int Fail(const std::string& name, const std::string& why) {
  std::printf("FAIL: %s: %s\n", name.c_str(), why.c_str());
  return 1;
}

int Compare(const Options& options) {
  const std::string name = options.guest[0].substr(options.guest[0].rfind('/') + 1);

  const Outcome native = Run(options.guest, true, options.deadline_seconds);
  if (native.exit_code == kExitSkip) {
    std::printf("%sSKIP: %s\n", native.transcript.c_str(), name.c_str());
    return 0;
  }
  if (native.exit_code != 0) {
    std::printf("%s[%s]\n", native.transcript.c_str(), native.end.c_str());
    return Fail(name, "the guest does not succeed natively");
  }
  if (options.show) std::printf("%s", native.transcript.c_str());
  const Outcome again = Run(options.guest, true, options.deadline_seconds);
  if (!Same(native, again)) {
    PrintDiff("native, first run", native, "native, second run", again);
    return Fail(name, "the guest is not deterministic");
  }

  if (!options.nestrace.empty()) {
    std::vector<std::string> command = {options.nestrace};
    command.insert(command.end(), options.nestrace_options.begin(), options.nestrace_options.end());
    command.push_back("--");
    command.insert(command.end(), options.guest.begin(), options.guest.end());
    for (int run = 1; run <= options.runs; ++run) {
      const Outcome emulated = Run(command, false, options.deadline_seconds);
      if (Same(native, emulated)) continue;
      PrintDiff("native", native, "nestrace", emulated);
      command.insert(command.begin() + 1, "--verbose");
      Explain(Run(command, false, options.deadline_seconds), native);
      return Fail(name, "differs under nestrace in run " + std::to_string(run) + " of " +
                            std::to_string(options.runs));
    }
  }
  std::printf("PASS: %s\n", name.c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = ParseCommandLine(argc, argv);
  AdoptOrphans();
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  return Compare(options);
}
