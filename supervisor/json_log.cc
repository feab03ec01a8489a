// The log for programs. What is written here is promised in LOG.md: a field that changes its meaning, or
// goes, is a new schema; new fields and events are not.

#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/str_cat.h"
#include "emu/abi.h"
#include "emu/names.h"
#include "supervisor/decoded_call.h"
#include "supervisor/log.h"
#include "supervisor/options.h"

namespace nestrace {
namespace {

using Json = nlohmann::ordered_json;

// Addresses and the like are strings: a JSON number is a double to many programs.
std::string Hex(uint64_t number) { return absl::StrCat("0x", absl::Hex(number)); }

// An object, to be written when it goes out of scope.
class Line {
 public:
  Line(const char* event, LogSource* source, const Log::Sink* sink) : sink_(*sink) {
    json_["event"] = event;
    json_["time"] = source->Monotonic();
  }
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;
  ~Line() { sink_(json_.dump(-1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace) + "\n"); }

  template <typename Value>
  Line& Add(const char* field, Value&& value) {
    json_[field] = std::forward<Value>(value);
    return *this;
  }
  Line& Add(const char* field, Tid tid) { return Add(field, tid.value); }
  Line& AddStatus(int status) { return Add("status", status).Add("meaning", StatusName(status)); }
  Line& AddResult(int64_t result) {
    constexpr int64_t kLastError = 4095;
    Add("result", result);
    return result < 0 && result >= -kLastError ? Add("error", ErrnoName(static_cast<int>(-result))) : *this;
  }

 private:
  const Log::Sink& sink_;
  Json json_;
};

const char* BirthName(const Observer::Birth& birth, bool first) {
  switch (birth.event) {
    case kEventFork:
      return "fork";
    case kEventVfork:
      return "vfork";
    case kEventClone:
      return "clone";
    default:
      return first ? "program" : "orphan";
  }
}

void AddSigInfo(const siginfo_t& info, Line* line) {
  line->Add("si_code", SiCodeName(info.si_signo, info.si_code));
  const bool fault = info.si_signo == SIGSEGV || info.si_signo == SIGBUS || info.si_signo == SIGILL ||
                     info.si_signo == SIGFPE || info.si_signo == SIGTRAP;
  if (info.si_code <= 0 || info.si_signo == SIGCHLD) {
    line->Add("si_pid", info.si_pid);
  } else if (fault && info.si_code < SI_KERNEL) {
    line->Add("si_addr", Hex(reinterpret_cast<uint64_t>(info.si_addr)));
  }
}

int64_t Microseconds(const struct timeval& time) {
  return static_cast<int64_t>(time.tv_sec) * 1000000 + time.tv_usec;
}

}  // namespace

void JsonLog::Start(const Run& run) {
  Line line("start", &source_, &sink_);
  line.Add("schema", kSchema)
      .Add("nestrace", kVersion)
      .Add("realtime", source_.RealTime())
      .Add("supervisor", run.supervisor)
      .Add("argv", run.argv)
      .Add("nesting", run.nesting);
}

void JsonLog::End(int exit_status, const std::string& meaning) {
  Line line("end", &source_, &sink_);
  line.Add("exit_status", exit_status).Add("meaning", meaning);
}

void JsonLog::OnBirth(const Birth& birth) {
  Line line("birth", &source_, &sink_);
  line.Add("tid", birth.tid).Add("tgid", birth.tgid).Add("how", BirthName(birth, first_birth_));
  if (birth.parent.value != 0) line.Add("parent", birth.parent);
  first_birth_ = false;
}

void JsonLog::OnExec(const Exec& exec) {
  const ProgramImage image = source_.Image(exec.tid);
  Line line("exec", &source_, &sink_);
  line.Add("tid", exec.tid).Add("old_tid", exec.old_tid).Add("path", image.path).Add("argv", image.argv);
  if (image.cut) line.Add("cut", true);
}

void JsonLog::OnExit(const Exit& exit) {
  Line line("exit", &source_, &sink_);
  line.Add("tid", exit.tid)
      .AddStatus(exit.info->status)
      .Add("user_time", Microseconds(exit.info->usage.ru_utime))
      .Add("system_time", Microseconds(exit.info->usage.ru_stime))
      .Add("max_rss", exit.info->usage.ru_maxrss);
}

void JsonLog::OnReaped(Tid tid) { Line("reaped", &source_, &sink_).Add("tid", tid); }

void JsonLog::OnStop(const Stop& stop) {
  Line("stop", &source_, &sink_).Add("tid", stop.tid).AddStatus((stop.code << 8) | 0x7f);
}

void JsonLog::OnReport(const Report& report) {
  Line line("report", &source_, &sink_);
  line.Add("tracer", report.tracer).Add("tracee", report.tracee).AddStatus(report.status);
  if (report.has_message) line.Add("message", report.message);
  if (report.info != nullptr) AddSigInfo(*report.info, &line);
}

void JsonLog::OnTaken(const Taken& taken) {
  Line line("taken", &source_, &sink_);
  line.Add("caller", taken.caller)
      .Add("tracee", taken.tracee)
      .AddStatus(taken.status)
      .Add("left", taken.left);
}

void JsonLog::OnResume(const Resume& resume) {
  Line line("resume", &source_, &sink_);
  line.Add("tid", resume.tid)
      .Add("request", RequestName(resume.request))
      .Add("signal", SignalName(resume.signal));
}

void JsonLog::OnKick(Tid tid) { Line("kick", &source_, &sink_).Add("tid", tid); }

void JsonLog::OnSignal(const Signal& signal) {
  Line line("signal", &source_, &sink_);
  line.Add("tid", signal.tid)
      .Add("to", signal.process ? "process" : "thread")
      .Add("signal", SignalName(signal.signal))
      .Add("si_code", SiCodeName(signal.signal, signal.code));
}

void JsonLog::OnAttached(const Attached& attached) {
  Line line("attach", &source_, &sink_);
  line.Add("tracer", attached.tracer)
      .Add("tracee", attached.tracee)
      .Add("how", LinkOriginName(attached.origin))
      .Add("seized", attached.seized)
      .Add("options", OptionNames(attached.options))
      .Add("outer", attached.outer)
      .Add("inner", attached.inner);
}

void JsonLog::OnDetached(const Detached& detached) {
  Line line("detach", &source_, &sink_);
  line.Add("tracer", detached.tracer).Add("tracee", detached.tracee).Add("why", LinkEndName(detached.reason));
}

void JsonLog::OnCall(const Call& call) {
  const Notification& n = *call.call;
  const bool ptrace = IsPtraceCall(n);
  Line line(ptrace ? "request" : "wait", &source_, &sink_);
  line.Add("caller", n.tid).Add("abi", n.abi == Abi::kX86_64 ? "x86_64" : "i386");
  if (ptrace) {
    const PtraceArguments args = DecodePtrace(n);
    line.Add("request", RequestName(args.request)).Add("pid", args.pid);
    if (call.target.value != 0) line.Add("target", call.target);
    line.Add("addr", Hex(args.addr)).Add("data", Hex(args.data));
    if (!args.detail.empty()) line.Add(args.detail.c_str(), args.detail_value);
  } else {
    const WaitArguments args = DecodeWait(n);
    line.Add("call", CallName(n.abi, n.nr));
    if (args.waitid) line.Add("id_type", args.id_type);
    line.Add("id", args.id).Add("flags", args.flags);
  }
  line.Add("road", RoadName(call.road));
  if (HasResult(call.road)) line.AddResult(call.result);
}

}  // namespace nestrace
