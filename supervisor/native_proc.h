// /proc/PID/status and /proc/PID/stat as they would be without nestrace, for guests who open them:
//
//   TracerPid         the innermost tracer among the guests; 0 if there is none
//   Seccomp,          without the supervisor's filter
//   Seccomp_filters
//   State, and the    of a thread that only the supervisor has stopped: R, or T in a group-stop
//   letter in stat
//
//   absl::StatusOr<NativeProc> proc = NativeProc::Open();
//   options.policy = &*proc;      // or have a policy of your own hand it the calls in Names()
//   ... Supervisor::Start ...
//   proc->set_supervisor(supervisor->get());
//
// The guest is given the text as it was when it opened the file; reading it again at offset 0 gives the same
// text. It costs a notification for each open(2) and openat(2) of any file; those of other files are then
// made by the kernel. Not covered: openat2(2), /proc of another mount or pid namespace, and guests whose
// paths can't be followed (guest_files.h): they get the kernel's file.

#ifndef NESTRACE_SUPERVISOR_NATIVE_PROC_H_
#define NESTRACE_SUPERVISOR_NATIVE_PROC_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "emu/emulator.h"
#include "supervisor/guest_files.h"
#include "supervisor/policy.h"

namespace nestrace {

class Supervisor;

// The file's text, with what `shown` says in it. `tracer` is the number of shown.tracer for the reader.
// Pure.
std::string NativeStatus(const std::string& text, const Emulator::Appearance& shown, pid_t tracer);
std::string NativeStat(const std::string& text, const Emulator::Appearance& shown);

class NativeProc final : public Policy {
 public:
  // In the thread that calls Supervisor::Start, as GuestFiles::Open.
  static absl::StatusOr<NativeProc> Open();

  // Until then every file is the kernel's.
  void set_supervisor(const Supervisor* supervisor);

  static std::vector<std::string> Names() { return {"open", "openat"}; }
  std::vector<std::string> Calls() const override { return Names(); }
  absl::StatusOr<Decision> OnCall(Call* call) override;

 private:
  explicit NativeProc(GuestFiles files) : files_(std::move(files)) {}
  // The text for the guest `reader`; empty if it is to have the kernel's file.
  std::string TextFor(Tid reader, const GuestFiles::Found& found) const;

  GuestFiles files_;
  const Supervisor* supervisor_ = nullptr;
};

}  // namespace nestrace

#endif  // NESTRACE_SUPERVISOR_NATIVE_PROC_H_
