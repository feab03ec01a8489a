#include "supervisor/guest_identity.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string>
#include <utility>

namespace nestrace {
namespace {

// The system calls themselves: they change the calling thread alone, unlike those of glibc.
bool SetEffective(uint64_t capabilities) {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  if (syscall(SYS_capget, &header, data) < 0) return false;
  data[0].effective = static_cast<uint32_t>(capabilities) & data[0].permitted;
  data[1].effective = static_cast<uint32_t>(capabilities >> 32) & data[1].permitted;
  return syscall(SYS_capset, &header, data) == 0;
}

// setfsuid(2) and setfsgid(2) report no error; asked for what can't be, they return what is.
bool SetFsUid(uid_t uid) {
  syscall(SYS_setfsuid, uid);
  return static_cast<uid_t>(syscall(SYS_setfsuid, -1)) == uid;
}
bool SetFsGid(gid_t gid) {
  syscall(SYS_setfsgid, gid);
  return static_cast<gid_t>(syscall(SYS_setfsgid, -1)) == gid;
}
bool SetGroups(const std::vector<gid_t>& groups) {
  return syscall(SYS_setgroups, groups.size(), groups.data()) == 0;
}

// 0 if it can't be seen.
ino_t UserNamespaceOf(const ProcFs& proc, ProcId id) {
  struct stat status;
  const UniqueFd file = proc.OpenFile(id, "ns/user", O_RDONLY);
  return file.ok() && fstat(file.get(), &status) == 0 ? status.st_ino : 0;
}

}  // namespace

std::optional<GuestIdentity> GuestIdentity::Of(const ProcFs& proc, ProcId id, bool real) {
  constexpr int kReal = 0, kFileSystem = 3;
  std::string text;
  if (!proc.Read(id, "status", &text)) return std::nullopt;
  const std::optional<ThreadStatus> status = ParseThreadStatus(text);
  if (!status.has_value()) return std::nullopt;
  GuestIdentity identity;
  identity.uid = status->uid[real ? kReal : kFileSystem];
  identity.gid = status->gid[real ? kReal : kFileSystem];
  for (pid_t group : FindNumbers(text, "Groups")) identity.groups.push_back(static_cast<gid_t>(group));
  identity.capabilities = status->cap_effective;
  identity.umask = static_cast<mode_t>(FindNumber(text, "Umask", 8).value_or(022));
  return identity;
}

std::optional<OwnIdentity> OwnIdentity::Of(const ProcFs& proc) {
  const ProcId id = proc.IdOf(Tid{gettid()});
  std::optional<GuestIdentity> identity = GuestIdentity::Of(proc, id);
  const ino_t user_namespace = UserNamespaceOf(proc, id);
  if (!identity.has_value() || user_namespace == 0) return std::nullopt;
  return OwnIdentity{*std::move(identity), user_namespace};
}

ActAs::ActAs(const ProcFs& proc, const OwnIdentity& own, Tid tid, bool real) : own_(own.identity) {
  const ProcId id = proc.IdOf(tid);
  const std::optional<GuestIdentity> guest = GuestIdentity::Of(proc, id, real);
  if (!guest.has_value()) {
    error_ = -ESRCH;
    return;
  }
  if (UserNamespaceOf(proc, id) != own.user_namespace) {
    error_ = -EACCES;
    return;
  }
  if (guest->umask != own_.umask) {
    umask(guest->umask);
    umask_ = true;
  }
  if (guest->uid == own_.uid && guest->gid == own_.gid && guest->groups == own_.groups &&
      guest->capabilities == own_.capabilities) {
    return;
  }
  other_ = true;
  if (TakeOn(*guest)) return;
  GiveBack();
  other_ = false;
  error_ = -EACCES;
}

ActAs::~ActAs() {
  if (other_) GiveBack();
  if (umask_) umask(own_.umask);
}

// The capabilities last: taking on the rest may need those of the supervisor.
bool ActAs::TakeOn(const GuestIdentity& guest) {
  if (guest.groups != own_.groups && !SetGroups(guest.groups)) return false;
  if (guest.gid != own_.gid && !SetFsGid(guest.gid)) return false;
  if (guest.uid != own_.uid && !SetFsUid(guest.uid)) return false;
  return SetEffective(guest.capabilities);
}

void ActAs::GiveBack() {
  SetEffective(own_.capabilities);
  SetFsUid(own_.uid);
  SetFsGid(own_.gid);
  SetGroups(own_.groups);
  SetEffective(own_.capabilities);  // setfsuid(2) from 0 to another user and back changes some
}

}  // namespace nestrace
