// PTRACE_GETSIGINFO, PTRACE_SETSIGINFO, PTRACE_PEEKSIGINFO.

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>

#include <algorithm>
#include <bit>

#include "emu/core.h"

namespace nestrace {

namespace {

constexpr size_t kCodeInSigInfo = 8;  // offset of si_code, in both ABIs

// struct ptrace_peeksiginfo_args
struct PeekArgs {
  uint64_t offset;
  uint32_t flags;
  int32_t count;
};
static_assert(sizeof(PeekArgs) == 16);
constexpr uint32_t kPeekShared = 1;

// The kernel keeps no more than RLIMIT_SIGPENDING; an answer is asked for in one piece of at most this many.
constexpr int32_t kMost = 4096;

}  // namespace

// `info`, in the layout of `from`, as the kernel takes it and shows it in that of `to`.
long Core::ConvertSigInfo(const Thread& tracee, Abi from, absl::Span<char> info, Abi to,
                          absl::Span<char> out) {
  char saved[sizeof(siginfo_t)];
  long result = kernel_->PtraceBuffer(Abi::kX86_64, kGetSigInfo, tracee.tid, 0, absl::MakeSpan(saved));
  if (result < 0) return result;
  result = kernel_->PtraceBuffer(from, kSetSigInfo, tracee.tid, 0, info);
  if (result < 0) return result;
  result = kernel_->PtraceBuffer(to, kGetSigInfo, tracee.tid, 0, out);
  const long restored =
      kernel_->PtraceBuffer(Abi::kX86_64, kSetSigInfo, tracee.tid, 0, absl::MakeSpan(saved));
  return std::min(result, restored);
}

Outcome Core::GetSigInfo(const RequestArgs& args) {
  const Link& link = *args.link;
  if (link.kind == StopKind::kGroupStop && !link.seized) return Outcome::Return(-EINVAL);
  char buffer[sizeof(siginfo_t)];
  auto bytes = absl::MakeSpan(buffer);
  if (link.own_siginfo.has_value() || IsDisguised(link)) {
    siginfo_t info;
    ReadSigInfo(link, &info);
    memcpy(buffer, &info, sizeof(buffer));
    if (args.abi != Abi::kX86_64) {
      const long result = ConvertSigInfo(*link.tracee, Abi::kX86_64, bytes, args.abi, bytes);
      if (result < 0) return Outcome::Return(result);
    }
    return CopyOut(args, args.data, bytes, 0);
  }
  const long result = kernel_->PtraceBuffer(args.abi, kGetSigInfo, link.tracee->tid, 0, bytes);
  if (result < 0) return Outcome::Return(result);
  if (link.kind == StopKind::kSyscall && !link.good_syscall_code) {
    const int code = SIGTRAP;
    memcpy(buffer + kCodeInSigInfo, &code, sizeof(code));
  }
  return CopyOut(args, args.data, bytes, 0);
}

// The kernel's copy is changed in a signal-delivery-stop only, where it is what the signal is delivered with.
// At other stops it tells us whether the tracee is still in them (InItsStop) and may listen, so what a tracer
// makes of it is the link's.
Outcome Core::SetSigInfo(const RequestArgs& args) {
  Link& link = *args.link;
  char buffer[sizeof(siginfo_t)] = {0};
  const long read = ReadPrefix(args.caller, args.data, absl::MakeSpan(buffer));
  if (read == -EPERM) return Outcome::StopCaller();
  auto given = absl::MakeSpan(buffer).subspan(0, read);  // of one it knows, the kernel reads the beginning
  int signal = 0, code = 0;
  memcpy(&signal, buffer, sizeof(signal));
  memcpy(&code, buffer + kCodeInSigInfo, sizeof(code));
  const bool delivered = link.kind == StopKind::kSignal && !link.own_siginfo.has_value();
  if (delivered && !LooksLikeExit(signal, code)) {
    const long result = kernel_->PtraceBuffer(args.abi, kSetSigInfo, link.tracee->tid, 0, given);
    if (result == 0) link.tracee->stop.disguised.reset();
    return Outcome::Return(result);
  }
  siginfo_t info;
  const long result = ConvertSigInfo(*link.tracee, args.abi, given, Abi::kX86_64,
                                     absl::MakeSpan(reinterpret_cast<char*>(&info), sizeof(info)));
  if (result < 0) return Outcome::Return(result);
  if (link.kind == StopKind::kGroupStop && !link.seized) return Outcome::Return(-EINVAL);
  if (delivered) {
    Disguise(link.tracee, info);
  } else {
    link.own_siginfo = info;
  }
  return Outcome::Return(0);
}

// addr: struct ptrace_peeksiginfo_args; data: an array of siginfo.
Outcome Core::PeekSigInfo(const RequestArgs& args) {
  PeekArgs peek;
  const long read =
      ReadCaller(args.caller, args.addr, absl::MakeSpan(reinterpret_cast<char*>(&peek), sizeof(peek)));
  if (read == -EPERM) return Outcome::StopCaller();
  if (read < 0) return Outcome::Return(-EFAULT);
  // Signals that natively are not queued are left out, and those before the offset must be known for that.
  const Thread& tracee = *args.link->tracee;
  uint64_t stale = tracee.process->stale_signals;
  ThreadFacts facts;
  if ((peek.flags & kPeekShared) != 0 && kernel_->ReadFacts(tracee.tid, &facts))
    stale |= NeverQueued(tracee, facts, facts.process_signals);
  const uint64_t skip = peek.offset;
  const int32_t count = peek.count = std::min(peek.count, kMost);
  const bool sound = count > 0 && skip < static_cast<uint64_t>(kMost);
  if (sound) {
    peek.offset = 0;
    peek.count = std::min<int32_t>(count + skip + std::popcount(stale), kMost);
  }
  std::vector<char> buffer(sizeof(peek) + sizeof(siginfo_t) * std::max(peek.count, 0));
  memcpy(buffer.data(), &peek, sizeof(peek));
  long result = kernel_->PeekSigInfo(args.abi, args.link->tracee->tid, absl::MakeSpan(buffer));
  if (result <= 0) return Outcome::Return(result);
  ShowGenuine(args, result, &buffer);
  if (sound) result = LeaveOut(stale, skip, result, count, &buffer);
  // As many as fit: an error behind the first ends the list.
  for (long i = 0; i < result; ++i) {
    const long written = WriteCaller(
        args.caller, args.data + i * sizeof(siginfo_t),
        absl::MakeConstSpan(buffer).subspan(sizeof(peek) + i * sizeof(siginfo_t), sizeof(siginfo_t)));
    if (written == -EPERM) return Outcome::StopCaller();
    if (written < 0) return Outcome::Return(i > 0 ? i : -EFAULT);
  }
  return Outcome::Return(result);
}

// The siginfos of signals that are pending for the process of `thread`, which is stopped: the first ones,
// since the kernel counts them from the first each time.
std::vector<siginfo_t> Core::PendingForProcess(const Thread& thread) const {
  const PeekArgs peek = {.offset = 0, .flags = kPeekShared, .count = 128};
  std::vector<char> buffer(sizeof(peek) + sizeof(siginfo_t) * peek.count);
  memcpy(buffer.data(), &peek, sizeof(peek));
  const long found = kernel_->PeekSigInfo(Abi::kX86_64, thread.tid, absl::MakeSpan(buffer));
  std::vector<siginfo_t> infos(std::max(found, 0l));
  memcpy(infos.data(), buffer.data() + sizeof(peek), infos.size() * sizeof(siginfo_t));
  return infos;
}

// Removes from the `found` siginfos behind the arguments of PTRACE_PEEKSIGINFO those of the signals `stale`,
// and of the rest the first `skip` and what is behind `count` more. Returns how many are left.
long Core::LeaveOut(uint64_t stale, uint64_t skip, long found, long count, std::vector<char>* peeked) {
  constexpr size_t kHeader = 16;
  long left = 0;
  for (long i = 0; i < found && left < count; ++i) {
    char* info = peeked->data() + kHeader + i * sizeof(siginfo_t);
    int32_t signal;  // the first field in every layout
    memcpy(&signal, info, sizeof(signal));
    if (Has(stale, signal)) continue;
    if (skip > 0) {
      --skip;
      continue;
    }
    memmove(peeked->data() + kHeader + left * sizeof(siginfo_t), info, sizeof(siginfo_t));
    ++left;
  }
  return left;
}

// The first `count` siginfos behind the arguments of PTRACE_PEEKSIGINFO: those that we queued are shown as
// the kernel's.
void Core::ShowGenuine(const RequestArgs& args, long count, std::vector<char>* peeked) const {
  constexpr size_t kHeader = 16, kCompatPid = 12;
  const Thread* tracee = args.link->tracee;
  // The i386 layout has no room for the mark that tells them.
  std::vector<char> wide = *peeked;
  if (args.abi != Abi::kX86_64 &&
      kernel_->PeekSigInfo(Abi::kX86_64, tracee->tid, absl::MakeSpan(wide)) < count) {
    return;
  }
  for (long i = 0; i < count; ++i) {
    siginfo_t info;
    memcpy(&info, wide.data() + kHeader + i * sizeof(info), sizeof(info));
    if (MakeGenuine(*tracee, &info) == kNotOurs) continue;
    char* shown = peeked->data() + kHeader + i * sizeof(info);
    if (args.abi == Abi::kX86_64) {
      memcpy(shown, &info, sizeof(info));
      continue;
    }
    const int32_t fields[] = {info.si_pid, static_cast<int32_t>(info.si_uid), info.si_status};
    memcpy(shown + offsetof(siginfo_t, si_code), &info.si_code, sizeof(info.si_code));
    memcpy(shown + kCompatPid, fields, sizeof(fields));
  }
}

}  // namespace nestrace
