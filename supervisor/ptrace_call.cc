#include "supervisor/ptrace_call.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>

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

uint32_t Low(const void* pointer) { return static_cast<uint32_t>(reinterpret_cast<uintptr_t>(pointer)); }

}  // namespace

PtraceCaller::~PtraceCaller() {
  if (low_ != nullptr) munmap(low_, low_size_);
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

char* PtraceCaller::LowMemory(size_t size) {
  if (size <= low_size_) return low_;
  const size_t rounded = (size + kPage - 1) / kPage * kPage;
  void* memory =
      mmap(nullptr, rounded, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  if (low_ != nullptr) munmap(low_, low_size_);
  low_ = static_cast<char*>(memory);
  low_size_ = rounded;
  return low_;
}

long PtraceCaller::Call(Abi abi, long request, Tid tid, uint64_t addr, uint64_t data) {
  if (abi == Abi::kX86_64) return NativePtrace(request, tid, addr, data);
  return CompatPtrace(request, tid, static_cast<uint32_t>(addr), static_cast<uint32_t>(data));
}

long PtraceCaller::CallWithBuffer(Abi abi, long request, Tid tid, uint64_t addr, absl::Span<char> data) {
  if (abi == Abi::kX86_64) {
    return NativePtrace(request, tid, addr, reinterpret_cast<uintptr_t>(data.data()));
  }
  char* bounce = LowMemory(data.size());
  if (bounce == nullptr && !data.empty()) return -ENOMEM;
  if (!data.empty()) memcpy(bounce, data.data(), data.size());
  const long result = CompatPtrace(request, tid, static_cast<uint32_t>(addr), Low(bounce));
  if (!data.empty()) memcpy(data.data(), bounce, data.size());
  return result;
}

long PtraceCaller::PeekSigInfo(Abi abi, Tid tid, absl::Span<char> buffer) {
  constexpr size_t kArgs = sizeof(__ptrace_peeksiginfo_args);
  if (buffer.size() < kArgs) return -EFAULT;
  if (abi == Abi::kX86_64) {
    const uintptr_t args = reinterpret_cast<uintptr_t>(buffer.data());
    return NativePtrace(PTRACE_PEEKSIGINFO, tid, args, args + kArgs);
  }
  char* bounce = LowMemory(buffer.size());
  if (bounce == nullptr) return -ENOMEM;
  memcpy(bounce, buffer.data(), buffer.size());
  const long result = CompatPtrace(PTRACE_PEEKSIGINFO, tid, Low(bounce), Low(bounce) + kArgs);
  memcpy(buffer.data(), bounce, buffer.size());
  return result;
}

long PtraceCaller::CallWithRegset(Abi abi, long request, Tid tid, uint64_t type, absl::Span<char> buffer) {
  if (abi == Abi::kX86_64) {
    iovec vector = {buffer.data(), buffer.size()};
    const long result = NativePtrace(request, tid, type, reinterpret_cast<uintptr_t>(&vector));
    return result < 0 ? result : static_cast<long>(vector.iov_len);
  }
  char* low = LowMemory(sizeof(CompatIovec) + buffer.size());
  if (low == nullptr) return -ENOMEM;
  char* bounce = low + sizeof(CompatIovec);
  CompatIovec vector = {Low(bounce), static_cast<uint32_t>(buffer.size())};
  memcpy(low, &vector, sizeof(vector));
  if (!buffer.empty()) memcpy(bounce, buffer.data(), buffer.size());
  const long result = CompatPtrace(request, tid, static_cast<uint32_t>(type), Low(low));
  if (!buffer.empty()) memcpy(buffer.data(), bounce, buffer.size());
  memcpy(&vector, low, sizeof(vector));
  return result < 0 ? result : static_cast<long>(vector.len);
}

}  // namespace nestrace
