#include "supervisor/access.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>

#include "supervisor/thread_status.h"
#include "supervisor/unique_fd.h"

namespace nestrace {
namespace {

constexpr int kCapSysPtrace = 19;
constexpr int kMaxUserNamespaces = 33;  // create_user_ns: a level above 32 is refused
constexpr int kMaxAncestors = 4096;

// PIDFD_GET_INFO with PIDFD_INFO_COREDUMP, Linux 6.16, <linux/pidfd.h>.
struct PidfdInfo {
  uint64_t mask;
  uint64_t cgroupid;
  uint32_t ids[11];  // pid, tgid, ppid, then real, effective, saved and file system uid and gid
  int32_t exit_code;
  uint32_t coredump_mask;
  uint32_t spare;
};
static_assert(sizeof(PidfdInfo) == 72);
constexpr unsigned long kPidfdGetInfo = _IOWR(0xff, 11, PidfdInfo);
constexpr uint64_t kPidfdInfoCoredump = 1 << 4;
constexpr uint32_t kPidfdCoredumpUser = 1 << 2;  // SUID_DUMP_USER

bool Has(uint64_t capabilities, int capability) { return (capabilities >> capability & 1) != 0; }

// A user namespace, held open.
class UserNamespace {
 public:
  UserNamespace() = default;
  static UserNamespace Of(const ProcFs& proc, ProcId id) {
    UserNamespace of(proc.OpenUserNamespace(id));
    proc.Read(id, "uid_map", &of.uid_map_);
    return of;
  }

  // False if the supervisor may not see it.
  bool known() const { return known_; }
  // Where one of them may not be seen, it is taken for the other if both map the same.
  bool operator==(const UserNamespace& other) const {
    if (known_ && other.known_) return inode_ == other.inode_ && device_ == other.device_;
    return !uid_map_.empty() && uid_map_ == other.uid_map_;
  }
  // Unknown for one outside the supervisor's own.
  UserNamespace Parent() const { return UserNamespace(UniqueFd(ioctl(fd_.get(), NS_GET_PARENT))); }
  std::optional<uid_t> Owner() const {
    uid_t uid = 0;
    if (ioctl(fd_.get(), NS_GET_OWNER_UID, &uid) < 0) return std::nullopt;
    return uid;
  }

 private:
  explicit UserNamespace(UniqueFd fd) : fd_(std::move(fd)) {
    struct stat status;
    known_ = fd_.ok() && fstat(fd_.get(), &status) == 0;
    if (!known_) return;
    inode_ = status.st_ino;
    device_ = status.st_dev;
  }

