// Calls that change a name or what is written of a file: mkdir(2), rename(2), chmod(2), ...

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include "supervisor/file_request.h"

namespace nestrace {
namespace {

using Found = GuestFiles::Found;
using FindOptions = GuestFiles::FindOptions;

constexpr FindOptions NoFollow() {
  FindOptions options;
  options.follow = false;
  return options;
}

// --- new names.

// Where a new name is to be: `found` has its parent and name. fs/namei.c:filename_create.
long FindNew(FileRequest* request, int dirfd, int path, bool directory, Found* found) {
  const long error = request->FindOrMissing(dirfd, path, NoFollow(), found);
  if (error < 0) return error;
  if (found->object.ok()) return -EEXIST;
  return found->directory && !directory ? -ENOENT : 0;
}

FileReply MakeDirectory(FileRequest* request, int dirfd, int path, uint64_t mode) {
  Found found;
  const long error = FindNew(request, dirfd, path, true, &found);
  if (error < 0) return FileReply::Of(error);
  return FileReply::Done(mkdirat(found.parent.get(), found.name.c_str(), static_cast<mode_t>(mode)));
}

FileReply MakeNode(FileRequest* request, int dirfd, int path, uint64_t mode) {
  const mode_t type = static_cast<mode_t>(mode) & S_IFMT;
  if (type == S_IFCHR || type == S_IFBLK) return FileReply::Of(-EPERM);
  Found found;
  const long error = FindNew(request, dirfd, path, false, &found);
  if (error < 0) return FileReply::Of(error);
  return FileReply::Done(mknodat(found.parent.get(), found.name.c_str(), static_cast<mode_t>(mode), 0));
}

FileReply MakeSymlink(FileRequest* request, int target, int dirfd, int path) {
  std::string text;
  if (const long error = request->call().ReadPath(request->arg(target), &text); error < 0) {
    return FileReply::Of(error);
  }
  if (text.empty()) return FileReply::Of(-ENOENT);
  Found found;
  const long error = FindNew(request, dirfd, path, false, &found);
  if (error < 0) return FileReply::Of(error);
  return FileReply::Done(symlinkat(text.c_str(), found.parent.get(), found.name.c_str()));
}

FileReply Link(FileRequest* request, int old_dirfd, int old_path, int new_dirfd, int new_path,
               uint64_t flags) {
  if ((flags & ~static_cast<uint64_t>(AT_SYMLINK_FOLLOW)) != 0) {
    return FileReply::Of((flags & AT_EMPTY_PATH) != 0 ? -ENOENT : -EINVAL);
  }
  Found old, made;
  FindOptions options;
  options.follow = (flags & AT_SYMLINK_FOLLOW) != 0;
  long error = request->Find(old_dirfd, old_path, options, &old);
  if (error == 0) error = FindNew(request, new_dirfd, new_path, false, &made);
  if (error < 0) return FileReply::Of(error);
  return FileReply::Done(
      linkat(AT_FDCWD, old.Path().c_str(), made.parent.get(), made.name.c_str(), AT_SYMLINK_FOLLOW));
}

// --- names that go.

FileReply Unlink(FileRequest* request, int dirfd, int path, uint64_t flags) {
  if ((flags & ~static_cast<uint64_t>(AT_REMOVEDIR)) != 0) return FileReply::Of(-EINVAL);
  const bool directory = (flags & AT_REMOVEDIR) != 0;
  Found found;
  const long error = request->FindOrMissing(dirfd, path, NoFollow(), &found);
  if (error < 0) return FileReply::Of(error);
  if (!found.object.ok()) return FileReply::Of(-ENOENT);
  if (found.name.empty()) {  // ".", ".." or "/"
    return FileReply::Of(directory ? -EBUSY : -EISDIR);
  }
  if (found.directory && !directory) return FileReply::Of(-EISDIR);
  return FileReply::Done(unlinkat(found.parent.get(), found.name.c_str(), static_cast<int>(flags)));
}

FileReply Rename(FileRequest* request, int old_dirfd, int old_path, int new_dirfd, int new_path,
                 uint64_t flags) {
  Found from, to;
  long error = request->FindOrMissing(old_dirfd, old_path, NoFollow(), &from);
  if (error == 0) error = request->FindOrMissing(new_dirfd, new_path, NoFollow(), &to);
  if (error < 0) return FileReply::Of(error);
  if (!from.object.ok()) return FileReply::Of(-ENOENT);
  if (from.name.empty() || to.name.empty()) return FileReply::Of(-EBUSY);
  const bool exchange = (flags & RENAME_EXCHANGE) != 0;
  const bool from_directory = S_ISDIR(from.status.st_mode);
  if (to.directory && !to.object.ok() && !from_directory) return FileReply::Of(exchange ? -ENOENT : -ENOTDIR);
  return FileReply::Done(syscall(SYS_renameat2, from.parent.get(), from.name.c_str(), to.parent.get(),
                                 to.name.c_str(), static_cast<unsigned>(flags)));
}

// --- what is written of a file.

// Finds what is to be changed; AT_SYMLINK_NOFOLLOW and AT_EMPTY_PATH are known.
long FindChanged(FileRequest* request, int dirfd, int path, uint64_t flags, Found* found) {
  if ((flags & ~static_cast<uint64_t>(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0) return -EINVAL;
  FindOptions options;
  options.follow = (flags & AT_SYMLINK_NOFOLLOW) == 0;
  options.empty_path = (flags & AT_EMPTY_PATH) != 0;
  return request->Find(dirfd, path, options, found);
}

FileReply ChangeMode(FileRequest* request, int dirfd, int path, uint64_t mode, uint64_t flags) {
  Found found;
  const long error = FindChanged(request, dirfd, path, flags, &found);
  if (error < 0) return FileReply::Of(error);
  if (S_ISLNK(found.status.st_mode)) return FileReply::Of(-EOPNOTSUPP);
  return FileReply::Done(syscall(SYS_fchmodat, AT_FDCWD, found.Path().c_str(), mode));
}

FileReply ChangeOwner(FileRequest* request, int dirfd, int path, int owner, uint64_t flags) {
  Found found;
  const long error = FindChanged(request, dirfd, path, flags, &found);
  if (error < 0) return FileReply::Of(error);
  return FileReply::Done(fchownat(found.object.get(), "", static_cast<uid_t>(request->arg(owner)),
                                  static_cast<gid_t>(request->arg(owner + 1)), AT_EMPTY_PATH));
}

// chown and lchown of i386 have 16-bit ids.
FileReply ChangeOldOwner(FileRequest* request, uint64_t flags) {
  return request->is64() ? ChangeOwner(request, AT_FDCWD, 0, 1, flags) : FileReply::Of(-ENOSYS);
}

FileReply SetTimes(FileRequest* request, int dirfd, int path, uint64_t flags, const struct timespec* times) {
  Found found;
  const long error = FindChanged(request, dirfd, path, flags, &found);
  if (error < 0) return FileReply::Of(error);
  return FileReply::Done(syscall(SYS_utimensat, found.object.get(), "", times, AT_EMPTY_PATH));
}

FileReply Utimensat(FileRequest* request) {
  // Without a path it is the descriptor that is changed.
  if (request->arg(1) == 0) return FileReply::Run();
  struct timespec times[2];
  const bool given = request->arg(2) != 0;
  if (given) {
    if (const long error = request->Read(2, &times); error < 0) return FileReply::Of(error);
  }
  return SetTimes(request, request->int_arg(0), 1, static_cast<uint32_t>(request->arg(3)),
                  given ? times : nullptr);
}

// utimes and futimesat, of microseconds.
FileReply Utimes(FileRequest* request, int dirfd, int path) {
  if (!request->is64()) return FileReply::Of(-ENOSYS);
  if (request->arg(path) == 0) return FileReply::Of(-EFAULT);
  struct timeval micro[2];
  if (request->arg(path + 1) == 0) return SetTimes(request, dirfd, path, 0, nullptr);
  if (const long error = request->Read(path + 1, &micro); error < 0) return FileReply::Of(error);
  struct timespec times[2];
  for (int i = 0; i < 2; ++i) {
    if (micro[i].tv_usec < 0 || micro[i].tv_usec >= 1000000) return FileReply::Of(-EINVAL);
    times[i] = {micro[i].tv_sec, micro[i].tv_usec * 1000};
  }
  return SetTimes(request, dirfd, path, 0, times);
}

FileReply Utime(FileRequest* request) {
  if (!request->is64()) return FileReply::Of(-ENOSYS);
  if (request->arg(1) == 0) return SetTimes(request, AT_FDCWD, 0, 0, nullptr);
  int64_t seconds[2];
  if (const long error = request->Read(1, &seconds); error < 0) return FileReply::Of(error);
  const struct timespec times[2] = {{seconds[0], 0}, {seconds[1], 0}};
  return SetTimes(request, AT_FDCWD, 0, 0, times);
}

FileReply Truncate(FileRequest* request, int64_t size) {
  if (size < 0) return FileReply::Of(-EINVAL);
  Found found;
  const long error = request->Find(AT_FDCWD, 0, {}, &found);
  if (error < 0) return FileReply::Of(error);
  return FileReply::Done(truncate(found.Path().c_str(), size));
}

long ReadName(FileRequest* request, std::string* name) {
  constexpr size_t kLongestName = 256;
  const long error = request->call().ReadString(request->arg(1), kLongestName, name);
  return error == -ENAMETOOLONG ? -ERANGE : error;
}

FileReply SetAttribute(FileRequest* request, const FindOptions& options) {
  constexpr uint64_t kMost = 65536;  // XATTR_SIZE_MAX
  std::string name;
  if (const long error = ReadName(request, &name); error < 0) return FileReply::Of(error);
  if (request->arg(3) > kMost) return FileReply::Of(-E2BIG);
  std::vector<char> value(request->arg(3));
  if (const long error = request->call().Read(request->arg(2), absl::MakeSpan(value)); error < 0) {
    return FileReply::Of(error);
  }
  Found found;
  const long error = request->Find(AT_FDCWD, 0, options, &found);
  if (error < 0) return FileReply::Of(error);
  return FileReply::Done(
      setxattr(found.Path().c_str(), name.c_str(), value.data(), value.size(), request->int_arg(4)));
}

FileReply RemoveAttribute(FileRequest* request, const FindOptions& options) {
  std::string name;
  if (const long error = ReadName(request, &name); error < 0) return FileReply::Of(error);
  Found found;
  const long error = request->Find(AT_FDCWD, 0, options, &found);
  if (error < 0) return FileReply::Of(error);
  return FileReply::Done(removexattr(found.Path().c_str(), name.c_str()));
}

uint64_t Low(const FileRequest* request, int index) { return static_cast<uint32_t>(request->arg(index)); }

constexpr FileCall kCalls[] = {
    {"mkdir", [](FileRequest* r) { return MakeDirectory(r, AT_FDCWD, 0, r->arg(1)); }},
    {"mkdirat", [](FileRequest* r) { return MakeDirectory(r, r->int_arg(0), 1, r->arg(2)); }},
    {"mknod", [](FileRequest* r) { return MakeNode(r, AT_FDCWD, 0, r->arg(1)); }},
    {"mknodat", [](FileRequest* r) { return MakeNode(r, r->int_arg(0), 1, r->arg(2)); }},
    {"symlink", [](FileRequest* r) { return MakeSymlink(r, 0, AT_FDCWD, 1); }},
    {"symlinkat", [](FileRequest* r) { return MakeSymlink(r, 0, r->int_arg(1), 2); }},
    {"link", [](FileRequest* r) { return Link(r, AT_FDCWD, 0, AT_FDCWD, 1, 0); }},
    {"linkat", [](FileRequest* r) { return Link(r, r->int_arg(0), 1, r->int_arg(2), 3, Low(r, 4)); }},
    {"unlink", [](FileRequest* r) { return Unlink(r, AT_FDCWD, 0, 0); }},
    {"rmdir", [](FileRequest* r) { return Unlink(r, AT_FDCWD, 0, AT_REMOVEDIR); }},
    {"unlinkat", [](FileRequest* r) { return Unlink(r, r->int_arg(0), 1, Low(r, 2)); }},
    {"rename", [](FileRequest* r) { return Rename(r, AT_FDCWD, 0, AT_FDCWD, 1, 0); }},
    {"renameat", [](FileRequest* r) { return Rename(r, r->int_arg(0), 1, r->int_arg(2), 3, 0); }},
    {"renameat2", [](FileRequest* r) { return Rename(r, r->int_arg(0), 1, r->int_arg(2), 3, Low(r, 4)); }},
    {"chmod", [](FileRequest* r) { return ChangeMode(r, AT_FDCWD, 0, r->arg(1), 0); }},
    {"fchmodat", [](FileRequest* r) { return ChangeMode(r, r->int_arg(0), 1, r->arg(2), 0); }},
    {"fchmodat2", [](FileRequest* r) { return ChangeMode(r, r->int_arg(0), 1, r->arg(2), Low(r, 3)); }},
    {"chown", [](FileRequest* r) { return ChangeOldOwner(r, 0); }},
    {"lchown", [](FileRequest* r) { return ChangeOldOwner(r, AT_SYMLINK_NOFOLLOW); }},
    {"chown32", [](FileRequest* r) { return ChangeOwner(r, AT_FDCWD, 0, 1, 0); }},
    {"lchown32", [](FileRequest* r) { return ChangeOwner(r, AT_FDCWD, 0, 1, AT_SYMLINK_NOFOLLOW); }},
    {"fchownat", [](FileRequest* r) { return ChangeOwner(r, r->int_arg(0), 1, 2, Low(r, 4)); }},
    {"utime", Utime},
    {"utimes", [](FileRequest* r) { return Utimes(r, AT_FDCWD, 0); }},
    {"futimesat",
     [](FileRequest* r) { return r->arg(1) == 0 ? FileReply::Run() : Utimes(r, r->int_arg(0), 1); }},
    {"utimensat", [](FileRequest* r) { return r->is64() ? Utimensat(r) : FileReply::Of(-ENOSYS); }},
    {"utimensat_time64", Utimensat},
    {"truncate", [](FileRequest* r) { return Truncate(r, static_cast<int64_t>(r->arg(1))); }},
    {"truncate64",
     [](FileRequest* r) { return Truncate(r, static_cast<int64_t>(Low(r, 1) | Low(r, 2) << 32)); }},
    {"setxattr", [](FileRequest* r) { return SetAttribute(r, {}); }},
    {"lsetxattr", [](FileRequest* r) { return SetAttribute(r, NoFollow()); }},
    {"removexattr", [](FileRequest* r) { return RemoveAttribute(r, {}); }},
    {"lremovexattr", [](FileRequest* r) { return RemoveAttribute(r, NoFollow()); }},
};

}  // namespace

absl::Span<const FileCall> ChangeCalls() { return kCalls; }

}  // namespace nestrace
