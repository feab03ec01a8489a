// O_PATH descriptors: objects of the file system that are held, not opened.

#ifndef NESTRACE_SUPERVISOR_PATH_DESCRIPTOR_H_
#define NESTRACE_SUPERVISOR_PATH_DESCRIPTOR_H_

#include <sys/stat.h>

#include <string>

#include "supervisor/unique_fd.h"

namespace nestrace {

// openat(2) with O_PATH, O_CLOEXEC and `flags`; not ok() on error, and errno tells.
UniqueFd OpenPathAt(int directory, const std::string& name, int flags);

// readlinkat(2): 0 or a negative errno.
long ReadLinkText(int directory, const std::string& name, std::string* text);

// A path by which this process reaches what `fd` is open for, and nothing else. As a link it reads as the
// present name of that.
std::string PathOfDescriptor(int fd);

// Is it of a proc(5) file system?
bool IsProc(int fd);

inline bool SameFile(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

}  // namespace nestrace

#endif  // NESTRACE_SUPERVISOR_PATH_DESCRIPTOR_H_
