// The small types every part of nestrace speaks: thread ids, guest addresses, the ABI of a call, and the
// constants of <linux/ptrace.h> and <linux/wait.h> that are newer than the headers of Debian 12.

#ifndef NESTRACE_EMU_TYPES_H_
#define NESTRACE_EMU_TYPES_H_

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <ostream>

namespace nestrace {

// A kernel thread id in the supervisor's own pid namespace. Never a number that a guest named: those are
// translated first (ThreadTable::FromGuest).
struct Tid {
  pid_t value = 0;

  friend bool operator==(Tid a, Tid b) { return a.value == b.value; }
  friend bool operator!=(Tid a, Tid b) { return a.value != b.value; }
  friend bool operator<(Tid a, Tid b) { return a.value < b.value; }
  template <typename H>
  friend H AbslHashValue(H h, Tid t) {
    return H::combine(std::move(h), t.value);
  }
  friend std::ostream& operator<<(std::ostream& os, Tid t) { return os << t.value; }
};

// An address in a guest's memory; not a pointer, so that it can't be dereferenced by mistake.
enum class GuestAddr : uint64_t {};

// The system-call ABI a guest used for one call (AUDIT_ARCH_X86_64, AUDIT_ARCH_I386). x32 is refused by the
// filter and never gets here.
enum class Abi { kX86_64, kI386 };

// The number of bytes of a user-space word (and of a pointer) in `abi`.
inline size_t WordSize(Abi abi) { return abi == Abi::kX86_64 ? 8 : 4; }

// One intercepted system call of a guest (struct seccomp_notif, decoded).
struct Notification {
  uint64_t id = 0;  // of the kernel's notification; valid until answered or interrupted
  Tid tid;          // the caller
  Abi abi = Abi::kX86_64;
  int nr = 0;                        // system-call number in `abi`
  uint64_t instruction_pointer = 0;  // behind the system-call instruction
  uint64_t args[6] = {0};            // raw register values; the i386 ABI's are zero-extended 32-bit values
};

}  // namespace nestrace

#endif  // NESTRACE_EMU_TYPES_H_
