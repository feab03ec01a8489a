// The embedder's policy on calls: interceptor.h. What is decided goes out through Carry (calls.cc), as the
// emulation's own decisions do.

#include <errno.h>
#include <signal.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "emu/core.h"

namespace nestrace {

namespace {

// Calls that the kernel itself may end with -ERESTARTSYS, because they wait for something: reads, writes,
// opens (of a FIFO), locks, sockets, sleeps, polls. All others that are seen with it were interrupted in
// their notification, or in one that was gone before it was received. In order.
constexpr int kWaiting64[] = {0,   1,   2,   7,   16,  17,  18,  19,  20,  23,  34,  35,  40,  42,  43,
                              44,  45,  46,  47,  65,  69,  70,  72,  73,  85,  128, 130, 202, 208, 219,
                              220, 230, 232, 242, 243, 257, 270, 271, 275, 276, 278, 281, 285, 288, 295,
                              296, 299, 307, 318, 326, 327, 328, 333, 426, 437, 441, 449, 455};
constexpr int kWaiting32[] = {0,   3,   4,   5,   8,   29,  54,  55,  72,  82,  102, 117, 142, 143,
                              145, 146, 162, 168, 177, 179, 180, 181, 187, 221, 239, 240, 247, 256,
                              267, 279, 280, 295, 308, 309, 313, 315, 316, 319, 324, 333, 334, 337,
                              345, 355, 362, 364, 369, 370, 371, 372, 377, 378, 379, 385, 407, 413,
                              414, 416, 417, 418, 419, 420, 421, 422, 426, 437, 441, 449, 455};

bool MayWait(const Notification& n) {
  return n.abi == Abi::kX86_64 ? std::binary_search(std::begin(kWaiting64), std::end(kWaiting64), n.nr)
                               : std::binary_search(std::begin(kWaiting32), std::end(kWaiting32), n.nr);
}

}  // namespace

class Core::PolicyCaller final : public Interceptor::Caller {
 public:
  PolicyCaller(Core* core, Thread* caller) : core_(*core), caller_(caller) {}

  Tid process() const override { return caller_->process->tgid; }
  long Read(GuestAddr addr, absl::Span<char> out) override {
    return Note(core_.ReadCaller(caller_, static_cast<uint64_t>(addr), out));
  }
  long Write(GuestAddr addr, absl::Span<const char> in) override {
    return Note(core_.WriteCaller(caller_, static_cast<uint64_t>(addr), in));
  }
  bool out_of_reach() const { return out_of_reach_; }

 private:
  long Note(long result) {
    out_of_reach_ = out_of_reach_ || result == -EPERM;
    return result;
  }

