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

#include "emu/arguments.h"
#include "emu/core.h"

namespace nestrace {

namespace {

// seccomp(2) or prctl(2) for SECCOMP_MODE_STRICT, without an argument that the kernel refuses?
bool IsForStrictMode(const Notification& n) {
  const uint32_t first = static_cast<uint32_t>(n.args[0]);
  if (KindOf(n.abi, n.nr) == CallKind::kPrctl)
    return first == kPrSetSeccomp && n.args[1] == SECCOMP_MODE_STRICT;
  return KindOf(n.abi, n.nr) == CallKind::kSeccomp && first == SECCOMP_SET_MODE_STRICT &&
         static_cast<uint32_t>(n.args[1]) == 0 && n.args[2] == 0;
}

// Of a struct ptrace_syscall_info.
Abi AbiIn(const char info[128]) {
  uint32_t arch = 0;
  memcpy(&arch, info + 4, sizeof(arch));
  return arch == AUDIT_ARCH_I386 ? Abi::kI386 : Abi::kX86_64;
}

}  // namespace

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
  filter->strict = caller->changed_call.has_value() && IsForStrictMode(caller->changed_call->original);
  caller->filters = filter;
  if (sync) {
    for (Thread* thread : caller->process->threads) thread->filters = filter;
  }
  return Outcome::Continue();
}

// SECCOMP_MODE_STRICT. The supervisor's filter is there already, and the kernel lets no thread change its
// mode. So the caller is made to take the time stamp counter away from itself, as that mode does, and to
// install a filter that allows what it allows.
Outcome Core::BeStrict(Thread* caller, const Notification& n) {
  ThreadFacts facts;
  struct user_regs_struct regs;
  if (!IsForStrictMode(n) || !kernel_->ReadFacts(caller->tid, &facts) || facts.seccomp_filters != 1)
    return Outcome::Continue();  // the kernel refuses it
  if (caller->state != Thread::State::kStopped || !GetRegs(*caller, &regs)) return Outcome::StopCaller();
  const bool is64 = n.abi == Abi::kX86_64;
  const std::vector<struct sock_filter> program = StrictProgram();
  const auto bytes = absl::MakeConstSpan(reinterpret_cast<const char*>(program.data()),
                                         program.size() * sizeof(program.front()));
  const uint64_t address = Scratch(regs, bytes.size());
  const uint64_t head = Scratch(regs, bytes.size() + 2 * sizeof(uint64_t));
  // struct sock_fprog: unsigned short len, then a pointer.
  const uint64_t words[2] = {is64 ? program.size() : program.size() | address << 32, address};
  const long written = WriteCaller(caller, address, bytes);
  if (written < 0 ||
      WriteCaller(caller, head, absl::MakeConstSpan(reinterpret_cast<const char*>(words), sizeof(words))) < 0)
    return Outcome::Continue();
  Notification without_tsc = n;
  without_tsc.nr = is64 ? kNrPrctl : kNr32Prctl;
  Notification filtered = without_tsc;
  without_tsc.args[0] = kPrSetTsc;
  without_tsc.args[1] = kPrTscSigsegv;
  filtered.args[0] = kPrSetSeccomp;
  filtered.args[1] = SECCOMP_MODE_FILTER;
  filtered.args[2] = head;
  Outcome outcome;
  outcome.kind = Outcome::Kind::kChange;
  outcome.made = {without_tsc, filtered};
  return outcome;
}

bool Core::IsStrict(const Thread& thread) { return thread.filters != nullptr && thread.filters->strict; }

