// Calls that tell something of a file: stat(2), access(2), readlink(2), ...

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "supervisor/file_request.h"

namespace nestrace {
namespace {

using Found = GuestFiles::Found;
using FindOptions = GuestFiles::FindOptions;

// fs/stat.c:vfs_statx
constexpr uint64_t kStatFlags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE;

FindOptions OptionsOf(uint64_t flags) {
  FindOptions options;
  options.follow = (flags & AT_SYMLINK_NOFOLLOW) == 0;
  options.empty_path = (flags & AT_EMPTY_PATH) != 0;
  return options;
}

// struct stat64 of i386 (arch/x86/include/uapi/asm/stat.h, packed by its users' ABI).
struct [[gnu::packed]] I386Stat64 {
  uint64_t dev;
  uint32_t pad0;
  uint32_t old_ino;
  uint32_t mode, nlink, uid, gid;
  uint64_t rdev;
  uint32_t pad3;
  int64_t size;
  uint32_t blksize;
  uint64_t blocks;
  uint32_t atime, atime_nsec, mtime, mtime_nsec, ctime, ctime_nsec;
  uint64_t ino;
};
static_assert(sizeof(I386Stat64) == 96);

I386Stat64 Convert(const struct stat& s) {
  I386Stat64 out = {};
  out.dev = s.st_dev;
  out.old_ino = static_cast<uint32_t>(s.st_ino);
  out.mode = s.st_mode;
  out.nlink = static_cast<uint32_t>(s.st_nlink);
  out.uid = s.st_uid;
  out.gid = s.st_gid;
  out.rdev = s.st_rdev;
  out.size = s.st_size;
  out.blksize = static_cast<uint32_t>(s.st_blksize);
  out.blocks = static_cast<uint64_t>(s.st_blocks);
  out.atime = static_cast<uint32_t>(s.st_atim.tv_sec);
  out.atime_nsec = static_cast<uint32_t>(s.st_atim.tv_nsec);
  out.mtime = static_cast<uint32_t>(s.st_mtim.tv_sec);
  out.mtime_nsec = static_cast<uint32_t>(s.st_mtim.tv_nsec);
  out.ctime = static_cast<uint32_t>(s.st_ctim.tv_sec);
  out.ctime_nsec = static_cast<uint32_t>(s.st_ctim.tv_nsec);
  out.ino = s.st_ino;
  return out;
}

FileReply Stat(FileRequest* request, int dirfd, int path, int buffer, uint64_t flags) {
  if ((flags & ~kStatFlags) != 0) return FileReply::Of(-EINVAL);
  Found found;
  const long error = request->Find(dirfd, path, OptionsOf(flags), &found);
  if (error < 0) return FileReply::Of(error);
  return FileReply::Of(request->is64() ? request->Write(buffer, found.status)
                                       : request->Write(buffer, Convert(found.status)));
}

// stat and lstat of i386 fill a structure that is too small for today's numbers.
FileReply OldStat(FileRequest* request, uint64_t flags) {
  return request->is64() ? Stat(request, AT_FDCWD, 0, 1, flags) : FileReply::Of(-ENOSYS);
}

// fstat: of a descriptor. It is here for those that are O_PATH.
FileReply StatOfDescriptor(FileRequest* request) {
  Found found;
  FindOptions options;
  options.empty_path = true;
  const int fd = request->int_arg(0);
  if (fd < 0) return FileReply::Of(-EBADF);
  const long error = request->FindPath(fd, "", options, &found);
  if (error < 0) return FileReply::Of(error);
  return FileReply::Of(request->is64() ? request->Write(1, found.status)
                                       : request->Write(1, Convert(found.status)));
}

FileReply Statx(FileRequest* request) {
  const uint64_t flags = static_cast<uint32_t>(request->arg(2));
  if ((flags & ~kStatFlags) != 0) return FileReply::Of(-EINVAL);
  Found found;
  const long error = request->Find(request->int_arg(0), 1, OptionsOf(flags), &found);
  if (error < 0) return FileReply::Of(error);
  struct statx status = {};
  const uint64_t sync = flags & AT_STATX_SYNC_TYPE;
  if (syscall(SYS_statx, found.object.get(), "", AT_EMPTY_PATH | sync, request->arg(3), &status) < 0) {
    return FileReply::Of(-errno);
  }
  return FileReply::Of(request->Write(4, status));
}

FileReply Access(FileRequest* request, int dirfd, int path, uint64_t mode, uint64_t flags) {
  constexpr uint64_t kKnown = AT_SYMLINK_NOFOLLOW | AT_EACCESS | AT_EMPTY_PATH;
  if ((flags & ~kKnown) != 0 || (mode & ~uint64_t{7}) != 0) return FileReply::Of(-EINVAL);
  Found found;
  const long error = request->Find(dirfd, path, OptionsOf(flags), &found);
  if (error < 0) return FileReply::Of(error);
  // Whose rights count is settled already (FileCalls::OnCall), as those of the file system user.
  const long result = syscall(SYS_faccessat2, found.object.get(), "", mode, AT_EMPTY_PATH | AT_EACCESS);
  return FileReply::Of(result < 0 ? -errno : 0);
}

FileReply ReadLinkText(FileRequest* request, int dirfd, int path, int buffer, int size_index) {
  const int size = request->int_arg(size_index);
  if (size <= 0) return FileReply::Of(-EINVAL);
  Found found;
  FindOptions options;
  options.follow = false;
  options.empty_path = path != 0;
  const long error = request->Find(dirfd, path, options, &found);
  if (error < 0) return FileReply::Of(error);
  // fs/stat.c:do_readlinkat. Only an empty path finds an object without its name.
  const bool empty = options.empty_path && found.name.empty() && !found.parent.ok();
  if (!S_ISLNK(found.status.st_mode))
    return FileReply::Of(empty && !S_ISDIR(found.status.st_mode) ? -ENOENT : -EINVAL);
  std::string text = found.link_text;
  if (text.empty()) {
    text.resize(PATH_MAX);
    const ssize_t length = readlinkat(found.object.get(), "", text.data(), text.size());
    if (length < 0) return FileReply::Of(-errno);
    text.resize(length);
  }
  text.resize(std::min<size_t>(text.size(), size));
  const long written = request->call().Write(request->arg(buffer), text);
  return FileReply::Of(written < 0 ? written : static_cast<long>(text.size()));
}

FileReply StatFs(FileRequest* request) {
  if (!request->is64()) return FileReply::Of(-ENOSYS);
  Found found;
  const long error = request->Find(AT_FDCWD, 0, {}, &found);
  if (error < 0) return FileReply::Of(error);
  struct statfs status;
  if (fstatfs(found.object.get(), &status) < 0) return FileReply::Of(-errno);
  return FileReply::Of(request->Write(1, status));
}

// getxattr (name in argument 1) and listxattr (without).
FileReply ReadAttributes(FileRequest* request, bool follow, bool list) {
  constexpr size_t kMost = 65536;  // XATTR_SIZE_MAX, XATTR_LIST_MAX
  constexpr size_t kLongestName = 256;
  Found found;
  FindOptions options;
  options.follow = follow;
  std::string name;
  if (!list) {
    const long error = request->call().ReadString(request->arg(1), kLongestName, &name);
    if (error < 0) return FileReply::Of(error == -ENAMETOOLONG ? -ERANGE : error);
  }
  const long error = request->Find(AT_FDCWD, 0, options, &found);
  if (error < 0) return FileReply::Of(error);
  const int buffer = list ? 1 : 2;
  std::vector<char> bytes(std::min<uint64_t>(request->arg(buffer + 1), kMost));
  const ssize_t size = list ? listxattr(found.Path().c_str(), bytes.data(), bytes.size())
                            : getxattr(found.Path().c_str(), name.c_str(), bytes.data(), bytes.size());
  if (size < 0) return FileReply::Of(-errno);
  if (bytes.empty()) return FileReply::Of(size);
  const long written = request->call().Write(request->arg(buffer), absl::MakeConstSpan(bytes.data(), size));
  return FileReply::Of(written < 0 ? written : size);
}

FileReply Watch(FileRequest* request) {
  const uint32_t mask = static_cast<uint32_t>(request->arg(2));
  Found found;
  FindOptions options;
  options.follow = (mask & IN_DONT_FOLLOW) == 0;
  const long error = request->Find(AT_FDCWD, 1, options, &found);
  if (error < 0) return FileReply::Of(error);
  const UniqueFd instance = request->files().Descriptor(request->call().tid(), request->int_arg(0));
  if (!instance.ok()) return FileReply::Of(errno == EBADF ? -EBADF : -EACCES);
  const uint32_t wanted = mask & ~static_cast<uint32_t>(IN_DONT_FOLLOW);
  return FileReply::Done(inotify_add_watch(instance.get(), found.Path().c_str(), wanted));
}

constexpr FileCall kCalls[] = {
    {"stat", [](FileRequest* r) { return OldStat(r, 0); }},
    {"lstat", [](FileRequest* r) { return OldStat(r, AT_SYMLINK_NOFOLLOW); }},
    {"oldstat", [](FileRequest*) { return FileReply::Of(-ENOSYS); }},
    {"oldlstat", [](FileRequest*) { return FileReply::Of(-ENOSYS); }},
    {"fstat", [](FileRequest* r) { return r->is64() ? StatOfDescriptor(r) : FileReply::Of(-ENOSYS); }},
    {"fstat64", StatOfDescriptor},
    {"oldfstat", [](FileRequest*) { return FileReply::Of(-ENOSYS); }},
    {"stat64", [](FileRequest* r) { return Stat(r, AT_FDCWD, 0, 1, 0); }},
    {"lstat64", [](FileRequest* r) { return Stat(r, AT_FDCWD, 0, 1, AT_SYMLINK_NOFOLLOW); }},
    {"newfstatat",
     [](FileRequest* r) { return Stat(r, r->int_arg(0), 1, 2, static_cast<uint32_t>(r->arg(3))); }},
    {"fstatat64",
     [](FileRequest* r) { return Stat(r, r->int_arg(0), 1, 2, static_cast<uint32_t>(r->arg(3))); }},
    {"statx", Statx},
    {"access", [](FileRequest* r) { return Access(r, AT_FDCWD, 0, static_cast<uint32_t>(r->arg(1)), 0); }},
    {"faccessat",
     [](FileRequest* r) { return Access(r, r->int_arg(0), 1, static_cast<uint32_t>(r->arg(2)), 0); }},
    {"faccessat2",
     [](FileRequest* r) {
       return Access(r, r->int_arg(0), 1, static_cast<uint32_t>(r->arg(2)), static_cast<uint32_t>(r->arg(3)));
     }},
    {"readlink", [](FileRequest* r) { return ReadLinkText(r, AT_FDCWD, 0, 1, 2); }},
    {"readlinkat", [](FileRequest* r) { return ReadLinkText(r, r->int_arg(0), 1, 2, 3); }},
    {"statfs", StatFs},
    {"statfs64", [](FileRequest*) { return FileReply::Of(-ENOSYS); }},
    {"getxattr", [](FileRequest* r) { return ReadAttributes(r, true, false); }},
    {"lgetxattr", [](FileRequest* r) { return ReadAttributes(r, false, false); }},
    {"listxattr", [](FileRequest* r) { return ReadAttributes(r, true, true); }},
    {"llistxattr", [](FileRequest* r) { return ReadAttributes(r, false, true); }},
    {"inotify_add_watch", Watch},
};

}  // namespace

absl::Span<const FileCall> ReadCalls() { return kCalls; }

}  // namespace nestrace