  Core& core_;
  Thread* const caller_;
  bool out_of_reach_ = false;
};

bool Core::Intercepted(const Notification& n) const {
  return interceptor_ != nullptr && interceptor_->Intercepts(n.abi, n.nr);
}

// What the policy makes of a call; nothing if the emulation is to go on with it.
std::optional<Outcome> Core::AskPolicy(Thread* caller, const Notification& n) {
  if (!Intercepted(n) || caller->call.passed) return std::nullopt;
  if (caller->changed_call.has_value() && SameCall(caller->changed_call->made, n)) return std::nullopt;
  Interceptor::Decision decision;
  if (caller->owed.has_value() && SameCall(caller->owed->call, n)) {
    decision = caller->owed->decision;
  } else {
    PolicyCaller shown(this, caller);
    decision = interceptor_->OnCall(n, &shown);
    if (shown.out_of_reach()) return Outcome::StopCaller();
  }
  if (decision.kind == Interceptor::Decision::Kind::kRun && KindOf(n.abi, n.nr) != CallKind::kOther) {
    caller->call.passed = true;
    if (decision.taken) decision.taken();
    return std::nullopt;
  }
  if (decision.done) caller->owed = Thread::Owed{n, decision};
  Outcome outcome;
  outcome.value = decision.value;
  outcome.then = [caller, taken = std::move(decision.taken), keep = std::move(decision.keep)] {
    caller->owed.reset();
    if (taken) taken();
  };
  switch (decision.kind) {
    case Interceptor::Decision::Kind::kRun:
      outcome.kind = Outcome::Kind::kContinue;
      outcome.value = 0;
      break;
    case Interceptor::Decision::Kind::kReturn:
      outcome.kind = Outcome::Kind::kReturn;
      break;
    case Interceptor::Decision::Kind::kDescriptor:
      outcome.kind = Outcome::Kind::kDescriptor;
      outcome.close_on_exec = decision.close_on_exec;
      break;
    case Interceptor::Decision::Kind::kChange:
      outcome.kind = Outcome::Kind::kChange;
      outcome.made = {n};
      for (size_t i = 0; i < decision.args.size(); ++i) {
        outcome.made.front().args[i] =
            n.abi == Abi::kX86_64 ? decision.args[i] : static_cast<uint32_t>(decision.args[i]);
      }
      break;
  }
  return outcome;
}

// `thread` has stopped with an intercepted call of the policy's interrupted. True if that is dealt with.
//
// The call is decided here, and its result written into the registers, only if it is the one whose
// notification was received: what it was for certain, its ABI included, is not to be read from registers.
// Any other was never received and starts again, whatever handler runs before.
bool Core::SettleIntercepted(Thread* thread, const Call& before) {
  Call& call = thread->call;
  const Notification& n = call.notification;
  if (!Intercepted(n)) return false;
  const bool same = SameCall(before.notification, n);
  call.passed = same && before.passed;
  if (call.passed) return false;
  if (same && before.phase == Call::Phase::kContinued && MayWait(n)) return true;  // as the kernel has it
  if (!same || before.phase != Call::Phase::kPending) {
    kernel_->Ptrace(Abi::kX86_64, kPokeUser, thread->tid, kUserRax, -kErestartnointr);
    return true;
  }
  std::optional<Outcome> outcome = AskPolicy(thread, n);
  if (!outcome.has_value()) return false;
  Carry(thread, *std::move(outcome));
  return true;
}

// --- programs that may not be executed.
//
// A tracee shows its memory at every stop. With that of a new program in it, PTRACE_EVENT_EXEC comes first,
// unless the kernel gives the program up after it has mapped a part of it, or the thread is killed inside the
// call: then the next stop is that of SIGSEGV, a group-stop, the syscall-exit-stop or PTRACE_EVENT_EXIT.

// May the stop of the thread be such a one? Also true for calls of the other ABI that have the same numbers.
bool Core::LeavesExec(const Thread& thread) const {
  constexpr uint64_t kExecs[] = {59, 322, 11, 358};  // execve and execveat, of x86-64 and of i386
  const Stop& stop = thread.stop;
  const bool exiting = stop.event == kEventExit;
  if (stop.kind == StopKind::kEvent && !exiting) return false;  // inside the call
  uint64_t nr = 0;
  kernel_->PtraceBuffer(Abi::kX86_64, kPeekUser, thread.tid, kUserOrigRax,
                        absl::MakeSpan(reinterpret_cast<char*>(&nr), sizeof(nr)));
  if (std::find(std::begin(kExecs), std::end(kExecs), nr) == std::end(kExecs)) return false;
  if (exiting || stop.signal == SIGSEGV) return true;
  // fs/exec.c:bprm_execve has sent it, if the old program is lost.
  ThreadFacts facts;
  return kernel_->ReadFacts(thread.tid, &facts) && Has(facts.pending_signals(), SIGSEGV);
}

// False: the process is killed, and goes on to its end by itself.
bool Core::MayRunItsProgram(Thread* thread) {
  if (interceptor_->MayExecute(thread->tid)) return true;
  thread->process->forbidden_program = true;
  kernel_->SendSignal(thread->process->tgid, thread->tid, SIGKILL);
  return false;
}

// Any stop of a thread, if there is a policy. True if nobody is to see it.
bool Core::HandleForbiddenProgram(Thread* thread) {
  const bool exiting = thread->stop.event == kEventExit;
  if (!thread->process->forbidden_program && (!LeavesExec(*thread) || MayRunItsProgram(thread))) return false;
  if (exiting) {
    OnEventExit(thread);
    ResumeThread(thread);
  }
  return true;
}

// --- calls made with other arguments, or others in their place.
//
// Registers can be changed only at a stop, and the kernel has read those of the call under way already. So
// the caller is stopped, which interrupts the call, gets the new arguments, and starts the call again:
//
//   guest: write(1, p, 100)  --notification-->  changed to (1, p, 10); the guest is kicked
//   guest: PTRACE_EVENT_STOP, or its syscall-exit-stop if it is traced with PTRACE_SYSCALL, rax = -512
//   we:    rdx = 10, rax = -513; resumed with PTRACE_SYSCALL
//   guest: syscall-enter-stop, notification     let go; the policy is not asked again
//   guest: syscall-exit-stop                    rdx = 100; now its tracers see the exit
//
// If further calls are to be made (MakeNext), that is the place for it. No tracer sees the stops in between.
// If anything else comes in between, the arguments are put back, the call starts again as it was, and the
// policy decides anew.

// The caller is stopped. False: not in a stop that leads straight back into the call.
bool Core::ChangeCall(Thread* caller, std::vector<Notification> made) {
  const Stop& stop = caller->stop;
  if (stop.kind != StopKind::kTrap && stop.kind != StopKind::kSyscall) return false;
  struct user_regs_struct regs;
  if (!GetRegs(*caller, &regs)) return false;
  Thread::ChangedCall changed;
  changed.original = caller->call.notification;
  changed.made = made.front();
  changed.next.assign(made.begin() + 1, made.end());
  PutCall(changed.made, &regs);
  regs.rax = -kErestartnointr;
  if (!SetRegs(caller, regs)) return false;
  caller->changed_call = std::move(changed);
  return true;
}

// One of the calls that are made in the place of another has ended, at whose syscall-exit-stop `thread` is.
void Core::MakeNext(Thread* thread, struct user_regs_struct regs) {
  Thread::ChangedCall& changed = *thread->changed_call;
  changed.made = changed.next.front();
  changed.next.erase(changed.next.begin());
  changed.entered = false;
  PutCall(changed.made, &regs);
  SetRegs(thread, regs);
  RewindCall(thread);
  ResumeThread(thread);
}

// Any stop of a thread that has changed_call. True if nobody is to see it.
bool Core::HandleChangedCall(Thread* thread) {
  const Stop& stop = thread->stop;
  Thread::ChangedCall& changed = *thread->changed_call;
  if (stop.kind == StopKind::kEvent) return false;  // inside the call, or the end
  struct user_regs_struct regs;
  if (!GetRegs(*thread, &regs)) return false;
  if (stop.kind == StopKind::kTrap && thread->kicked && !changed.entered && !InterruptPending(*thread)) {
    thread->kicked = false;  // the kick came twice
    ResumeThread(thread);
    return true;
  }
  if (stop.kind == StopKind::kSyscall && !changed.entered && InterruptedIn(changed.made, regs)) {
    changed.entered = true;
    ResumeThread(thread);
    return true;
  }
  if (stop.kind == StopKind::kSyscall && changed.entered && !changed.next.empty()) {
    MakeNext(thread, regs);
    return true;
  }
  PutCall(changed.original, &regs);
  SetRegs(thread, regs);
  if (SameCall(thread->call.notification, changed.made)) {
    thread->call.notification = changed.original;
  }
  thread->changed_call.reset();
  return false;
}

}  // namespace nestrace
