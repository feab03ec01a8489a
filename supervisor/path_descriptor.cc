#include "supervisor/path_descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"

namespace nestrace {

UniqueFd OpenPathAt(int directory, const std::string& name, int flags) {
  return UniqueFd(openat(directory, name.c_str(), O_PATH | O_CLOEXEC | flags));
}

long ReadLinkText(int directory, const std::string& name, std::string* text) {
  char bytes[PATH_MAX];
  const ssize_t size = readlinkat(directory, name.c_str(), bytes, sizeof(bytes));
  if (size < 0) return -errno;
  text->assign(bytes, size);
  return 0;
}

std::string PathOfDescriptor(int fd) { return absl::StrCat("/proc/self/fd/", fd); }

bool IsProc(int fd) {
  struct statfs status;
  return fstatfs(fd, &status) == 0 && status.f_type == PROC_SUPER_MAGIC;
}

}  // namespace nestrace
