#include "supervisor/guest_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "supervisor/access.h"
#include "supervisor/path_descriptor.h"

namespace nestrace {
namespace {

constexpr int kMaxDepth = 4096;

// \040 and the like, as mountinfo has them.
std::string Unescape(absl::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      plain.push_back(static_cast<char>(strtol(std::string(text.substr(i + 1, 3)).c_str(), nullptr, 8)));
      i += 3;
    } else {
      plain.push_back(text[i]);
    }
  }
  return plain;
}

// A mapped file, as /proc/PID/maps shows it.
struct Mapping {
  std::string path;
  dev_t device = 0;
  ino_t inode = 0;
};

// One for each file that has a name still.
std::vector<Mapping> ParseMaps(absl::string_view text) {
  std::vector<Mapping> mappings;
  std::set<std::string> seen;
  for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    unsigned major_number = 0, minor_number = 0;
    unsigned long inode = 0;
    const size_t path = line.find('/');
    if (path == absl::string_view::npos || absl::EndsWith(line, " (deleted)")) continue;
    if (sscanf(std::string(line.substr(0, path)).c_str(), "%*s %*s %*s %x:%x %lu", &major_number,
               &minor_number, &inode) != 3) {
      continue;
    }
    Mapping mapping = {std::string(line.substr(path)), makedev(major_number, minor_number), inode};
    if (seen.insert(mapping.path).second) mappings.push_back(std::move(mapping));
  }
  return mappings;
}

bool IsBelow(absl::string_view path, absl::string_view directory) {
  if (directory == "/") return true;
  return absl::StartsWith(path, directory) &&
         (path.size() == directory.size() || path[directory.size()] == '/');
}

}  // namespace

std::string GuestFiles::Found::Path() const { return PathOfDescriptor(object.get()); }

absl::StatusOr<GuestFiles> GuestFiles::Open() {
  absl::StatusOr<ProcFs> proc = ProcFs::Open();
  if (!proc.ok()) return proc.status();
  GuestFiles files(*std::move(proc));
  const ProcId own = files.proc_.IdOf(Tid{gettid()});
  files.tracer_ = own.value;
  std::optional<OwnIdentity> identity = OwnIdentity::Of(files.proc_);
  if (!identity.has_value())
    return absl::InternalError("/proc/self/status or /proc/self/ns/user can't be read");
  files.own_ = *std::move(identity);
  files.root_ = OpenPathAt(AT_FDCWD, "/", O_DIRECTORY);
  if (!files.root_.ok() || fstat(files.root_.get(), &files.root_status_) < 0) {
    return absl::ErrnoToStatus(errno, "open(\"/\")");
  }
  struct stat status;
  const UniqueFd mounts = files.proc_.OpenFile(own, "ns/mnt", O_RDONLY);
  if (!mounts.ok() || fstat(mounts.get(), &status) < 0) {
    return absl::ErrnoToStatus(errno, "open(\"/proc/self/ns/mnt\")");
  }
  files.mount_namespace_ = status.st_ino;
  const UniqueFd proc_root = OpenPathAt(AT_FDCWD, "/proc", O_DIRECTORY);
  if (!proc_root.ok() || fstat(proc_root.get(), &files.proc_status_) < 0 ||
      ReadLinkText(AT_FDCWD, PathOfDescriptor(proc_root.get()), &files.proc_path_) < 0) {
    return absl::ErrnoToStatus(errno, "open(\"/proc\")");
  }
  return files;
}

absl::Status GuestFiles::Hide(const std::string& path) {
  UniqueFd file = OpenPathAt(AT_FDCWD, path, 0);
  struct stat status;
  if (!file.ok() || fstat(file.get(), &status) < 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("open(\"", path, "\")"));
  }
  if (SameFile(status, root_status_)) return absl::InvalidArgumentError("the root can't be hidden");
  absl::Status mounts = HideOtherMounts(file);
  HideFile(status, std::move(file));
  return mounts;
}

// While a descriptor is open, the inode keeps its number on every file system.
void GuestFiles::HideFile(const struct stat& status, UniqueFd file) {
  if (hidden_.insert({status.st_dev, status.st_ino}).second) held_.push_back(std::move(file));
}

