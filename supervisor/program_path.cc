#include "supervisor/program_path.h"

#include <errno.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace nestrace {

std::vector<std::string> CandidatePaths(absl::string_view command, const char* path_variable) {
  if (command.empty()) return {};
  if (command.find('/') != absl::string_view::npos) return {std::string(command)};
  std::vector<std::string> paths;
  // confstr(_CS_PATH) is what glibc takes without a PATH.
  const absl::string_view directories = path_variable == nullptr ? "/bin:/usr/bin" : path_variable;
  for (absl::string_view directory : absl::StrSplit(directories, ':')) {
    paths.push_back(directory.empty() ? std::string(command) : absl::StrCat(directory, "/", command));
  }
  return paths;
}

bool TriesNextCandidate(int error) {
  switch (error) {
    case EACCES:
    case ENOENT:
    case ENOTDIR:
    case ESTALE:
    case ENODEV:
    case ETIMEDOUT:
      return true;
    default:
      return false;
  }
}

}  // namespace nestrace
