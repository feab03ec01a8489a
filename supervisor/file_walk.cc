// One walk of guest_files.h along a path.

#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "supervisor/guest_files.h"
#include "supervisor/path_descriptor.h"

namespace nestrace {
namespace {

constexpr int kMaxLinks = 40;   // MAXSYMLINKS
constexpr ino_t kProcRoot = 1;  // PROC_ROOT_INO

}  // namespace

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
    if (path.empty() && dirfd != AT_FDCWD && IsOpenForMore(dirfd)) return 0;
    if (!path.empty() && !S_ISDIR(status_.st_mode)) return -ENOTDIR;
    return files_.Hides(current_.get()) ? Hidden() : 0;
  }

  // Has the guest the file of `current_`, of its descriptor `fd`, open for more than O_PATH? Then it was
  // given that, by the supervisor or before. Another thread may have put another file under that number in
  // between.
  bool IsOpenForMore(int fd) const {
    std::string text, own;
    return proc_.Read(id_, absl::StrCat("fdinfo/", fd), &text) && proc_.ReadOwnFdInfo(current_.get(), &own) &&
           (FindNumber(text, "flags", 8).value_or(O_PATH) & O_PATH) == 0 &&
           FindNumber(text, "mnt_id").has_value() &&
           FindNumber(text, "mnt_id") == FindNumber(own, "mnt_id") && FindNumber(text, "ino").has_value() &&
           FindNumber(text, "ino") == FindNumber(own, "ino");
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
    UniqueFd next = OpenPathAt(current_.get(), name, dots ? O_DIRECTORY : O_NOFOLLOW);
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
      if (const long error = CheckProc(name, next.get()); error < 0) return error;
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
    if (const long error = ReadLinkText(link.get(), "", &text); error < 0) return error;
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
        if (const long error = ReadLinkText(current_.get(), name, &text); error < 0) return error;
      }
      return FollowText(text);
    }
    if (options_.no_magic_links) return -ELOOP;
    UniqueFd next = OpenPathAt(current_.get(), name, 0);
    struct stat status;
    if (!next.ok() || fstat(next.get(), &status) < 0) return -errno;
    if (files_.Hides(next.get())) return Hidden();
    if (const long error = NoteMemory(next.get()); error < 0) return error;
    if (!last && !S_ISDIR(status.st_mode)) return -ENOTDIR;
    current_ = std::move(next);
    status_ = status;
    found_.parent.Reset();
    found_.name.clear();
    return 0;
  }

  // The walk is about to enter `name` of a directory of /proc, which is `next`.
  long CheckProc(const std::string& name, int next) {
    if (AtProcRoot()) {
      int32_t number;
      if (!absl::SimpleAtoi(name, &number)) return 0;
      const bool other_proc = status_.st_dev != files_.proc_status_.st_dev;  // of another pid namespace
      return !other_proc && files_.IsGuest(ProcId{number}) ? 0 : Hidden();
    }
    return NoteMemory(next);
  }

  // If `file` of /proc is the memory of a process: may the guest have it?
  long NoteMemory(int file) {
    const long error = files_.CheckMemory(tid_, file);
    if (error == -ENOENT) found_.hidden = true;
    return error;
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
