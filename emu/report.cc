// Making a stop visible to a tracer: the registers are captured first, then the report stands in the link,
// then SIGCHLD goes to the tracer, then those who wait are looked at. SIGCHLD is sent before a parked wait is
// answered: the kernel also sends it before it wakes the wait, so that a handler has run when the wait
// returns.

#include <errno.h>
#include <signal.h>
#include <string.h>

#include <algorithm>
#include <utility>

#include "emu/core.h"

namespace nestrace {

// Captures the registers of a stopped thread. False: it died under the stop, which therefore never happened.
bool Core::Capture(Thread* thread) {
  RegisterCache& cache = thread->registers;
  if (cache.valid) return true;
  if (!GetRegs(*thread, &cache.general)) return false;
  constexpr size_t kXstateMost = 16384;  // AMX's is 11008
  cache.xstate.resize(kXstateMost);
  const long size = kernel_->GetRegset(Abi::kX86_64, thread->tid, kNtX86Xstate, absl::MakeSpan(cache.xstate));
  if (size == -ESRCH) return false;
  cache.xstate.resize(size < 0 ? 0 : size);  // no XSAVE on this machine: the kernel answers for itself
  cache.valid = true;
  return true;
}

// False: the tracee is dead, nothing was reported.
bool Core::Report(Link* link, StopKind kind, int code, uint64_t message, const siginfo_t* own) {
  Thread* thread = link->tracee;
  PutUntracedBack(thread);
  if (!Capture(thread)) return false;
  link->state = Link::State::kStopped;
  link->kind = kind;
  link->code = code;
  link->waited = false;
  link->good_syscall_code = kind == StopKind::kSyscall && (code & 0x80) != 0;
  link->usage = thread->stop.usage;
  link->message = message;
  link->own_siginfo.reset();
  if (own != nullptr) link->own_siginfo = *own;
  link->interrupt_pending = false;
  link->trap_expected = false;
  if (Emulates(link->mode)) thread->going_on.reset();  // natively this has ended the call, too
  SeenOut(thread);
  if (thread->stop.emulated && (kind == StopKind::kEvent || kind == StopKind::kSyscall)) {
    siginfo_t info;
    memset(&info, 0, sizeof(info));
    info.si_signo = SIGTRAP;
    info.si_code = code;
    info.si_pid = thread->pids.back().pid;
    info.si_uid = UidIn(*thread, *thread);
    link->own_siginfo = info;
  }
  Wake(*link->tracer, thread->tid);
  if (observer_ != nullptr) ObserveStop(*link);
  // kernel/signal.c:do_notify_parent_cldstop.
  switch (kind) {
    case StopKind::kGroupStop:
      // A process that is both the tracer and the real parent hears of a completed group-stop from the
      // kernel.
      if (own == nullptr && thread->stop.completes && IsParent(*link->tracer->process, *thread->process))
        break;
      NotifyTracer(link, CLD_STOPPED, static_cast<int>(kernel_->GroupExitCode(thread->process->tgid) & 0x7f));
      break;
    case StopKind::kTrap:
      // CLD_CONTINUED comes right before, and SIGCHLD is pending once.
      if (own == nullptr && thread->stop.continues && ToldContinued(*link)) break;
      NotifyTracer(link, CLD_STOPPED, 0);
      break;
    default:
      NotifyTracer(link, CLD_TRAPPED, code & 0x7f);
      break;
  }
  return true;
}

void Core::ObserveReport(const Link& link, int status, const siginfo_t* info) const {
  if (observer_ == nullptr) return;
  observer_->OnReport({.tracer = link.tracer->tid,
                       .tracee = link.tracee->tid,
                       .status = status,
                       .has_message = link.state == Link::State::kStopped && link.kind == StopKind::kEvent,
                       .message = link.message,
                       .info = info});
}

// The kernel's siginfo of the stop: 0 or a negative errno.
long Core::KernelSigInfo(const Thread& thread, siginfo_t* info) const {
  return kernel_->PtraceBuffer(Abi::kX86_64, kGetSigInfo, thread.tid, 0,
                               absl::MakeSpan(reinterpret_cast<char*>(info), sizeof(*info)));
}

// Makes `info` the kernel's siginfo of the stop.
void Core::WriteSigInfo(const Thread& thread, siginfo_t info) {
  kernel_->PtraceBuffer(Abi::kX86_64, kSetSigInfo, thread.tid, 0,
                        absl::MakeSpan(reinterpret_cast<char*>(&info), sizeof(info)));
}

// A guest can give a signal the siginfo of PTRACE_EVENT_EXIT, which is how we know that a thread has died
// under its stop (InItsStop). The kernel has another one for the time of the stop.
void Core::Disguise(Thread* thread, const siginfo_t& info) {
  thread->stop.disguised = info;
  siginfo_t plain;
  memset(&plain, 0, sizeof(plain));
  plain.si_signo = info.si_signo;
  WriteSigInfo(*thread, plain);
}

bool Core::IsDisguised(const Link& link) {
  return link.kind == StopKind::kSignal && link.tracee->stop.disguised.has_value();
}

// The siginfo of the stop that `link` is in: 0 or a negative errno.
long Core::ReadSigInfo(const Link& link, siginfo_t* info) const {
  if (link.own_siginfo.has_value()) {
    *info = *link.own_siginfo;
    return 0;
  }
  if (IsDisguised(link)) {
    *info = *link.tracee->stop.disguised;
    return 0;
  }
  return KernelSigInfo(*link.tracee, info);
}

void Core::ObserveStop(const Link& link) const {
  siginfo_t info;
  const bool wanted = link.own_siginfo.has_value() || link.kind == StopKind::kSignal;
  const bool has_info = wanted && ReadSigInfo(link, &info) >= 0;
  ObserveReport(link, (link.code << 8) | 0x7f, has_info ? &info : nullptr);
}

// Stops that one link has for itself while the thread is in another stop: the kernel's siginfo for them.

// arch/x86: user_single_step_report() after a system call.
void Core::ReportStepTrap(Link* link) {
  if (!Capture(link->tracee)) return;
  siginfo_t info;
  memset(&info, 0, sizeof(info));
  info.si_signo = SIGTRAP;
  info.si_code = TRAP_BRKPT;
  info.si_addr = reinterpret_cast<void*>(link->tracee->registers.general.rip);
  Report(link, StopKind::kSignal, SIGTRAP, 0, &info);
}

// PTRACE_INTERRUPT of a thread that another tracer holds.
void Core::ReportInterrupt(Link* link) {
  const bool group = link->tracee->process->group_stopped;
  const int signal = group ? SIGSTOP : SIGTRAP;
  const int code = link->seized ? signal | (kEventStop << 8) : signal;
  siginfo_t info;
  memset(&info, 0, sizeof(info));
  info.si_signo = signal;
  info.si_code = code;
  info.si_pid = link->tracee->pids.back().pid;
  info.si_uid = UidIn(*link->tracee, *link->tracee);
  Report(link, group ? StopKind::kGroupStop : StopKind::kTrap, code, 0, &info);
}

// A tracer holds the thread: others who have interrupted it see it stopped at once. An interrupt ends a
// system call before it traps, so for a link that does not trace calls the exit which another is shown is
// behind it by then, whatever mode it goes on in.
void Core::ReportInterrupts(Thread* thread) {
  auto& ahead = thread->stop.ahead;
  const bool call_ends = thread->stop.kind == StopKind::kSyscall && !thread->stop.entry;
  const auto stopped = [](const auto& link) { return link->state == Link::State::kStopped; };
  if (thread->state != Thread::State::kStopped) return;
  if (std::none_of(thread->links.begin(), thread->links.end(), stopped)) return;
  for (const auto& link : thread->links) {
    if (!link->interrupt_pending || stopped(link)) continue;
    if (call_ends && !Wants(*thread, *link))
      ahead.erase(std::remove(ahead.begin(), ahead.end(), link.get()), ahead.end());
    ReportInterrupt(link.get());
  }
}

// Does the tracer of `link` hear of the SIGCONT that has ended the tracee's group-stop?
bool Core::ToldContinued(const Link& link) const {
  const Process& process = *link.tracee->process;
  return IsParent(*link.tracer->process, process) || LinkToLeader(process, link.tracer->process) != nullptr;
}

// SIGCONT ended a group-stop: the real parent hears of it from the kernel, other tracers of the leader from
// us (kernel/signal.c:get_signal).
void Core::NotifyContinued(Process* process) {
  Thread* leader = Find(process->tgid);
  if (leader == nullptr) return;
  for (const auto& link : leader->links) {
    Wake(*link->tracer, leader->tid);
    ObserveReport(*link, 0xffff);
    if (!IsParent(*link->tracer->process, *process)) NotifyTracer(link.get(), CLD_CONTINUED, SIGCONT);
  }
}

// The times that a SIGCHLD tells: of a stop, the thread's own; of an end, the process's, without those of the
// children that it has waited for (kernel/signal.c). The supervisor's own wait has told the sum of all; the
// kernel is asked where that may be more.
void Core::PutTimes(const Link& link, bool of_stop, siginfo_t* info) const {
  const auto ticks = [](const struct timeval& time) {
    constexpr long kUserHz = 100;
    return time.tv_sec * kUserHz + time.tv_usec / (1000000 / kUserHz);
  };
  const Process& process = *link.tracee->process;
  const bool of_thread = of_stop || process.threads.size() > 1;
  long user = ticks(link.usage.ru_utime), system = ticks(link.usage.ru_stime);
  if (user + system > 0 && (process.had_children || (of_thread && process.had_threads)))
    kernel_->ReadTimes(process.tgid, of_thread ? link.tracee->tid : Tid{0}, &user, &system);
  info->si_utime = user;
  info->si_stime = system;
}

void Core::NotifyTracer(Link* link, int cld_code, int status, int signal) {
  if (signal == 0) return;
  Thread* tracer = link->tracer;
  const SigchldDisposition& sigchld = *tracer->process->sigchld;
  const bool of_stop = cld_code == CLD_STOPPED || cld_code == CLD_TRAPPED || cld_code == CLD_CONTINUED;
  bool handled = signal == SIGCHLD && sigchld.action == SigchldDisposition::Action::kHandler;
  if (of_stop && (sigchld.action == SigchldDisposition::Action::kIgnore || sigchld.no_stop)) return;
  const bool parked = tracer->call.phase == Call::Phase::kPending;
  bool blocked = false;
  ThreadFacts facts;
  if (!handled || parked || HasQueued(*tracer->process, signal)) {
    if (!kernel_->ReadFacts(tracer->tid, &facts)) return;
    blocked = Has(tracer->held_mask.value_or(facts.blocked_signals), signal);
    if (signal != SIGCHLD) handled = Has(facts.caught_signals, signal);
    // Ignored as it is sent, unless it is blocked (kernel/signal.c:sig_ignored) or the tracer is traced
    // itself.
    if (!handled && !blocked && tracer->links.empty()) {
      // sigtimedwait(2) takes what it waits for out of the mask that can be seen (task_struct::real_blocked).
      // If the call can't be seen, the tracer had better get one too many than sleep on.
      const long call = parked ? -1 : kernel_->BlockedIn(tracer->tid);
      blocked = IsSigtimedwait(call);
      if (!blocked && call != -EACCES && (signal == SIGCHLD || Has(facts.ignored_signals, signal))) return;
    }
  }
  siginfo_t info;
  memset(&info, 0, sizeof(info));
  info.si_signo = signal;
  info.si_code = cld_code;
  info.si_pid = PidIn(tracer->pids, link->tracee->pids);
  info.si_uid = UidOf(*link->tracee);  // the tracer's number of it is put there as it is delivered
  info.si_status = status;
  PutTimes(*link, of_stop, &info);
  const bool alone = tracer->process->threads.size() == 1 && tracer->state == Thread::State::kRunning;
  const bool pending = Has(facts.process_signals & kStandardSignals, signal);
  const bool injects = !handled && blocked && alone && FiltersAllowInjection(tracer);
  if (injects && !SleepsWithAnotherMask(kernel_->BlockedIn(tracer->tid))) {
    if (pending) return;
    if (!tracer->injection.has_value()) {
      tracer->injection.emplace();
      tracer->injection->info = info;
      Kick(tracer);
      return;
    }
    if (tracer->injection->info.si_signo == signal) return;
  }
  if (!pending && !QueueSigchld(tracer, info)) return;
  if (parked && !blocked && alone && !tracer->held_mask.has_value()) tracer->interrupt_coming = true;
}

// Have we queued that signal for the process, and not seen it taken?
bool Core::HasQueued(const Process& process, int signal) {
  return std::any_of(process.sigchlds.begin(), process.sigchlds.end(),
                     [signal](const QueuedSigchld& queued) { return queued.info.si_signo == signal; });
}

// The same layout, but a code that one process may send another: si_value lies where si_status does. False:
// a real-time signal, for which RLIMIT_SIGPENDING leaves no room; the kernel sends none either.
bool Core::QueueSigchld(Thread* tracer, const siginfo_t& info) {
  constexpr size_t kRemembered = 1024;  // more than can be pending: standard signals don't queue
  const uint32_t sequence = ++sigchld_sequence_ & 0xffff;
  siginfo_t sent;
  memset(&sent, 0, sizeof(sent));
  sent.si_signo = info.si_signo;
  sent.si_code = SI_QUEUE;
  sent.si_pid = info.si_pid;
  sent.si_uid = info.si_uid;
  const uint64_t value = (static_cast<uint64_t>((options_.signal_cookie & 0xffff0000) | sequence) << 32) |
                         static_cast<uint32_t>(info.si_status);
  sent.si_value.sival_ptr = reinterpret_cast<void*>(value);
  // To the process, but the tracer is the first to get it, as from the kernel
  // (kernel/signal.c:complete_signal).
  if (kernel_->QueueSignal(tracer->tid, Tid{0}, sent) == -EAGAIN) return false;
  auto& sigchlds = tracer->process->sigchlds;
  sigchlds.push_back({sequence, info});
  if (sigchlds.size() > kRemembered) sigchlds.pop_front();
  if (observer_ != nullptr) {
    observer_->OnSignal(
        {.tid = tracer->process->tgid, .process = true, .signal = info.si_signo, .code = info.si_code});
  }
  return true;
}

void Core::QueueSignal(Thread* thread, int signal, OwnSignal kind) {
  siginfo_t info;
  memset(&info, 0, sizeof(info));
  info.si_signo = signal;
  info.si_code = SI_QUEUE;
  info.si_pid = options_.supervisor;
  const uint64_t value = (static_cast<uint64_t>(options_.signal_cookie) << 32) | kind;
  info.si_value.sival_ptr = reinterpret_cast<void*>(value);
  if (kernel_->QueueSignal(thread->process->tgid, thread->tid, info) == 0)
    (signal == SIGSTOP ? thread->queued_stop : thread->queued_trap) = kind;
  if (observer_ != nullptr) {
    const int code = kind == kSignalAttach ? SI_KERNEL : SI_USER;
    observer_->OnSignal({.tid = thread->tid, .signal = signal, .code = code});
  }
}

void Core::Kill(Thread* thread) {
  if (observer_ != nullptr) observer_->OnSignal({.tid = thread->tid, .signal = SIGKILL, .code = SI_TKILL});
  kernel_->SendSignal(thread->process->tgid, thread->tid, SIGKILL);
}

// Is it a siginfo that was not kept? Where RLIMIT_SIGPENDING is used up, what one process sends another comes
// without (kernel/signal.c:collect_signal), though what the kernel sends, as these signals would be, does
// not.
bool Core::IsLost(const siginfo_t& info) {
  const bool none = info.si_code == SI_USER && info.si_pid == 0 && info.si_uid == 0;
  return none && Has(kStandardSignals, info.si_signo);
}

// Which of the SIGCHLDs that we have queued for the process of `thread` has this siginfo? Null: none. None of
// them is queued while another is pending, so one that lost it is the last; or, if that is pending, the one
// before.
const QueuedSigchld* Core::FindSigchld(const Thread& thread, const siginfo_t& info) const {
  const int signal = info.si_signo;
  const bool lost = IsLost(info);
  const uint32_t mark = reinterpret_cast<uint64_t>(info.si_value.sival_ptr) >> 32;
  const bool marked =
      info.si_code == SI_QUEUE && (mark & 0xffff0000) == (options_.signal_cookie & 0xffff0000);
  if ((!lost && !marked) || signal == SIGSTOP || signal == SIGTRAP) return nullptr;
  ThreadFacts facts;
  bool one_more = lost && kernel_->ReadFacts(thread.tid, &facts) && Has(facts.process_signals, signal);
  const QueuedSigchld* found = nullptr;
  const auto& sigchlds = thread.process->sigchlds;
  for (auto it = sigchlds.rbegin(); it != sigchlds.rend(); ++it) {
    if (it->info.si_signo != signal || (marked && it->sequence != (mark & 0xffff))) continue;
    found = &*it;
    if (!std::exchange(one_more, false)) break;
  }
  return found;
}

// What the kernel would have sent `thread` in its place.
siginfo_t Core::GenuineSigchld(const Thread& thread, const QueuedSigchld& queued) const {
  siginfo_t info = queued.info;
  info.si_uid = kernel_->UidIn(thread.tid, info.si_uid);
  return info;
}

// If `info` is that of a signal that we queued for `thread`, makes it what the kernel's would be.
OwnSignal Core::MakeGenuine(const Thread& thread, siginfo_t* info) const {
  const int signal = info->si_signo;
  if (signal != SIGSTOP && signal != SIGTRAP) {
    const QueuedSigchld* queued = FindSigchld(thread, *info);
    if (queued == nullptr) return kNotOurs;
    *info = GenuineSigchld(thread, *queued);
    return kSignalChild;
  }
  const uint64_t value = reinterpret_cast<uint64_t>(info->si_value.sival_ptr);
  const bool marked = info->si_code == SI_QUEUE && value >> 32 == options_.signal_cookie;
  const uint32_t queued = signal == SIGSTOP ? thread.queued_stop : thread.queued_trap;
  const OwnSignal kind = static_cast<OwnSignal>(marked ? value : IsLost(*info) ? queued : kNotOurs);
  if (kind == kNotOurs) return kNotOurs;
  memset(info, 0, sizeof(*info));
  info->si_signo = signal;
  if (kind == kSignalAttach) info->si_code = SI_KERNEL;
  if (kind == kSignalExec) {
    info->si_pid = thread.pids.back().pid;
    info->si_uid = UidIn(thread, thread);
  }
  return kind;
}

// Was the thread last resumed with a step, its tracers', or one that a dead tracer has left?
bool Core::IsStepped(const Thread& thread) { return thread.left_step || IsStep(thread.real_mode); }

// Does a tracer of the thread emulate its system calls?
bool Core::IsEmulated(const Thread& thread) {
  return std::any_of(thread.links.begin(), thread.links.end(),
                     [](const auto& link) { return Emulates(link->mode); });
}

// May the stop be the trap of a step?
bool Core::IsStepTrap(const Thread& thread) {
  return thread.stop.kind == StopKind::kSignal && thread.stop.signal == SIGTRAP && IsStepped(thread);
}

// Is a SIGTRAP with this siginfo that of a step, if one was asked for?
bool Core::IsOfStep(const siginfo_t& info) {
  return info.si_code == TRAP_TRACE || info.si_code == TRAP_BRKPT || info.si_code == SIGTRAP;
}

// At a signal-delivery-stop: if the signal is one of ours, makes its siginfo what the kernel's would be.
void Core::RecogniseSignal(Thread* thread) {
  Stop& stop = thread->stop;
  const bool swallows = stop.signal == SIGCHLD && thread->process->swallow_death_of != 0;
  const bool chld = swallows || HasQueued(*thread->process, stop.signal);
  // The trap of a step that a dead tracer has left is a signal like any other, also for the next tracer.
  const bool steps =
      stop.signal == SIGTRAP && IsStep(thread->real_mode) && !thread->links.empty() && !thread->left_step;
  const uint64_t bit = SignalBit(stop.signal);
  thread->process->kept_signals &= ~bit;
  if (IsStopSignal(stop.signal)) thread->process->stale_signals &= ~SignalBit(SIGCONT);  // flushed
  if ((thread->process->stale_signals & bit) != 0) {
    thread->process->stale_signals &= ~bit;
    stop.signal = 0;
    return;
  }
  // Another thread, that is not traced, may decide what a traced one can see.
  const auto& threads = thread->process->threads;
  const bool in_company =
      !thread->links.empty() &&
      std::any_of(threads.begin(), threads.end(), [](const Thread* member) { return member->links.empty(); });
  const bool inner_stop = stop.signal == SIGSTOP && thread->process->is_init() && thread->links.empty();
  if (!chld && stop.signal != SIGTRAP && stop.signal != SIGSTOP && !in_company) return;
  siginfo_t info;
  if (KernelSigInfo(*thread, &info) < 0) return;
  if (in_company && WasNeverQueued(*thread, info, info.si_code == SI_USER)) {
    stop.signal = 0;
    return;
  }
  const bool of_step = IsOfStep(info);
  if (IsStepTrap(*thread)) {
    // The call that it steps over has not ended, but for us: natively the trap is still to come.
    if (of_step && RestartsUnseen(thread)) {
      stop.signal = 0;
      return;
    }
    thread->going_on.reset();
    if (thread->links.empty()) thread->left_step = false;  // its end, or that of the step in a handler
  }
  if (steps && of_step) {
    stop.step_trap = true;
    // The trap before a signal handler's first instruction disarms the step (arch/x86:handle_signal).
    stop.disarms = info.si_code == SIGTRAP;
    stop.signal = 0;  // nothing is left of it when the tracer that stepped is gone
    return;
  }
  if (swallows && info.si_pid == thread->process->swallow_death_of && info.si_code > 0 &&
      info.si_code <= CLD_DUMPED) {
    thread->process->swallow_death_of = 0;
    stop.signal = 0;
    return;
  }
  if (LooksLikeExit(info.si_signo, info.si_code)) {
    Disguise(thread, info);
    return;
  }
  if (const QueuedSigchld* taken = FindSigchld(*thread, info)) {
    WriteSigInfo(*thread, GenuineSigchld(*thread, *taken));
    auto& sigchlds = thread->process->sigchlds;
    const auto is_taken = [taken](const QueuedSigchld& queued) { return &queued == taken; };
    sigchlds.erase(std::find_if(sigchlds.begin(), sigchlds.end(), is_taken));
    return;
  }
  const OwnSignal kind = MakeGenuine(*thread, &info);
  if (kind == kNotOurs) {
    // SIGSTOP from inside its namespace, which init ignores.
    if (inner_stop && info.si_code <= 0 && info.si_pid != 0) stop.signal = 0;
    return;
  }
  WriteSigInfo(*thread, info);
  (kind == kSignalExec ? thread->queued_trap : thread->queued_stop) = kNotOurs;
  stop.own_signal = kind;
  const bool exec = kind == kSignalExec;
  const bool due = std::any_of(thread->links.begin(), thread->links.end(), [exec](const auto& link) {
    return exec ? link->sigtrap_due : link->sigstop_due;
  });
  if (due) {
    stop.signal = 0;  // it is for those alone who await it
  } else {
    stop.own_signal = kNotOurs;  // they are gone, as signals go it is one like any other
  }
}

}  // namespace nestrace
