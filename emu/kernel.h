// The seam between the emulation and the kernel: everything emu/ may ask of Linux, one virtual function for
// each mechanism, mirroring the system call without any policy. supervisor/ implements it on the real
// kernel, tests/ with a script.
//
// Every call on a guest may find it dead: that is -ESRCH, at any call, and never an error of ours. Results
// are the kernel's own: zero or more on success, a negative errno otherwise.

#ifndef NESTRACE_EMU_KERNEL_H_
#define NESTRACE_EMU_KERNEL_H_

#include <signal.h>
#include <sys/resource.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "emu/types.h"

namespace nestrace {

// Sets of signals, as /proc/TID/status and the kernel's sigset_t have them: bit N-1 stands for signal N.
constexpr uint64_t SignalBit(int signal) { return signal == 0 ? 0 : 1ull << (signal - 1); }
constexpr bool Has(uint64_t signals, int signal) { return (signals & SignalBit(signal)) != 0; }
constexpr uint64_t kStandardSignals = (1ull << 31) - 1;  // of these one is pending at most

constexpr uint64_t kUnknownNamespace = ~uint64_t{0};
// A pid namespace a thread is in, with the thread's number there.
struct NamespacedPid {
  uint64_t pid_namespace = 0;  // inode of the namespace; 0 stands for the supervisor's own, kUnknownNamespace
                               // for one that the supervisor may not see (that of who is not dumpable)
  pid_t pid = 0;
};

// What the kernel says about a living (or zombie) thread: /proc/TID/status and /proc/TID/ns/pid.
struct ThreadFacts {
  pid_t tgid = 0;         // thread group leader
  pid_t parent_tgid = 0;  // thread group of the real parent; 0 if it is outside the pid namespace
  pid_t tracer = 0;       // TracerPid: the supervisor's thread that really traces it; 0: nobody does
  // From the supervisor's namespace (front) to the thread's innermost one (back). Never empty.
  std::vector<NamespacedPid> pids;
  std::vector<pid_t> process_groups;  // the number of its process group in each of several
  uid_t uid = 0;                      // real uid, in the supervisor's user namespace
  uint64_t blocked_signals = 0;       // SigBlk
  uint64_t process_signals = 0;       // ShdPnd: pending for the process
  uint64_t thread_signals = 0;        // SigPnd: for the thread
  uint64_t ignored_signals = 0;       // SigIgn, and those without a handler that are ignored by default (as
                                      // are nearly all by the init of a pid namespace)
  uint64_t caught_signals = 0;        // SigCgt
  int seccomp_filters = 0;            // Seccomp_filters; 0 where the kernel does not say
  bool has_cap_sys_admin = false;     // CapEff holds CAP_SYS_ADMIN
  bool zombie = false;                // past exit_notify()

  uint64_t pending_signals() const { return process_signals | thread_signals; }
};

// How a process ended (siginfo of waitid(2)).
struct ExitInfo {
  int status = 0;  // wait(2) encoding
  struct rusage usage = {};
};

class Kernel {
 public:
  virtual ~Kernel() = default;

  // --- ptrace(2) on a guest. `abi` is the ABI whose structure layouts are wanted; with kI386 the call is
  // made as a 32-bit process would make it, so that the kernel itself converts.

  // `data` is a plain value (resume requests, POKE*, SETOPTIONS, INTERRUPT, LISTEN, ...).
  virtual long Ptrace(Abi abi, long request, Tid tid, uint64_t addr, uint64_t data) = 0;
  // `data` is a buffer that the kernel reads and/or writes. It finds nothing behind it: of a shorter one than
  // the request needs it makes what it makes of a guest's that ends where no memory is.
  virtual long PtraceBuffer(Abi abi, long request, Tid tid, uint64_t addr, absl::Span<char> data) = 0;
  // PTRACE_GETREGSET of note `type` with an iovec {buffer.data(), buffer.size()}. Returns the iov_len that
  // the kernel left (>= 0), or a negative errno; so does the next.
  virtual long GetRegset(Abi abi, Tid tid, uint64_t type, absl::Span<char> buffer) = 0;
  // PTRACE_SETREGSET with an iovec {base, length} of which the kernel finds `bytes`, and nothing behind them.
  // (What `base` itself is counts only where it can't be a guest's memory.)
  virtual long SetRegset(Abi abi, Tid tid, uint64_t type, absl::Span<const char> bytes, GuestAddr base,
                         uint64_t length) = 0;

