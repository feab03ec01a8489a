// Calls that sleep till all is moved: they go on with the rest.

#include <errno.h>
#include <string.h>

#include <algorithm>
#include <utility>

#include "emu/arguments.h"
#include "emu/core.h"

namespace nestrace {

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

using M = MovingCall;

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

// As far as its number tells, which means another call in the other ABI.
bool MayMove(const struct user_regs_struct& regs) {
  const int64_t nr = static_cast<int64_t>(regs.orig_rax);
  return RowOf(kMovingCalls, Abi::kX86_64, nr) != nullptr || RowOf(kMovingCalls, Abi::kI386, nr) != nullptr;
}

constexpr uint64_t kMostBytes = 0x7ffff000;  // of one call (MAX_RW_COUNT)
constexpr uint64_t kMostItems = 1024;        // UIO_MAXIOV

}  // namespace

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
  const MovingCall* moving = RowOf(kMovingCalls, n.abi, n.nr);
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
  GoOn(thread, regs);
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
  if (again) GoOn(thread, regs);
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
  GoOn(thread, regs);
  thread->going_on->exit_hidden = true;
  return true;
}

}  // namespace nestrace
