// Answers the system calls that name files, in the place of the kernel: finds the file (guest_files.h), and
// does with the descriptor of what was found what the call asks for, with the guest's rights
// (guest_identity.h). For policies that judge paths: nothing that the guest can change is looked at twice.
//
//   FileCalls file_calls(&files);
//   std::vector<std::string> Calls() const override { return FileCalls::Names(); }
//   absl::StatusOr<Decision> OnCall(Call* call) override {
//     FileCalls::Answer answer = file_calls.OnCall(call);
//     if (answer.hidden) ...                        // denied since it names something hidden: answer.path
//     return std::move(answer.decision);
//   }
//   absl::StatusOr<bool> MayExecute(Tid tid) override { return file_calls.MayExecute(tid); }
//
//   opened here, descriptor handed over   open openat openat2 creat
//   done here                             stat and fstat, access, readlink, statfs, chmod, chown, utime and
//   truncate,
//                                         extended attributes, inotify_add_watch; mkdir, mknod, symlink,
//                                         link, rename, unlink, rmdir, in all their forms
//   judged, then let run                  chdir: wherever it leads, what is hidden is not found from there
//                                         open with O_PATH: what is hidden is not found from such a
//                                         descriptor, nor does fstat tell of it, should a guest win the race
//                                         for one execve, execveat: judged early for the errno; what was
//                                         executed, and its interpreter, is looked at again before its first
//                                         instruction
//
// Different from the kernel:
//   - openat2 with a resolve flag but RESOLVE_NO_SYMLINKS and RESOLVE_NO_MAGICLINKS is ENOSYS, as on a kernel
//     without it. So are calls of the i386 ABI with structures of their own that 32-bit programs have newer
//     calls for (stat, lstat, utime, statfs, chown with 16-bit ids)
//   - a FIFO is opened without waiting for its other end; a writer without a reader gets ENXIO
//   - a terminal that a session leader opens does not become its controlling terminal
//   - mknod of a device is EPERM
//   - Landlock rules of the guest do not apply: deny landlock_create_ruleset(2), so that it does not rely on
//     them
//   - RLIMIT_FSIZE does not apply to truncate(2); F_GETFL does not show O_NOFOLLOW
//   - the guest's wait for a slow file system is the supervisor's, and so that of all guests

#ifndef NESTRACE_SUPERVISOR_FILE_CALLS_H_
#define NESTRACE_SUPERVISOR_FILE_CALLS_H_

#include <functional>
#include <string>
#include <vector>

#include "supervisor/guest_files.h"
#include "supervisor/policy.h"

namespace nestrace {

class FileCalls {
 public:
  // May what was found be opened, but for O_PATH? 0, or the errno of the call, which then counts as `hidden`.
  using Judge = std::function<int(const GuestFiles::Found& found)>;

  struct Answer {
    Decision decision;
    bool hidden = false;  // the call names something hidden, and was denied for that
    std::string path;     // as the guest named it
  };

  // `files` must outlive this.
  explicit FileCalls(const GuestFiles* files, Judge judge = nullptr)
      : files_(*files), judge_(std::move(judge)) {}

  // The calls to intercept.
  static std::vector<std::string> Names();

  // `call` must be one of Names().
  Answer OnCall(Call* call) const;
  // For Policy::MayExecute: is none of the files that the new program consists of hidden?
  bool MayExecute(Tid tid) const;

 private:
  const GuestFiles& files_;
  const Judge judge_;
};

}  // namespace nestrace

#endif  // NESTRACE_SUPERVISOR_FILE_CALLS_H_
