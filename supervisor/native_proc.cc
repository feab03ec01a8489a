#include "supervisor/native_proc.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "supervisor/guest_identity.h"
#include "supervisor/path_descriptor.h"
#include "supervisor/supervisor.h"
#include "supervisor/thread_status.h"

namespace nestrace {
namespace {

using absl::string_view;

constexpr char kStatus[] = "status";
constexpr char kStateField[] = "\nState:\t";
constexpr char kStat[] = "stat";

string_view LastComponent(string_view path) { return path.substr(path.rfind('/') + 1); }

// The thread of "/proc/PID/NAME" or "/proc/PID/task/TID/NAME", wherever procfs is mounted; 0 if it is none.
ProcId ThreadOf(string_view path) {
  const std::vector<string_view> parts = absl::StrSplit(path, '/');
  pid_t number = 0;
  if (parts.size() < 3 || !absl::SimpleAtoi(parts[parts.size() - 2], &number)) return {};
  return ProcId{number};
}

// Replaces what follows "NAME:" and its white space in the line that begins so.
void SetField(std::string* text, string_view name, string_view value) {
  const std::string head = absl::StrCat("\n", name, ":");
  size_t at = text->find(head);
  if (at == std::string::npos) return;
  at = text->find_first_not_of(" \t", at + head.size());
  if (at != std::string::npos) text->replace(at, text->find('\n', at) - at, value.data(), value.size());
}

// The letter of proc(5) for a thread that has the letter `state`.
char StateOf(char state, const Emulator::Appearance& shown) {
  if (shown.state != 0) return shown.state;
  return state == 't' && !shown.stopped ? 'R' : state;
}

UniqueFd FileWith(const std::string& text) {
  const UniqueFd file(memfd_create(kStatus, MFD_CLOEXEC));
  if (!file.ok() || write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    return UniqueFd();
  }
  return UniqueFd(open(PathOfDescriptor(file.get()).c_str(), O_RDONLY | O_CLOEXEC));
}

}  // namespace

std::string NativeStatus(const std::string& text, const Emulator::Appearance& shown, pid_t tracer) {
  std::string native = text;
  SetField(&native, "TracerPid", absl::StrCat(tracer));
  if (const int64_t filters = FindNumber(native, "Seccomp_filters").value_or(0); filters > 0) {
    SetField(&native, "Seccomp_filters", absl::StrCat(shown.strict ? 0 : filters - 1));
    if (shown.strict || filters == 1) SetField(&native, "Seccomp", shown.strict ? "1" : "0");
  }
  const size_t state = native.find(kStateField);
  const char letter = state == std::string::npos ? 0 : native[state + strlen(kStateField)];
  const char native_letter = StateOf(letter, shown);
  if (native_letter == letter) return native;
  SetField(&native, "State", native_letter == 'R' ? "R (running)" : "T (stopped)");
  return native;
}

std::string NativeStat(const std::string& text, const Emulator::Appearance& shown) {
  std::string native = text;
  const size_t state = native.rfind(") ") + 2;  // behind the name, which may hold anything
  if (state < native.size()) native[state] = StateOf(native[state], shown);
  return native;
}

absl::StatusOr<NativeProc> NativeProc::Open() {
  absl::StatusOr<GuestFiles> files = GuestFiles::Open();
  if (!files.ok()) return files.status();
  return NativeProc(*std::move(files));
}

void NativeProc::set_supervisor(const Supervisor* supervisor) {
  supervisor_ = supervisor;
  files_.set_more_guests([supervisor](Tid tid) { return supervisor->AppearanceOf(tid).has_value(); });
}

std::string NativeProc::TextFor(Tid reader, const GuestFiles::Found& found) const {
  std::string path, text;
  if (!found.object.ok() || !IsProc(found.object.get()) || ReadLinkText(AT_FDCWD, found.Path(), &path) < 0) {
    return "";
  }
  const ProcFs& proc = files_.proc();
  const Tid tid = proc.TidOf(ThreadOf(path));
  std::optional<Emulator::Appearance> shown = supervisor_->AppearanceOf(tid);
  const string_view name = LastComponent(path);
  if (!shown.has_value() || (name != kStatus && name != kStat)) return "";
  const UniqueFd file(open(found.Path().c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.ok() || !ReadAll(file.get(), &text)) return "";
  if (tid == reader) shown->state = 'R';  // it sleeps, since we answer it
  if (name == kStat) return NativeStat(text, *shown);
  return NativeStatus(text, *shown, shown->tracer.value == 0 ? 0 : proc.IdOf(shown->tracer).value);
}

absl::StatusOr<Decision> NativeProc::OnCall(Call* call) {
  const bool at = call->name() == "openat";
  const uint64_t flags = call->arg(at ? 2 : 1);
  if (supervisor_ == nullptr || (flags & (O_ACCMODE | O_PATH | O_DIRECTORY | O_CREAT)) != O_RDONLY) {
    return Decision::Run();
  }
  std::string path;
  if (const long error = call->ReadPath(call->arg(at ? 1 : 0), &path); error < 0) return Decision::Run();
  const string_view name = LastComponent(path);
  if (name != kStatus && name != kStat) return Decision::Run();

  const ActAs act(files_.proc(), files_.own(), call->tid());
  if (act.error() < 0) return Decision::Run();
  GuestFiles::FindOptions options;
  options.follow = (flags & O_NOFOLLOW) == 0;
  GuestFiles::Found found;
  const int directory = at ? static_cast<int>(call->arg(0)) : AT_FDCWD;
  if (files_.Find(call->tid(), directory, path, options, &found) < 0) return Decision::Run();
  const std::string text = TextFor(call->tid(), found);
  UniqueFd file = text.empty() ? UniqueFd() : FileWith(text);
  if (!file.ok()) return Decision::Run();
  return Decision::Give(std::move(file), (flags & O_CLOEXEC) != 0);
}

}  // namespace nestrace
