// What a program that embeds the supervisor has to say on the system calls of its guests.
//
//   class NoNetwork : public Policy {
//     std::vector<std::string> Calls() const override { return {"socket"}; }
//     absl::StatusOr<Decision> OnCall(Call* call) override {
//       if (call->arg(0) == AF_INET) return Decision::Deny(EACCES);
//       return Decision::Run();
//     }
//   };
//   NoNetwork policy;
//   options.policy = &policy;   // supervisor.h
//
// Where the policy stands. A call is judged behind the syscall-enter-stop that a debugger sees, behind the
// seccomp filters of the guest itself, and before the call is made. So debuggers inside see what they would
// see on a kernel that has the policy built in: the enter-stop as the program made the call, the exit-stop
// with what the policy gave. Whatever call a tracer makes of it at either stop, or makes a tracee run, is the
// one that is judged. x86-64 and i386 calls are both notified of; x32 calls do not exist.
//
// What may be let run. Decision::Run() has the kernel make the call, and the kernel reads the memory that its
// arguments point to once more: other threads, and any process that maps the same memory, can have changed it
// since. So:
//   - a call that was judged by its register arguments alone may run
//   - a call that was judged by what its pointers point to must not, if the judgement has to hold: deny it,
//   or
//     do what it asks for and return the result (guest_files.h does that for paths)
// For the same reason only register arguments can be changed: there is no memory in a guest that it could
// not write to.
//
// Once only. OnCall may be called several times for one call: when the guest is interrupted before it has got
// the decision, or has to be stopped for it. What the policy counts or logs belongs into
// Decision::WhenTaken. A decision that was made by doing something says so by Decision::Done. A call which
// the kernel starts again behind a signal handler (SA_RESTART) is a new call.
//
// A policy is called by the thread that is in Supervisor::Run, and all guests wait for it.

#ifndef NESTRACE_SUPERVISOR_POLICY_H_
#define NESTRACE_SUPERVISOR_POLICY_H_

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "emu/interceptor.h"
#include "emu/types.h"
#include "supervisor/unique_fd.h"

namespace nestrace {

// One intercepted call of a guest, valid during OnCall.
class Call {
 public:
  Call(const Notification& call, const std::string& name, Interceptor::Caller* caller)
      : call_(call), name_(name), caller_(*caller) {}

  Tid tid() const { return call_.tid; }              // the caller
  Tid process() const { return caller_.process(); }  // its thread group leader
  Abi abi() const { return call_.abi; }
  int nr() const { return call_.nr; }  // in abi()
  const std::string& name() const { return name_; }
  // Register arguments 0 to 5; those of the i386 ABI are zero-extended.
  uint64_t arg(int index) const { return call_.args[index]; }
  std::array<uint64_t, 6> args() const;

  // Memory of the caller, copied now: 0, or a negative errno, usually -EFAULT, to deny the call with. After
  // another one (the caller can't be read yet, or is dead) the decision is of no account, so that it does no
  // harm to deny the call with that.
  long Read(uint64_t addr, absl::Span<char> out) { return caller_.Read(GuestAddr{addr}, out); }
  long Write(uint64_t addr, absl::Span<const char> in) { return caller_.Write(GuestAddr{addr}, in); }
  // A string that ends with a zero byte, of less than `limit` bytes; -ENAMETOOLONG if it is longer.
  long ReadString(uint64_t addr, size_t limit, std::string* text);
  // A path, as the kernel would copy it: less than PATH_MAX bytes.
  long ReadPath(uint64_t addr, std::string* path);

 private:
  const Notification& call_;
  const std::string& name_;
  Interceptor::Caller& caller_;
};

// What is to become of a call.
class Decision {
 public:
  // The kernel makes it. If it is ptrace, a wait or another call that nestrace emulates, it is emulated.
  static Decision Run() { return Decision(); }
  // It is not made, and fails with `error`, 1 to 4095.
  static Decision Deny(int error);
  // It is not made, and returns `value`.
  static Decision Return(int64_t value);
  // It is not made, and returns a new descriptor of the caller, for what `fd` is open for. The caller's own
  // limits hold: it may get EMFILE.
  static Decision Give(UniqueFd fd, bool close_on_exec);
  // It is made with these register arguments. The caller's registers are as before when it returns.
  static Decision RunWith(const std::array<uint64_t, 6>& args);

  // The call was done in making this decision and must not be done twice: its result is kept until the caller
  // has got it. For Deny, Return and Give.
  Decision&& Done() && {
    decision_.done = true;
    return std::move(*this);
  }
  // `taken` is called once the decision is carried out. Run: the kernel has begun with the call.
  Decision&& WhenTaken(std::function<void()> taken) && {
    decision_.taken = std::move(taken);
    return std::move(*this);
  }

  // An error says what is wrong with it.
  absl::Status Check() const;
  const Interceptor::Decision& raw() const { return decision_; }

 private:
  Interceptor::Decision decision_;
  bool denied_ = false;
};

class Policy {
 public:
  virtual ~Policy() = default;

  // The calls that are intercepted, by name ("openat"), in both ABIs. Asked once, by Supervisor::Start, which
  // fails for a name that no call has, and for the calls that can't be intercepted: rt_sigreturn, sigreturn,
  // restart_syscall, exit and exit_group, since a thread can't go on behind them.
  // gettimeofday and the like never reach the kernel if the C library has them from the vDSO.
  virtual std::vector<std::string> Calls() const = 0;
  // Calls that are newer than nestrace, of which nobody here can know what they would let through, fail with
  // ENOSYS.
  virtual bool NewCallsAreEnosys() const { return false; }

  // An error, an exception or a decision that makes no sense ends the run: all guests are killed, and
  // Supervisor::Run returns what was wrong.
  virtual absl::StatusOr<Decision> OnCall(Call* call) = 0;

  // `tid` has executed a new program, of which no instruction has run: /proc/TID/exe and /proc/TID/maps show
  // what the kernel found under the path that it read last. Also asked where an execve(2) seems to
  // have failed so late that a part of the new program is in memory, or was ended by a signal. False: the
  // process is killed, and its tracers see no stop before its end.
  virtual absl::StatusOr<bool> MayExecute(Tid tid);
};

}  // namespace nestrace

#endif  // NESTRACE_SUPERVISOR_POLICY_H_
