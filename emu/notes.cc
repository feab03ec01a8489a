// Calls that the emulation only takes note of, and calls that the kernel carries out.
//
// No signal ends such a call, but one that is pending ends its notification before it is received, and the
// call would have to start again behind it. Where a tracer can see that, at the syscall-exit-stop, the call
// makes no notification: it is noted at its syscall-enter-stop, and given a sixth argument, which it does not
// have, that the filter lets pass. So is a wait that has a zombie to find, or that the kernel refuses, and
// clone3(2), which the kernel may refuse.

#include <errno.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <string.h>

#include "emu/core.h"

namespace nestrace {

// Does the call ask for a descriptor through which pages of its caller are filled by others, or may it be one
// that makes a file system whose pages are?
bool Core::MayMakeSlowMemory(const Notification& n) {
  const CallKind kind = KindOf(n.abi, n.nr);
  return kind == CallKind::kUserfaultfd || kind == CallKind::kMount || kind == CallKind::kFsopen ||
         (kind == CallKind::kIoctl && static_cast<uint32_t>(n.args[1]) == kUserfaultfdIocNew);
}

// Is the call one that the kernel carries out, and that tells the emulation something?
bool Core::OnlyTakesNote(const Notification& n) {
  const uint32_t first = static_cast<uint32_t>(n.args[0]);
  switch (KindOf(n.abi, n.nr)) {
    case CallKind::kSigaction:
    case CallKind::kOldSigaction:
    case CallKind::kSignal:
      return first == SIGCHLD;
    case CallKind::kSeccomp:
      return first == SECCOMP_SET_MODE_FILTER;
    case CallKind::kPrctl:
      return first == kPrSetSeccomp && static_cast<uint32_t>(n.args[1]) == SECCOMP_MODE_FILTER;
    case CallKind::kLandlock:
      return true;
    case CallKind::kUserfaultfd:
    case CallKind::kIoctl:
    case CallKind::kMount:
    case CallKind::kFsopen:
      return MayMakeSlowMemory(n);
    default:
      return false;
  }
}

void Core::PutArgumentsBack(Thread* thread) {
  for (const auto& [where, value] : thread->changed_arguments) {
    kernel_->Ptrace(Abi::kX86_64, kPokeUser, thread->tid, where, value);
  }
  thread->changed_arguments.clear();
  thread->noted = false;
}

// May the call pass the filter, if it is left to the kernel?
bool Core::MayPass(const Notification& n) {
  const CallKind kind = KindOf(n.abi, n.nr);
  return OnlyTakesNote(n) || IsWait(kind) || kind == CallKind::kClone3;
}

// `caller` is at the syscall-enter-stop of `n`, which may pass. Shall the kernel carry it out, and at once:
// is it noted, which is done here, does it make a child that we see, or does a wait find a zombie, or a
// refusal?
bool Core::IsKernels(Thread* caller, const Notification& n) {
  if (OnlyTakesNote(n)) return Emulate(caller, n).kind == Outcome::Kind::kContinue;
  if (KindOf(n.abi, n.nr) == CallKind::kClone3) return !MakesUntraced(caller, n);
  const std::optional<WaitSpec> spec = ParseWait(caller, n);
  if (spec.has_value()) {
    const WaitFinding finding = Evaluate(caller, *spec);
    if (finding.kind != WaitFinding::Kind::kReport || finding.child != nullptr) return false;
  }
  caller->call = Call();  // another thread may be quicker, and it sleeps there
  caller->call.phase = Call::Phase::kContinued;
  caller->call.notification = n;
  return true;
}

// `thread` leaves its syscall-enter-stop. If the kernel is to carry the call out, it passes the filter: a
// signal that is pending by now would interrupt the notification, but not the call.
void Core::PassAtEntry(Thread* thread) {
  const Stop& stop = thread->stop;
  const bool enters = stop.kind == StopKind::kSyscall && stop.entry && !stop.skipped;
  if (!enters || options_.pass == 0 || thread->filters != nullptr || !thread->changed_arguments.empty())
    return;
  struct user_regs_struct regs = thread->registers.general;
  if (!thread->registers.valid && !GetRegs(*thread, &regs)) return;
  Notification n;
  n.tid = thread->tid;
  const auto may_pass = [&](Abi abi) {
    n.abi = abi;
    TakeCall(regs, &n);
    return MayPass(n);
  };
  if (!may_pass(Abi::kX86_64) && !may_pass(Abi::kI386)) return;  // as most calls, and that costs least
  if (!may_pass(AbiOfCall(*thread)) || Intercepted(n) || !IsKernels(thread, n)) return;
  const bool is64 = n.abi == Abi::kX86_64;
  const uint64_t where = is64 ? kUserR9 : kUserRbp;
  thread->noted = true;
  thread->changed_arguments.push_back({where, is64 ? regs.r9 : regs.rbp});
  kernel_->Ptrace(Abi::kX86_64, kPokeUser, thread->tid, where,
                  is64 ? options_.pass : static_cast<uint32_t>(options_.pass));
}

// rt_sigaction(2) & co. for SIGCHLD: what the caller will do with SIGCHLD decides whether its stops send it.
// A call that the kernel refuses changes nothing: it looks at the size of a signal set first, and then reads
// the whole structure (kernel/signal.c).
Outcome Core::NoteSigaction(Thread* caller, const Notification& n) {
  constexpr size_t kSignalSetSize = 8;
  const CallKind kind = KindOf(n.abi, n.nr);
  SigchldDisposition next;
  uint64_t handler = 0, flags = 0;
  if (kind == CallKind::kSignal) {
    handler = n.args[1];
  } else {
    if (n.args[1] == 0) return Outcome::Continue();
    if (kind == CallKind::kSigaction && n.args[3] != kSignalSetSize) return Outcome::Continue();
    long result;
    if (n.abi == Abi::kX86_64) {
      uint64_t action[4];  // struct sigaction: handler, flags, restorer, mask
      result = ReadCaller(caller, n.args[1], absl::MakeSpan(reinterpret_cast<char*>(action), sizeof(action)));
      handler = action[0];
      flags = action[1];
    } else {
      // struct compat_sigaction: handler, flags, restorer, mask of two words; the old one: handler, mask of
      // one word, flags, restorer.
      uint32_t action[5] = {0};
      const bool old = kind == CallKind::kOldSigaction;
      result = ReadCaller(caller, n.args[1], absl::MakeSpan(reinterpret_cast<char*>(action), old ? 16 : 20));
      handler = action[0];
      flags = action[old ? 2 : 1];
    }
    if (result == -EPERM) return Outcome::StopCaller();
    if (result < 0) return Outcome::Continue();  // the kernel says EFAULT
  }
  next.action = handler == 0   ? SigchldDisposition::Action::kDefault
                : handler == 1 ? SigchldDisposition::Action::kIgnore
                               : SigchldDisposition::Action::kHandler;
  next.no_stop = (flags & SA_NOCLDSTOP) != 0;
  next.no_wait = (flags & SA_NOCLDWAIT) != 0;
  *caller->process->sigchld = next;
  return Outcome::Continue();
}

// mount(2), fsopen(2): the pages of a FUSE file are filled by the one who has /dev/fuse open, a guest
// perhaps. The types are fuse and fuseblk, with the name of a program behind a dot.
Outcome Core::NoteFileSystem(Thread* caller, const Notification& n) {
  char type[4];
  const bool mount = KindOf(n.abi, n.nr) == CallKind::kMount;
  const long result = ReadCaller(caller, n.args[mount ? 2 : 0], absl::MakeSpan(type));
  if (result == -EPERM) return Outcome::StopCaller();
  if (result == 0 && memcmp(type, "fuse", sizeof(type)) == 0) kernel_->ExpectSlowMemory();
  return Outcome::Continue();
}

}  // namespace nestrace
