#include "supervisor/guest_files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "supervisor/access.h"

namespace nestrace {
namespace {

constexpr int kMaxLinks = 40;  // MAXSYMLINKS
constexpr int kMaxDepth = 4096;
constexpr ino_t kProcRoot = 1;  // PROC_ROOT_INO

UniqueFd OpenAt(int directory, const std::string& name, int flags) {
  return UniqueFd(openat(directory, name.c_str(), O_PATH | O_CLOEXEC | flags));
}

bool IsProc(int fd) {
  struct statfs status;
  return fstatfs(fd, &status) == 0 && status.f_type == PROC_SUPER_MAGIC;
}

long ReadLink(int directory, const std::string& name, std::string* text) {
  char bytes[PATH_MAX];
  const ssize_t size = readlinkat(directory, name.c_str(), bytes, sizeof(bytes));
  if (size < 0) return -errno;
  text->assign(bytes, size);
  return 0;
}

std::string OwnPath(int fd) { return absl::StrCat("/proc/self/fd/", fd); }

bool SameFile(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

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

std::string GuestFiles::Found::Path() const { return OwnPath(object.get()); }

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
  files.root_ = OpenAt(AT_FDCWD, "/", O_DIRECTORY);
  if (!files.root_.ok() || fstat(files.root_.get(), &files.root_status_) < 0) {
    return absl::ErrnoToStatus(errno, "open(\"/\")");
  }
  struct stat status;
  const UniqueFd mounts = files.proc_.OpenFile(own, "ns/mnt", O_RDONLY);
  if (!mounts.ok() || fstat(mounts.get(), &status) < 0) {
    return absl::ErrnoToStatus(errno, "open(\"/proc/self/ns/mnt\")");
  }
  files.mount_namespace_ = status.st_ino;
  const UniqueFd proc_root = OpenAt(AT_FDCWD, "/proc", O_DIRECTORY);
  if (!proc_root.ok() || fstat(proc_root.get(), &files.proc_status_) < 0 ||
      ReadLink(AT_FDCWD, OwnPath(proc_root.get()), &files.proc_path_) < 0) {
    return absl::ErrnoToStatus(errno, "open(\"/proc\")");
  }
  return files;
}

absl::Status GuestFiles::Hide(const std::string& path) {
  UniqueFd file = OpenAt(AT_FDCWD, path, 0);
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
      ReadLink(AT_FDCWD, OwnPath(file.get()), &own_path) < 0) {
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
    UniqueFd root = OpenAt(AT_FDCWD, mount.point, 0);
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
    UniqueFd parent = OpenAt(directory.get(), "..", O_DIRECTORY);
    // A directory that may not be searched: its own name tells.
    if (!parent.ok() && errno == EACCES) {
      std::string path;
      if (ReadLink(AT_FDCWD, OwnPath(directory.get()), &path) < 0) return true;
      parent = OpenAt(AT_FDCWD, path.substr(0, std::max<size_t>(path.rfind('/'), 1)), O_DIRECTORY);
    }
    directory = std::move(parent);
  }
  return true;
}

// `fd` is of a proc file system: is it in the directory of a process that is no guest? A descriptor of such a
// directory, or a working directory in it, is won in a race at best.
bool GuestFiles::IsOfOtherProcess(int fd, const struct stat& status) const {
  std::string path;
  if (status.st_dev != proc_status_.st_dev || ReadLink(AT_FDCWD, OwnPath(fd), &path) < 0) return true;
  if (!IsBelow(path, proc_path_)) return true;
  const std::vector<absl::string_view> names =
      absl::StrSplit(absl::string_view(path).substr(proc_path_.size()), '/', absl::SkipEmpty());
  int32_t number;
  return !names.empty() && absl::SimpleAtoi(names[0], &number) && !IsGuest(ProcId{number});
}

bool GuestFiles::Hides(int fd) const {
  constexpr int kRetries = 8;
  struct stat status;
  if (fstat(fd, &status) < 0 || IsHidden(status)) return true;
  if (IsProc(fd)) return IsOfOtherProcess(fd, status);
  if (S_ISDIR(status.st_mode)) return DirectoryIsBelow(UniqueFd(fcntl(fd, F_DUPFD_CLOEXEC, 0)));
  for (int i = 0; i < kRetries; ++i) {
    std::string path;
    if (ReadLink(AT_FDCWD, OwnPath(fd), &path) < 0) return true;
    if (path[0] != '/') return absl::StartsWith(path, "(unreachable)");  // else a pipe, a socket, ...
    if (absl::StartsWith(path, "/memfd:") || absl::StartsWith(path, "/dev/zero (deleted)")) return false;
    const size_t slash = path.rfind('/');
    UniqueFd directory = OpenAt(AT_FDCWD, path.substr(0, std::max<size_t>(slash, 1)), O_DIRECTORY);
    if (status.st_nlink == 0) return directory.ok() && DirectoryIsBelow(std::move(directory));
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

// A new program has mapped itself and, if it is an ELF file, its interpreter. The program is known by
// /proc/PID/exe. The interpreter is known by name, and so that nothing can be renamed into its place, by
// device and inode: unless the file system shows others in maps than in stat(2), as the program's own line
// tells.
bool GuestFiles::RunsHidden(ProcId id) const {
  struct stat status;
  const UniqueFd program = proc_.OpenFile(id, "exe", O_PATH);
  std::string program_path, text;
  if (!program.ok() || fstat(program.get(), &status) < 0 || Hides(program.get()) ||
      ReadLink(AT_FDCWD, OwnPath(program.get()), &program_path) < 0 || !proc_.Read(id, "maps", &text)) {
    return true;
  }
  const auto shows = [](const Mapping& mapping, const struct stat& file) {
    return mapping.inode == file.st_ino && mapping.device == file.st_dev;
  };
  const std::vector<Mapping> mappings = ParseMaps(text);
  const bool strict = std::any_of(mappings.begin(), mappings.end(), [&](const Mapping& mapping) {
    return mapping.path == program_path && shows(mapping, status);
  });
  for (const Mapping& mapping : mappings) {
    if (mapping.path == program_path) continue;
    const UniqueFd file = OpenAt(AT_FDCWD, mapping.path, 0);
    if (!file.ok() || fstat(file.get(), &status) < 0 || Hides(file.get())) return true;
    if (strict && !shows(mapping, status)) return true;
  }
  return false;
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
  return proc_.Read(id, "status", &text) && FindNumber(text, "TracerPid") == tracer_;
}

// --- one walk.

class FileWalk {
 public:
  FileWalk(const GuestFiles& files, Tid tid, const GuestFiles::FindOptions& options, GuestFiles::Found* found)
      : files_(files),
        proc_(files.proc_),
        tid_(tid),
        id_(proc_.IdOf(tid)),
        options_(options),
        found_(*found) {}

  long Run(int dirfd, const std::string& path) {
    if (path.empty() && !options_.empty_path) return -ENOENT;
    if (!files_.SameView(id_)) return proc_.Status(id_).has_value() ? -EACCES : -ESRCH;
    if (const long error = Begin(dirfd, path); error < 0) return error;
    Push(path);
    while (!todo_.empty()) {
      const std::string name = std::move(todo_.back());
      todo_.pop_back();
      if (const long error = Step(name, todo_.empty()); error < 0) return error;
      if (missing_) return 0;
    }
    return End();
  }

 private:
  long Hidden() {
    found_.hidden = true;
    return -ENOENT;
  }

  // Where the walk starts.
  long Begin(int dirfd, const std::string& path) {
    if (!path.empty() && path[0] == '/') return GoToRoot();
    if (dirfd == AT_FDCWD) {
      current_ = proc_.OpenFile(id_, "cwd", O_PATH | O_DIRECTORY);
    } else {
      current_ = dirfd < 0 ? UniqueFd() : proc_.OpenFile(id_, absl::StrCat("fd/", dirfd), O_PATH);
      if (dirfd < 0) errno = ENOENT;
    }
    if (!current_.ok()) return errno == ENOENT && dirfd != AT_FDCWD ? -EBADF : -errno;
    if (fstat(current_.get(), &status_) < 0) return -errno;
    if (path.empty() && dirfd != AT_FDCWD && !IsPathDescriptor(dirfd)) return 0;
    if (!path.empty() && !S_ISDIR(status_.st_mode)) return -ENOTDIR;
    return files_.Hides(current_.get()) ? Hidden() : 0;
  }

  // A descriptor that was opened for more was given to the guest, by the supervisor or before.
  bool IsPathDescriptor(int fd) const {
    std::string text;
    return !proc_.Read(id_, absl::StrCat("fdinfo/", fd), &text) ||
           (FindNumber(text, "flags", 8).value_or(O_PATH) & O_PATH) != 0;
  }

  long GoToRoot() {
    current_ = UniqueFd(fcntl(files_.root_.get(), F_DUPFD_CLOEXEC, 0));
    return current_.ok() && fstat(current_.get(), &status_) == 0 ? 0 : -errno;
  }

  // The components of `path`, in front of what is still to do.
  void Push(const std::string& path) {
    std::vector<std::string> names = absl::StrSplit(path, '/', absl::SkipEmpty());
    if (todo_.empty() && !path.empty() && path.back() == '/') found_.directory = true;
    if (todo_.empty() && !names.empty() && (names.back() == "." || names.back() == "..")) {
      found_.directory = true;
    }
    todo_.insert(todo_.end(), names.rbegin(), names.rend());
  }

  long Step(const std::string& name, bool last) {
    if (name.size() > NAME_MAX) return -ENAMETOOLONG;
    const bool dots = name == "." || name == "..";
    UniqueFd next = OpenAt(current_.get(), name, dots ? O_DIRECTORY : O_NOFOLLOW);
    if (!next.ok()) {
      if (errno != ENOENT || !last || dots) return -errno;
      missing_ = true;
      found_.parent = std::move(current_);
      found_.name = name;
      return 0;
    }
    struct stat status;
    if (fstat(next.get(), &status) < 0) return -errno;
    const bool in_proc = IsProc(next.get());
    if (S_ISLNK(status.st_mode)) {
      const bool follow = !last || options_.follow || found_.directory;
      if (in_proc && !follow) NoteOwnLink(name);
      if (follow) return in_proc ? FollowInProc(name, last) : Follow(next);
    }
    if (files_.IsHidden(status)) return Hidden();
    if (in_proc) {
      if (const long error = CheckProc(name); error < 0) return error;
    }
    if (dots) {
      found_.parent.Reset();
      found_.name.clear();
    } else {
      found_.parent = std::move(current_);
      found_.name = name;
    }
    current_ = std::move(next);
    status_ = status;
    return 0;
  }

  long CountLink() { return options_.no_symlinks || ++links_ > kMaxLinks ? -ELOOP : 0; }

  long Follow(const UniqueFd& link) {
    std::string text;
    if (const long error = CountLink(); error < 0) return error;
    if (const long error = ReadLink(link.get(), "", &text); error < 0) return error;
    return FollowText(text);
  }

  long FollowText(const std::string& text) {
    if (text.empty()) return -ENOENT;
    if (text[0] == '/') {
      if (const long error = GoToRoot(); error < 0) return error;
      found_.parent.Reset();
      found_.name.clear();
    }
    Push(text);
    return 0;
  }

  bool AtProcRoot() const { return status_.st_ino == kProcRoot && IsProc(current_.get()); }

  // What the guest reads in /proc/self and /proc/thread-self; empty for other links.
  std::string OwnText(const std::string& name) const {
    if (!AtProcRoot()) return "";
    const std::optional<ThreadStatus> status = proc_.Status(id_);
    if (!status.has_value()) return "";
    if (name == "self") return absl::StrCat(status->tgid);
    if (name == "thread-self") return absl::StrCat(status->tgid, "/task/", id_.value);
    return "";
  }
  void NoteOwnLink(const std::string& name) { found_.link_text = OwnText(name); }

  // In the root of /proc links are texts; elsewhere they lead to an object of a process, and only the kernel
  // can follow them.
  long FollowInProc(const std::string& name, bool last) {
    if (const long error = CountLink(); error < 0) return error;
    if (AtProcRoot()) {
      std::string text = OwnText(name);
      if (text.empty()) {
        if (const long error = ReadLink(current_.get(), name, &text); error < 0) return error;
      }
      return FollowText(text);
    }
    if (options_.no_magic_links) return -ELOOP;
    UniqueFd next = OpenAt(current_.get(), name, 0);
    struct stat status;
    if (!next.ok() || fstat(next.get(), &status) < 0) return -errno;
    if (files_.Hides(next.get())) return Hidden();
    if (!last && !S_ISDIR(status.st_mode)) return -ENOTDIR;
    current_ = std::move(next);
    status_ = status;
    found_.parent.Reset();
    found_.name.clear();
    return 0;
  }

  // The walk is about to enter `name` of a directory of /proc.
  long CheckProc(const std::string& name) {
    if (AtProcRoot()) {
      int32_t number;
      if (!absl::SimpleAtoi(name, &number)) return 0;
      const bool other_proc = status_.st_dev != files_.proc_status_.st_dev;  // of another pid namespace
      return !other_proc && files_.IsGuest(ProcId{number}) ? 0 : Hidden();
    }
    if (name != "mem") return 0;
    // The directory is /proc/PID or /proc/PID/task/TID.
    std::string path;
    int32_t number;
    if (ReadLink(AT_FDCWD, OwnPath(current_.get()), &path) < 0) return -EACCES;
    if (!absl::SimpleAtoi(path.substr(path.rfind('/') + 1), &number)) return 0;
    const ProcId process{number};
    const std::optional<ThreadStatus> own = proc_.Status(id_), other = proc_.Status(process);
    if (!own.has_value() || !other.has_value()) return -ESRCH;
    if (own->tgid != other->tgid && MayAttach(proc_, tid_, proc_.TidOf(process)) != 0) return -EACCES;
    // It may have executed something hidden just now, for which it is about to be killed.
    return files_.RunsHidden(process) ? Hidden() : 0;
  }

  long End() {
    found_.object = std::move(current_);
    found_.status = status_;
    return found_.directory && !S_ISDIR(status_.st_mode) ? -ENOTDIR : 0;
  }

  const GuestFiles& files_;
  const ProcFs& proc_;
  const Tid tid_;
  const ProcId id_;
  const GuestFiles::FindOptions options_;
  GuestFiles::Found& found_;
  UniqueFd current_;
  struct stat status_ = {};
  std::vector<std::string> todo_;
  int links_ = 0;
  bool missing_ = false;
};

long GuestFiles::Find(Tid tid, int dirfd, const std::string& path, const FindOptions& options,
                      Found* found) const {
  return FileWalk(*this, tid, options, found).Run(dirfd, path);
}

}  // namespace nestrace