  // PTRACE_PEEKSIGINFO: `buffer` holds a struct ptrace_peeksiginfo_args (16 bytes) and behind it room for its
  // `nr` siginfos of 128 bytes. Returns the number of siginfos.
  virtual long PeekSigInfo(Abi abi, Tid tid, absl::Span<char> buffer) = 0;
  // PTRACE_ARCH_PRCTL with a code that writes to its argument (addr), which is `out`.
  virtual long ArchPrctl(Tid tid, uint64_t code, absl::Span<char> out) = 0;

  // --- memory of a guest, with the access rights of the guest itself (a read-only page can't be written).
  // The whole span is transferred (0), or -EFAULT; -ESRCH if the guest is gone; -EPERM if the supervisor may
  // not read this guest from outside (it is not dumpable): the caller then stops it and uses
  // PTRACE_PEEKDATA. Behind ExpectSlowMemory() also -EAGAIN: somebody is still to fill the memory, and the
  // access is to be asked for again once Emulator::OnMemory() has told that it could be made.
  virtual long ReadMemory(Tid tid, GuestAddr addr, absl::Span<char> out) = 0;
  virtual long WriteMemory(Tid tid, GuestAddr addr, absl::Span<const char> in) = 0;
  // From now on, a guest may have memory that others fill.
  virtual void ExpectSlowMemory() = 0;

  // --- signals.
  // tgkill(2).
  virtual long SendSignal(Tid tgid, Tid tid, int signal) = 0;
  // rt_tgsigqueueinfo(2) to thread `tid`; rt_sigqueueinfo(2) to the whole process if `tid` is 0. In that case
  // `tgid` may be any thread of the process: it is the first that the kernel gives the signal to.
  // info.si_code must be negative.
  virtual long QueueSignal(Tid tgid, Tid tid, const siginfo_t& info) = 0;

  // --- waiting. waitid(P_PID, tid, WEXITED|__WALL|WNOHANG): reaps the supervisor's half of a zombie that
  // OnExit announced. If its real parent is another process, the kernel now tells that parent.
  virtual long Reap(Tid tid) = 0;
  // Looks at a zombie that OnExit announced, and leaves it. False if it is gone.
  virtual bool PeekExit(Tid tid, ExitInfo* info) = 0;
  // True if `tid` is in a stop that is still to be handed in: waitid(P_PID, tid, WSTOPPED|WNOWAIT).
  virtual bool HasStopped(Tid tid) = 0;
  // 1 if the process of `tid` was continued by SIGCONT and nobody has waited for that yet; takes it unless
  // `leave`: waitid(P_PID, tid, WCONTINUED|__WALL|WNOHANG, WNOWAIT if `leave`).
  virtual long WaitContinued(Tid tid, bool leave) = 0;

  // --- answering notification `id`. True if the answer was taken; false if the guest was interrupted or
  // killed meanwhile, in which case nothing was answered.
  // The guest's call returns `value`; a value in [-4095, -1] is a negative errno.
  virtual bool Answer(uint64_t id, int64_t value) = 0;
  // The kernel carries out the call itself (SECCOMP_USER_NOTIF_FLAG_CONTINUE).
  virtual bool Continue(uint64_t id) = 0;
  // The guest's call returns a new descriptor of its own, a duplicate of the supervisor's `fd`
  // (SECCOMP_IOCTL_NOTIF_ADDFD with SEND). Returns its number. -ESRCH: as false above. Any other error is of
  // the guest's table (-EMFILE), and the call is still to be answered.
  virtual long AnswerDescriptor(uint64_t id, int fd, bool close_on_exec) = 0;

