// ptrace(2) as the kernel has it, without glibc's changes to PEEK*, in either ABI.
//
//   PtraceCaller caller;
//   long error = caller.Call(Abi::kX86_64, PTRACE_CONT, tid, 0, SIGUSR1);
//   char regs[68];
//   error = caller.CallWithBuffer(Abi::kI386, PTRACE_GETREGS, tid, 0, absl::MakeSpan(regs));
//
// Buffers are copied through memory before a page that can't be accessed: where one is shorter than the
// request needs, the kernel finds what it finds where a guest's memory ends, and says and does what it does
// then. That memory is below 4 GiB.
//
// An i386 call goes through `int $0x80`, so that the kernel itself makes the layouts of a 32-bit process. On
// a kernel without IA32 emulation that instruction would kill the supervisor, so i386 calls are -EIO until
// AllowI386().
//
// Results are the kernel's: zero or more, or a negative errno. -ESRCH at any call.

#ifndef NESTRACE_SUPERVISOR_PTRACE_CALL_H_
#define NESTRACE_SUPERVISOR_PTRACE_CALL_H_

#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"
#include "emu/types.h"

namespace nestrace {

class PtraceCaller {
 public:
  PtraceCaller() = default;
  ~PtraceCaller();
  PtraceCaller(const PtraceCaller&) = delete;
  PtraceCaller& operator=(const PtraceCaller&) = delete;

  // A guest has made an i386 call, so the kernel has them.
  void AllowI386() { has_i386_ = true; }

  // `data` is a plain value.
  long Call(Abi abi, long request, Tid tid, uint64_t addr, uint64_t data);
  // `data` is a buffer, `addr` a plain value.
  long CallWithBuffer(Abi abi, long request, Tid tid, uint64_t addr, absl::Span<char> data);
  // PTRACE_GETREGSET, PTRACE_SETREGSET: the iov_len that the kernel left, or a negative errno. `base` and
  // `length` are those of the guest's iovec.
  long GetRegset(Abi abi, Tid tid, uint64_t type, absl::Span<char> buffer);
  long SetRegset(Abi abi, Tid tid, uint64_t type, absl::Span<const char> bytes, GuestAddr base,
                 uint64_t length);
  // PTRACE_PEEKSIGINFO, the one request with two buffers: `buffer` is a struct ptrace_peeksiginfo_args
  // followed by the siginfos. Returns the number of siginfos.
  long PeekSigInfo(Abi abi, Tid tid, absl::Span<char> buffer);

 private:
  long CompatPtrace(long request, Tid tid, uint32_t addr, uint32_t data) const;
  // A copy of `bytes`, with room for an iovec before it and nothing behind it; null if there is no memory.
  char* Bounce(absl::Span<const char> bytes);
  long CallWithIovec(Abi abi, long request, Tid tid, uint64_t type, uint64_t base, uint64_t length);

  bool has_i386_ = false;
  char* memory_ = nullptr;  // `size_` bytes, and behind them the page that can't be accessed
  size_t size_ = 0;
};

}  // namespace nestrace

#endif  // NESTRACE_SUPERVISOR_PTRACE_CALL_H_
