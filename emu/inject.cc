// Genuine SIGCHLDs for tracers that never come to a signal-delivery-stop for them.
//
// A SIGCHLD that we queue carries SI_QUEUE, since no process may send another one CLD_TRAPPED, and is put
// right at the tracer's signal-delivery-stop. A tracer that keeps SIGCHLD blocked and has no handler takes it
// from sigwaitinfo(2) or a signalfd and has no such stop. A process may send itself any siginfo
// (kernel/signal.c:do_rt_sigqueueinfo), so such a tracer is stopped and made to do just that: one
// rt_sigqueueinfo with its own registers put back behind it, and a call that the stop interrupted started
// again.

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <string.h>

#include "emu/core.h"

namespace nestrace {

namespace {

constexpr uint64_t kRtSigqueueinfo = 129;
constexpr uint64_t kRestartSyscall = 219;

}  // namespace

// Memory of a stopped thread that holds nothing: behind the red zone of its stack.
uint64_t Core::Scratch(const struct user_regs_struct& regs, size_t size) {
  constexpr uint64_t kRedZone = 128;
  return (regs.rsp - kRedZone - size) & ~15ull;
}

bool Core::InstructionBefore(const Thread& thread, uint64_t rip, uint16_t wanted) const {
  uint16_t found = 0;
  char word[8];
  const uint64_t at = rip - 2;
  for (size_t i = 0; i < 2; ++i) {
    const uint64_t byte = at + i;
    if (kernel_->PtraceBuffer(Abi::kX86_64, kPeekText, thread.tid, byte & ~7ull, absl::MakeSpan(word)) < 0)
      return false;
    memcpy(reinterpret_cast<char*>(&found) + i, word + (byte & 7), 1);
  }
  return found == wanted;
}

// `thread` is stopped and has a siginfo to send itself. True if the stop was ours and is done with.
bool Core::Inject(Thread* thread) {
  Injection& injection = *thread->injection;
  Stop& stop = thread->stop;
  if (injection.under_way) {
    if (stop.kind == StopKind::kSyscall && !injection.entered) {
      injection.entered = true;
      ResumeUnseen(thread, ResumeMode::kSyscall);
      return true;
    }
    siginfo_t trap;
    if (injection.steps_over_call && stop.signal == SIGTRAP && KernelSigInfo(*thread, &trap) == 0 &&
        IsOfStep(trap)) {  // over the call, which natively has not ended
      ResumeUnseen(thread, ResumeMode::kSyscall);
      return true;
    }
    SetRegs(thread, stop.kind == StopKind::kSyscall ? Restarted(injection.saved) : injection.saved);
    const siginfo_t info = injection.info;
    thread->injection.reset();
    if (stop.kind != StopKind::kSyscall) {  // another stop came first
      QueueSigchld(thread, info);
      return false;
    }
    thread->call.phase = Call::Phase::kNone;
    thread->kicked = false;
    if (observer_ != nullptr) {
      observer_->OnSignal(
          {.tid = thread->process->tgid, .process = true, .signal = info.si_signo, .code = info.si_code});
    }
    ResumeThread(thread);
    return true;
  }
  if (stop.kind == StopKind::kTrap && PrepareInjection(thread)) {
    ResumeUnseen(thread, ResumeMode::kSyscall);
    return true;
  }
  const siginfo_t info = injection.info;
  thread->injection.reset();
  QueueSigchld(thread, info);
  return false;
}

// Do the thread's own filters, as far as they are known, allow the call?
bool Core::FiltersAllow(Thread* thread, const Notification& n) {
  ForgetRefusedFilters(thread);
  ThreadFacts facts;
  if (!kernel_->ReadFacts(thread->tid, &facts)) return false;
  const int known = thread->filters == nullptr ? 0 : thread->filters->depth;
  if (facts.seccomp_filters > known + 1) return false;
  return (RunFilters(thread->filters.get(), FilterData(n)) & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ALLOW;
}

// May the thread send itself a SIGCHLD? (Where it is not known, they are run for a call at address 0 with its
// siginfo there.)
bool Core::FiltersAllowInjection(Thread* thread) {
  Notification n;
  n.nr = kRtSigqueueinfo;
  n.abi = Abi::kX86_64;
  n.args[0] = thread->process->pids.back().pid;
  n.args[1] = SIGCHLD;
  return FiltersAllow(thread, n);
}

bool Core::PrepareInjection(Thread* thread) {
  Injection& injection = *thread->injection;
  if (!GetRegs(*thread, &injection.saved) || injection.saved.cs != kUser64Cs) return false;
  if (Emulates(thread->real_mode) && thread->was_in_call) return false;  // a call that is not to be skipped
  const bool steps = IsStepped(*thread);
  injection.steps_over_call = steps && Restarted(injection.saved).rip != injection.saved.rip;
  if (steps && !injection.steps_over_call && HasSprung(*thread)) return false;  // first that trap
  if (static_cast<int64_t>(injection.saved.rax) == -kErestartRestartblock)
    NoteRestart(thread, injection.saved, true);
  struct user_regs_struct regs = injection.saved;
  if (!InstructionBefore(*thread, regs.rip, kSyscallInstruction)) {
    const uint64_t behind = thread->behind_syscall;
    if (behind == 0 || !InstructionBefore(*thread, behind, kSyscallInstruction)) return false;
    regs.rip = behind;
  }
  const uint64_t scratch = Scratch(regs, 2 * sizeof(siginfo_t));
  siginfo_t info = injection.info;
  info.si_uid = kernel_->UidIn(thread->tid, info.si_uid);
  if (WriteCaller(thread, scratch, absl::MakeConstSpan(reinterpret_cast<const char*>(&info), sizeof(info))) <
      0) {
    return false;
  }
  regs.rip -= 2;
  regs.orig_rax = ~0ull;
  regs.rax = kRtSigqueueinfo;
  regs.rdi = thread->process->pids.back().pid;
  regs.rsi = injection.info.si_signo;
  regs.rdx = scratch;
  if (!SetRegs(thread, regs)) return false;
  injection.under_way = true;
  const Call& call = thread->call;
  if (HasLost(call, injection.saved)) Doubted(thread, call);  // it starts again behind the injection
  return true;
}

// What the kernel makes of an interrupted call on its way to user space when no handler runs; the same for a
// call that only our interrupt made EINTR.
struct user_regs_struct Core::Restarted(struct user_regs_struct regs) {
  constexpr int64_t kErestartnohand = 514;
  if (static_cast<int64_t>(regs.orig_rax) < 0) return regs;
  const int64_t error = -static_cast<int64_t>(regs.rax);
  if (error == kErestartsys || error == kErestartnointr || error == kErestartnohand || error == EINTR) {
    regs.rax = regs.orig_rax;
    regs.rip -= 2;
  } else if (error == kErestartRestartblock) {
    regs.rax = kRestartSyscall;
    regs.rip -= 2;
  }
  regs.orig_rax = ~0ull;
  return regs;
}

bool Core::GetRegs(const Thread& thread, struct user_regs_struct* regs) const {
  return kernel_->PtraceBuffer(Abi::kX86_64, kGetRegs, thread.tid, 0,
                               absl::MakeSpan(reinterpret_cast<char*>(regs), sizeof(*regs))) == 0;
}

bool Core::SetRegs(Thread* thread, struct user_regs_struct regs) {
  thread->registers.valid = false;
  return kernel_->PtraceBuffer(Abi::kX86_64, kSetRegs, thread->tid, 0,
                               absl::MakeSpan(reinterpret_cast<char*>(&regs), sizeof(regs))) == 0;
}

}  // namespace nestrace