  UniqueFd fd_;
  std::string uid_map_;  // empty where it was come to by way of another
  bool known_ = false;
  ino_t inode_ = 0;
  dev_t device_ = 0;
};

// One side of the check.
struct Subject {
  ProcId id;
  ThreadStatus status;
  UserNamespace user_namespace;
};

std::optional<Subject> Look(const ProcFs& proc, Tid tid) {
  const ProcId id = proc.IdOf(tid);
  std::optional<ThreadStatus> status = proc.Status(id);
  if (!status.has_value()) return std::nullopt;
  return Subject{id, *std::move(status), UserNamespace::Of(proc, id)};
}

// ns_capable(CAP_SYS_PTRACE) of `caller` in the namespace `start` (security/commoncap.c:cap_capable): raised
// in it or in one around it, or the caller made it or one around it and is in the parent of that one.
bool HasPtraceCapability(const Subject& caller, const UserNamespace& start) {
  const UserNamespace* where = &start;
  UserNamespace parent;
  for (int level = 0; level < kMaxUserNamespaces; ++level) {
    if (*where == caller.user_namespace) return Has(caller.status.cap_effective, kCapSysPtrace);
    if (!where->known()) break;
    UserNamespace outer = where->Parent();
    if (outer == caller.user_namespace && where->Owner() == caller.status.uid[1]) return true;
    parent = std::move(outer);
    where = &parent;
  }
  return false;
}

// get_dumpable(mm) == SUID_DUMP_USER. A zombie has no memory and counts as dumpable, as in the kernel.
bool IsDumpable(const ProcFs& proc, Tid tid, const Subject& target, uid_t* owner) {
  struct stat status;
  const UniqueFd file = proc.OpenFile(target.id, "status", O_RDONLY);
  if (!file.ok() || fstat(file.get(), &status) < 0) return false;
  *owner = status.st_uid;

  PidfdInfo info = {};
  info.mask = kPidfdInfoCoredump;
  const UniqueFd pidfd = OpenPidfd(tid);
  if (pidfd.ok() && ioctl(pidfd.get(), kPidfdGetInfo, &info) == 0 && (info.mask & kPidfdInfoCoredump) != 0) {
    return (info.coredump_mask & kPidfdCoredumpUser) != 0;
  }
  // Older kernels: the files in /proc/TID of what is not dumpable belong to the root of the user namespace
  // of its memory (fs/proc/base.c:task_dump_owner; the directory itself always belongs to the effective
  // user). That root itself can't be told apart so.
  return status.st_uid == target.status.uid[1] && status.st_gid == target.status.gid[1];
}

// CAP_SYS_PTRACE in mm->user_ns of a target that is not dumpable. `owner` is the root user of that namespace,
// as the supervisor sees it. exec(2) leaves the namespace of the target's credentials there, or one around
// it if the program's file can't be read (fs/exec.c:would_dump); unshare(2) moves the credentials only.
bool HasCapabilityForMemory(const ProcFs& proc, const Subject& caller, const Subject& target, uid_t owner) {
  UserNamespace own = UserNamespace::Of(proc, proc.IdOf(Tid{getpid()}));
  const bool one_level_down = !(target.user_namespace == own) && target.user_namespace.Parent() == own;
  // Not our own root's: so it belongs to a namespace below ours, and there is only one.
  if (one_level_down && owner != 0 && owner == target.status.uid[1]) {
    return HasPtraceCapability(caller, target.user_namespace);
  }
  return HasPtraceCapability(caller, own);
}

// security/commoncap.c:cap_ptrace_access_check.
bool CommoncapAllows(const Subject& caller, const Subject& target) {
  const bool subset = (target.status.cap_permitted & ~caller.status.cap_permitted) == 0;
  if (caller.user_namespace == target.user_namespace && subset) return true;
  return HasPtraceCapability(caller, target.user_namespace);
}

// security/yama/yama_lsm.c:task_is_descendant.
bool IsDescendant(const ProcFs& proc, const Subject& ancestor, const Subject& target) {
  pid_t walker = target.status.tgid;
  for (int i = 0; i < kMaxAncestors && walker > 0; ++i) {
    if (walker == ancestor.status.tgid) return true;
    const std::optional<ThreadStatus> status = proc.Status(ProcId{walker});
    walker = status.has_value() ? status->ppid : 0;
  }
  return false;
}

// security/yama/yama_lsm.c:yama_ptrace_access_check. An administrator may change the scope at any time.
bool YamaAllows(const ProcFs& proc, const Subject& caller, const Subject& target) {
  std::string text;
  if (!proc.ReadPath("sys/kernel/yama/ptrace_scope", &text) || text.empty()) return true;
  switch (text[0]) {
    case '0':  // disabled
      return true;
    case '1':  // relational
      return IsDescendant(proc, caller, target) || HasPtraceCapability(caller, target.user_namespace);
    case '2':  // capability
      return HasPtraceCapability(caller, target.user_namespace);
    default:  // no attach
      return false;
  }
}

bool SameUser(const ThreadStatus& caller, const ThreadStatus& target) {
  const auto all = [](auto id, const auto& ids) {
    return std::all_of(ids, ids + 3, [id](auto i) { return i == id; });
  };
  return all(caller.uid[0], target.uid) && all(caller.gid[0], target.gid);
}

}  // namespace

long MayAttach(const ProcFs& proc, Tid caller_tid, Tid target_tid) {
  const std::optional<Subject> caller = Look(proc, caller_tid);
  const std::optional<Subject> target = Look(proc, target_tid);
  if (!caller.has_value() || !target.has_value()) return -EPERM;

  if (!SameUser(caller->status, target->status) && !HasPtraceCapability(*caller, target->user_namespace)) {
    return -EPERM;
  }
  uid_t owner = 0;
  if (!IsDumpable(proc, target_tid, *target, &owner) &&
      !HasCapabilityForMemory(proc, *caller, *target, owner)) {
    return -EPERM;
  }
  if (!CommoncapAllows(*caller, *target)) return -EPERM;
  return YamaAllows(proc, *caller, *target) ? 0 : -EPERM;
}

bool MayAccessMemory(const ProcFs& proc, Tid tracer_tid, Tid tracee_tid) {
  const std::optional<Subject> tracer = Look(proc, tracer_tid);
  const std::optional<Subject> tracee = Look(proc, tracee_tid);
  if (!tracer.has_value() || !tracee.has_value()) return true;  // dead; the kernel says so
  uid_t owner = 0;
  return IsDumpable(proc, tracee_tid, *tracee, &owner) ||
         HasCapabilityForMemory(proc, *tracer, *tracee, owner);
}

bool AccessesAllMemory(const ProcFs& proc, Tid tracer_tid) {
  const std::optional<Subject> own = Look(proc, Tid{getpid()});
  const std::optional<Subject> tracer = Look(proc, tracer_tid);
  if (!own.has_value() || !tracer.has_value()) return false;
  return !Has(own->status.cap_effective, kCapSysPtrace) || HasPtraceCapability(*tracer, own->user_namespace);
}

long MayTraceChild(const ProcFs& proc, Tid parent_tid, Tid child_tid) {
  const std::optional<Subject> parent = Look(proc, parent_tid);
  const std::optional<Subject> child = Look(proc, child_tid);
  if (!parent.has_value() || !child.has_value()) return -EPERM;
  // cap_ptrace_traceme asks what an attachment asks; so does yama_ptrace_traceme, a child being a descendant.
  return CommoncapAllows(*parent, *child) && YamaAllows(proc, *parent, *child) ? 0 : -EPERM;
}

}  // namespace nestrace
