// The log for people.

#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "emu/abi.h"
#include "emu/names.h"
#include "supervisor/decoded_call.h"
#include "supervisor/log.h"

namespace nestrace {
namespace {

// The words of a command, those quoted that a shell would take apart, in one line of printable text.
std::string Quoted(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    const bool plain = !word.empty() && word.find_first_not_of(
                                            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                            "%+,-./:=@_") == std::string::npos;
    absl::StrAppend(&text, text.empty() ? "" : " ",
                    plain ? word : absl::StrCat("'", absl::CHexEscape(word), "'"));
  }
  return text;
}

std::string BaseName(const std::string& path) { return absl::CHexEscape(path.substr(path.rfind('/') + 1)); }

std::string ResultText(int64_t result) {
  constexpr int64_t kLastError = 4095;
  if (result >= 0 || result < -kLastError) return absl::StrCat(result);
  return absl::StrCat("-1 ", ErrnoName(static_cast<int>(-result)));
}

// How a call came to an end, or did not.
std::string RoadText(const Observer::Call& call) {
  switch (call.road) {
    case Observer::Road::kAnswered:
      return absl::StrCat("= ", ResultText(call.result));
    case Observer::Road::kRegisters:
      return absl::StrCat("= ", ResultText(call.result), " (interrupted, by its registers)");
    case Observer::Road::kLost:
      return absl::StrCat("= ", ResultText(call.result), " was lost");
    case Observer::Road::kRefused:
      return "(interrupted before the answer)";
    case Observer::Road::kParked:
      return "... waits";
    case Observer::Road::kKernel:
      return "(left to the kernel)";
    case Observer::Road::kRestarts:
      return "(starts again)";
    case Observer::Road::kInterrupted:
      return "(interrupted)";
    case Observer::Road::kNeedsStop:
      return "(has to be stopped first)";
  }
  return "";
}

}  // namespace

void VerboseLog::Write(absl::string_view text) {
  const int64_t elapsed = source_.Monotonic() - start_;
  sink_(absl::StrFormat("%5d.%06d %s\n", elapsed / 1000000, elapsed % 1000000, text));
}

std::string VerboseLog::Named(Tid tid) const {
  const auto it = programs_.find(tid);
  return absl::StrCat(it == programs_.end() ? "" : it->second, "(", tid.value, ")");
}

void VerboseLog::Start(const Run& run) {
  start_ = source_.Monotonic();
  Write(absl::StrCat("nestrace(", run.supervisor, ") starts ", Quoted(run.argv)));
}

void VerboseLog::End(int, const std::string& meaning) { Write(absl::StrCat("the end: ", meaning)); }

void VerboseLog::OnBirth(const Birth& birth) {
  const auto parent = programs_.find(birth.parent);
  if (parent != programs_.end()) {
    const std::string program = parent->second;
    programs_[birth.tid] = program;
  }
  if (birth.parent.value == 0) {
    Write(absl::StrCat(Named(birth.tid), " is born"));
    return;
  }
  const bool thread = birth.tid != birth.tgid;
  Write(absl::StrCat(Named(birth.parent), " makes ", thread ? "thread " : "process ", birth.tid.value, ": ",
                     EventName(birth.event)));
}

void VerboseLog::OnExec(const Exec& exec) {
  const ProgramImage image = source_.Image(exec.tid);
  const std::string before = Named(exec.old_tid);
  if (exec.old_tid != exec.tid) programs_.erase(exec.old_tid);
  programs_[exec.tid] = BaseName(image.path);
  Write(absl::StrCat(before, " executes ", absl::CHexEscape(image.path), ": ", Quoted(image.argv),
                     image.cut ? "..." : "",
                     exec.old_tid != exec.tid ? absl::StrCat(", and is ", exec.tid.value, " now") : ""));
}

void VerboseLog::OnExit(const Exit& exit) {
  Write(absl::StrCat(Named(exit.tid), " ends: ", StatusName(exit.info->status)));
}

void VerboseLog::OnReaped(Tid tid) {
  Write(absl::StrCat(Named(tid), " is reaped"));
  programs_.erase(tid);
}

void VerboseLog::OnStop(const Stop& stop) {
  Write(absl::StrCat(Named(stop.tid), " stops: ", StopName(stop.code)));
}

void VerboseLog::OnReport(const Report& report) {
  std::string text =
      absl::StrCat(Named(report.tracer), " <- ", Named(report.tracee), ": ", StatusName(report.status));
  if (report.info != nullptr) {
    absl::StrAppend(&text, " (", SiCodeName(report.info->si_signo, report.info->si_code), ")");
  }
  if (report.has_message) absl::StrAppend(&text, ", message ", report.message);
  Write(text);
}

void VerboseLog::OnTaken(const Taken& taken) {
  Write(absl::StrCat(Named(taken.caller), taken.left ? " sees " : " takes ", Named(taken.tracee), ": ",
                     StatusName(taken.status)));
}

void VerboseLog::OnResume(const Resume& resume) {
  if (resume.request == kListen) {
    Write(absl::StrCat(Named(resume.tid), " stays in group-stop"));
    return;
  }
  Write(absl::StrCat(Named(resume.tid), " runs: ", RequestName(resume.request),
                     resume.signal == 0 ? "" : absl::StrCat(", ", SignalName(resume.signal))));
}

void VerboseLog::OnKick(Tid tid) { Write(absl::StrCat(Named(tid), " is kicked")); }

void VerboseLog::OnSignal(const Signal& signal) {
  Write(absl::StrCat(Named(signal.tid), " is sent ", SignalName(signal.signal), " (",
                     SiCodeName(signal.signal, signal.code), ")"));
}

void VerboseLog::OnAttached(const Attached& attached) {
  std::string text = absl::StrCat(Named(attached.tracer), " traces ", Named(attached.tracee), ": ",
                                  LinkOriginName(attached.origin));
  if (attached.options != 0) absl::StrAppend(&text, ", ", OptionNames(attached.options));
  if (attached.outer != 0) absl::StrAppend(&text, ", inside ", attached.outer, " other");
  if (attached.inner != 0) absl::StrAppend(&text, ", around ", attached.inner, " other");
  Write(text);
}

void VerboseLog::OnDetached(const Detached& detached) {
  Write(absl::StrCat(Named(detached.tracer), " no longer traces ", Named(detached.tracee), ": ",
                     LinkEndName(detached.reason)));
}

void VerboseLog::OnCall(const Call& call) {
  const Notification& n = *call.call;
  std::string text = absl::StrCat(Named(n.tid), " ");
  if (IsPtraceCall(n)) {
    const PtraceArguments args = DecodePtrace(n);
    const bool addr_named = args.detail == "note";
    absl::StrAppend(&text, "ptrace(", RequestName(args.request));
    if (args.request != kTraceme) {
      absl::StrAppend(
          &text, ", ", call.target.value != 0 ? Named(call.target) : absl::StrCat(args.pid), ", ",
          addr_named ? args.detail_value : absl::StrCat("0x", absl::Hex(args.addr)), ", ",
          args.detail.empty() || addr_named ? absl::StrCat("0x", absl::Hex(args.data)) : args.detail_value);
    }
  } else {
    const WaitArguments args = DecodeWait(n);
    absl::StrAppend(&text, CallName(n.abi, n.nr), "(", args.waitid ? args.id_type + ", " : "", args.id, ", ",
                    args.flags);
  }
  Write(absl::StrCat(text, ") ", RoadText(call)));
}

}  // namespace nestrace
