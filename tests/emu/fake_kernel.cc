#include "tests/emu/fake_kernel.h"

#include <errno.h>
#include <linux/audit.h>
#include <string.h>

#include <algorithm>

namespace nestrace {

namespace {

std::string Number(uint64_t value) { return std::to_string(static_cast<int64_t>(value)); }

bool IsDead(const FakeThread& thread) {
  return thread.state == FakeThread::State::kDying || thread.state == FakeThread::State::kZombie ||
         thread.state == FakeThread::State::kReaped;
}

bool IsResume(long request) {
  return request == kCont || request == kSyscall || request == kSingleStep || request == kSingleBlock ||
         request == kSysemu || request == kSysemuSingleStep || request == kDetach;
}

}  // namespace

// --- the script.

FakeThread& FakeKernel::Add(const Birth& birth) {
  FakeThread& thread = threads_[birth.tid.value];
  thread = FakeThread();
  thread.tid = birth.tid;
  thread.facts.tgid = birth.tgid;
  thread.facts.parent_tgid = birth.parent;
  thread.facts.pids = birth.pids.empty() ? std::vector<NamespacedPid>{{0, birth.tid.value}} : birth.pids;
  thread.facts.tracer = kSupervisor;
  thread.facts.uid = 1000;
  thread.facts.seccomp_filters = 1;
  thread.regs.cs = kUser64Cs;
  thread.regs.orig_rax = ~0ull;
  // Behind a syscall instruction.
  thread.regs.rip = kGuestMemory + 0x1000;
  memory(birth.tgid)[0xffe] = 0x0f;
  memory(birth.tgid)[0xfff] = 0x05;
  thread.regs.rsp = kGuestMemory + kGuestMemorySize - 16;
  thread.xstate.assign(kFakeXstateSize, 0);
  return thread;
}

void FakeKernel::Stop(Tid tid, int code, const siginfo_t& info, uint64_t message) {
  FakeThread& thread = at(tid);
  thread.state = FakeThread::State::kStopped;
  thread.code = code;
  thread.message = message;
  thread.siginfo = info;
  if (info.si_signo == 0) {  // ptrace_do_notify()
    thread.siginfo.si_signo = SIGTRAP;
    thread.siginfo.si_code = code;
    thread.siginfo.si_pid = thread.facts.pids.back().pid;
    thread.siginfo.si_uid = thread.facts.uid;
  }
  thread.interrupt = false;  // kernel/signal.c:ptrace_stop: any trap clears it
  if ((code >> 8) == kEventStop) thread.notify = false;
  ++thread.generation;
  thread.regs.rbx = thread.generation;
  thread.xstate[0] = static_cast<char>(thread.generation);
  if (thread.notification != 0) {
    notifications_.at(thread.notification).open = false;
    thread.notification = 0;
    thread.regs.rax = -kErestartsys;
  }
}

void FakeKernel::Die(Tid tid) {
  FakeThread& thread = at(tid);
  if (IsDead(thread)) return;
  // A second SIGKILL does not end a PTRACE_EVENT_EXIT stop, and behind it there is nothing left to kill.
  if ((thread.code >> 8) == kEventExit) return;
  thread.state = FakeThread::State::kDying;
  if (thread.notification != 0) {
    notifications_.at(thread.notification).open = false;
    thread.notification = 0;
  }
}

void FakeKernel::KillProcess(pid_t tgid) {
  for (auto& [tid, thread] : threads_) {
    if (thread.facts.tgid == tgid) Die(thread.tid);
  }
}

void FakeKernel::BecomeZombie(Tid tid) {
  Die(tid);
  at(tid).state = FakeThread::State::kZombie;
}

void FakeKernel::AtCall(int k, std::function<void()> what) { at_call_[calls_ + k] = std::move(what); }

void FakeKernel::DieAtCall(Tid tid, int k) {
  AtCall(k, [this, tid] { Die(tid); });
}

Notification FakeKernel::Notify(Notification call) {
  call.id = next_notification_++;
  FakeThread& thread = at(call.tid);
  call.instruction_pointer = thread.regs.rip;
  thread.notification = call.id;
  thread.regs.cs = call.abi == Abi::kX86_64 ? kUser64Cs : 0x23;
  thread.regs.orig_rax = call.nr;
  using Word = decltype(thread.regs.rax);
  Word* const args64[] = {&thread.regs.rdi, &thread.regs.rsi, &thread.regs.rdx,
                          &thread.regs.r10, &thread.regs.r8,  &thread.regs.r9};
  Word* const args32[] = {&thread.regs.rbx, &thread.regs.rcx, &thread.regs.rdx,
                          &thread.regs.rsi, &thread.regs.rdi, &thread.regs.rbp};
  for (int i = 0; i < 6; ++i) *(call.abi == Abi::kX86_64 ? args64[i] : args32[i]) = call.args[i];
  thread.regs.rax = -ENOSYS;
  notifications_[call.id].call = call;
  return call;
}

FakeThread& FakeKernel::at(Tid tid) { return threads_.at(tid.value); }

std::vector<char>& FakeKernel::memory(pid_t tgid) {
  std::vector<char>& bytes = memory_[tgid];
  if (bytes.empty()) bytes.resize(kGuestMemorySize);
  return bytes;
}

// --- the record.

int FakeKernel::Count(const std::string& prefix) const {
  return std::count_if(log_.begin(), log_.end(),
                       [&](const std::string& line) { return line.rfind(prefix, 0) == 0; });
}

size_t FakeKernel::Find(const std::string& prefix) const {
  return std::find_if(log_.begin(), log_.end(),
                      [&](const std::string& line) { return line.rfind(prefix, 0) == 0; }) -
         log_.begin();
}

void FakeKernel::Enter() {
  ++calls_;
  const auto it = at_call_.find(calls_);
  if (it == at_call_.end()) return;
  const std::function<void()> what = it->second;
  at_call_.erase(it);
  what();
}

// --- Kernel: ptrace.

std::optional<long> FakeKernel::EnterPtrace(Tid tid) {
  Enter();
  const auto failing = fail_next_.find(tid.value);
  if (failing != fail_next_.end()) {
    const long error = failing->second;
    fail_next_.erase(failing);
    return error;
  }
  if (!Has(tid) || at(tid).state == FakeThread::State::kReaped) return -ESRCH;
  return std::nullopt;
}

long FakeKernel::Ptrace(Abi, long request, Tid tid, uint64_t addr, uint64_t data) {
  const std::optional<long> error = EnterPtrace(tid);
  const long result = error.has_value() ? *error : DoPtrace(request, at(tid), addr, data);
  return Log(
      [&] {
        return "ptrace(" + RequestName(request) + ", " + Number(tid.value) + ", " + Number(addr) + ", " +
               Number(data) + ")";
      },
      result);
}

long FakeKernel::DoPtrace(long request, FakeThread& thread, uint64_t addr, uint64_t data) {
  if (request == kInterrupt) {
    ++thread.interrupts;
    thread.interrupt = thread.interrupt || !IsDead(thread);
    return 0;
  }
  if (thread.state != FakeThread::State::kStopped) return -ESRCH;
  if (IsResume(request)) return Resume(request, thread, data);
  switch (request) {
    case kListen:
      if ((thread.siginfo.si_code >> 8) != kEventStop) return -EIO;
      thread.state = FakeThread::State::kListening;
      return 0;
    case kPokeUser:
      if (addr == kUserDr7) return 0;
      if (addr % 8 != 0 || addr + 8 > sizeof(thread.regs)) return -EIO;
      memcpy(reinterpret_cast<char*>(&thread.regs) + addr, &data, 8);
      return 0;
    case kPokeText:
    case kPokeData:
      return Transfer(thread.tid, addr, nullptr, reinterpret_cast<const char*>(&data), 8) == 0 ? 0 : -EIO;
    case kSetOptions:
    case kArchPrctl:
      return 0;
    default:
      return -EIO;
  }
}

long FakeKernel::Resume(long request, FakeThread& thread, uint64_t signal) {
  if (signal > 64) return -EIO;
  if (on_resume) on_resume(thread, request, static_cast<int>(signal));
  ++thread.resumes;
  thread.resume_request = request;
  thread.resume_signal = static_cast<int>(signal);
  thread.state = FakeThread::State::kRunning;
  // kernel/signal.c:ptrace_signal.
  const bool delivers = signal != 0 && static_cast<uint64_t>(thread.code) == signal;
  if (delivers && nestrace::Has(thread.facts.blocked_signals, thread.resume_signal))
    thread.queued.push_front(thread.siginfo);
  // A leader with threads left is a zombie at once.
  const auto lives_on = [&thread](const auto& other) {
    const auto state = other.second.state;
    return other.second.facts.tgid == thread.tid.value && other.first != thread.tid.value &&
           state != FakeThread::State::kReaped;
  };
  if ((thread.code >> 8) != kEventExit) return 0;
  thread.facts.zombie = std::any_of(threads_.begin(), threads_.end(), lives_on);
  if (request == kDetach) {  // nobody waits for a thread that nobody traces
    if (thread.facts.tgid == thread.tid.value)
      violations_.push_back("detached from leader " + Number(thread.tid.value));
    thread.state = FakeThread::State::kReaped;
    thread.facts.tracer = 0;
    thread.gone = true;
  }
  return 0;
}

long FakeKernel::PtraceBuffer(Abi, long request, Tid tid, uint64_t addr, absl::Span<char> data) {
  const std::optional<long> error = EnterPtrace(tid);
  const long result = error.has_value() ? *error : DoPtraceBuffer(request, at(tid), addr, data);
  return Log(
      [&] {
        return "ptrace(" + RequestName(request) + ", " + Number(tid.value) + ", " + Number(addr) +
               ", buffer)";
      },
      result);
}

long FakeKernel::DoPtraceBuffer(long request, FakeThread& thread, uint64_t addr, absl::Span<char> data) {
  if (thread.state != FakeThread::State::kStopped) return -ESRCH;
  const auto out = [&](const void* from, size_t size) {
    memcpy(data.data(), from, std::min(size, data.size()));
    return 0L;
  };
  const auto in = [&](void* to, size_t size) -> long {
    if (data.size() < size) return -EFAULT;
    memcpy(to, data.data(), size);
    return 0;
  };
  switch (request) {
    case kGetRegs:
      return out(&thread.regs, sizeof(thread.regs));
    case kSetRegs:
      return in(&thread.regs, sizeof(thread.regs));
    case kGetFpRegs:
      return out(thread.xstate.data(), kFxsaveSize);
    case kSetFpRegs:
      return in(thread.xstate.data(), kFxsaveSize);
    case kGetEventMsg:
      return out(&thread.message, sizeof(thread.message));
    case kGetSigInfo:
      return out(&thread.siginfo, sizeof(siginfo_t));
    case kSetSigInfo:
      return in(&thread.siginfo, 48 /* struct kernel_siginfo */);
    case kPeekUser:
      if (addr % 8 != 0 || addr + 8 > sizeof(thread.regs)) return -EIO;
      return out(reinterpret_cast<const char*>(&thread.regs) + addr, 8);
    case kPeekText:
    case kPeekData:
      return Transfer(thread.tid, addr, data.data(), nullptr, data.size()) == 0 ? 0 : -EIO;
    case kGetSigMask:
      return out(&thread.facts.blocked_signals, 8);
    case kSetSigMask:
      return in(&thread.facts.blocked_signals, 8);
    case kGetSyscallInfo: {
      struct {
        uint32_t op = 0, arch = 0;
        uint64_t instruction_pointer = 0, stack_pointer = 0;
      } info;
      uint16_t instruction = 0;  // int $0x80?
      Transfer(thread.tid, thread.regs.rip - 2, reinterpret_cast<char*>(&instruction), nullptr, 2);
      const bool is64 = thread.regs.cs == kUser64Cs && instruction != 0x80cd;
      info.arch = is64 ? AUDIT_ARCH_X86_64 : AUDIT_ARCH_I386;
      info.instruction_pointer = thread.regs.rip;
      info.stack_pointer = thread.regs.rsp;
      out(&info, sizeof(info));
      return (thread.code & 0xff) == (SIGTRAP | 0x80) ? 33 : 24;
    }
    case kGetRseqConfiguration:
      return 24;
    case kSeccompGetFilter:
      return 1;
    case kSetSyscallInfo:
    case kSeccompGetMetadata:
    case kGetFpxRegs:
    case kSetFpxRegs:
    case kGetThreadArea:
    case kSetThreadArea:
    case kGetSyscallUserDispatchConfig:
    case kSetSyscallUserDispatchConfig:
      return 0;
    default:
      return -EIO;
  }
}

// Of the regsets that there are: the bytes of `thread`'s; empty if the kernel would say EINVAL.
absl::Span<char> FakeKernel::Regset(FakeThread& thread, uint64_t type, uint64_t length) {
  if (length % 8 != 0) return {};
  if (type == kNtPrstatus)
    return absl::MakeSpan(reinterpret_cast<char*>(&thread.regs), kGeneralRegsSize).subspan(0, length);
  if (type == kNtPrfpreg) return absl::MakeSpan(thread.xstate.data(), kFxsaveSize).subspan(0, length);
  if (type == kNtX86Xstate) return absl::MakeSpan(thread.xstate.data(), kFakeXstateSize).subspan(0, length);
  return {};
}

long FakeKernel::GetRegset(Abi, Tid tid, uint64_t type, absl::Span<char> buffer) {
  const auto transfer = [&]() -> long {
    FakeThread& thread = at(tid);
    if (thread.state != FakeThread::State::kStopped) return -ESRCH;
    const auto regset = Regset(thread, type, buffer.size());
    if (regset.data() == nullptr) return -EINVAL;
    memcpy(buffer.data(), regset.data(), regset.size());
    return static_cast<long>(regset.size());
  };
  const std::optional<long> error = EnterPtrace(tid);
  return Log(
      [&] { return "ptrace(PTRACE_GETREGSET, " + Number(tid.value) + ", " + Number(type) + ", iovec)"; },
      error.has_value() ? *error : transfer());
}

long FakeKernel::SetRegset(Abi, Tid tid, uint64_t type, absl::Span<const char> bytes, GuestAddr,
                           uint64_t length) {
  const auto transfer = [&]() -> long {
    FakeThread& thread = at(tid);
    if (thread.state != FakeThread::State::kStopped) return -ESRCH;
    const auto regset = Regset(thread, type, length);
    if (regset.data() == nullptr) return -EINVAL;
    if (bytes.size() < regset.size()) return -EFAULT;
    memcpy(regset.data(), bytes.data(), regset.size());
    return static_cast<long>(regset.size());
  };
  const std::optional<long> error = EnterPtrace(tid);
  return Log(
      [&] { return "ptrace(PTRACE_SETREGSET, " + Number(tid.value) + ", " + Number(type) + ", iovec)"; },
      error.has_value() ? *error : transfer());
}

long FakeKernel::PeekSigInfo(Abi, Tid tid, absl::Span<char> buffer) {
  const auto peek = [&]() -> long {
    FakeThread& thread = at(tid);
    if (thread.state != FakeThread::State::kStopped) return -ESRCH;
    uint64_t offset;
    memcpy(&offset, buffer.data(), sizeof(offset));
    if (offset >= thread.queued.size()) return 0;
    const size_t room = (buffer.size() - 16) / sizeof(siginfo_t);
    const size_t count = std::min(room, thread.queued.size() - offset);
    for (size_t i = 0; i < count; ++i) {
      memcpy(buffer.data() + 16 + i * sizeof(siginfo_t), &thread.queued[offset + i], sizeof(siginfo_t));
    }
    return static_cast<long>(count);
  };
  const std::optional<long> error = EnterPtrace(tid);
  return Log([&] { return "ptrace(PTRACE_PEEKSIGINFO, " + Number(tid.value) + ")"; },
             error.has_value() ? *error : peek());
}

long FakeKernel::ArchPrctl(Tid tid, uint64_t code, absl::Span<char> out) {
  const auto get = [&]() -> long {
    FakeThread& thread = at(tid);
    if (thread.state != FakeThread::State::kStopped) return -ESRCH;
    memcpy(out.data(), &thread.regs.fs_base, std::min<size_t>(8, out.size()));
    return 0;
  };
  const std::optional<long> error = EnterPtrace(tid);
  return Log([&] { return "ptrace(PTRACE_ARCH_PRCTL, " + Number(tid.value) + ", " + Number(code) + ")"; },
             error.has_value() ? *error : get());
}

}  // namespace nestrace
