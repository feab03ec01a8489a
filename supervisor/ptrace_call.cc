#include "supervisor/ptrace_call.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

namespace nestrace {
namespace {

constexpr uint32_t kI386Ptrace = 26;
constexpr size_t kPage = 4096;

// struct compat_iovec of the kernel.
struct CompatIovec {
  uint32_t base;
  uint32_t len;
};

long NativePtrace(long request, Tid tid, uint64_t addr, uint64_t data) {
  const long result = syscall(SYS_ptrace, request, static_cast<long>(tid.value), addr, data);
  return result < 0 ? -errno : result;
}

uint64_t Address(const void* pointer) { return reinterpret_cast<uintptr_t>(pointer); }

}  // namespace

PtraceCaller::~PtraceCaller() {
  if (memory_ != nullptr) munmap(memory_, size_ + kPage);
}

// The 32-bit system call, made from 64-bit code (arch/x86/entry: int80_emulation). The kernel takes the low
// halves of the registers. Kernels before 4.17 do not preserve r8 to r11.
long PtraceCaller::CompatPtrace(long request, Tid tid, uint32_t addr, uint32_t data) const {
  if (!has_i386_) return -EIO;
  uint64_t result = kI386Ptrace;
  asm volatile("int $0x80"
               : "+a"(result)
               : "b"(static_cast<uint64_t>(static_cast<uint32_t>(request))),
                 "c"(static_cast<uint64_t>(static_cast<uint32_t>(tid.value))),
                 "d"(static_cast<uint64_t>(addr)), "S"(static_cast<uint64_t>(data))
               : "memory", "cc", "r8", "r9", "r10", "r11");
  return static_cast<int32_t>(result);
}

char* PtraceCaller::Bounce(absl::Span<const char> bytes) {
  const size_t needed = sizeof(iovec) + bytes.size();
  if (needed > size_) {
    const size_t rounded = (needed + kPage - 1) / kPage * kPage;
    void* memory = mmap(nullptr, rounded + kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    if (memory == MAP_FAILED) return nullptr;
    if (mprotect(memory, rounded, PROT_READ | PROT_WRITE) < 0) {
      munmap(memory, rounded + kPage);
      return nullptr;
    }
    if (memory_ != nullptr) munmap(memory_, size_ + kPage);
    memory_ = static_cast<char*>(memory);
    size_ = rounded;
  }
  char* copy = memory_ + size_ - bytes.size();
  if (!bytes.empty()) memcpy(copy, bytes.data(), bytes.size());
  return copy;
}

long PtraceCaller::Call(Abi abi, long request, Tid tid, uint64_t addr, uint64_t data) {
  if (abi == Abi::kX86_64) return NativePtrace(request, tid, addr, data);
  return CompatPtrace(request, tid, static_cast<uint32_t>(addr), static_cast<uint32_t>(data));
}

long PtraceCaller::CallWithBuffer(Abi abi, long request, Tid tid, uint64_t addr, absl::Span<char> data) {
  if (data.empty()) return Call(abi, request, tid, addr, 0);
  char* bounce = Bounce(data);
  if (bounce == nullptr) return -ENOMEM;
  const long result = Call(abi, request, tid, addr, Address(bounce));
  memcpy(data.data(), bounce, data.size());
  return result;
}

long PtraceCaller::PeekSigInfo(Abi abi, Tid tid, absl::Span<char> buffer) {
  constexpr size_t kArgs = sizeof(__ptrace_peeksiginfo_args);
  char* bounce = Bounce(buffer);
  if (bounce == nullptr) return -ENOMEM;
  const long result = Call(abi, PTRACE_PEEKSIGINFO, tid, Address(bounce), Address(bounce) + kArgs);
  memcpy(buffer.data(), bounce, buffer.size());
  return result;
}

// The iovec is at the beginning of the memory, before the copy that `base` stands for.
long PtraceCaller::CallWithIovec(Abi abi, long request, Tid tid, uint64_t type, uint64_t base,
                                 uint64_t length) {
  if (abi == Abi::kX86_64) {
    iovec vector = {reinterpret_cast<void*>(base), length};
    const long result = Call(abi, request, tid, type, Address(&vector));
    return result < 0 ? result : static_cast<long>(vector.iov_len);
  }
  CompatIovec vector = {static_cast<uint32_t>(base), static_cast<uint32_t>(length)};
  memcpy(memory_, &vector, sizeof(vector));
  const long result = Call(abi, request, tid, type, Address(memory_));
  memcpy(&vector, memory_, sizeof(vector));
  return result < 0 ? result : static_cast<long>(vector.len);
}

long PtraceCaller::GetRegset(Abi abi, Tid tid, uint64_t type, absl::Span<char> buffer) {
  if (abi == Abi::kX86_64)
    return CallWithIovec(abi, PTRACE_GETREGSET, tid, type, Address(buffer.data()), buffer.size());
  char* bounce = Bounce(buffer);
  if (bounce == nullptr) return -ENOMEM;
  const long result = CallWithIovec(abi, PTRACE_GETREGSET, tid, type, Address(bounce), buffer.size());
  if (!buffer.empty()) memcpy(buffer.data(), bounce, buffer.size());
  return result;
}

long PtraceCaller::SetRegset(Abi abi, Tid tid, uint64_t type, absl::Span<const char> bytes, GuestAddr base,
                             uint64_t length) {
  constexpr uint64_t kUserEnd = 0x7ffffffff000;
  const char* bounce = Bounce(bytes);
  if (bounce == nullptr) return -ENOMEM;
  const uint64_t given = static_cast<uint64_t>(base);
  return CallWithIovec(abi, PTRACE_SETREGSET, tid, type, given < kUserEnd ? Address(bounce) : given, length);
}

}  // namespace nestrace
