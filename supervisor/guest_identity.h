// Acting with a guest's rights. What the supervisor does for a guest must succeed for the guest's user,
// groups, capabilities and umask, not for those of the supervisor.
//
//   const std::optional<OwnIdentity> own = OwnIdentity::Of(proc);   // once
//   const ActAs act(proc, *own, tid);
//   if (act.error() < 0) return act.error();
//   mkdirat(...);                        // as the guest; errno as the guest would get it
//
// Usually both are the same, for NO_NEW_PRIVS lets no guest become anybody. A guest of a root supervisor may
// have given rights up (setuid, capset): then the calling thread takes its file system user and group, its
// supplementary groups and its effective capabilities, and gives them back in the destructor. What the
// supervisor can't take on, because the guest is in another user namespace or is somebody else and the
// supervisor not privileged, is -EACCES.
//
// The umask is that of the process (of the thread, after unshare(CLONE_FS)): other threads that create files
// in the meantime get it too.

#ifndef NESTRACE_SUPERVISOR_GUEST_IDENTITY_H_
#define NESTRACE_SUPERVISOR_GUEST_IDENTITY_H_

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "emu/types.h"
#include "supervisor/proc_fs.h"

namespace nestrace {

struct GuestIdentity {
  uid_t uid = 0;  // of the file system
  gid_t gid = 0;
  std::vector<gid_t> groups;
  uint64_t capabilities = 0;  // effective
  mode_t umask = 0;

  // Nothing if the thread is gone. `real`: the real user and group, by which access(2) judges.
  static std::optional<GuestIdentity> Of(const ProcFs& proc, ProcId id, bool real = false);
};

// That of the calling thread, which is not to change as long as this is used.
struct OwnIdentity {
  GuestIdentity identity;
  ino_t user_namespace = 0;

  static std::optional<OwnIdentity> Of(const ProcFs& proc);
};

class ActAs {
 public:
  // `own` must outlive this.
  ActAs(const ProcFs& proc, const OwnIdentity& own, Tid tid, bool real = false);
  ~ActAs();
  ActAs(const ActAs&) = delete;
  ActAs& operator=(const ActAs&) = delete;

  // 0, -EACCES, or -ESRCH: the guest is gone.
  long error() const { return error_; }

 private:
  bool TakeOn(const GuestIdentity& guest);
  void GiveBack();

  const GuestIdentity& own_;
  bool other_ = false;  // took on another one
  bool umask_ = false;
  long error_ = 0;
};

}  // namespace nestrace

#endif  // NESTRACE_SUPERVISOR_GUEST_IDENTITY_H_
