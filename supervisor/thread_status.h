// /proc/TID/status, decoded.
//
//   std::optional<ThreadStatus> status = ParseThreadStatus(text);
//   if (status.has_value() && status->uid[0] == 1000) ...
//
// Pure: the file's text in, numbers out.

#ifndef NESTRACE_SUPERVISOR_THREAD_STATUS_H_
#define NESTRACE_SUPERVISOR_THREAD_STATUS_H_

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/strings/string_view.h"

namespace nestrace {

// Fields as proc(5) names them. Ids are those of the pid namespace of the mounted /proc, uids those of the
// user namespace of the reader.
struct ThreadStatus {
  pid_t tgid = 0;                // Tgid
  pid_t ppid = 0;                // PPid: thread group of the real parent
  pid_t tracer = 0;              // TracerPid
  std::vector<pid_t> nspid;      // NSpid: from the namespace of /proc to the thread's own
  std::vector<pid_t> nstgid;     // NStgid: so of the thread group leader
  std::vector<pid_t> nspgid;     // NSpgid: so of the process group
  uid_t uid[4] = {};             // Uid: real, effective, saved, file system
  gid_t gid[4] = {};             // Gid
  uint64_t thread_pending = 0;   // SigPnd
  uint64_t process_pending = 0;  // ShdPnd
  uint64_t blocked = 0;          // SigBlk
  uint64_t ignored = 0;          // SigIgn
  uint64_t caught = 0;           // SigCgt
  uint64_t cap_permitted = 0;    // CapPrm
  uint64_t cap_effective = 0;    // CapEff
  bool zombie = false;           // State
  int seccomp_filters = 0;       // Seccomp_filters (Linux 5.9)
};

// Nothing if the text is not that of a status file.
std::optional<ThreadStatus> ParseThreadStatus(absl::string_view text);

// The number after "NAME:" at the start of a line; nothing if no line is so. For the other files of
// /proc that look like this, such as /proc/TID/fdinfo/FD.
std::optional<int64_t> FindNumber(absl::string_view text, absl::string_view name, int base = 10);
// All numbers of such a line, base 10.
std::vector<pid_t> FindNumbers(absl::string_view text, absl::string_view name);

}  // namespace nestrace

#endif  // NESTRACE_SUPERVISOR_THREAD_STATUS_H_
