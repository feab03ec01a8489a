// A policy on the system calls of guests: what the supervisor's embedder has to say on a call before the
// emulation and the kernel do.
//
//   class NoSockets : public Interceptor {
//     bool Intercepts(Abi abi, int nr) const override { return abi == Abi::kX86_64 && nr == SYS_socket; }
//     Decision OnCall(const Notification&, Caller*) override { return Decision::Return(-EACCES); }
//   };
//   Emulator emulator(&kernel, {.interceptor = &no_sockets});
//
// The order is that of a kernel which has the policy built in: the syscall-enter-stop of a tracer, the
// filters of the guest itself, the policy, the call. So a tracer that changes a call at its
// syscall-enter-stop or its PTRACE_EVENT_SECCOMP has the changed call judged, and one that makes a tracee run
// a call of its own choosing has that judged. PTRACE_SYSEMU calls are never made.
//
// Every decision takes the road of calls.cc: it is carried out only if the guest was not interrupted before;
// if it was, the call is decided again, at the stop that follows or when the guest makes the call again.
// Therefore OnCall must have no effect that may not come twice, unless it says so (Decision::done): what a
// call has come to is then kept until the guest has got it.

#ifndef NESTRACE_EMU_INTERCEPTOR_H_
#define NESTRACE_EMU_INTERCEPTOR_H_

#include <array>
#include <cstdint>
#include <functional>
#include <memory>

#include "absl/types/span.h"
#include "emu/types.h"

namespace nestrace {

class Interceptor {
 public:
  struct Decision {
    enum class Kind {
      kRun,         // it goes on: to the emulation if that takes part in the call, else to the kernel
      kReturn,      // it is not made, and returns `value`; in [-4095, -1] a negative errno
      kDescriptor,  // it is not made, and returns a new descriptor: a duplicate of the supervisor's `value`
      kChange,      // it is made with `args`; the registers are put back behind it
    };
    Kind kind = Kind::kRun;
    int64_t value = 0;
    bool close_on_exec = false;  // kDescriptor
    std::array<uint64_t, 6> args = {};
    // Deciding had effects: if the guest can't be given the result now, it gets this one later.
    bool done = false;
    // Called once when the decision is carried out, not if it is given up.
    std::function<void()> taken;
    // Kept alive with the decision: the owner of the descriptor `value`.
    std::shared_ptr<void> keep;

    static Decision Run() { return {}; }
    static Decision Return(int64_t value) {
      Decision decision;
      decision.kind = Kind::kReturn;
      decision.value = value;
      return decision;
    }
  };

  // Who makes the call.
  class Caller {
   public:
    virtual ~Caller() = default;
    virtual Tid process() const = 0;  // its thread group leader
    // Its memory. 0 or a negative errno, as Kernel::ReadMemory. After -EPERM the decision is of no account:
    // the caller is stopped, where its memory can be reached, and the call is decided again.
    virtual long Read(GuestAddr addr, absl::Span<char> out) = 0;
    virtual long Write(GuestAddr addr, absl::Span<const char> in) = 0;
  };

  virtual ~Interceptor() = default;

  // The supervisor's filter notifies of more calls than those of the policy. Always the same answer.
  virtual bool Intercepts(Abi abi, int nr) const = 0;
  // What is to become of an intercepted call. The thread may not be one of the table (a guest that raced
  // CLONE_UNTRACED past the supervisor): then the call is refused with EPERM and nobody is asked.
  virtual Decision OnCall(const Notification& call, Caller* caller) = 0;
  // `tid` is at the PTRACE_EVENT_EXEC of a new program, none of which has run; or at another stop, behind
  // an execve(2) that seems to have failed so late that a part of the new program is in memory. False: it is
  // killed there, and no tracer sees that stop or another.
  virtual bool MayExecute(Tid tid) = 0;
};

}  // namespace nestrace

#endif  // NESTRACE_EMU_INTERCEPTOR_H_
