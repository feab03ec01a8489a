// Finding files as a guest would, for a policy that judges paths: the supervisor walks the path itself, from
// the guest's own working directory, root or descriptor, and ends with a descriptor of what it has found.
// What is then judged, opened or changed is that object, whatever the guest does to its memory, to symbolic
// links or to names in the meantime.
//
//   absl::StatusOr<GuestFiles> files = GuestFiles::Open();
//   files->Hide("/home/me/secret");
//   GuestFiles::Found found;
//   long error = files->Find(tid, AT_FDCWD, path, {}, &found);   // 0, or the errno that the guest gets
//   if (found.hidden) ...                                        // and this was why
//
// The walk goes component by component and follows symbolic links itself, so that
//   - it never enters, or ends at, an object that is hidden (by device and inode), on whatever road it gets
//     there: names, links, "..", bind mounts, /proc/PID/root. Relative paths do not begin, and magic links of
//     /proc do not lead, below a hidden directory, however the guest came by that descriptor or directory
//   - /proc/self and /proc/thread-self are those of the guest
//   - /proc/PID of a process that is not traced by the calling thread, the supervisor's own above all, is not
//     there. What the supervisor can see of itself, no guest may
//   - /proc/PID/mem of another process needs what ptrace(2) needs, and a process that runs nothing hidden
//
// A file that was put in the place of a hidden one by somebody outside is another file. One that has another
// name outside of what is hidden (a hard link) is found there. Mounts of parts of a hidden directory
// elsewhere are known if they are there when Hide is called. Guests that have a root, a mount namespace or a
// user namespace of their own, and those that can't be looked at (not dumpable, if the supervisor is not
// privileged), get EACCES: a policy that uses this keeps its guests from making namespaces.
//
// Use it under ActAs (guest_identity.h), so that search permission is that of the guest.

#ifndef NESTRACE_SUPERVISOR_GUEST_FILES_H_
#define NESTRACE_SUPERVISOR_GUEST_FILES_H_

#include <sys/stat.h>
#include <sys/types.h>

#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "emu/types.h"
#include "supervisor/guest_identity.h"
#include "supervisor/proc_fs.h"
#include "supervisor/unique_fd.h"

namespace nestrace {

class GuestFiles {
 public:
  struct FindOptions {
    bool follow = true;        // a symbolic link at the end
    bool empty_path = false;   // AT_EMPTY_PATH: "" is what the descriptor is open for
    bool no_symlinks = false;  // RESOLVE_NO_SYMLINKS
    bool no_magic_links = false;
  };

  struct Found {
    UniqueFd object;          // O_PATH; not ok() if `parent` has nothing of that name
    struct stat status = {};  // of `object`
    UniqueFd parent;          // O_PATH; not ok() if the path does not end with a name
    std::string name;         // in `parent`; empty for ".", "..", "/", and behind a magic link
    bool directory = false;   // the path ends with a slash: only a directory will do
    std::string link_text;    // of a link at the end that the guest reads otherwise than the supervisor
    bool hidden = false;      // the error is that of something hidden
    // A path by which the supervisor itself reaches `object`, and nothing else: /proc/self/fd/N.
    std::string Path() const;
  };

  // In the thread that calls Supervisor::Start, once it has the user, the umask and the capabilities that it
  // keeps.
  static absl::StatusOr<GuestFiles> Open();

  // From now on nobody finds this file or directory, or what is below it.
  absl::Status Hide(const std::string& path);

  // Who is a guest too: the calling thread does not trace zombies that it has left to their parents.
  void set_more_guests(std::function<bool(Tid)> more_guests) { more_guests_ = std::move(more_guests); }

  // 0, also if only the last component is missing, or a negative errno.
  long Find(Tid tid, int dirfd, const std::string& path, const FindOptions& options, Found* found) const;

  // Is the open file hidden, below something hidden, or in /proc of a process that is not there for guests?
  // True if that can't be found out.
  bool Hides(int fd) const;

  // Is the program that the thread runs, or a file that it has mapped, hidden? True if that can't be found
  // out.
  bool RunsHidden(Tid tid) const { return RunsHidden(proc_.IdOf(tid)); }
  // If `fd` is of /proc/PID/mem: may `tid` have it? 0, -ENOENT if the process runs something hidden, or
  // another negative errno. To be asked again once it is open: the memory is that of the program that ran
  // then.
  long CheckMemory(Tid tid, int fd) const;
  // Is this a living thread that the thread which called Open() traces?
  bool IsGuest(Tid tid) const { return IsGuest(proc_.IdOf(tid)); }

  // A duplicate of the guest's descriptor: pidfd_getfd(2). Not ok() if there is none or the guest can't be
  // looked at, and errno tells.
  UniqueFd Descriptor(Tid tid, int fd) const;

  const ProcFs& proc() const { return proc_; }
  const OwnIdentity& own() const { return own_; }

 private:
  friend class FileWalk;
  using FileId = std::pair<dev_t, ino_t>;

  explicit GuestFiles(ProcFs proc) : proc_(std::move(proc)) {}
  bool IsHidden(const struct stat& status) const {
    return hidden_.count({status.st_dev, status.st_ino}) != 0;
  }
  absl::Status HideOtherMounts(const UniqueFd& file);
  void HideFile(const struct stat& status, UniqueFd file);
  bool RunsHidden(ProcId id) const;
  bool IsInExec(ProcId id) const;
  bool DirectoryIsBelow(UniqueFd directory) const;
  bool DeletedIsBelow(int fd, const std::string& path) const;
  bool IsOfOtherProcess(int fd, const struct stat& status) const;
  bool SameView(ProcId id) const;
  bool IsGuest(ProcId id) const;

  ProcFs proc_;
  OwnIdentity own_;
  UniqueFd root_;
  struct stat root_status_ = {};
  struct stat proc_status_ = {};
  std::string proc_path_;
  ino_t mount_namespace_ = 0;
  pid_t tracer_ = 0;                      // the calling thread, as /proc numbers it
  std::function<bool(Tid)> more_guests_;  // may be empty
  std::set<FileId> hidden_;
  std::vector<UniqueFd> held_;  // one for each of hidden_
};

}  // namespace nestrace

#endif  // NESTRACE_SUPERVISOR_GUEST_FILES_H_