// `thread`, which is in strict mode, is in the PTRACE_EVENT_SECCOMP of a call that is not allowed. That ends
// the thread alone, as if SIGKILL had (kernel/seccomp.c:__secure_computing_strict), and the process if it is
// the last.
void Core::KillStrictly(Thread* thread) {
  const Process& process = *thread->process;
  // Of those that are at their ends already, the stop may still be to come.
  const bool last =
      std::all_of(process.threads.begin(), process.threads.end(), [this, thread](const Thread* other) {
        siginfo_t info;
        return other == thread || other->ends() || other->killed_strictly ||
               (KernelSigInfo(*other, &info) == 0 && LooksLikeExit(info.si_signo, info.si_code));
      });
  struct user_regs_struct regs;
  if (last || !GetRegs(*thread, &regs)) {
    kernel_->SendSignal(process.tgid, thread->tid, SIGKILL);
    return;
  }
  const bool is64 = regs.cs == kUser64Cs;
  const auto change = [&](uint64_t where, uint64_t value, uint64_t changed) {
    thread->changed_arguments.push_back({where, value});
    kernel_->Ptrace(Abi::kX86_64, kPokeUser, thread->tid, where, changed);
  };
  change(kUserOrigRax, regs.orig_rax, is64 ? kNrExit : kNr32Exit);
  change(is64 ? kUserRdi : kUserRbx, is64 ? regs.rdi : regs.rbx, kStrictExitStatus >> 8);
  thread->killed_strictly = true;
  if (thread->stop.emulated) MakeCallAgain(thread);
  ResumeThread(thread);
}

int Core::EndOf(const Thread& thread, int status) {
  return thread.killed_strictly && status == kStrictExitStatus ? SIGKILL : status;
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

// What a filter is shown of a call.
struct seccomp_data Core::FilterData(const Notification& n) {
  struct seccomp_data data;
  data.nr = n.nr;
  data.arch = n.abi == Abi::kX86_64 ? AUDIT_ARCH_X86_64 : AUDIT_ARCH_I386;
  data.instruction_pointer = n.instruction_pointer;
  std::copy(std::begin(n.args), std::end(n.args), std::begin(data.args));
  return data;
}

// Does a filter of the caller's own want the call traced? Then what is to become of it, before all else.
std::optional<Outcome> Core::TraceByFilter(Thread* caller, const Notification& n) {
  if (caller->filters == nullptr) return std::nullopt;
  if (IsPastFilter(*caller, n.nr, n.instruction_pointer)) return std::nullopt;
  ForgetRefusedFilters(caller);
  const uint32_t verdict = RunFilters(caller->filters.get(), FilterData(n));
  if ((verdict & SECCOMP_RET_ACTION_FULL) != SECCOMP_RET_TRACE) return std::nullopt;
  const bool asked = std::any_of(caller->links.begin(), caller->links.end(),
                                 [](const auto& link) { return (link->options & kOptTraceSeccomp) != 0; });
  if (!asked && !IsStrict(*caller)) return Outcome::Return(-ENOSYS);
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
  if (IsStrict(*thread)) {
    KillStrictly(thread);
  } else {
    Offer(thread);
  }
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

// In what ABI is the call that the stopped thread is in? (64-bit code may use int $0x80.)
Abi Core::AbiOfCall(const Thread& thread) const {
  char info[128] = {0};
  kernel_->PtraceBuffer(Abi::kX86_64, kGetSyscallInfo, thread.tid, sizeof(info), absl::MakeSpan(info));
  return AbiIn(info);
}

// What PTRACE_GET_SYSCALL_INFO says at a stop that is not `op` for the kernel, into what the kernel has said,
// which begins with the same: struct ptrace_syscall_info.
long Core::EmulatedSyscallInfo(const Thread& thread, SyscallInfoOp op, uint64_t message,
                               char out[128]) const {
  constexpr long kNoneSize = 24, kEntrySize = 80, kExitSize = 33, kSeccompSize = 84;
  struct user_regs_struct regs;
  if (!GetRegs(thread, &regs)) return -ESRCH;
  const Abi abi = AbiIn(out);
  memset(out + kNoneSize, 0, 128 - kNoneSize);
  out[0] = static_cast<char>(op);
  if (op == kSyscallInfoNone) return kNoneSize;
  if (op == kSyscallInfoExit) {
    const int64_t value = static_cast<int64_t>(regs.rax);
    memcpy(out + 24, &value, 8);
    out[32] = value < 0 && value >= -4095;
    return kExitSize;
  }
  const int64_t nr = static_cast<int32_t>(regs.orig_rax);
  uint64_t args[6];
  for (int i = 0; i < 6; ++i) args[i] = RegisterAt(regs, PlaceOfArgument(abi, i));
  memcpy(out + 24, &nr, sizeof(nr));
  memcpy(out + 32, args, sizeof(args));
  if (op == kSyscallInfoEntry) return kEntrySize;
  const uint32_t data = static_cast<uint32_t>(message);
  memcpy(out + 80, &data, 4);
  return kSeccompSize;
}

}  // namespace nestrace
