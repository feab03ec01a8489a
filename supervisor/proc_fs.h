// /proc, and the two numberings of threads: the supervisor's own (Tid), and that of the mounted /proc
// (ProcId). They differ under `unshare --pid --fork`, where /proc still shows the outer pid namespace.
//
//   absl::StatusOr<ProcFs> proc = ProcFs::Open();
//   ProcId id = proc->IdOf(tid);
//   std::string text;
//   if (proc->Read(id, "status", &text)) ...
//
// The descriptor of /proc is opened once, so that no guest can put another tree in its place.

#ifndef NESTRACE_SUPERVISOR_PROC_FS_H_
#define NESTRACE_SUPERVISOR_PROC_FS_H_

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "emu/types.h"
#include "supervisor/thread_status.h"
#include "supervisor/unique_fd.h"

namespace nestrace {

// A thread's number in the pid namespace of /proc.
struct ProcId {
  pid_t value = 0;  // 0: none, such as that of a dead thread
};

class ProcFs {
 public:
  // Opens /proc and finds out how many levels above the supervisor's its pid namespace is. An error if /proc
  // does not show this process at all.
  static absl::StatusOr<ProcFs> Open();

  // 0 if the thread is gone. Where the numberings differ this takes a pidfd of the thread, which for a thread
  // that is no thread group leader needs Linux 6.9 (PIDFD_THREAD).
  ProcId IdOf(Tid tid) const;
  // 0 if the thread is gone, or outside the supervisor's pid namespace.
  Tid TidOf(ProcId id) const;

  // The thread's number in the supervisor's namespace, from its NSpid (or that of its pidfd): what is in
  // front is stripped. 0 if there is none.
  pid_t OwnNumber(const std::vector<pid_t>& nspid) const;
  // How many numbers of an NSpid belong to namespaces outside the supervisor's.
  size_t outer_levels() const { return outer_levels_; }

  // /proc/ID/ns/user. A thread that is not dumpable hides it from a supervisor without rights, and pidfds do
  // too (kernel/ptrace.c:ptrace_may_access), but uid_map and gid_map are everybody's to read: if they read
  // like the supervisor's, so is the namespace. (Who has no rights maps nothing but its own user and group,
  // so that of the namespaces that guests can make none reads like a whole one.)
  UniqueFd OpenUserNamespace(ProcId id) const;
  // Its inode; 0 if it can't be seen.
  uint64_t UserNamespace(ProcId id) const;
  uint64_t own_user_namespace() const { return own_user_namespace_; }

  // open(2) of /proc/ID/NAME; errno tells why it failed, ENOENT if the thread is gone.
  UniqueFd OpenFile(ProcId id, absl::string_view name, int flags) const;
  // The file's text; false if it can't be read, and errno tells why: ENOENT or ESRCH if the thread is gone.
  bool Read(ProcId id, absl::string_view name, std::string* text) const;
  // The same for a path below /proc.
  bool ReadPath(const std::string& path, std::string* text) const;
  // NumbersIn() a directory below /proc.
  std::vector<pid_t> List(const std::string& path) const;
  // /proc/ID/status.
  std::optional<ThreadStatus> Status(ProcId id) const;

  // /proc/self/fdinfo of a descriptor of the supervisor's.
  bool ReadOwnFdInfo(int fd, std::string* text) const;

 private:
  bool MapsLikeOwn(ProcId id) const;

  UniqueFd root_;
  size_t outer_levels_ = 0;
  uint64_t own_user_namespace_ = 0;
};

// The text of a file of unknown size, from the present offset on; false on error, and errno tells.
bool ReadAll(int fd, std::string* text);

// The numbers that are names in a directory; none if it can't be read.
std::vector<pid_t> NumbersIn(int directory);

// pidfd_open(2) for any thread, not only a thread group leader (which all kernels have that have pidfds).
UniqueFd OpenPidfd(Tid tid);

}  // namespace nestrace

#endif  // NESTRACE_SUPERVISOR_PROC_FS_H_
