// Calls that natively would not have been interrupted (unqueued.cc has the signals).

#include <errno.h>
#include <signal.h>
#include <string.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "emu/core.h"

namespace nestrace {

namespace {

// The register at this offset in the USER area, which begins with them.
uint64_t RegisterAt(const struct user_regs_struct& regs, uint64_t where) {
  uint64_t value = 0;
  memcpy(&value, reinterpret_cast<const char*>(&regs) + where, sizeof(value));
  return value;
}

// The arguments of a call, and its number: offsets in the USER area.
constexpr uint64_t kArguments64[] = {kUserRdi, kUserRsi, kUserRdx, kUserR10, kUserR8, kUserR9};
constexpr uint64_t kArguments32[] = {kUserRbx, kUserRcx, kUserRdx, kUserRsi, kUserRdi, kUserRbp};

// The ABI of the calls that the code makes, but for int $0x80 in 64-bit code (Core::AbiOfCall).
Abi AbiOfCode(const struct user_regs_struct& regs) {
  return regs.cs == kUser64Cs ? Abi::kX86_64 : Abi::kI386;
}

uint64_t PlaceOfArgument(Abi abi, int number) {
  return abi == Abi::kX86_64 ? kArguments64[number] : kArguments32[number];
}

// The row of a table for a call.
template <typename Row, size_t kSize>
const Row* Find(const Row (&table)[kSize], Abi abi, int64_t nr) {
  const auto row = std::find_if(std::begin(table), std::end(table), [&](const Row& row) {
    return nr >= 0 && nr == (abi == Abi::kX86_64 ? row.nr : row.nr32);
  });
  return row == std::end(table) ? nullptr : row;
}

}  // namespace

// A call that fails with EINTR, though its handler has SA_RESTART, and waits for a time.
struct TimedCall {
  int nr, nr32;  // -1: there is none
  int argument;  // that is the time, or points to it
  enum { kMilliseconds, kTimespec, kTimespec32 } as;
};

// A call that sleeps till all is moved, unless a signal comes.
struct MovingCall {
  int nr, nr32;
  enum { kBytes, kMessages, kPieces, kHeader } what;  // kPieces: struct iovec; kHeader: struct msghdr
  int from, size, flags;                              // numbers of arguments; -1: it has none
  enum { kAny, kSocket, kStream, kNoStream } on = kAny;
  uint32_t needs = 0, excludes = 0;  // of its flags
  uint32_t adds = 0;                 // for the rest
  int piece = -1, piece32 = -1;      // kPieces, kHeader: the call that moves one
  int fd = 0;                        // number of the argument that `on` is about
};

namespace {

using T = TimedCall;
using M = MovingCall;

// epoll_wait, epoll_pwait, epoll_pwait2; rt_sigtimedwait and that with 32-bit times; semtimedop; io_getevents
// of either ABI.
constexpr TimedCall kTimedCalls[] = {
    {232, 256, 3, T::kMilliseconds}, {281, 319, 3, T::kMilliseconds}, {441, 441, 3, T::kTimespec},
    {128, 421, 2, T::kTimespec},     {-1, 177, 2, T::kTimespec32},    {220, 420, 3, T::kTimespec},
    {208, -1, 4, T::kTimespec},      {-1, 247, 4, T::kTimespec32},
};

// write, sendfile, sendfile64 of i386, sendto; recvfrom; splice (once something is moved, it waits for the
// pipe no more; into a pipe it moves, as sendfile does, what there is room for, and never sleeps then);
// sendmmsg, recvmmsg, that with 64-bit times; writev; sendmsg, recvmsg.
constexpr MovingCall kMovingCalls[] = {
    {1, 4, M::kBytes, 1, 2, -1},
    {40, 187, M::kBytes, -1, 3, -1, M::kSocket},
    {-1, 239, M::kBytes, -1, 3, -1, M::kSocket},
    {44, 369, M::kBytes, 1, 2, 3, M::kAny, 0, 0, kMsgNosignal},
    {45, 371, M::kBytes, 1, 2, 3, M::kStream, kMsgWaitall, kMsgPeek},
    {275, 313, M::kBytes, -1, 4, 5, M::kSocket, 0, 0, kSpliceNonblock, -1, -1, 2},
    {307, 345, M::kMessages, 1, 2, 3, M::kNoStream},
    {299, 337, M::kMessages, 1, 2, 3, M::kAny, 0, kMsgWaitforone},
    {-1, 417, M::kMessages, 1, 2, 3, M::kAny, 0, kMsgWaitforone},
    {20, 146, M::kPieces, 1, 2, -1, M::kAny, 0, 0, 0, 1, 4},
    {46, 370, M::kHeader, 1, -1, 2, M::kAny, 0, 0, kMsgNosignal, 44, 369},
    {47, 372, M::kHeader, 1, -1, 2, M::kStream, kMsgWaitall, kMsgPeek, 0, 45, 371},
};

const TimedCall* TimedCallOf(const struct user_regs_struct& regs) {
  return nestrace::Find(kTimedCalls, AbiOfCode(regs), static_cast<int64_t>(regs.orig_rax));
}

// As far as its number tells, which means another call in the other ABI.
bool MayMove(const struct user_regs_struct& regs) {
  const int64_t nr = static_cast<int64_t>(regs.orig_rax);
  return nestrace::Find(kMovingCalls, Abi::kX86_64, nr) != nullptr ||
         nestrace::Find(kMovingCalls, Abi::kI386, nr) != nullptr;
}

constexpr uint64_t kMostBytes = 0x7ffff000;  // of one call (MAX_RW_COUNT)
constexpr uint64_t kMostItems = 1024;        // UIO_MAXIOV

}  // namespace

// `thread` has stopped behind a call that has failed with EINTR, which is never restarted (epoll_wait,
// sigtimedwait and the like, signal(7)), or that starts again. Was it our tracing alone that ended it? A kick
// may have come too late for the wait it was for. A signal that is ignored is natively not even queued, but
// every thread is traced by us. And SIGCONT, also one that is blocked, traps all threads of a process that
// are seized (kernel/signal.c:prepare_signal).
bool Core::EndedByUs(Thread* thread) {
  Stop& stop = thread->stop;
  if (!stop.ended_by_us.has_value()) stop.ended_by_us = LooksEndedByUs(*thread);
  return *stop.ended_by_us;
}

bool Core::LooksEndedByUs(const Thread& thread) const {
  const Stop& stop = thread.stop;
  const bool seized = IsSeized(thread);
  const bool trap = stop.kind == StopKind::kTrap && !thread.in_group_stop && !seized;
  // What made the stop before interrupt it is the cause of this one, too.
  const bool ours = stop.kicked || (stop.kind != StopKind::kGroupStop && IsToRestart(thread));
  if (!ours && !trap && stop.kind != StopKind::kSignal && stop.kind != StopKind::kSyscall) return false;
  ThreadFacts facts;
  if (!kernel_->ReadFacts(thread.tid, &facts)) return false;
  uint64_t pending = facts.pending_signals() & ~facts.blocked_signals;
  if (IsStepped(thread)) pending &= ~SignalBit(SIGTRAP);  // of a step over it
  const uint64_t unqueued = NeverQueued(thread, facts, pending);
  if (unqueued != pending) return false;
  const bool cause_is_shown = stop.kind == StopKind::kSignal && !IsStepTrap(thread);
  if (trap || (ours && !cause_is_shown)) return true;
  if (!cause_is_shown) {  // it is to come
    return unqueued != 0 || (!seized && Has(facts.pending_signals() & facts.blocked_signals, SIGCONT));
  }
  siginfo_t info;
  if (KernelSigInfo(thread, &info) < 0) return false;
  MakeGenuine(thread, &info);
  return WasNeverQueued(thread, info, info.si_code == SI_USER);
}

bool Core::IsRestart(const struct user_regs_struct& regs) {
  return static_cast<int64_t>(regs.orig_rax) == (regs.cs == kUser64Cs ? kNrRestart : kNr32Restart);
}

// Behind the end of a call that was made ENOSYS (Offer).
void Core::PutRefusedCallBack(Thread* thread) {
  if (!thread->refused_call.has_value()) return;
  kernel_->Ptrace(Abi::kX86_64, kPokeUser, thread->tid, kUserOrigRax, *thread->refused_call);
  thread->refused_call.reset();
}

// The thread was killed inside a call, whose number is to be the one it was made with.
void Core::PutNumberBack(Thread* thread) {
  PutRefusedCallBack(thread);
  struct user_regs_struct regs;
  if (thread->timed_call != 0 && GetRegs(*thread, &regs) && IsRestart(regs))
    kernel_->Ptrace(Abi::kX86_64, kPokeUser, thread->tid, kUserOrigRax, thread->timed_call);
}

// A call with a time to wait that is interrupted goes on as restart_syscall(2), and has that number when it
// is interrupted again. If natively the first time would not have been one, it is given its own back.
void Core::NoteRestart(Thread* thread, const struct user_regs_struct& regs, bool by_us) {
  if (!IsRestart(regs)) {
    thread->timed_call = static_cast<int64_t>(regs.orig_rax);
  } else if (thread->timed_call != 0) {
    kernel_->Ptrace(Abi::kX86_64, kPokeUser, thread->tid, kUserOrigRax, thread->timed_call);
  }
  if (!by_us) thread->timed_call = 0;
}

// Is the call one that is cut short by signals alone?
bool Core::MayGoOn(const Notification& n, const MovingCall& moving) {
  const uint32_t flags = moving.flags < 0 ? 0 : static_cast<uint32_t>(n.args[moving.flags]);
  if ((flags & moving.needs) != moving.needs || (flags & moving.excludes) != 0) return false;
  // recvmmsg ends with its timeout, too.
  if (moving.what == MovingCall::kMessages && moving.on == MovingCall::kAny && n.args[4] != 0) return false;
  if (moving.on == MovingCall::kAny) return true;
  const long type = kernel_->SocketType(n.tid, static_cast<int>(n.args[moving.fd]));
  return type >= 0 &&
         (moving.on == MovingCall::kSocket || (type == kSockStream) == (moving.on == MovingCall::kStream));
}

// What is left to do of a call that has moved `done` bytes or messages.
std::optional<Core::Rest> Core::RestOfMove(Thread* thread, const Notification& n, uint64_t done) {
  const MovingCall* moving = nestrace::Find(kMovingCalls, n.abi, n.nr);
  if (moving == nullptr || !MayGoOn(n, *moving)) return std::nullopt;
  Rest rest{n, 0};
  auto& args = rest.call.args;
  if (moving->piece >= 0) {
    if (!RestOfPieces(thread, *moving, done, &rest)) return std::nullopt;
  } else {
    const bool messages = moving->what == MovingCall::kMessages;
    const uint64_t size = std::min(args[moving->size], messages ? kMostItems : kMostBytes);
    const uint64_t unit = !messages ? 1 : n.abi == Abi::kX86_64 ? 64 : 32;  // struct mmsghdr
    if (done >= size) return std::nullopt;
    if (moving->from >= 0) args[moving->from] += done * unit;
    if (moving->flags >= 0) args[moving->flags] |= moving->adds;
    args[moving->size] = rest.size = size - done;
  }
  // A socket sends SIGPIPE for a call that has moved nothing, not for the rest of one.
  const bool writes = rest.call.nr == (n.abi == Abi::kX86_64 ? kNrWrite : kNr32Write);
  if (writes && kernel_->SocketType(n.tid, static_cast<int>(args[0])) >= 0) {
    rest.call.nr = n.abi == Abi::kX86_64 ? kNrSendto : kNr32Sendto;
    args[3] = kMsgNosignal;
    args[4] = args[5] = 0;
  }
  // It is another call to a policy, and to the thread's own filters.
  if (Intercepted(rest.call) || !FiltersAllow(thread, rest.call)) return std::nullopt;
  return rest;
}

// Of several pieces the rest of the first that is not moved. (To make the call itself for all the rest would
// need memory of the thread.)
bool Core::RestOfPieces(Thread* thread, const MovingCall& moving, uint64_t done, Rest* rest) {
  const bool is64 = rest->call.abi == Abi::kX86_64;
  const size_t word = is64 ? 8 : 4;
  auto& args = rest->call.args;
  const auto read = [&](uint64_t address, size_t count, std::vector<uint64_t>* words) {
    std::vector<char> bytes(count * word);
    words->assign(count, 0);
    if (ReadCaller(thread, address, absl::MakeSpan(bytes)) < 0) return false;
    for (size_t i = 0; i < count; ++i) memcpy(&(*words)[i], bytes.data() + i * word, word);
    return true;
  };
  const uint64_t flags = moving.flags < 0 ? 0 : args[moving.flags];
  uint64_t array = args[1], count = args[2];
  std::vector<uint64_t> words;
  if (moving.what == MovingCall::kHeader) {  // name, its length, iovecs, their number, control, its length
    if (!read(args[1], 6, &words)) return false;
    if (moving.needs != 0 && words[5] != 0) return false;  // descriptors end it
    array = words[2];
    count = words[3];
  }
  if (done >= kMostBytes || count > kMostItems || !read(array, 2 * count, &words)) return false;
  uint64_t before = done;
  for (size_t i = 0; i < words.size(); i += 2) {
    if (before >= words[i + 1]) {
      before -= words[i + 1];
      continue;
    }
    rest->call.nr = is64 ? moving.piece : moving.piece32;
    rest->size = std::min(words[i + 1] - before, kMostBytes - done);
    args[1] = words[i] + before;
    args[2] = rest->size;
    if (moving.what == MovingCall::kHeader) {
      args[3] = flags | moving.adds;
      args[4] = args[5] = 0;  // address
    }
    return true;
  }
  return false;
}

// Gives `thread`, which is behind the call `n`, or about to make it, the call for the rest.
void Core::MoveRest(Thread* thread, const Notification& n, const Rest& rest, uint64_t done) {
  const auto change = [&](uint64_t where, uint64_t value, uint64_t changed) {
    if (value == changed) return;
    thread->changed_arguments.push_back({where, value});
    kernel_->Ptrace(Abi::kX86_64, kPokeUser, thread->tid, where, changed);
  };
  for (int i = 0; i < 6; ++i) change(PlaceOfArgument(n.abi, i), n.args[i], rest.call.args[i]);
  change(kUserOrigRax, static_cast<uint32_t>(n.nr), static_cast<uint32_t>(rest.call.nr));
  thread->moving = Thread::Moving{n, done, rest.size};
}

// `thread` has stopped behind a call that sleeps till all is moved, unless a signal comes, and that has moved
// a part; if natively nothing has interrupted it, it goes on with the rest.
bool Core::GoOnMoving(Thread* thread, const struct user_regs_struct& regs) {
  const Stop& stop = thread->stop;
  const bool behind_call = stop.kind == StopKind::kSignal || stop.kind == StopKind::kTrap ||
                           (stop.kind == StopKind::kSyscall && !stop.entry);
  if (!behind_call || !MayMove(regs) || static_cast<int64_t>(regs.rax) <= 0 ||
      !thread->changed_arguments.empty())
    return false;
  Notification n;
  n.abi = AbiOfCall(*thread);
  n.tid = thread->tid;
  TakeCall(regs, &n);
  // A call that starts again anyway has its own number in rax.
  const uint16_t instruction = n.abi == Abi::kX86_64 ? kSyscallInstruction : kInt80Instruction;
  if (regs.rax == regs.orig_rax && InstructionBefore(*thread, regs.rip + 2, instruction)) return false;
  const std::optional<Rest> rest = RestOfMove(thread, n, regs.rax);
  if (!rest.has_value() || !EndedByUs(thread)) return false;
  MoveRest(thread, n, *rest, regs.rax);
  kernel_->Ptrace(Abi::kX86_64, kPokeUser, thread->tid, kUserRax, -kErestartnointr);
  thread->stop.interrupted = true;
  GoOn(thread, regs.rip);
  return true;
}

// The call for the rest has ended, or is still to begin and does not any more: what it says is to be that of
// the whole. True if it goes on, with the next piece or once more.
bool Core::EndMoving(Thread* thread) {
  struct user_regs_struct regs;
  if (!thread->moving.has_value()) return false;
  if (IsToRestart(*thread) && !InterruptPending(*thread) && EndedByUs(thread)) return false;
  const Thread::Moving moving = *std::exchange(thread->moving, std::nullopt);
  if (!GetRegs(*thread, &regs)) return false;
  const bool began = regs.rip == moving.call.instruction_pointer;
  const bool again = WillRestart(regs);  // also for an error that recvmmsg has left to the next call
  const uint64_t more = began ? std::max<int64_t>(static_cast<int64_t>(regs.rax), 0) : 0;
  thread->going_on.reset();
  if (again) GoOn(thread, regs.rip);
  const bool goes_on = thread->stop.kind == StopKind::kSyscall && !thread->kicked &&
                       (again ? EndedByUs(thread) : more >= moving.rest);
  thread->going_on.reset();
  thread->changed_arguments.clear();
  PutCall(moving.call, &regs);
  regs.orig_rax = static_cast<uint32_t>(moving.call.nr);
  regs.rip = moving.call.instruction_pointer;
  regs.rax = moving.done + more;
  SetRegs(thread, regs);
  if (!goes_on) return false;
  const std::optional<Rest> rest = RestOfMove(thread, moving.call, regs.rax);
  if (!rest.has_value()) return false;
  MoveRest(thread, moving.call, *rest, regs.rax);
  RewindCall(thread);
  GoOn(thread, regs.rip);
  thread->going_on->exit_hidden = true;
  return true;
}

// In milliseconds; 0 if there is none.
int64_t Core::ReadTimeout(Thread* thread, const struct user_regs_struct& regs, const TimedCall& timed) {
  const uint64_t argument = RegisterAt(regs, PlaceOfArgument(AbiOfCode(regs), timed.argument));
  if (timed.as == TimedCall::kMilliseconds) return static_cast<int32_t>(argument);
  const bool small = timed.as == TimedCall::kTimespec32;
  int64_t time[2] = {0, 0};
  char bytes[sizeof(time)];
  if (argument == 0 || ReadCaller(thread, argument, absl::MakeSpan(bytes, small ? 8 : 16)) < 0) return 0;
  if (small) {
    for (int i = 0; i < 2; ++i) memcpy(&time[i], bytes + 4 * i, 4);
  } else {
    memcpy(time, bytes, sizeof(time));
  }
  constexpr int64_t kLongest = 1'000'000'000;  // seconds
  if (time[0] < 0 || time[0] > kLongest) return 0;
  return time[0] * 1000 + (time[1] + 999'999) / 1'000'000;
}

// The call that `thread` has been interrupted in starts again, with its whole time to wait, which is to be
// what is left. (When it began the first time is not known: it waits from here on.)
void Core::NoteTimeout(Thread* thread, const struct user_regs_struct& regs) {
  const TimedCall* timed = TimedCallOf(regs);
  if (timed == nullptr) return;
  if (thread->timeout.has_value() && thread->timeout->behind == regs.rip) return;
  const int64_t time = ReadTimeout(thread, regs, *timed);
  if (time > 0) thread->timeout = Thread::Timeout{regs.rip, kernel_->Milliseconds() + time};
}

// At a syscall-stop.
void Core::ShortenTimeout(Thread* thread) {
  struct user_regs_struct regs;
  if (!thread->timeout.has_value() || !GetRegs(*thread, &regs)) return;
  const bool entry = thread->stop.entry;
  const TimedCall* timed = TimedCallOf(regs);
  if (timed == nullptr || thread->timeout->behind != regs.rip || (!entry && !WillRestart(regs))) {
    thread->timeout.reset();
    return;
  }
  if (!entry) return;
  const int64_t left = std::max<int64_t>(thread->timeout->deadline - kernel_->Milliseconds(), 0);
  const int64_t time[2] = {left / 1000, left % 1000 * 1'000'000};
  const int32_t small[2] = {static_cast<int32_t>(time[0]), static_cast<int32_t>(time[1])};
  uint64_t argument = left;
  if (timed->as != TimedCall::kMilliseconds) {  // the thread's own is left alone: others may read it
    argument = Scratch(regs, sizeof(time));
    const bool is_small = timed->as == TimedCall::kTimespec32;
    const char* const bytes =
        reinterpret_cast<const char*>(is_small ? static_cast<const void*>(small) : time);
    if (WriteCaller(thread, argument, absl::MakeConstSpan(bytes, is_small ? 8 : 16)) < 0) return;
  }
  const uint64_t where = PlaceOfArgument(AbiOfCode(regs), timed->argument);
  if (thread->changed_arguments.empty())
    thread->changed_arguments.push_back({where, RegisterAt(regs, where)});
  kernel_->Ptrace(Abi::kX86_64, kPokeUser, thread->tid, where, argument);
}

// `thread` starts the call again, behind which it is, as one that natively has not ended.
void Core::GoOn(Thread* thread, uint64_t behind) {
  if (!thread->going_on.has_value() || thread->going_on->behind != behind)
    thread->going_on = Thread::GoingOn{behind};
}

// `thread` is shown to be out of its call. (Whatever comes in between, the end is shown once.)
void Core::SeenOut(Thread* thread) {
  if (thread->going_on.has_value() && !thread->going_on->exit_hidden) thread->going_on.reset();
}

// A system call has ended. True if that is not to be seen: it starts again at once, and natively would not
// have ended at all.
bool Core::RestartsUnseen(Thread* thread) {
  const Stop& stop = thread->stop;
  struct user_regs_struct regs;
  const bool restarts = stop.interrupted && GetRegs(*thread, &regs) && WillRestart(regs);
  if (!restarts || thread->ended_at == regs.rip || !EndedByUs(thread)) return false;
  GoOn(thread, regs.rip);
  if (stop.kind == StopKind::kSyscall) thread->going_on->exit_hidden = true;
  return true;
}

// Is the stopped thread about to make a call again that natively has not ended?
bool Core::IsToRestart(const Thread& thread) const {
  struct user_regs_struct regs;
  if (!thread.going_on.has_value()) return false;
  const uint64_t behind = thread.going_on->behind;
  if (behind == thread.ended_at || !GetRegs(thread, &regs)) return false;
  return regs.rip == behind ? WillRestart(regs) : regs.rip + 2 == behind;
}

// A system call begins that natively has not ended.
bool Core::EnteredUnseen(Thread* thread) {
  struct user_regs_struct regs;
  if (!thread->going_on.has_value() || !GetRegs(*thread, &regs) || regs.rip != thread->going_on->behind)
    return false;
  thread->going_on.reset();
  return true;
}

// `thread` has just stopped: the trap of a SIGCONT that is pending by now was before.
void Core::NoteSigcont(Thread* thread) {
  ThreadFacts facts;
  if (thread->ended_at == 0 || !kernel_->ReadFacts(thread->tid, &facts)) return;
  thread->stop.sigcont_pending = Has(facts.pending_signals(), SIGCONT);
}

// Has a stopped thread more to stop for before it is back in its program?
bool Core::StopsOnItsWay(const Thread& thread) const {
  ThreadFacts facts;
  if (!kernel_->ReadFacts(thread.tid, &facts)) return false;
  if (StopsGroup(thread, facts)) return true;
  // The SIGCHLD of a tracer that was its child, and is about to be reaped (OnExit).
  for (const Process* child : thread.process->children) {
    const Thread* leader = Find(child->tgid);
    if (leader != nullptr && leader->state == Thread::State::kZombie && leader->links.empty()) return true;
  }
  // SIGCONT has a trap go before it, also if it is blocked and therefore sent anew (ptrace_signal()).
  const bool sent_anew = thread.stop.signal == SIGCONT && Has(facts.blocked_signals, SIGCONT);
  const uint64_t stops = ~facts.blocked_signals | (thread.stop.sigcont_pending ? 0 : SignalBit(SIGCONT));
  return sent_anew || (facts.pending_signals() & stops) != 0;
}

// A wait that a signal has kept from a zombie is made again, and natively would have found it first: no
// handler runs before, no tracer sees the signal or an end of the call. So all signals are blocked until the
// call has ended; the one that `thread` has stopped for the kernel queues again (kernel/signal.c:
// ptrace_signal). Not where another thread may take the zombie, since the wait would sleep then.
void Core::HoldSignals(Thread* thread) {
  const Stop& stop = thread->stop;
  const bool holds = stop.kind == StopKind::kSyscall || stop.kind == StopKind::kSignal;
  if (!holds || IsEmulated(*thread) || IsStepped(*thread) || !MayHold(*thread)) return;
  const std::optional<WaitSpec> spec = ParseWait(thread, thread->call.notification);
  if (!spec.has_value()) return;
  if ((spec->flags & kWnohang) == 0 && !Evaluate(thread, *spec).zombie) return;
  struct user_regs_struct regs;
  if (!GetRegs(*thread, &regs) || !Hold(thread)) return;
  GoOn(thread, regs.rip);
  thread->going_on->exit_hidden = true;
}

// A signal has come between the end of a call that natively has not ended and its new beginning. If it
// natively interrupts the call, with all that is seen of that, it is blocked till the call has begun. (Not if
// another thread could take it meanwhile: then, as where it can't be blocked, it finds the thread behind the
// call.)
bool Core::HoldTillEntry(Thread* thread) {
  const Stop& stop = thread->stop;
  if (stop.kind != StopKind::kSignal || !IsToRestart(*thread)) return false;
  if (!MayHold(*thread) || EndedByUs(thread) || !Hold(thread)) return false;
  thread->held_till_entry = true;
  return true;
}

// Another thread would take what is sent to the process.
bool Core::MayHold(const Thread& thread) { return thread.process->threads.size() == 1; }

// Blocks all signals. The kernel queues the one that `thread` has stopped for again: behind others of its
// number; if it stops by default, a SIGCONT is lost that has come since; and the trap of a step is the
// call's.
bool Core::Hold(Thread* thread) {
  const Stop& stop = thread->stop;
  uint64_t own = 0;
  if (stop.kind == StopKind::kSignal) {
    siginfo_t info;
    ThreadFacts facts;
    if (KernelSigInfo(*thread, &info) < 0 || !kernel_->ReadFacts(thread->tid, &facts)) return false;
    if (stop.signal == SIGTRAP && IsOfStep(info)) return false;
    const uint64_t pending = facts.pending_signals();
    if (stop.signal >= kFirstRealTime && Has(pending, stop.signal)) return false;
    if (IsStopSignal(stop.signal) && (Has(pending, SIGCONT) || !Has(facts.caught_signals, stop.signal)))
      return false;
  }
  if (!GetMask(*thread, &own) || !SetMask(thread, ~0ull)) return false;
  thread->held_mask = own;
  return true;
}

void Core::EndHolding(Thread* thread) {
  if (!thread->held_mask.has_value() || (thread->stop.entry && !thread->held_till_entry)) return;
  SetMask(thread, *thread->held_mask);
  thread->held_mask.reset();
  thread->held_till_entry = false;
}

}  // namespace nestrace
