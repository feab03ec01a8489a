#include "supervisor/guest_memory.h"

#include <errno.h>
#include <sys/uio.h>

namespace nestrace {
namespace {

using Transfer = ssize_t (*)(pid_t, const iovec*, unsigned long, const iovec*, unsigned long, unsigned long);

long TransferAll(Transfer transfer, Tid tid, GuestAddr addr, char* data, size_t size) {
  if (size == 0) return 0;
  const iovec local = {data, size};
  const iovec remote = {reinterpret_cast<void*>(static_cast<uint64_t>(addr)), size};
  const ssize_t done = transfer(tid.value, &local, 1, &remote, 1, 0);
  if (done == static_cast<ssize_t>(size)) return 0;
  if (done >= 0) return -EFAULT;  // it stopped at a page that can't be accessed
  // EINVAL is an address range that wraps around.
  return errno == EINVAL ? -EFAULT : -errno;
}

}  // namespace

long ReadGuestMemory(Tid tid, GuestAddr addr, absl::Span<char> out) {
  return TransferAll(process_vm_readv, tid, addr, out.data(), out.size());
}

long WriteGuestMemory(Tid tid, GuestAddr addr, absl::Span<const char> in) {
  return TransferAll(process_vm_writev, tid, addr, const_cast<char*>(in.data()), in.size());
}

}  // namespace nestrace
