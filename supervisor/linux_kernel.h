// The Kernel of emu/kernel.h on the real one.
//
//   LinuxKernel kernel(&proc, &waiter);
//   Emulator emulator(&kernel, {});
//   kernel.set_listener(&listener);   // once PROGRAM has installed its filter
//
// Each function is the mechanism its comment in emu/kernel.h names, and nothing besides; the work is done in
// ptrace_call, guest_memory, slow_memory, waiter, listener, thread_facts and access.

#ifndef NESTRACE_SUPERVISOR_LINUX_KERNEL_H_
#define NESTRACE_SUPERVISOR_LINUX_KERNEL_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "emu/kernel.h"
#include "supervisor/listener.h"
#include "supervisor/proc_fs.h"
#include "supervisor/ptrace_call.h"
#include "supervisor/slow_memory.h"
#include "supervisor/waiter.h"

namespace nestrace {

class LinuxKernel final : public Kernel {
 public:
  LinuxKernel(const ProcFs* proc, Waiter* waiter) : proc_(*proc), waiter_(*waiter) {}

  // Until there is a listener no notification can be answered: Answer and Continue return false.
  void set_listener(Listener* listener) { listener_ = listener; }
  // A guest has made a call of the i386 ABI: the kernel has them, and we may make them too. Registers alone
  // prove nothing, a tracer can write them.
  void NoteI386Call() { ptrace_.AllowI386(); }
  // Readable when FinishedAccesses() has something to say; -1: it never has.
  int slow_memory_fd() const { return slow_memory_ == nullptr ? -1 : slow_memory_->fd(); }
  // The guests for which Emulator::OnMemory() is due.
  std::vector<Tid> FinishedAccesses() { return slow_memory_->Finished(); }
  // How many zombies were reaped: each may make another one waitable, its thread group leader.
  uint64_t reaped() const { return reaped_; }

  long Ptrace(Abi abi, long request, Tid tid, uint64_t addr, uint64_t data) override;
  long PtraceBuffer(Abi abi, long request, Tid tid, uint64_t addr, absl::Span<char> data) override;
  long GetRegset(Abi abi, Tid tid, uint64_t type, absl::Span<char> buffer) override;
  long SetRegset(Abi abi, Tid tid, uint64_t type, absl::Span<const char> bytes, GuestAddr base,
                 uint64_t length) override;
  long PeekSigInfo(Abi abi, Tid tid, absl::Span<char> buffer) override;
  long ArchPrctl(Tid tid, uint64_t code, absl::Span<char> out) override;
  long ReadMemory(Tid tid, GuestAddr addr, absl::Span<char> out) override;
  long WriteMemory(Tid tid, GuestAddr addr, absl::Span<const char> in) override;
  void ExpectSlowMemory() override;
  long SendSignal(Tid tgid, Tid tid, int signal) override;
  long QueueSignal(Tid tgid, Tid tid, const siginfo_t& info) override;
  long Reap(Tid tid) override;
  bool PeekExit(Tid tid, ExitInfo* info) override;
  bool HasStopped(Tid tid) override;
  long WaitContinued(Tid tid, bool leave) override;
  bool Answer(uint64_t id, int64_t value) override;
  bool Continue(uint64_t id) override;
  long AnswerDescriptor(uint64_t id, int fd, bool close_on_exec) override;
  bool ReadFacts(Tid tid, ThreadFacts* facts) override;
  Tid FromNamespace(Tid viewer, pid_t number) override;
  uid_t UidIn(Tid viewer, uid_t uid) override;
  long ProcessGroup(Tid tid) override;
  bool Exists(Tid tid) override;
  bool IsWorker(Tid tid) override;
  long PidfdTarget(Tid tid, int fd, bool* nonblocking) override;
  bool HasMemoryOpen(Tid tracer, const std::vector<NamespacedPid>& process) override;
  long BlockedIn(Tid tid) override;
  long GroupExitCode(Tid tgid) override;
  bool ReadTimes(Tid tgid, Tid tid, long* user, long* system) override;
  long MayAttach(Tid caller, Tid target) override;
  bool AccessesAllMemory(Tid tracer) override;
  bool MayAccessMemory(Tid tracer, Tid tracee) override;
  long MayTraceChild(Tid parent, Tid child) override;
  int64_t Milliseconds() override;
  long SocketType(Tid tid, int fd) override;
  bool IsLandlockRuleset(Tid tid, int fd) override;
  bool AreLandlockFlags(uint32_t flags) override;

 private:
  const ProcFs& proc_;
  Waiter& waiter_;
  PtraceCaller ptrace_;
  Listener* listener_ = nullptr;
  std::unique_ptr<SlowMemory> slow_memory_;  // null until it is expected
  uint64_t reaped_ = 0;
};

}  // namespace nestrace

#endif  // NESTRACE_SUPERVISOR_LINUX_KERNEL_H_
