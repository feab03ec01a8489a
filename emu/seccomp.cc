// PTRACE_EVENT_SECCOMP for the calls that we intercept: see guest_filters.h for why the kernel does not
// report it.
//
// A guest in the notification of a call that its own filter wants traced is stopped; the stop is shown to the
// tracers that asked for PTRACE_O_TRACESECCOMP as the kernel's event would be, with rax = -ENOSYS and the
// call's number in orig_rax. When they let it go, the call is made again with whatever registers they left,
// past the filter; or not at all if they took its number away.

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <string.h>

#include <algorithm>

#include "emu/core.h"

namespace nestrace {

// seccomp(2) or prctl(2) is about to install a filter.
Outcome Core::NoteFilter(Thread* caller, const Notification& n) {
  constexpr uint64_t kTsync = SECCOMP_FILTER_FLAG_TSYNC;
  const bool by_prctl = KindOf(n.abi, n.nr) == CallKind::kPrctl;
  const uint64_t flags = by_prctl ? 0 : n.args[1];
  uint64_t count = 0, address = 0;
  long result;
  if (n.abi == Abi::kX86_64) {  // struct sock_fprog: unsigned short len, then a pointer
    uint64_t program[2] = {0, 0};
    result = ReadCaller(caller, n.args[2], absl::MakeSpan(reinterpret_cast<char*>(program), sizeof(program)));
    count = static_cast<uint16_t>(program[0]);
    address = program[1];
  } else {
    uint32_t program[2] = {0, 0};
    result = ReadCaller(caller, n.args[2], absl::MakeSpan(reinterpret_cast<char*>(program), sizeof(program)));
    count = static_cast<uint16_t>(program[0]);
    address = program[1];
  }
  auto filter = std::make_shared<GuestFilter>();
  if (result == 0 && count > 0 && count <= BPF_MAXINSNS) {
    filter->program.resize(count);
    result = ReadCaller(
        caller, address,
        absl::MakeSpan(reinterpret_cast<char*>(filter->program.data()), count * sizeof(struct sock_filter)));
  }
  if (result == -EPERM) return Outcome::StopCaller();
  if (result < 0 || filter->program.empty()) return Outcome::Continue();  // the kernel refuses it
  const bool sync = (flags & kTsync) != 0;
  ForgetRefusedFilters(caller);
  if (sync && !MaySyncFilters(caller)) return Outcome::Continue();
  filter->previous = caller->filters;
  filter->depth = filter->previous == nullptr ? 1 : filter->previous->depth + 1;
  caller->filters = filter;
  if (sync) {
    for (Thread* thread : caller->process->threads) thread->filters = filter;
  }
  return Outcome::Continue();
}

// kernel/seccomp.c:seccomp_can_sync_threads: SECCOMP_FILTER_FLAG_TSYNC is refused if another thread has a
// filter that the caller has not. (The exiting ones, of which kernels think differently, make no call any
// more.) If all have but the caller's, and the call is refused for another reason, the number of a thread's
// filters tells which of the chain are its own (ForgetRefusedFilters).
bool Core::MaySyncFilters(Thread* caller) {
  for (Thread* thread : caller->process->threads) {
    if (thread == caller || thread->ends()) continue;
    ForgetRefusedFilters(thread);
    const GuestFilter* filter = caller->filters.get();
    while (filter != nullptr && filter != thread->filters.get()) filter = filter->previous.get();
    if (filter != thread->filters.get()) return false;
  }
  return true;
}

// prctl(PR_GET_SECCOMP), as if the oldest filter, which is the supervisor's, were not there.
Outcome Core::GetSeccomp(const Thread& caller) const {
  ThreadFacts facts;
  if (!kernel_->ReadFacts(caller.tid, &facts) || facts.seccomp_filters == 0) return Outcome::Continue();
  return Outcome::Return(facts.seccomp_filters > 1 ? SECCOMP_MODE_FILTER : SECCOMP_MODE_DISABLED);
}

// The kernel may have refused a filter that we noted: as many count as it says there are, ours apart.
void Core::ForgetRefusedFilters(Thread* thread) {
  if (thread->filters == nullptr) return;
  ThreadFacts facts;
  if (!kernel_->ReadFacts(thread->tid, &facts) || facts.seccomp_filters == 0) return;
  while (thread->filters != nullptr && thread->filters->depth > facts.seccomp_filters - 1) {
    thread->filters = thread->filters->previous;
  }
}

// Does a filter of the caller's own want the call traced? Then what is to become of it, before all else.
std::optional<Outcome> Core::TraceByFilter(Thread* caller, const Notification& n) {
  if (caller->filters == nullptr) return std::nullopt;
  if (IsPastFilter(*caller, n.nr, n.instruction_pointer)) return std::nullopt;
  ForgetRefusedFilters(caller);
  struct seccomp_data data;
  data.nr = n.nr;
  data.arch = n.abi == Abi::kX86_64 ? AUDIT_ARCH_X86_64 : AUDIT_ARCH_I386;
  data.instruction_pointer = n.instruction_pointer;
  std::copy(std::begin(n.args), std::end(n.args), std::begin(data.args));
  const uint32_t verdict = RunFilters(caller->filters.get(), data);
  if ((verdict & SECCOMP_RET_ACTION_FULL) != SECCOMP_RET_TRACE) return std::nullopt;
  const bool asked = std::any_of(caller->links.begin(), caller->links.end(),
                                 [](const auto& link) { return (link->options & kOptTraceSeccomp) != 0; });
  if (!asked) return Outcome::Return(-ENOSYS);
  caller->filter_event = true;
  caller->filter_data = verdict & SECCOMP_RET_DATA;
  return Outcome::StopCaller();
}

// `thread` is stopped on account of filter_event: makes its stop the event. False if another stop came first;
// the call then starts again, and with it all this.
bool Core::MakeFilterEvent(Thread* thread) {
  Stop& stop = thread->stop;
  thread->filter_event = false;
  struct user_regs_struct regs;
  if (!GetRegs(*thread, &regs)) return false;
  if (static_cast<int64_t>(regs.rax) != -kErestartsys) return false;
  const bool usable = stop.kind == StopKind::kTrap || stop.kind == StopKind::kSyscall;
  regs.rax = usable ? -ENOSYS : -kErestartnointr;
  SetRegs(thread, regs);
  if (!usable) return false;
  thread->call.phase = Call::Phase::kNone;
  thread->kicked = false;
  thread->interrupt_coming = false;
  stop.kind = StopKind::kEvent;
  stop.event = kEventSeccomp;
  stop.code = SIGTRAP | (kEventSeccomp << 8);
  stop.message = thread->filter_data;
  stop.emulated = true;
  Offer(thread);
  return true;
}

// All tracers have let the emulated event go. False if they took the call away: what is left of it is its
// exit.
bool Core::MakeCallAgain(Thread* thread) {
  struct user_regs_struct regs;
  if (!GetRegs(*thread, &regs)) return true;
  if (static_cast<int32_t>(regs.orig_rax) < 0) return false;
  thread->past_filter = thread->call.notification;
  TakeCall(regs, &*thread->past_filter);
  RewindCall(thread);
  return true;
}

bool Core::IsPastFilter(const Thread& thread, int nr, uint64_t instruction_pointer) {
  return thread.past_filter.has_value() && thread.past_filter->nr == nr &&
         thread.past_filter->instruction_pointer == instruction_pointer;
}

bool Core::StoppedPastFilter(const Thread& thread) const {
  struct user_regs_struct regs;
  return thread.past_filter.has_value() && GetRegs(thread, &regs) &&
         IsPastFilter(thread, static_cast<int>(regs.orig_rax), regs.rip);
}

// A call that we are not notified of was made between two stops: the thread is at one, and not before it.
void Core::EndPastFilter(Thread* thread, const struct user_regs_struct& regs) {
  if (!thread->past_filter.has_value() || thread->stop.entry) return;
  const Notification& made = *thread->past_filter;
  if (KindOf(made.abi, made.nr) != CallKind::kOther || Intercepted(made) || IsAboutTo(made, regs)) return;
  thread->past_filter.reset();
}

// At the beginning of a system call that is not carried out: it starts again when the thread runs.
void Core::RewindCall(Thread* thread) {
  struct user_regs_struct regs;
  if (!GetRegs(*thread, &regs)) return;
  regs.rip -= 2;
  regs.rax = static_cast<uint32_t>(regs.orig_rax);
  regs.orig_rax = ~0ull;
  SetRegs(thread, regs);
}

// What PTRACE_GET_SYSCALL_INFO says at a stop that is not `op` for the kernel: struct ptrace_syscall_info.
long Core::EmulatedSyscallInfo(const Thread& thread, SyscallInfoOp op, uint64_t message,
                               char out[128]) const {
  constexpr long kNoneSize = 24, kEntrySize = 80, kExitSize = 33, kSeccompSize = 84;
  struct user_regs_struct regs;
  if (!GetRegs(thread, &regs)) return -ESRCH;
  const bool is64 = regs.cs == kUser64Cs;
  const uint32_t arch = is64 ? AUDIT_ARCH_X86_64 : AUDIT_ARCH_I386;
  memset(out, 0, 128);
  out[0] = static_cast<char>(op);
  memcpy(out + 4, &arch, 4);
  memcpy(out + 8, &regs.rip, 8);
  memcpy(out + 16, &regs.rsp, 8);
  if (op == kSyscallInfoNone) return kNoneSize;
  if (op == kSyscallInfoExit) {
    const int64_t value = static_cast<int64_t>(regs.rax);
    memcpy(out + 24, &value, 8);
    out[32] = value < 0 && value >= -4095;
    return kExitSize;
  }
  const int64_t nr = static_cast<int32_t>(regs.orig_rax);
  const uint64_t args[6] = {
      is64 ? regs.rdi : regs.rbx, is64 ? regs.rsi : regs.rcx, regs.rdx,
      is64 ? regs.r10 : regs.rsi, is64 ? regs.r8 : regs.rdi,  is64 ? regs.r9 : regs.rbp};
  memcpy(out + 24, &nr, sizeof(nr));
  memcpy(out + 32, args, sizeof(args));
  if (op == kSyscallInfoEntry) return kEntrySize;
  const uint32_t data = static_cast<uint32_t>(message);
  memcpy(out + 80, &data, 4);
  return kSeccompSize;
}

}  // namespace nestrace
