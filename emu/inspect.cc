// Reading and writing a stopped tracee.
//
// The general registers and NT_X86_XSTATE come from the capture of the stop; everything else is asked of the
// kernel with the guest's own arguments, so that its checks and errnos are the kernel's, and only where a
// link must see something else than the real tracer (options it did not ask for, a group-stop without
// siginfo) is the result put right.

#include <errno.h>
#include <linux/filter.h>
#include <signal.h>
#include <string.h>

#include <algorithm>

#include "emu/core.h"

namespace nestrace {

namespace {

constexpr size_t kLargestRegset = 65536;  // longer iovecs are clipped; no regset is near it

// What a request moves, for those that move a block of fixed size between `data` and the tracee.
struct Block {
  long request;
  bool out;  // from the tracee to the tracer
  size_t size64;
  size_t size32;  // 0: no such request in that ABI
};

constexpr Block kBlocks[] = {
    {kPeekText, true, 8, 4},
    {kPeekData, true, 8, 4},
    {kPeekUser, true, 8, 4},
    {kGetRegs, true, kGeneralRegsSize, 68},
    {kSetRegs, false, kGeneralRegsSize, 68},
    {kGetFpRegs, true, kFxsaveSize, 108},
    {kSetFpRegs, false, kFxsaveSize, 108},
    {kGetFpxRegs, true, 0, kFxsaveSize},
    {kSetFpxRegs, false, 0, kFxsaveSize},
    {kGetThreadArea, true, 16, 16},
    {kSetThreadArea, false, 16, 16},
    {kGetSigMask, true, 8, 8},
    {kSetSigMask, false, 8, 8},
    {kGetRseqConfiguration, true, 24, 24},
    {kSetSyscallUserDispatchConfig, false, 32, 32},
    {kGetSyscallUserDispatchConfig, true, 32, 32},
};

SyscallInfoOp OpOf(int code, uint64_t message) {
  if (code == (SIGTRAP | kEventSeccomp << 8)) return kSyscallInfoSeccomp;
  if (code != (SIGTRAP | 0x80)) return kSyscallInfoNone;
  return message == 1 ? kSyscallInfoEntry : message == 2 ? kSyscallInfoExit : kSyscallInfoNone;
}

}  // namespace

// Copies `bytes` to the caller and makes `result` the answer.
Outcome Core::CopyOut(const RequestArgs& args, uint64_t addr, absl::Span<const char> bytes, int64_t result) {
  if (!bytes.empty()) {
    const long written = WriteCaller(args.caller, addr, bytes);
    if (written == -EPERM) return Outcome::StopCaller();
    if (written < 0) return Outcome::Return(-EFAULT);
  }
  return Outcome::Return(result);
}

// kernel/ptrace.c:ptrace_access_vm, where the supervisor has more rights than the tracer.
bool Core::MayAccessMemory(const RequestArgs& args) const {
  const bool memory = args.request == kPeekText || args.request == kPeekData || args.request == kPokeText ||
                      args.request == kPokeData;
  const Link& link = *args.link;
  return !memory || link.accesses_memory || kernel_->MayAccessMemory(link.tracer->tid, link.tracee->tid);
}

Outcome Core::Inspect(const RequestArgs& args) {
  if (!MayAccessMemory(args)) return Outcome::Return(-EIO);
  switch (args.request) {
    case kGetRegset:
      return ReadRegset(args);
    case kSetRegset:
      return WriteRegset(args);
    case kGetSigInfo:
      return GetSigInfo(args);
    case kSetSigInfo:
      return SetSigInfo(args);
    case kPeekSigInfo:
      return PeekSigInfo(args);
    case kArchPrctl:
      return ArchPrctl(args);
    case kGetSyscallInfo:
    case kSetSyscallInfo:
      return GetSyscallInfo(args);
    case kSeccompGetFilter:
      return SeccompGetFilter(args);
    case kSeccompGetMetadata:
      return SeccompGetMetadata(args);
    case kGetEventMsg: {
      const uint64_t message = args.link->message;
      return CopyOut(args, args.data,
                     absl::MakeConstSpan(reinterpret_cast<const char*>(&message), WordSize(args.abi)), 0);
    }
    case kPokeText:
    case kPokeData:
    case kPokeUser: {
      if (args.request != kPokeUser) NotePoke(args.link, args.abi, args.addr, args.data);
      const long result =
          kernel_->Ptrace(args.abi, args.request, args.link->tracee->tid, args.addr, args.data);
      if (args.request == kPokeUser && !NoteRegisters(args.link->tracee)) return Outcome::Return(-ESRCH);
      if (args.request == kPokeUser && result == 0 &&
          args.addr == (args.abi == Abi::kX86_64 ? kUserDr7 : kUser32Dr7)) {
        args.link->sets_debug_registers = (args.data & kDr7Enabled) != 0;
      }
      return Outcome::Return(result);
    }
    default:
      break;
  }
  for (const Block& block : kBlocks) {
    if (block.request != args.request) continue;
    const size_t size = args.abi == Abi::kX86_64 ? block.size64 : block.size32;
    if (size == 0) break;
    return block.out ? GetBytes(args, size) : SetBytes(args, size);
  }
  return Outcome::Return(-EIO);
}

Outcome Core::GetBytes(const RequestArgs& args, size_t size) {
  Thread* tracee = args.link->tracee;
  char buffer[kFxsaveSize];
  auto bytes = absl::MakeSpan(buffer, size);
  if (args.request == kGetRegs && args.abi == Abi::kX86_64) {
    if (!Capture(tracee)) return Outcome::Return(-ESRCH);
    return CopyOut(args, args.data,
                   absl::MakeConstSpan(reinterpret_cast<const char*>(&tracee->registers.general), size), 0);
  }
  const long result = kernel_->PtraceBuffer(args.abi, args.request, tracee->tid, args.addr, bytes);
  if (result < 0) return Outcome::Return(result);
  // The one request of these whose length argument may be shorter than what there is.
  if (args.request == kGetRseqConfiguration) bytes = bytes.subspan(0, std::min<uint64_t>(args.addr, size));
  return CopyOut(args, args.data, bytes, result);
}

// The kernel looks at a bad length first, at what is in the buffer as far as it needs, and takes the general
// registers word by word (arch/x86/kernel/ptrace.c:genregs_set): it is given what can be read, and sees to
// the rest.
Outcome Core::SetBytes(const RequestArgs& args, size_t size) {
  Thread* tracee = args.link->tracee;
  char buffer[kFxsaveSize];
  auto bytes = absl::MakeSpan(buffer, size);
  const long read = ReadPrefix(args.caller, args.data, bytes);
  if (read == -EPERM) return Outcome::StopCaller();
  const long result =
      kernel_->PtraceBuffer(args.abi, args.request, tracee->tid, args.addr, bytes.subspan(0, read));
  return Outcome::Return(NoteRegisters(tracee) ? result : -ESRCH);
}

// A tracer has written them. A call that has ended with EINTR, as they may say now, was not ended by us.
// False if the tracee is dead.
bool Core::NoteRegisters(Thread* tracee) {
  tracee->registers.valid = false;
  struct user_regs_struct regs;
  if (!GetRegs(*tracee, &regs)) return false;
  const bool in_call = static_cast<int64_t>(regs.orig_rax) >= 0;
  if (in_call && static_cast<int64_t>(regs.rax) == -EINTR) tracee->ended_at = regs.rip;
  return true;
}

Outcome Core::ReadRegset(const RequestArgs& args) {
  Thread* tracee = args.link->tracee;
  uint64_t iov[2];  // base, length
  const long read = ReadIovec(args, iov);
  if (read == -EPERM) return Outcome::StopCaller();
  if (read < 0) return Outcome::Return(-EFAULT);
  std::vector<char> buffer;
  absl::Span<const char> bytes;
  long length = -1;
  if (args.abi == Abi::kX86_64 && (args.addr == kNtPrstatus || args.addr == kNtX86Xstate) &&
      iov[1] % 8 == 0) {
    if (!Capture(tracee)) return Outcome::Return(-ESRCH);
    const RegisterCache& cache = tracee->registers;
    if (args.addr == kNtX86Xstate) {
      bytes = absl::MakeConstSpan(cache.xstate);
    } else if (cache.general.cs == kUser64Cs) {  // else the layout is the 32-bit one (task_user_regset_view)
      bytes = absl::MakeConstSpan(reinterpret_cast<const char*>(&cache.general), kGeneralRegsSize);
    }
    if (!bytes.empty()) {
      bytes = bytes.subspan(0, std::min<uint64_t>(iov[1], bytes.size()));
      length = bytes.size();
    }
  }
  if (length < 0) {
    buffer.resize(std::min<uint64_t>(iov[1], kLargestRegset + iov[1] % 16));
    length = kernel_->GetRegset(args.abi, tracee->tid, args.addr, absl::MakeSpan(buffer));
    if (length < 0) return Outcome::Return(length);
    bytes = absl::MakeConstSpan(buffer).subspan(0, length);
  }
  if (!bytes.empty()) {
    const long written = WriteCaller(args.caller, iov[0], bytes);
    if (written == -EPERM) return Outcome::StopCaller();
    if (written < 0) return Outcome::Return(-EFAULT);
  }
  return WriteIovecLength(args, length);
}

// As SetBytes.
Outcome Core::WriteRegset(const RequestArgs& args) {
  Thread* tracee = args.link->tracee;
  uint64_t iov[2];
  long read = ReadIovec(args, iov);
  if (read == -EPERM) return Outcome::StopCaller();
  if (read < 0) return Outcome::Return(-EFAULT);
  std::vector<char> buffer(std::min<uint64_t>(iov[1], kLargestRegset));
  read = ReadPrefix(args.caller, iov[0], absl::MakeSpan(buffer));
  if (read == -EPERM) return Outcome::StopCaller();
  const long result =
      kernel_->SetRegset(args.abi, tracee->tid, args.addr, absl::MakeConstSpan(buffer).subspan(0, read),
                         GuestAddr{iov[0]}, iov[1]);
  if (!NoteRegisters(tracee)) return Outcome::Return(-ESRCH);
  if (result < 0) return Outcome::Return(result);
  return WriteIovecLength(args, result);
}

long Core::ReadIovec(const RequestArgs& args, uint64_t iov[2]) {
  if (args.abi == Abi::kX86_64) {
    return ReadCaller(args.caller, args.data, absl::MakeSpan(reinterpret_cast<char*>(iov), 16));
  }
  uint32_t compat[2] = {0, 0};
  const long read = ReadCaller(args.caller, args.data, absl::MakeSpan(reinterpret_cast<char*>(compat), 8));
  iov[0] = compat[0];
  iov[1] = compat[1];
  return read;
}

Outcome Core::WriteIovecLength(const RequestArgs& args, uint64_t length) {
  const size_t word = WordSize(args.abi);
  return CopyOut(args, args.data + word, absl::MakeConstSpan(reinterpret_cast<const char*>(&length), word),
                 0);
}

// data: the ARCH_* code, addr: its argument. Only codes that are about the tracee, and ARCH_MAP_VDSO_*, which
// act on the process that asks, and so on the supervisor: both have a vdso, and get EEXIST.
Outcome Core::ArchPrctl(const RequestArgs& args) {
  if (args.abi != Abi::kX86_64) return Outcome::Return(-EIO);
  constexpr int32_t kSetGs = 0x1001, kSetFs = 0x1002, kGetFs = 0x1003, kGetGs = 0x1004;
  constexpr int32_t kMapVdsoX32 = 0x2001, kMapVdso32 = 0x2002, kMapVdso64 = 0x2003;
  constexpr int32_t kGetUntagMask = 0x4001, kGetMaxTagBits = 0x4003, kShstkStatus = 0x5005;
  Thread* tracee = args.link->tracee;
  switch (static_cast<int32_t>(args.data)) {  // an int (arch/x86/kernel/process_64.c:do_arch_prctl_64)
    case kMapVdsoX32:
    case kMapVdso32:
    case kMapVdso64:
    case kSetGs:
    case kSetFs: {
      const long result = kernel_->Ptrace(Abi::kX86_64, kArchPrctl, tracee->tid, args.addr, args.data);
      tracee->registers.valid = false;
      return Outcome::Return(result);
    }
    case kGetFs:
    case kGetGs:
    case kGetUntagMask:
    case kGetMaxTagBits:
    case kShstkStatus: {
      uint64_t value = 0;
      auto bytes = absl::MakeSpan(reinterpret_cast<char*>(&value), sizeof(value));
      const long result = kernel_->ArchPrctl(tracee->tid, args.data, bytes);
      if (result < 0) return Outcome::Return(result);
      return CopyOut(args, args.addr, bytes, result);
    }
    default:
      return Outcome::Return(-EINVAL);
  }
}

// PTRACE_GET_SYSCALL_INFO and PTRACE_SET_SYSCALL_INFO: addr is the size of the structure. The kernel goes by
// si_code, which the tracer may have changed, and by the message (kernel/ptrace.c:
// ptrace_get_syscall_info_op).
Outcome Core::GetSyscallInfo(const RequestArgs& args) {
  constexpr size_t kMost = 128;  // sizeof(struct ptrace_syscall_info) is 88
  const Link& link = *args.link;
  std::optional<SyscallInfoOp> op;  // null: the kernel's, whose siginfo and message are the link's
  if (link.own_siginfo.has_value()) {
    op = OpOf(link.own_siginfo->si_code, link.message);
  } else if (link.kind != StopKind::kSignal) {
    op = OpOf(link.code, link.message);
  }
  char buffer[kMost] = {0};
  const uint64_t size = std::min<uint64_t>(args.addr, kMost);
  auto bytes = absl::MakeSpan(buffer, size);
  if (args.request == kSetSyscallInfo) {
    const long read = ReadPrefix(args.caller, args.data, bytes);
    if (read == -EPERM) return Outcome::StopCaller();
    if (op.has_value() && static_cast<uint8_t>(buffer[0]) != *op)
      buffer[0] = static_cast<char>(0xff);  // matches no stop
    const long result =
        kernel_->PtraceBuffer(args.abi, args.request, link.tracee->tid, args.addr, bytes.subspan(0, read));
    link.tracee->registers.valid = false;
    return Outcome::Return(result);
  }
  long result =
      kernel_->PtraceBuffer(args.abi, args.request, link.tracee->tid, kMost, absl::MakeSpan(buffer));
  const bool differs =
      op.has_value() && (static_cast<uint8_t>(buffer[0]) != *op || link.tracee->stop.emulated);
  if (result >= 0 && differs) result = EmulatedSyscallInfo(*link.tracee, *op, link.message, buffer);
  if (result < 0) return Outcome::Return(result);
  return CopyOut(args, args.data, bytes.subspan(0, std::min<uint64_t>(result, size)), result);
}

// The filters of a guest without ours, the outermost. The kernel allows it to a tracer with CAP_SYS_ADMIN and
// no filter of its own.
Outcome Core::SeccompGetFilter(const RequestArgs& args) {
  ThreadFacts caller, tracee;
  Thread* thread = args.link->tracee;
  if (!kernel_->ReadFacts(args.caller->tid, &caller) || !kernel_->ReadFacts(thread->tid, &tracee)) {
    return Outcome::Return(-ESRCH);
  }
  if (!caller.has_cap_sys_admin || caller.seccomp_filters != 1) return Outcome::Return(-EACCES);
  // The capability counts in the initial user namespace, which the kernel judges by us.
  if (kernel_->PtraceBuffer(Abi::kX86_64, kSeccompGetFilter, thread->tid, 0, {}) == -EACCES) {
    return Outcome::Return(-EACCES);
  }
  const uint64_t visible = tracee.seccomp_filters - 1;
  // As for a task without seccomp.
  if (visible == 0 || IsStrict(*thread)) return Outcome::Return(-EINVAL);
  if (args.addr >= visible) return Outcome::Return(-ENOENT);
  std::vector<char> program(BPF_MAXINSNS * sizeof(struct sock_filter));
  const long count = kernel_->PtraceBuffer(Abi::kX86_64, kSeccompGetFilter, thread->tid,
                                           args.addr + 1 /* ours is 0 */, absl::MakeSpan(program));
  if (count < 0 || args.data == 0) return Outcome::Return(count);
  return CopyOut(args, args.data, absl::MakeConstSpan(program).subspan(0, count * sizeof(struct sock_filter)),
                 count);
}

Outcome Core::SeccompGetMetadata(const RequestArgs& args) {
  ThreadFacts caller, tracee;
  Thread* thread = args.link->tracee;
  if (!kernel_->ReadFacts(args.caller->tid, &caller) || !kernel_->ReadFacts(thread->tid, &tracee)) {
    return Outcome::Return(-ESRCH);
  }
  if (!caller.has_cap_sys_admin || caller.seccomp_filters != 1) return Outcome::Return(-EACCES);
  if (kernel_->PtraceBuffer(Abi::kX86_64, kSeccompGetFilter, thread->tid, 0, {}) == -EACCES) {
    return Outcome::Return(-EACCES);
  }
  uint64_t metadata[2] = {0, 0};  // filter_off, flags
  const uint64_t size = std::min<uint64_t>(args.addr, sizeof(metadata));
  if (size < sizeof(metadata[0])) return Outcome::Return(-EINVAL);
  auto bytes = absl::MakeSpan(reinterpret_cast<char*>(metadata), size);
  const long read = ReadCaller(args.caller, args.data, bytes.subspan(0, sizeof(metadata[0])));
  if (read == -EPERM) return Outcome::StopCaller();
  if (read < 0) return Outcome::Return(-EFAULT);
  const uint64_t visible = tracee.seccomp_filters - 1;
  if (visible == 0 || IsStrict(*thread)) return Outcome::Return(-EINVAL);
  if (metadata[0] >= visible) return Outcome::Return(-ENOENT);
  ++metadata[0];  // ours comes first
  const long result = kernel_->PtraceBuffer(Abi::kX86_64, kSeccompGetMetadata, thread->tid, size, bytes);
  --metadata[0];
  if (result < 0) return Outcome::Return(result);
  return CopyOut(args, args.data, bytes, result);
}

}  // namespace nestrace
