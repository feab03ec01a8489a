#include "supervisor/result.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>

#include <utility>

#include "absl/strings/str_cat.h"

namespace nestrace {

Result Result::FromWaitStatus(int status) {
  if (WIFSIGNALED(status)) return {Kind::kSignaled, WTERMSIG(status)};
  return {Kind::kExited, WEXITSTATUS(status)};
}

Result Result::NotStarted(int error) { return {Kind::kNotStarted, error}; }

int Result::ExitCode() const {
  switch (kind) {
    case Kind::kExited:
      return value;
    case Kind::kSignaled:
      return 128 + value;
    case Kind::kNotStarted:
      return value == ENOENT || value == ENOTDIR ? 127 : 126;
  }
  return 125;
}

std::string Result::ToString() const {
  switch (kind) {
    case Kind::kExited:
      return absl::StrCat("exited with ", value);
    case Kind::kSignaled:
      return absl::StrCat("killed by signal ", value, " (", strsignal(value), ")");
    case Kind::kNotStarted:
      return strerror(value);
  }
  return "";
}

}  // namespace nestrace
