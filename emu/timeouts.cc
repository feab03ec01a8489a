// Calls that wait for a time: made again, they wait for what is left of it.

#include <string.h>

#include <algorithm>

#include "emu/arguments.h"
#include "emu/core.h"

namespace nestrace {

// A call that fails with EINTR, though its handler has SA_RESTART, and waits for a time.
struct TimedCall {
  int nr, nr32;  // -1: there is none
  int argument;  // that is the time, or points to it
  enum { kMilliseconds, kTimespec, kTimespec32 } as;
};

namespace {

using T = TimedCall;

// epoll_wait, epoll_pwait, epoll_pwait2; rt_sigtimedwait and that with 32-bit times; semtimedop; io_getevents
// of either ABI.
constexpr TimedCall kTimedCalls[] = {
    {232, 256, 3, T::kMilliseconds}, {281, 319, 3, T::kMilliseconds}, {441, 441, 3, T::kTimespec},
    {128, 421, 2, T::kTimespec},     {-1, 177, 2, T::kTimespec32},    {220, 420, 3, T::kTimespec},
    {208, -1, 4, T::kTimespec},      {-1, 247, 4, T::kTimespec32},
};

const TimedCall* TimedCallOf(Abi abi, const struct user_regs_struct& regs) {
  return RowOf(kTimedCalls, abi, static_cast<int64_t>(regs.orig_rax));
}

}  // namespace

bool Core::IsRestart(const Thread& thread, const struct user_regs_struct& regs) const {
  const int64_t nr = static_cast<int64_t>(regs.orig_rax);
  if (nr != kNrRestart && nr != kNr32Restart) return false;
  return nr == (AbiOfCall(thread) == Abi::kX86_64 ? kNrRestart : kNr32Restart);
}

// The thread was killed inside a call, whose number is to be the one it was made with.
void Core::PutNumberBack(Thread* thread) {
  PutRefusedCallBack(thread);
  struct user_regs_struct regs;
  if (thread->timed_call != 0 && GetRegs(*thread, &regs) && IsRestart(*thread, regs))
    kernel_->Ptrace(Abi::kX86_64, kPokeUser, thread->tid, kUserOrigRax, thread->timed_call);
}

// A call with a time to wait that is interrupted goes on as restart_syscall(2), and has that number when it
// is interrupted again. If natively the first time would not have been one, it is given its own back.
void Core::NoteRestart(Thread* thread, const struct user_regs_struct& regs, bool by_us) {
  if (!IsRestart(*thread, regs)) {
    thread->timed_call = static_cast<int64_t>(regs.orig_rax);
  } else if (thread->timed_call != 0) {
    kernel_->Ptrace(Abi::kX86_64, kPokeUser, thread->tid, kUserOrigRax, thread->timed_call);
  }
  if (!by_us) thread->timed_call = 0;
}

// In milliseconds; 0 if there is none.
int64_t Core::ReadTimeout(Thread* thread, Abi abi, const struct user_regs_struct& regs,
                          const TimedCall& timed) {
  const uint64_t argument = RegisterAt(regs, PlaceOfArgument(abi, timed.argument));
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
  const Abi abi = AbiOfCall(*thread);
  const TimedCall* timed = TimedCallOf(abi, regs);
  if (timed == nullptr) return;
  if (thread->timeout.has_value() && thread->timeout->behind == regs.rip) return;
  const int64_t time = ReadTimeout(thread, abi, regs, *timed);
  if (time > 0) thread->timeout = Thread::Timeout{regs.rip, kernel_->Milliseconds() + time};
}

// At a syscall-stop.
void Core::ShortenTimeout(Thread* thread) {
  struct user_regs_struct regs;
  if (!thread->timeout.has_value() || !GetRegs(*thread, &regs)) return;
  const bool entry = thread->stop.entry;
  const Abi abi = AbiOfCall(*thread);
  const TimedCall* timed = TimedCallOf(abi, regs);
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
    if (abi == Abi::kI386 && argument >> 32 != 0) return;  // int $0x80 from 64-bit code can't name it
    const bool is_small = timed->as == TimedCall::kTimespec32;
    const char* const bytes =
        reinterpret_cast<const char*>(is_small ? static_cast<const void*>(small) : time);
    if (WriteCaller(thread, argument, absl::MakeConstSpan(bytes, is_small ? 8 : 16)) < 0) return;
  }
  const uint64_t where = PlaceOfArgument(abi, timed->argument);
  if (thread->changed_arguments.empty())
    thread->changed_arguments.push_back({where, RegisterAt(regs, where)});
  kernel_->Ptrace(Abi::kX86_64, kPokeUser, thread->tid, where, argument);
}

}  // namespace nestrace
