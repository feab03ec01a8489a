// The real resume that serves all links of a thread.
//
// The kernel steps, or traces system calls, or has them emulated. Tracers who ask for different things are
// each to get their own:
//   - a syscall-exit-stop that a tracer waits for, or we, comes first: without PTRACE_SYSCALL there is none;
//   - so does the syscall-enter-stop of a call that natively goes on (interruptions.cc);
//   - PTRACE_SYSEMU is stronger than PTRACE_SYSCALL: both stop at the next call, and what only PTRACE_SYSCALL
//   asks
//     for is made of that stop (Core::IsMadeAgain);
//   - a step is a step, unless a system call is what comes next: then the thread runs into the stops of the
//   call,
//     and the stepping tracers' trap is made behind it (Core::Finish).

#include <errno.h>
#include <signal.h>
#include <string.h>

#include <algorithm>
#include <iterator>

#include "emu/core.h"

namespace nestrace {

namespace {

long RequestOf(ResumeMode mode) {
  static constexpr long kRequests[] = {kCont,    kSingleBlock, kSingleStep,
                                       kSyscall, kSysemu,      kSysemuSingleStep};
  return kRequests[static_cast<int>(mode)];
}

// Is a thread with this stop inside a system call?
bool IsInCall(const Stop& stop) {
  return stop.kind == StopKind::kEvent || (stop.kind == StopKind::kSyscall && stop.entry);
}

// Does the default action end the process, without a core dump?
bool KillsAtOnce(int signal) {
  constexpr int kDumpCore[] = {SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGFPE,
                               SIGSEGV, SIGBUS, SIGSYS,  SIGXCPU, SIGXFSZ};
  const bool dumps = std::find(std::begin(kDumpCore), std::end(kDumpCore), signal) != std::end(kDumpCore);
  return !dumps && !IsStopSignal(signal);
}

}  // namespace

ResumeMode Core::CombinedMode(Thread* thread) {
  const bool in_call = IsInCall(thread->stop);
  ResumeMode step = thread->left_step ? ResumeMode::kSingleStep : ResumeMode::kCont;
  bool traces = (!thread->changed_arguments.empty() && !thread->noted) || thread->changed_call.has_value() ||
                thread->untraced_clone || thread->timeout.has_value() || thread->held_mask.has_value();
  bool leaves = traces;  // the call it is in
  bool emulates = false, others = false;
  for (const auto& link : thread->links) {
    traces |= link->mode == ResumeMode::kSyscall;
    leaves |= link->mode == ResumeMode::kSyscall && !link->blind;
    emulates |= Emulates(link->mode);
    if (IsStep(link->mode)) step = std::max(step, link->mode);
    others |= link->mode != ResumeMode::kCont && link->mode != ResumeMode::kSysemuSingleStep;
  }
  // A step traps behind the call; else we need the syscall-exit-stop.
  const bool puts_back = thread->noted || thread->refused_call.has_value();
  const bool traps =
      !emulates && !traces && (step == ResumeMode::kSingleStep || step == ResumeMode::kSingleBlock);
  if (in_call && (leaves || (puts_back && !traps))) return ResumeMode::kSyscall;
  // It goes on with a call that natively has not ended: the kernel is not to skip that, and we are to know
  // that it has begun, if signals may be held till then. (Unless a tracer has passed a signal on. And first
  // the trap of a step over it, if that is there, is to be known for one.)
  const bool passes_on = thread->stop.signal != 0 && !thread->links.empty() && !thread->held_mask.has_value();
  if (!passes_on && (emulates || MayHold(*thread)) && IsToRestart(*thread)) {
    return IsStepped(*thread) && HasSprung(*thread) ? thread->real_mode : ResumeMode::kSyscall;
  }
  if (step == ResumeMode::kSysemuSingleStep) {
    if (!others) return step;
    step = ResumeMode::kSingleStep;
  }
  const ResumeMode call = emulates ? ResumeMode::kSysemu : traces ? ResumeMode::kSyscall : ResumeMode::kCont;
  if (step == ResumeMode::kCont || call == ResumeMode::kCont) return std::max(step, call);
  return SyscallIsNext(*thread) ? call : ResumeMode::kSingleStep;
}

// Do the registers say that an interrupted system call starts again, if no handler runs before?
bool Core::WillRestart(const struct user_regs_struct& regs) {
  const int64_t rax = static_cast<int64_t>(regs.rax);
  return static_cast<int64_t>(regs.orig_rax) >= 0 && rax <= -kErestartsys && rax >= -kErestartRestartblock;
}

// Is the stopped thread inside a system call, or about to make one?
bool Core::SyscallIsNext(const Thread& thread) const {
  const Stop& stop = thread.stop;
  if (IsInCall(stop)) return true;
  struct user_regs_struct regs;
  if (!GetRegs(thread, &regs)) return false;
  if (stop.kind != StopKind::kSyscall && stop.signal == 0 && WillRestart(regs)) return true;
  uint64_t code = 0;
  const uint64_t word = regs.rip & ~7ull;
  uint64_t words[2] = {0, 0};
  for (int i = 0; i < 2; ++i) {
    if (kernel_->PtraceBuffer(Abi::kX86_64, kPeekText, thread.tid, word + 8 * i,
                              absl::MakeSpan(reinterpret_cast<char*>(&words[i]), 8)) < 0) {
      break;
    }
  }
  const size_t skip = regs.rip - word;
  memcpy(&code, reinterpret_cast<char*>(words) + skip, 8);
  const uint16_t instruction = static_cast<uint16_t>(code);
  return instruction == 0x050f || instruction == 0x340f ||
         instruction == 0x80cd;  // syscall, sysenter, int 0x80
}

// A signal that PTRACE_DETACH passes on at a syscall-stop is sent, and may kill an untraced thread right
// there, before it takes part in a group-stop again; not one that dumps core
// (kernel/signal.c:complete_signal).
bool Core::InjectionKills(const Thread& thread) const {
  const int signal = thread.stop.signal;
  if (thread.stop.kind != StopKind::kSyscall || signal == 0 || !KillsAtOnce(signal)) return false;
  ThreadFacts facts;
  if (!kernel_->ReadFacts(thread.tid, &facts)) return false;
  const uint64_t harmless = facts.blocked_signals | facts.ignored_signals | facts.caught_signals;
  return !Has(harmless, signal);
}

// A thread that is to do something for us, and stops again before anyone sees it.
void Core::ResumeUnseen(Thread* thread, ResumeMode mode) {
  if (!InItsStop(*thread)) return;
  SetState(thread, Thread::State::kRunning);
  thread->real_mode = mode;
  thread->was_in_call = false;
  thread->registers.valid = false;
  const long request = RequestOf(mode);
  if (observer_ != nullptr) observer_->OnResume({.tid = thread->tid, .request = request});
  kernel_->Ptrace(Abi::kX86_64, request, thread->tid, 0, 0);
}

void Core::ResumeThread(Thread* thread) {
  Stop& stop = thread->stop;
  const bool exiting = stop.kind == StopKind::kEvent && stop.event == kEventExit;
  bool interrupt = false;
  for (const auto& link : thread->links) interrupt |= link->interrupt_pending;
  const bool untraced = thread->links.empty() && !exiting;
  if (stop.kind == StopKind::kSignal) thread->killed_by_injection = false;  // its delivery
  if (untraced && InjectionKills(*thread)) thread->killed_by_injection = true;
  if (untraced && thread->process->group_stopped && !thread->killed_by_injection) {
    interrupt = true;
    thread->returning = thread->in_group_stop;
  }
  if (thread->ended_at != 0 && !interrupt && !StopsOnItsWay(*thread)) {
    // While its tracer kept it, a SIGCONT may have come whose trap is still to come, and a stop signal have
    // flushed it: one more trap takes that along.
    interrupt = untraced && stop.let_go;
    if (!interrupt) thread->ended_at = 0;
  }
  // Any ptrace-stop ends a pending interrupt (kernel/signal.c:ptrace_stop); it is asked again for those who
  // have not seen a stop since.
  if (interrupt) kernel_->Ptrace(Abi::kX86_64, kInterrupt, thread->tid, 0, 0);
  StopDiscarding(thread);
  if (stop.kind == StopKind::kSignal && stop.signal != 0) PutUntracedBack(thread);  // a handler may run
  PassAtEntry(thread);
  thread->registers.valid = false;
  const int signal = stop.signal;
  // A thread that was killed under the stop may be in PTRACE_EVENT_EXIT by now, which is not to be lost.
  if (!InItsStop(*thread)) return;
  if (stop.disguised.has_value()) WriteSigInfo(*thread, *stop.disguised);
  thread->real_mode = CombinedMode(thread);
  thread->was_in_call = IsInCall(stop) && !stop.skipped;
  if (stop.kind == StopKind::kSignal && IsStopSignal(signal)) {
    // A group-stop begins. The next PTRACE_EVENT_STOP of each thread is news of it, if it does for certain.
    for (Thread* sibling : thread->process->threads) {
      if (signal == SIGSTOP) sibling->in_group_stop = false;
      if (sibling->state != Thread::State::kListening || !sibling->links.empty()) sibling->passed_over_by = 0;
    }
  }
  const bool departs = exiting && DiesByItself(*thread);
  const long request = departs ? kDetach : RequestOf(thread->real_mode);
  SetState(thread, exiting ? Thread::State::kExiting : Thread::State::kRunning);
  if (observer_ != nullptr) {
    observer_->OnResume({.tid = thread->tid, .request = request, .signal = signal});
  }
  // -ESRCH: dead; the next event says so.
  const bool goes = kernel_->Ptrace(Abi::kX86_64, request, thread->tid, 0, signal) == 0;
  if (departs && goes) departed_.push_back(thread->tid);
  if (exiting) {
    LeaveChildren(thread);
    // It may be the last that a group-stop has waited for (kernel/signal.c:exit_signals).
    if (thread->process->group_stopped && CompletesGroupStop(thread->process)) WakeParent(*thread->process);
  }
  if (exiting) LetTraceesOfInitGo(*thread->process);
  if (exiting && thread->is_leader() && thread->process->threads.size() > 1) {
    dying_leaders_.push_back(thread->tid);
    LookForZombieLeaders();
  }
}

}  // namespace nestrace