  // --- facts.
  // False if the thread is gone.
  virtual bool ReadFacts(Tid tid, ThreadFacts* facts) = 0;
  // The thread that `viewer` would call `number`, in its pid namespace: one of its process, or the leader of
  // any other. 0 if there is none. Looks through all of /proc.
  virtual Tid FromNamespace(Tid viewer, pid_t number) = 0;
  // The number that the user namespace of `viewer` has for `uid`, which is one of the supervisor's: 65534,
  // the overflow uid, if it has none.
  virtual uid_t UidIn(Tid viewer, uid_t uid) = 0;
  // getpgid(2) of the process of `tid`.
  virtual long ProcessGroup(Tid tid) = 0;
  // True while a task (zombies too) has this id: kill(tid, 0).
  virtual bool Exists(Tid tid) = 0;
  // True for a thread that the kernel has made in a process for its own work (io_uring's, since Linux 5.12):
  // no event tells of it, and nobody traces it.
  virtual bool IsWorker(Tid tid) = 0;
  // The process (in the supervisor's namespace) that descriptor `fd` of `tid` is a pidfd of; -EBADF if it
  // isn't one; -ESRCH if that process has been reaped. `nonblocking`: the descriptor is O_NONBLOCK.
  virtual long PidfdTarget(Tid tid, int fd, bool* nonblocking) = 0;
  // True if `tracer` has the memory of the process with these pids open for writing: /proc/PID/mem or
  // /proc/PID/task/TID/mem, with its number in any namespace.
  virtual bool HasMemoryOpen(Tid tracer, const std::vector<NamespacedPid>& process) = 0;
  // The system call that `tid` is blocked in inside the kernel (/proc/TID/syscall), -1 if it is running or
  // stopped elsewhere; -EACCES if the supervisor may not see it.
  virtual long BlockedIn(Tid tid) = 0;
  // Of a stopped process: the signal that its real parent has still to wait for, 0 if there is none
  // (/proc/TGID/stat, exit_code; 0 before Linux 5.17).
  virtual long GroupExitCode(Tid tgid) = 0;
  // CPU time in ticks of USER_HZ, without that of children, of the thread `tid` of `tgid`, or, if it is 0, of
  // all threads that the process has had (/proc/TGID/task/TID/stat, /proc/TGID/stat). False if it is gone.
  virtual bool ReadTimes(Tid tgid, Tid tid, long* user, long* system) = 0;
  // The kernel's PTRACE_MODE_ATTACH_REALCREDS check as it would judge `caller` on `target`: 0 or -EPERM.
  virtual long MayAttach(Tid caller, Tid target) = 0;
  // Need MayAccessMemory() not be asked for the tracees of this tracer, or of one with its rights?
  virtual bool AccessesAllMemory(Tid tracer) = 0;
  // May the tracer read and write the memory of its tracee by ptrace(2)?
  virtual bool MayAccessMemory(Tid tracer, Tid tracee) = 0;
  // The kernel's check of PTRACE_TRACEME (security_ptrace_traceme): 0 or -EPERM.
  virtual long MayTraceChild(Tid parent, Tid child) = 0;
  // The monotonic clock.
  virtual int64_t Milliseconds() = 0;
  // SO_TYPE of the socket that descriptor `fd` of `tid` is, or -ENOTSOCK.
  virtual long SocketType(Tid tid, int fd) = 0;
  // True if descriptor `fd` of `tid` is a Landlock ruleset.
  virtual bool IsLandlockRuleset(Tid tid, int fd) = 0;
  // True if landlock_restrict_self(2) of this kernel takes these flags.
  virtual bool AreLandlockFlags(uint32_t flags) = 0;
};

}  // namespace nestrace

#endif  // NESTRACE_EMU_KERNEL_H_
