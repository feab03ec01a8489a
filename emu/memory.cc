// Memory of the guest that makes the call under way: as the kernel reads it for that call or, where that is
// not allowed and the guest is stopped, by ptrace(2).

#include <errno.h>
#include <string.h>

#include <algorithm>

#include "emu/core.h"

namespace nestrace {

namespace {

long PeekBytes(Kernel* kernel, Tid tid, uint64_t addr, absl::Span<char> out) {
  size_t done = 0;
  while (done < out.size()) {
    const uint64_t word_addr = (addr + done) & ~7ull;
    const size_t skip = (addr + done) - word_addr;
    char word[8];
    const long result = kernel->PtraceBuffer(Abi::kX86_64, kPeekData, tid, word_addr, absl::MakeSpan(word));
    if (result < 0) return result == -ESRCH ? -ESRCH : -EFAULT;
    const size_t count = std::min(out.size() - done, sizeof(word) - skip);
    memcpy(out.data() + done, word + skip, count);
    done += count;
  }
  return 0;
}

long PokeBytes(Kernel* kernel, Tid tid, uint64_t addr, absl::Span<const char> in) {
  size_t done = 0;
  while (done < in.size()) {
    const uint64_t word_addr = (addr + done) & ~7ull;
    const size_t skip = (addr + done) - word_addr;
    const size_t count = std::min(in.size() - done, sizeof(uint64_t) - skip);
    uint64_t word = 0;
    char bytes[8];
    if (count != sizeof(word)) {
      const long result = PeekBytes(kernel, tid, word_addr, absl::MakeSpan(bytes));
      if (result < 0) return result;
      memcpy(&word, bytes, sizeof(word));
    }
    memcpy(reinterpret_cast<char*>(&word) + skip, in.data() + done, count);
    const long result = kernel->Ptrace(Abi::kX86_64, kPokeData, tid, word_addr, word);
    if (result < 0) return result == -ESRCH ? -ESRCH : -EFAULT;
    done += count;
  }
  return 0;
}

}  // namespace

// To a supervisor without rights the memory of a process that is not dumpable (PR_SET_DUMPABLE, or a program
// that its user may not read) is closed also by ptrace(2) (kernel/ptrace.c:ptrace_access_vm). Then there is
// nothing to stop for.
long Core::UnlessClosed(Thread* caller, long result) {
  struct user_regs_struct regs;
  char word[8];
  if (result == -EFAULT && GetRegs(*caller, &regs))
    caller->process->closed = PeekBytes(kernel_, caller->tid, regs.rip, absl::MakeSpan(word)) < 0;
  return result;
}

// A page of the caller's may be one that another process is to fill, a guest that waits for us first
// (userfaultfd(2), FUSE). Natively the caller waits for it inside its call. Here its call is decided again
// once the page is there, as if it had not been before: no call has had effects when it comes to its memory,
// but such as can come twice.
void Core::OnMemory(Tid tid) {
  Thread* caller = Find(tid);
  if (caller == nullptr || caller->state != Thread::State::kRunning) return;
  Call& call = caller->call;
  const bool open = call.phase == Call::Phase::kPending && !call.refused;
  if (!open || !call.awaits_memory || caller->kicked || caller->interrupt_coming) return;
  Carry(caller, Decide(caller, call.notification));
  Pump();
}

// Was the access to wait for the caller's memory? Then its call does.
bool Core::AwaitsMemory(Thread* caller, long result) {
  if (result == -EAGAIN) caller->call.awaits_memory = true;
  return result == -EAGAIN;
}

long Core::ReadCaller(Thread* caller, uint64_t addr, absl::Span<char> out) {
  const long result = kernel_->ReadMemory(caller->tid, GuestAddr{addr}, out);
  if (AwaitsMemory(caller, result)) return -EPERM;
  if (result != -EPERM) return result;
  if (caller->state != Thread::State::kStopped) return caller->process->closed ? -EFAULT : result;
  return UnlessClosed(caller, PeekBytes(kernel_, caller->tid, addr, out));
}

// Reads as much as there is: the number of bytes. (What is readable ends at the end of a page.)
long Core::ReadPrefix(Thread* caller, uint64_t addr, absl::Span<char> out) {
  constexpr uint64_t kPage = 4096;
  long result = ReadCaller(caller, addr, out);
  if (result == 0) return static_cast<long>(out.size());
  size_t done = 0;
  while (result != -EPERM && done < out.size()) {
    const auto page = out.subspan(done, kPage - (addr + done) % kPage);
    result = ReadCaller(caller, addr + done, page);
    if (result < 0) break;
    done += page.size();
  }
  return result == -EPERM ? result : static_cast<long>(done);
}

long Core::WriteCaller(Thread* caller, uint64_t addr, absl::Span<const char> in) {
  const long result = kernel_->WriteMemory(caller->tid, GuestAddr{addr}, in);
  if (AwaitsMemory(caller, result)) return -EPERM;
  if (result != -EPERM) return result;
  if (caller->state != Thread::State::kStopped) return caller->process->closed ? -EFAULT : result;
  return UnlessClosed(caller, PokeBytes(kernel_, caller->tid, addr, in));
}

}  // namespace nestrace