// A part of the hidden directory may be mounted somewhere else, on a road that does not pass the directory.
absl::Status GuestFiles::HideOtherMounts(const UniqueFd& file) {
  struct Mount {
    std::string device, root, point;
  };
  std::string text, own_path, own_info;
  if (!proc_.ReadPath("self/mountinfo", &text) || !proc_.ReadOwnFdInfo(file.get(), &own_info) ||
      ReadLinkText(AT_FDCWD, PathOfDescriptor(file.get()), &own_path) < 0) {
    return absl::ErrnoToStatus(errno, "/proc/self/mountinfo");
  }
  const int64_t mount_id = FindNumber(own_info, "mnt_id").value_or(-1);
  std::vector<Mount> mounts;
  Mount own;
  for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    const std::vector<absl::string_view> fields = absl::StrSplit(line, ' ');
    int64_t id;
    if (fields.size() < 5 || !absl::SimpleAtoi(fields[0], &id)) continue;
    mounts.push_back({std::string(fields[2]), Unescape(fields[3]), Unescape(fields[4])});
    if (id == mount_id) own = mounts.back();
  }
  if (own.device.empty()) return absl::InternalError("/proc/self/mountinfo does not show a mount");
  // The hidden directory as a path of its file system.
  const std::string below = own_path.substr(own.point == "/" ? 0 : own.point.size());
  const std::string inner = own.root == "/" ? below : own.root + below;
  for (const Mount& mount : mounts) {
    if (mount.device != own.device || !IsBelow(mount.root, inner)) continue;
    struct stat status;
    UniqueFd root = OpenPathAt(AT_FDCWD, mount.point, 0);
    if (root.ok() && fstat(root.get(), &status) == 0 && !SameFile(status, root_status_)) {
      HideFile(status, std::move(root));
    }
  }
  return absl::OkStatus();
}

// From `directory` up to the root. Guests can rename neither what is hidden nor anything below it, so that
// this part of the way stands still.
bool GuestFiles::DirectoryIsBelow(UniqueFd directory) const {
  struct stat status, last = {};
  for (int depth = 0; depth < kMaxDepth; ++depth) {
    if (!directory.ok() || fstat(directory.get(), &status) < 0) return true;
    if (IsHidden(status)) return true;
    if (SameFile(status, root_status_) || (depth > 0 && SameFile(status, last))) return false;
    last = status;
    UniqueFd parent = OpenPathAt(directory.get(), "..", O_DIRECTORY);
    // A directory that may not be searched: its own name tells.
    if (!parent.ok() && errno == EACCES) {
      std::string path;
      if (ReadLinkText(AT_FDCWD, PathOfDescriptor(directory.get()), &path) < 0) return true;
      parent = OpenPathAt(AT_FDCWD, path.substr(0, std::max<size_t>(path.rfind('/'), 1)), O_DIRECTORY);
    }
    directory = std::move(parent);
  }
  return true;
}

// `fd` is of a proc file system: is it in the directory of a process that is no guest? A descriptor of such a
// directory, or a working directory in it, is won in a race at best.
bool GuestFiles::IsOfOtherProcess(int fd, const struct stat& status) const {
  std::string path;
  if (status.st_dev != proc_status_.st_dev || ReadLinkText(AT_FDCWD, PathOfDescriptor(fd), &path) < 0)
    return true;
  if (!IsBelow(path, proc_path_)) return true;
  const std::vector<absl::string_view> names =
      absl::StrSplit(absl::string_view(path).substr(proc_path_.size()), '/', absl::SkipEmpty());
  int32_t number;
  return !names.empty() && absl::SimpleAtoi(names[0], &number) && !IsGuest(ProcId{number});
}

// A file without a name, that was at `path`: is the last of the directories on the way there that still
// exists hidden? True if something was renamed meanwhile.
bool GuestFiles::DeletedIsBelow(int fd, const std::string& path) const {
  std::string directory_path = path, path_now;
  UniqueFd directory;
  while (!directory.ok() && directory_path.size() > 1) {
    directory_path.resize(std::max<size_t>(directory_path.rfind('/'), 1));
    directory = OpenPathAt(AT_FDCWD, directory_path, O_DIRECTORY);
    if (!directory.ok() && errno != ENOENT && errno != ENOTDIR) return true;
  }
  if (DirectoryIsBelow(std::move(directory))) return true;
  return ReadLinkText(AT_FDCWD, PathOfDescriptor(fd), &path_now) < 0 || path_now != path;
}

bool GuestFiles::Hides(int fd) const {
  constexpr int kRetries = 8;
  struct stat status;
  if (fstat(fd, &status) < 0 || IsHidden(status)) return true;
  if (IsProc(fd)) return IsOfOtherProcess(fd, status);
  if (S_ISDIR(status.st_mode)) return DirectoryIsBelow(UniqueFd(fcntl(fd, F_DUPFD_CLOEXEC, 0)));
  for (int i = 0; i < kRetries; ++i) {
    std::string path;
    if (ReadLinkText(AT_FDCWD, PathOfDescriptor(fd), &path) < 0) return true;
    if (path[0] != '/') return absl::StartsWith(path, "(unreachable)");  // else a pipe, a socket, ...
    if (absl::StartsWith(path, "/memfd:") || absl::StartsWith(path, "/dev/zero (deleted)")) return false;
    if (status.st_nlink == 0) return DeletedIsBelow(fd, path);
    const size_t slash = path.rfind('/');
    UniqueFd directory = OpenPathAt(AT_FDCWD, path.substr(0, std::max<size_t>(slash, 1)), O_DIRECTORY);
    // Is it still there? Something may have been renamed since.
    struct stat entry;
    if (!directory.ok() ||
        fstatat(directory.get(), path.c_str() + slash + 1, &entry, AT_SYMLINK_NOFOLLOW) < 0 ||
        !SameFile(entry, status)) {
      continue;
    }
    return DirectoryIsBelow(std::move(directory));
  }
  return true;
}

