// open(2) and its kin, and execve(2).

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <string>
#include <utility>

#include "supervisor/file_request.h"

namespace nestrace {
namespace {

constexpr int kTmpfile = O_TMPFILE & ~O_DIRECTORY;
constexpr uint64_t kKnownFlags = O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK |
                                 O_SYNC | O_DSYNC | O_ASYNC | O_DIRECT | O_LARGEFILE | 0100000 | O_DIRECTORY |
                                 O_NOFOLLOW | O_NOATIME | O_CLOEXEC | O_PATH | kTmpfile;
const dev_t kOwnTerminal = makedev(5, 0);  // /dev/tty

FileReply Opened(int fd, uint64_t flags, bool done) {
  if (fd < 0) return FileReply::Of(-errno);
  FileReply reply;
  reply.fd = UniqueFd(fd);
  reply.close_on_exec = (flags & O_CLOEXEC) != 0;
  reply.done = done;
  return reply;
}

// Opens what was found. Its descriptor of now is O_PATH; /proc/self/fd leads to the same object.
FileReply Reopen(FileRequest* request, const GuestFiles::Found& found, uint64_t flags, mode_t mode) {
  if (const long error = request->MayOpen(found); error < 0) return FileReply::Of(error);
  const mode_t type = found.status.st_mode & S_IFMT;
  if (type == S_IFCHR && found.status.st_rdev == kOwnTerminal &&
      getsid(request->call().tid().value) != getsid(0)) {
    return FileReply::Of(-ENXIO);  // it is not the supervisor's terminal
  }
  const bool may_wait = type == S_IFIFO || type == S_IFCHR;
  int wanted = static_cast<int>(flags & ~static_cast<uint64_t>(O_CREAT | O_EXCL | O_NOFOLLOW));
  wanted |= O_CLOEXEC | O_NOCTTY | (may_wait ? O_NONBLOCK : 0);
  const int fd = open(found.Path().c_str(), wanted, mode);
  if (fd >= 0) {
    if (const long error = request->MayKeep(fd); error < 0) {
      close(fd);
      return FileReply::Of(error);
    }
  }
  if (fd >= 0 && may_wait && (flags & O_NONBLOCK) == 0) {
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
  }
  const bool changes = (flags & O_TRUNC) != 0 || (flags & kTmpfile) != 0;
  return Opened(fd, flags, changes);
}

// A descriptor of this kind can't be handed over (kernel/seccomp.c:seccomp_notify_addfd has fget()), so the
// kernel opens it. Judged for the errno alone: whatever it is open for, it leads nowhere (file_calls.h).
FileReply OpenPath(FileRequest* request, int dirfd, int path, const GuestFiles::FindOptions& options) {
  GuestFiles::Found found;
  const long error = request->FindOrMissing(dirfd, path, options, &found);
  return found.hidden || error == -EPERM ? FileReply::Of(error) : FileReply::Run();
}

FileReply OpenFound(FileRequest* request, GuestFiles::Found found, uint64_t flags, mode_t mode) {
  const bool creates = (flags & O_CREAT) != 0;
  if (creates && (flags & O_EXCL) != 0) return FileReply::Of(-EEXIST);
  if (S_ISLNK(found.status.st_mode)) return FileReply::Of(-ELOOP);
  if (creates && (S_ISDIR(found.status.st_mode) || found.directory)) return FileReply::Of(-EISDIR);
  return Reopen(request, found, flags, mode);
}

FileReply OpenFile(FileRequest* request, int dirfd, int path, uint64_t flags, mode_t mode,
                   GuestFiles::FindOptions options = {}) {
  constexpr int kRetries = 64;
  flags &= kKnownFlags;
  const bool exclusive = (flags & O_CREAT) != 0 && (flags & O_EXCL) != 0;
  options.follow = (flags & O_NOFOLLOW) == 0 && !exclusive;
  if ((flags & O_PATH) != 0) {
    options.follow = (flags & O_NOFOLLOW) == 0;
    return OpenPath(request, dirfd, path, options);
  }
  if ((flags & O_CREAT) != 0 && (flags & O_DIRECTORY) != 0 && (flags & kTmpfile) == 0) {
    return FileReply::Of(-EINVAL);
  }
  for (int i = 0; i < kRetries; ++i) {
    GuestFiles::Found found;
    const long error = request->FindOrMissing(dirfd, path, options, &found);
    if (error < 0) return FileReply::Of(error);
    if (found.object.ok()) return OpenFound(request, std::move(found), flags, mode);
    if ((flags & O_CREAT) == 0) return FileReply::Of(-ENOENT);
    if (found.directory) return FileReply::Of(-EISDIR);
    const int fd = openat(found.parent.get(), found.name.c_str(),
                          static_cast<int>(flags) | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY, mode & 07777);
    // Somebody else has made it since: it is looked at, unless nobody was to have.
    if (fd >= 0 || errno != EEXIST || exclusive) return Opened(fd, flags, true);
  }
  return FileReply::Of(-EAGAIN);
}

FileReply OpenAt2(FileRequest* request) {
  struct open_how how = {};
  const uint64_t size = request->arg(3);
  if (size < sizeof(how)) return FileReply::Of(-EINVAL);
  if (const long error = request->Read(2, &how); error < 0) return FileReply::Of(error);
  if (size > sizeof(how) || (how.flags & ~kKnownFlags) != 0) return FileReply::Of(-EINVAL);
  if ((how.resolve & ~static_cast<uint64_t>(RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS)) != 0) {
    return FileReply::Of(-ENOSYS);
  }
  const bool with_mode = (how.flags & (O_CREAT | kTmpfile)) != 0;
  if ((how.mode & ~uint64_t{07777}) != 0 || (how.mode != 0 && !with_mode)) return FileReply::Of(-EINVAL);
  GuestFiles::FindOptions options;
  options.no_symlinks = (how.resolve & RESOLVE_NO_SYMLINKS) != 0;
  options.no_magic_links = options.no_symlinks || (how.resolve & RESOLVE_NO_MAGICLINKS) != 0;
  return OpenFile(request, request->int_arg(0), 1, how.flags, static_cast<mode_t>(how.mode), options);
}

// --- execve.

// The interpreter that the first bytes of a file name; empty if none.
std::string InterpreterOf(int fd) {
  char bytes[256] = "";
  const ssize_t size = pread(fd, bytes, sizeof(bytes) - 1, 0);
  if (size > 2 && bytes[0] == '#' && bytes[1] == '!') {
    const char* start = bytes + 2 + strspn(bytes + 2, " \t");
    return std::string(start, strcspn(start, " \t\n"));
  }
  Elf64_Ehdr header;
  if (size < static_cast<ssize_t>(sizeof(header)) || memcmp(bytes, ELFMAG, SELFMAG) != 0) return "";
  memcpy(&header, bytes, sizeof(header));
  if (header.e_ident[EI_CLASS] != ELFCLASS64) return "";
  for (int i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    const off_t at = static_cast<off_t>(header.e_phoff + i * sizeof(segment));
    if (pread(fd, &segment, sizeof(segment), at) != sizeof(segment)) return "";
    char path[PATH_MAX] = "";
    if (segment.p_type != PT_INTERP) continue;
    const size_t length = segment.p_filesz < sizeof(path) ? segment.p_filesz : 0;
    if (pread(fd, path, length, static_cast<off_t>(segment.p_offset)) < 0) return "";
    return path;
  }
  return "";
}

// Judged for the errno alone, which is then ENOENT; anything but something hidden is left to the kernel.
FileReply Execute(FileRequest* request, int dirfd, int path, uint64_t flags) {
  constexpr int kMaxInterpreters = 5;  // fs/exec.c:exec_binprm
  GuestFiles::FindOptions options;
  options.follow = (flags & AT_SYMLINK_NOFOLLOW) == 0;
  options.empty_path = (flags & AT_EMPTY_PATH) != 0;
  GuestFiles::Found found;
  long error = request->Find(dirfd, path, options, &found);
  for (int i = 0; i < kMaxInterpreters && error == 0 && S_ISREG(found.status.st_mode); ++i) {
    const UniqueFd file(open(found.Path().c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    const std::string interpreter = file.ok() ? InterpreterOf(file.get()) : "";
    if (interpreter.empty()) break;
    found = {};
    error = request->FindPath(AT_FDCWD, interpreter, {}, &found);
    if (!found.object.ok()) break;
  }
  return found.hidden || error == -EPERM ? FileReply::Of(error) : FileReply::Run();
}

FileReply ChangeDirectory(FileRequest* request) {
  GuestFiles::Found found;
  const long error = request->Find(AT_FDCWD, 0, {}, &found);
  return found.hidden || error == -EPERM ? FileReply::Of(error) : FileReply::Run();
}

constexpr FileCall kCalls[] = {
    {"open",
     [](FileRequest* r) { return OpenFile(r, AT_FDCWD, 0, r->arg(1), static_cast<mode_t>(r->arg(2))); }},
    {"creat",
     [](FileRequest* r) {
       return OpenFile(r, AT_FDCWD, 0, O_CREAT | O_WRONLY | O_TRUNC, static_cast<mode_t>(r->arg(1)));
     }},
    {"openat",
     [](FileRequest* r) { return OpenFile(r, r->int_arg(0), 1, r->arg(2), static_cast<mode_t>(r->arg(3))); }},
    {"openat2", OpenAt2},
    {"execve", [](FileRequest* r) { return Execute(r, AT_FDCWD, 0, 0); }},
    {"execveat", [](FileRequest* r) { return Execute(r, r->int_arg(0), 1, r->arg(4)); }},
    {"chdir", ChangeDirectory},
};

}  // namespace

absl::Span<const FileCall> OpenCalls() { return kCalls; }

}  // namespace nestrace
