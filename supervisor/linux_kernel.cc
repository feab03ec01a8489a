#include "supervisor/linux_kernel.h"

#include <asm/ptrace-abi.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "supervisor/access.h"
#include "supervisor/guest_memory.h"
#include "supervisor/thread_facts.h"

namespace nestrace {
namespace {

// glibc's -1 and errno as the kernel's negative errno.
long Result(long result) { return result < 0 ? -errno : result; }

}  // namespace

long LinuxKernel::Ptrace(Abi abi, long request, Tid tid, uint64_t addr, uint64_t data) {
  return ptrace_.Call(abi, request, tid, addr, data);
}

long LinuxKernel::PtraceBuffer(Abi abi, long request, Tid tid, uint64_t addr, absl::Span<char> data) {
  return ptrace_.CallWithBuffer(abi, request, tid, addr, data);
}

long LinuxKernel::GetRegset(Abi abi, Tid tid, uint64_t type, absl::Span<char> buffer) {
  return ptrace_.GetRegset(abi, tid, type, buffer);
}

long LinuxKernel::SetRegset(Abi abi, Tid tid, uint64_t type, absl::Span<const char> bytes, GuestAddr base,
                            uint64_t length) {
  return ptrace_.SetRegset(abi, tid, type, bytes, base, length);
}

long LinuxKernel::PeekSigInfo(Abi abi, Tid tid, absl::Span<char> buffer) {
  return ptrace_.PeekSigInfo(abi, tid, buffer);
}

long LinuxKernel::ArchPrctl(Tid tid, uint64_t code, absl::Span<char> out) {
  return ptrace_.Call(Abi::kX86_64, PTRACE_ARCH_PRCTL, tid, reinterpret_cast<uintptr_t>(out.data()), code);
}

long LinuxKernel::ReadMemory(Tid tid, GuestAddr addr, absl::Span<char> out) {
  return slow_memory_ == nullptr ? ReadGuestMemory(tid, addr, out) : slow_memory_->Read(tid, addr, out);
}

long LinuxKernel::WriteMemory(Tid tid, GuestAddr addr, absl::Span<const char> in) {
  return slow_memory_ == nullptr ? WriteGuestMemory(tid, addr, in) : slow_memory_->Write(tid, addr, in);
}

void LinuxKernel::ExpectSlowMemory() {
  if (slow_memory_ == nullptr) slow_memory_ = std::make_unique<SlowMemory>();
}

long LinuxKernel::SendSignal(Tid tgid, Tid tid, int signal) {
  return Result(syscall(SYS_tgkill, tgid.value, tid.value, signal));
}

long LinuxKernel::QueueSignal(Tid tgid, Tid tid, const siginfo_t& info) {
  if (tid.value == 0) return Result(syscall(SYS_rt_sigqueueinfo, tgid.value, info.si_signo, &info));
  return Result(syscall(SYS_rt_tgsigqueueinfo, tgid.value, tid.value, info.si_signo, &info));
}

long LinuxKernel::Reap(Tid tid) {
  const long result = waiter_.Reap(tid);
  if (result == 0) ++reaped_;
  return result;
}

bool LinuxKernel::PeekExit(Tid tid, ExitInfo* info) {
  ExitEvent exit;
  if (waiter_.PeekExitOf(tid, &exit) != Waited::kFound) return false;
  *info = exit.info;
  return true;
}

bool LinuxKernel::HasStopped(Tid tid) { return waiter_.HasStopped(tid); }

long LinuxKernel::WaitContinued(Tid tid, bool leave) { return waiter_.TakeContinued(tid, leave); }

bool LinuxKernel::Answer(uint64_t id, int64_t value) {
  return listener_ != nullptr && listener_->Answer(id, value);
}

bool LinuxKernel::Continue(uint64_t id) { return listener_ != nullptr && listener_->Continue(id); }

long LinuxKernel::AnswerDescriptor(uint64_t id, int fd, bool close_on_exec) {
  return listener_ == nullptr ? -ESRCH : listener_->Give(id, fd, close_on_exec);
}

bool LinuxKernel::ReadFacts(Tid tid, ThreadFacts* facts) { return ReadThreadFacts(proc_, tid, facts); }

Tid LinuxKernel::FromNamespace(Tid viewer, pid_t number) { return FindFromNamespace(proc_, viewer, number); }

uid_t LinuxKernel::UidIn(Tid viewer, uid_t uid) { return TranslateUid(proc_, viewer, uid); }

long LinuxKernel::ProcessGroup(Tid tid) { return Result(getpgid(tid.value)); }

bool LinuxKernel::Exists(Tid tid) { return kill(tid.value, 0) == 0 || errno != ESRCH; }

bool LinuxKernel::IsWorker(Tid tid) { return IsIoWorker(proc_, tid); }

long LinuxKernel::PidfdTarget(Tid tid, int fd, bool* nonblocking) {
  return ReadPidfdTarget(proc_, tid, fd, nonblocking);
}

bool LinuxKernel::HasMemoryOpen(Tid tracer, const std::vector<NamespacedPid>& process) {
  return HasProcMemOpen(proc_, tracer, process);
}

long LinuxKernel::BlockedIn(Tid tid) { return ReadBlockedIn(proc_, tid); }

long LinuxKernel::GroupExitCode(Tid tgid) { return ReadGroupExitCode(proc_, tgid); }

bool LinuxKernel::ReadTimes(Tid tgid, Tid tid, long* user, long* system) {
  return ReadTimesOf(proc_, tgid, tid, user, system);
}

long LinuxKernel::MayAttach(Tid caller, Tid target) { return nestrace::MayAttach(proc_, caller, target); }

bool LinuxKernel::AccessesAllMemory(Tid tracer) { return nestrace::AccessesAllMemory(proc_, tracer); }

bool LinuxKernel::MayAccessMemory(Tid tracer, Tid tracee) {
  return nestrace::MayAccessMemory(proc_, tracer, tracee);
}

long LinuxKernel::MayTraceChild(Tid parent, Tid child) {
  return nestrace::MayTraceChild(proc_, parent, child);
}

int64_t LinuxKernel::Milliseconds() {
  timespec now = {};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * int64_t{1000} + now.tv_nsec / 1000000;
}

long LinuxKernel::SocketType(Tid tid, int fd) {
  const UniqueFd pidfd = OpenPidfd(tid);
  const UniqueFd copy(pidfd.ok() ? static_cast<int>(syscall(SYS_pidfd_getfd, pidfd.get(), fd, 0)) : -1);
  int type = 0;
  socklen_t size = sizeof(type);
  return getsockopt(copy.get(), SOL_SOCKET, SO_TYPE, &type, &size) == 0 ? type : -ENOTSOCK;
}

bool LinuxKernel::IsLandlockRuleset(Tid tid, int fd) { return ReadIsLandlockRuleset(proc_, tid, fd); }

// The kernel is asked itself, with a ruleset that can't be one: unknown flags are EINVAL, and come before
// EBADF (security/landlock/syscalls.c). NO_NEW_PRIVS, without which all is EPERM, is a thread's, and stays
// with this one. (If guests have left no room for a thread, the flags are taken for right.)
bool LinuxKernel::AreLandlockFlags(uint32_t flags) {
  if (flags == 0) return true;
  const auto ask = [](void* asked) -> void* {
    constexpr long kNrRestrictSelf = 446;
    constexpr int kNoRuleset = -2;  // with some flags, -1 stands for none
    const uint32_t flags = *static_cast<uint32_t*>(asked);
    const bool known = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
                       syscall(kNrRestrictSelf, kNoRuleset, flags) < 0 && errno == EBADF;
    return known ? asked : nullptr;
  };
  pthread_t thread;
  void* answer = nullptr;
  if (pthread_create(&thread, nullptr, ask, &flags) != 0) return true;
  pthread_join(thread, &answer);
  return answer != nullptr;
}

}  // namespace nestrace