// Is the thread on its way into a new program, of which not everything is mapped yet? The kernel notes where
// the code is (field 26, 0 until then) when all is (fs/binfmt_elf.c:load_elf_binary).
bool GuestFiles::IsInExec(ProcId id) const {
  constexpr size_t kStartCode = 26 - 3;  // behind the name, which is in brackets
  std::string text;
  if (!proc_.Read(id, "stat", &text)) return true;
  const size_t end_of_name = text.rfind(") ");
  if (end_of_name == std::string::npos) return true;
  const std::vector<absl::string_view> fields =
      absl::StrSplit(absl::string_view(text).substr(end_of_name + 2), ' ');
  return fields.size() <= kStartCode || fields[kStartCode] == "0";
}

// A new program has mapped itself and, if it is an ELF file, its interpreter. The program is known by
// /proc/PID/exe. The interpreter is known by name, and so that nothing can be renamed into its place, by
// device and inode: unless the file system shows others in maps than in stat(2), as the program's own line
// tells.
bool GuestFiles::RunsHidden(ProcId id) const {
  struct stat status;
  const UniqueFd program = proc_.OpenFile(id, "exe", O_PATH);
  std::string program_path, text;
  if (!program.ok() || fstat(program.get(), &status) < 0 || Hides(program.get()) ||
      ReadLinkText(AT_FDCWD, PathOfDescriptor(program.get()), &program_path) < 0 ||
      !proc_.Read(id, "maps", &text)) {
    return true;
  }
  const auto shows = [](const Mapping& mapping, const struct stat& file) {
    return mapping.inode == file.st_ino && mapping.device == file.st_dev;
  };
  const std::vector<Mapping> mappings = ParseMaps(text);
  const bool strict = std::any_of(mappings.begin(), mappings.end(),
                                  [&](const Mapping& mapping) { return shows(mapping, status); });
  for (const Mapping& mapping : mappings) {
    if (mapping.path == program_path) continue;
    const UniqueFd file = OpenPathAt(AT_FDCWD, mapping.path, 0);
    if (!file.ok() || fstat(file.get(), &status) < 0 || Hides(file.get())) return true;
    if (strict && !shows(mapping, status)) return true;
  }
  return false;
}

long GuestFiles::CheckMemory(Tid tid, int fd) const {
  std::string path;
  if (!IsProc(fd)) return 0;
  if (ReadLinkText(AT_FDCWD, PathOfDescriptor(fd), &path) < 0) return -EACCES;
  // /proc/PID/mem or /proc/PID/task/TID/mem; the kernel adds something to the name if the process is gone.
  const std::vector<absl::string_view> names = absl::StrSplit(path, '/', absl::SkipEmpty());
  int32_t number;
  if (names.size() < 2 || !absl::StartsWith(names.back(), "mem") ||
      !absl::SimpleAtoi(names[names.size() - 2], &number)) {
    return 0;
  }
  if (names.back() != "mem") return absl::StartsWith(names.back(), "mem ") ? -ESRCH : 0;
  const ProcId process{number};
  const std::optional<ThreadStatus> own = proc_.Status(proc_.IdOf(tid)), other = proc_.Status(process);
  if (!own.has_value() || !other.has_value()) return -ESRCH;
  if (own->tgid != other->tgid && MayAttach(proc_, tid, proc_.TidOf(process)) != 0) return -EACCES;
  // It may be executing something hidden just now, for which it is about to be killed.
  return IsInExec(process) || RunsHidden(process) ? -ENOENT : 0;
}

UniqueFd GuestFiles::Descriptor(Tid tid, int fd) const {
  const UniqueFd guest = OpenPidfd(tid);
  return UniqueFd(static_cast<int>(syscall(SYS_pidfd_getfd, guest.get(), fd, 0)));
}

bool GuestFiles::SameView(ProcId id) const {
  struct stat mounts, root;
  const UniqueFd mount_namespace = proc_.OpenFile(id, "ns/mnt", O_RDONLY);
  const UniqueFd root_fd = proc_.OpenFile(id, "root", O_PATH | O_DIRECTORY);
  return mount_namespace.ok() && fstat(mount_namespace.get(), &mounts) == 0 && root_fd.ok() &&
         fstat(root_fd.get(), &root) == 0 && mounts.st_ino == mount_namespace_ &&
         SameFile(root, root_status_);
}

bool GuestFiles::IsGuest(ProcId id) const {
  std::string text;
  if (proc_.Read(id, "status", &text) && FindNumber(text, "TracerPid") == tracer_) return true;
  return more_guests_ && more_guests_(proc_.TidOf(id));
}

}  // namespace nestrace
