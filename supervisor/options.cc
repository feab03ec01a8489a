#include "supervisor/options.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace nestrace {
namespace {

using absl::string_view;

struct Option {
  const char* letter;  // with its dash; "" if it has none
  const char* name;    // with its dashes
  const char* value;   // what may follow '=', for people; null if nothing may
  const char* help;
  // Applies the option; false if the value is not one of its.
  bool (*apply)(string_view value, CommandLine* line);
};

constexpr Option kOptions[] = {
    {"", "--nesting", "on|off",
     "whether a traced tracer may trace what its own tracer traces (on); off: EPERM, as without nestrace",
     [](string_view value, CommandLine* line) {
       line->nesting = value == "on";
       return value == "on" || value == "off";
     }},
    {"", "--proc", "native|kernel",
     "native: in /proc/PID/status and stat guests read what they would without nestrace: TracerPid, State, "
     "Seccomp; slows open(2) down (kernel)",
     [](string_view value, CommandLine* line) {
       line->native_proc = value == "native";
       return value == "native" || value == "kernel";
     }},
    {"", "--leave-nothing", nullptr,
     "when PROGRAM ends, or the parent of nestrace, kill what is left instead of waiting for its end; "
     "so it is in bazel test --run_under",
     [](string_view, CommandLine* line) {
       line->leave_nothing = true;
       return true;
     }},
    {"", "--log", "FILE", "append what happens to FILE as JSON lines: who traces whom, requests, stops, ends",
     [](string_view value, CommandLine* line) {
       line->log = std::string(value);
       return !value.empty();
     }},
    {"-v", "--verbose", nullptr, "tell the same on standard error, for people",
     [](string_view, CommandLine* line) {
       line->verbose = true;
       return true;
     }},
    {"", "--help", nullptr, "print this and exit",
     [](string_view, CommandLine* line) {
       line->action = CommandLine::Action::kHelp;
       return true;
     }},
    {"", "--version", nullptr, "print the version and exit",
     [](string_view, CommandLine* line) {
       line->action = CommandLine::Action::kVersion;
       return true;
     }},
};

absl::Status ApplyOption(string_view word, CommandLine* line) {
  const size_t equals = word.find('=');
  const bool has_value = equals != string_view::npos;
  const string_view name = word.substr(0, equals);
  for (const Option& option : kOptions) {
    if (name != option.name && name != option.letter) continue;
    if (has_value != (option.value != nullptr)) {
      return absl::InvalidArgumentError(
          has_value
              ? absl::StrCat("option ", option.name, " takes no value")
              : absl::StrCat("option ", option.name, " needs a value: ", option.name, "=", option.value));
    }
    if (option.apply(has_value ? word.substr(equals + 1) : string_view(), line)) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat("option ", option.name, " takes ", option.value,
                                                   ", not \"", word.substr(equals + 1), "\""));
  }
  return absl::InvalidArgumentError(absl::StrCat("unknown option ", word, "; see nestrace --help"));
}

}  // namespace

absl::StatusOr<CommandLine> ParseCommandLine(int argc, const char* const* argv, const char* bazel_test) {
  CommandLine line;
  int i = 1;
  for (; i < argc; ++i) {
    const string_view word = argv[i];
    if (word == "--") {
      ++i;
      break;
    }
    if (word.size() < 2 || word[0] != '-') break;
    if (absl::Status status = ApplyOption(word, &line); !status.ok()) return status;
    if (line.action != CommandLine::Action::kRun) return line;
  }
  for (; i < argc; ++i) {
    line.argv.push_back(argv[i]);
    if (bazel_test != nullptr && line.argv.back() == bazel_test) line.leave_nothing = true;
  }
  if (line.argv.empty()) return absl::InvalidArgumentError("no program to run; see nestrace --help");
  return line;
}

std::string HelpText() {
  std::string text =
      "Usage: nestrace [OPTIONS] [--] PROGRAM [ARG...]\n"
      "Runs PROGRAM, and all that it starts, under a supervisor that is the tracer of every thread and lets "
      "the\n"
      "debuggers among them work as if it were not there.\n"
      "\n";
  for (const Option& option : kOptions) {
    const std::string form =
        absl::StrCat(option.letter, option.letter[0] == 0 ? "" : ", ", option.name,
                     option.value == nullptr ? "" : "=", option.value == nullptr ? "" : option.value);
    absl::StrAppend(&text, "  ", form, std::string(form.size() < 20 ? 20 - form.size() : 1, ' '), option.help,
                    "\n");
  }
  absl::StrAppend(
      &text,
      "\n"
      "Ends when the last process of the tree has ended, daemons included. The exit status is that of "
      "PROGRAM; if a\n"
      "signal killed it, nestrace dies of the same one. 125: nestrace failed, 126: PROGRAM can't be\n"
      "executed, 127: PROGRAM was not found.\n");
  return text;
}

std::string VersionText() { return absl::StrCat("nestrace ", kVersion, "\n"); }

}  // namespace nestrace
