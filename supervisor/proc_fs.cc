#include "supervisor/proc_fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace nestrace {
namespace {

// Linux 6.9, <linux/pidfd.h>.
constexpr unsigned kPidfdThread = O_EXCL;

}  // namespace

bool ReadAll(int fd, std::string* text) {
  size_t filled = 0;
  text->resize(4096);
  for (;;) {
    const ssize_t got = read(fd, text->data() + filled, text->size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return false;
    if (got == 0) break;
    filled += got;
    if (filled == text->size()) text->resize(2 * filled);
  }
  text->resize(filled);
  return true;
}

std::vector<pid_t> NumbersIn(int directory) {
  std::vector<pid_t> numbers;
  UniqueFd own(openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  DIR* stream = own.ok() ? fdopendir(own.get()) : nullptr;
  if (stream == nullptr) return numbers;
  own.Release();
  absl::Cleanup close = [stream] { closedir(stream); };
  while (const dirent* entry = readdir(stream)) {
    pid_t number;
    if (absl::SimpleAtoi(entry->d_name, &number)) numbers.push_back(number);
  }
  return numbers;
}

UniqueFd OpenPidfd(Tid tid) {
  const long fd = syscall(SYS_pidfd_open, tid.value, kPidfdThread);
  if (fd >= 0 || errno != EINVAL) return UniqueFd(static_cast<int>(fd));
  return UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, tid.value, 0)));
}

absl::StatusOr<ProcFs> ProcFs::Open() {
  ProcFs proc;
  proc.root_ = UniqueFd(open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!proc.root_.ok()) return absl::ErrnoToStatus(errno, "open(\"/proc\")");
  std::string text;
  if (!proc.ReadPath("self/status", &text)) {
    return absl::ErrnoToStatus(errno,
                               "/proc is not mounted or does not show this process: "
                               "open(\"/proc/self/status\")");
  }
  const std::optional<ThreadStatus> self = ParseThreadStatus(text);
  if (!self.has_value()) return absl::InternalError("/proc/self/status: no Tgid or NSpid in it");
  proc.outer_levels_ = self->nspid.size() - 1;
  struct stat status;
  if (fstatat(proc.root_.get(), "self/ns/user", &status, 0) == 0) proc.own_user_namespace_ = status.st_ino;
  return proc;
}

ProcId ProcFs::IdOf(Tid tid) const {
  if (outer_levels_ == 0) return ProcId{tid.value};
  const UniqueFd pidfd = OpenPidfd(tid);
  std::string text;
  if (!pidfd.ok() || !ReadOwnFdInfo(pidfd.get(), &text)) return ProcId{};
  const int64_t number = FindNumber(text, "Pid").value_or(0);
  return ProcId{number > 0 ? static_cast<pid_t>(number) : 0};
}

Tid ProcFs::TidOf(ProcId id) const {
  if (outer_levels_ == 0) return Tid{id.value};
  const std::optional<ThreadStatus> status = Status(id);
  if (!status.has_value()) return Tid{};
  // As deep as the supervisor's namespace, but is it that one? Only then does the way back lead to `id`.
  const Tid tid{OwnNumber(status->nspid)};
  return tid.value != 0 && IdOf(tid).value == id.value ? tid : Tid{};
}

pid_t ProcFs::OwnNumber(const std::vector<pid_t>& nspid) const {
  return nspid.size() > outer_levels_ ? nspid[outer_levels_] : 0;
}

bool ProcFs::MapsLikeOwn(ProcId id) const {
  for (const char* name : {"uid_map", "gid_map"}) {
    std::string map, own;
    if (!Read(id, name, &map) || !ReadPath(absl::StrCat("self/", name), &own) || map != own) return false;
  }
  return true;
}

UniqueFd ProcFs::OpenUserNamespace(ProcId id) const {
  UniqueFd file = OpenFile(id, "ns/user", O_RDONLY);
  if (file.ok() || !MapsLikeOwn(id)) return file;
  return UniqueFd(openat(root_.get(), "self/ns/user", O_RDONLY | O_CLOEXEC));
}

uint64_t ProcFs::UserNamespace(ProcId id) const {
  struct stat status;
  if (id.value <= 0) return 0;
  if (fstatat(root_.get(), absl::StrCat(id.value, "/ns/user").c_str(), &status, 0) == 0) return status.st_ino;
  return MapsLikeOwn(id) ? own_user_namespace_ : 0;
}

UniqueFd ProcFs::OpenFile(ProcId id, absl::string_view name, int flags) const {
  if (id.value <= 0) {
    errno = ENOENT;
    return UniqueFd();
  }
  return UniqueFd(openat(root_.get(), absl::StrCat(id.value, "/", name).c_str(), flags | O_CLOEXEC));
}

bool ProcFs::Read(ProcId id, absl::string_view name, std::string* text) const {
  const UniqueFd file = OpenFile(id, name, O_RDONLY);
  return file.ok() && ReadAll(file.get(), text);
}

bool ProcFs::ReadPath(const std::string& path, std::string* text) const {
  const UniqueFd file(openat(root_.get(), path.c_str(), O_RDONLY | O_CLOEXEC));
  return file.ok() && ReadAll(file.get(), text);
}

std::vector<pid_t> ProcFs::List(const std::string& path) const {
  return NumbersIn(UniqueFd(openat(root_.get(), path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)).get());
}

std::optional<ThreadStatus> ProcFs::Status(ProcId id) const {
  std::string text;
  if (!Read(id, "status", &text)) return std::nullopt;
  return ParseThreadStatus(text);
}

bool ProcFs::ReadOwnFdInfo(int fd, std::string* text) const {
  return ReadPath(absl::StrCat("self/fdinfo/", fd), text);
}

}  // namespace nestrace
