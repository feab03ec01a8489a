// Where execvp(3) would look for a command.
//
//   for (const std::string& path : CandidatePaths("make")) ...    // /usr/local/bin/make, /usr/bin/make, ...

#ifndef NESTRACE_SUPERVISOR_PROGRAM_PATH_H_
#define NESTRACE_SUPERVISOR_PROGRAM_PATH_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace nestrace {

// `command` itself if there is a slash in it; else one path for each directory of `path_variable`, which is
// the value of PATH, or null for the system's default. An empty directory is the current one. None for an
// empty command.
std::vector<std::string> CandidatePaths(absl::string_view command, const char* path_variable);

// True if execvp(3) goes on to the next candidate after execve(2) failed with `error`. Of these, EACCES is
// what it reports in the end if it was seen at all.
bool TriesNextCandidate(int error);

}  // namespace nestrace

#endif  // NESTRACE_SUPERVISOR_PROGRAM_PATH_H_
