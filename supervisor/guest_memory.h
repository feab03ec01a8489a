// A guest's memory, through process_vm_readv(2) and process_vm_writev(2): with the access rights of the
// guest's own mappings, and without stopping it.
//
//   char path[64];
//   long error = ReadGuestMemory(tid, GuestAddr{0x7fff1234}, absl::MakeSpan(path));
//
// Both transfer the whole span and return 0, or a negative errno:
//   -EFAULT  some of the range is not mapped, or does not allow the access (part of it may be transferred)
//   -ESRCH   the guest is gone, or has no memory any more
//   -EPERM   the guest is not dumpable and the supervisor lacks CAP_SYS_PTRACE for it

#ifndef NESTRACE_SUPERVISOR_GUEST_MEMORY_H_
#define NESTRACE_SUPERVISOR_GUEST_MEMORY_H_

#include "absl/types/span.h"
#include "emu/types.h"

namespace nestrace {

long ReadGuestMemory(Tid tid, GuestAddr addr, absl::Span<char> out);
long WriteGuestMemory(Tid tid, GuestAddr addr, absl::Span<const char> in);

}  // namespace nestrace

#endif  // NESTRACE_SUPERVISOR_GUEST_MEMORY_H_
