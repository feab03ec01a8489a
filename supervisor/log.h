// Logs of a run: an Observer that writes what it is told, as JSON lines for programs (schema: LOG.md) or as
// text for people.
//
//   absl::StatusOr<LinuxLogSource> source = LinuxLogSource::Open();
//   JsonLog log([&](absl::string_view line) { writer.Write(line); }, &*source);
//   log.Start({argv, nesting});
//   options.emulator.observer = &log;
//   ... supervisor->Run();
//   log.End(result.ExitCode(), result.ToString());

#ifndef NESTRACE_SUPERVISOR_LOG_H_
#define NESTRACE_SUPERVISOR_LOG_H_

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "emu/observer.h"
#include "emu/types.h"
#include "supervisor/proc_fs.h"

namespace nestrace {

// The program that a thread has just executed, as /proc tells. Everything empty: it does not tell.
struct ProgramImage {
  std::string path;
  std::vector<std::string> argv;
  bool cut = false;  // there is more than the first 4096 bytes of argv
};

// Where a log gets what events don't say; a test has its own.
class LogSource {
 public:
  virtual ~LogSource() = default;
  virtual int64_t Monotonic() = 0;  // microseconds of CLOCK_MONOTONIC
  virtual int64_t RealTime() = 0;   // microseconds since the epoch
  virtual ProgramImage Image(Tid tid) = 0;
};

class LinuxLogSource : public LogSource {
 public:
  static absl::StatusOr<LinuxLogSource> Open();
  int64_t Monotonic() override;
  int64_t RealTime() override;
  ProgramImage Image(Tid tid) override;

 private:
  explicit LinuxLogSource(ProcFs proc) : proc_(std::move(proc)) {}
  ProcFs proc_;
};

class Log : public Observer {
 public:
  // Gets each line with its newline.
  using Sink = std::function<void(absl::string_view line)>;

  struct Run {
    std::vector<std::string> argv;
    bool nesting = true;
    pid_t supervisor = 0;
  };
  // Before all events, and behind them.
  virtual void Start(const Run& run) = 0;
  // How PROGRAM ended, or nestrace failed: the exit status of nestrace, and what it means in words.
  virtual void End(int exit_status, const std::string& meaning) = 0;
};

// One JSON object a line. Bytes that are not UTF-8 become U+FFFD.
class JsonLog : public Log {
 public:
  static constexpr int kSchema = 1;

  // `source` must outlive the log.
  JsonLog(Sink sink, LogSource* source) : sink_(std::move(sink)), source_(*source) {}

  void Start(const Run& run) override;
  void End(int exit_status, const std::string& meaning) override;

  void OnBirth(const Birth& birth) override;
  void OnExec(const Exec& exec) override;
  void OnExit(const Exit& exit) override;
  void OnReaped(Tid tid) override;
  void OnStop(const Stop& stop) override;
  void OnReport(const Report& report) override;
  void OnTaken(const Taken& taken) override;
  void OnResume(const Resume& resume) override;
  void OnKick(Tid tid) override;
  void OnSignal(const Signal& signal) override;
  void OnAttached(const Attached& attached) override;
  void OnDetached(const Detached& detached) override;
  void OnCall(const Call& call) override;

 private:
  Sink sink_;
  LogSource& source_;
  bool first_birth_ = true;
};

// A line for each event; threads have the names of their programs: "strace(7064) <- app(7177): SIGUSR1".
// Times are seconds since the start.
class VerboseLog : public Log {
 public:
  VerboseLog(Sink sink, LogSource* source) : sink_(std::move(sink)), source_(*source) {}

  void Start(const Run& run) override;
  void End(int exit_status, const std::string& meaning) override;

  void OnBirth(const Birth& birth) override;
  void OnExec(const Exec& exec) override;
  void OnExit(const Exit& exit) override;
  void OnReaped(Tid tid) override;
  void OnStop(const Stop& stop) override;
  void OnReport(const Report& report) override;
  void OnTaken(const Taken& taken) override;
  void OnResume(const Resume& resume) override;
  void OnKick(Tid tid) override;
  void OnSignal(const Signal& signal) override;
  void OnAttached(const Attached& attached) override;
  void OnDetached(const Detached& detached) override;
  void OnCall(const Call& call) override;

 private:
  void Write(absl::string_view text);
  std::string Named(Tid tid) const;

  Sink sink_;
  LogSource& source_;
  int64_t start_ = 0;
  absl::flat_hash_map<Tid, std::string> programs_;
};

// Passes everything on to several logs.
class Logs : public Log {
 public:
  void Add(std::unique_ptr<Log> log) { logs_.push_back(std::move(log)); }
  bool empty() const { return logs_.empty(); }

  void Start(const Run& run) override {
    for (const auto& log : logs_) log->Start(run);
  }
  void End(int exit_status, const std::string& meaning) override {
    for (const auto& log : logs_) log->End(exit_status, meaning);
  }
  void OnBirth(const Birth& birth) override { Tell(&Observer::OnBirth, birth); }
  void OnExec(const Exec& exec) override { Tell(&Observer::OnExec, exec); }
  void OnExit(const Exit& exit) override { Tell(&Observer::OnExit, exit); }
  void OnReaped(Tid tid) override { Tell(&Observer::OnReaped, tid); }
  void OnStop(const Stop& stop) override { Tell(&Observer::OnStop, stop); }
  void OnReport(const Report& report) override { Tell(&Observer::OnReport, report); }
  void OnTaken(const Taken& taken) override { Tell(&Observer::OnTaken, taken); }
  void OnResume(const Resume& resume) override { Tell(&Observer::OnResume, resume); }
  void OnKick(Tid tid) override { Tell(&Observer::OnKick, tid); }
  void OnSignal(const Signal& signal) override { Tell(&Observer::OnSignal, signal); }
  void OnAttached(const Attached& attached) override { Tell(&Observer::OnAttached, attached); }
  void OnDetached(const Detached& detached) override { Tell(&Observer::OnDetached, detached); }
  void OnCall(const Call& call) override { Tell(&Observer::OnCall, call); }

 private:
  template <typename Function, typename Event>
  void Tell(Function function, const Event& event) {
    for (const auto& log : logs_) (log.get()->*function)(event);
  }
  std::vector<std::unique_ptr<Log>> logs_;
};

}  // namespace nestrace

#endif  // NESTRACE_SUPERVISOR_LOG_H_
