#include "supervisor/guest_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "supervisor/unique_fd.h"

namespace nestrace {
namespace {

using Transfer = ssize_t (*)(pid_t, const iovec*, unsigned long, const iovec*, unsigned long, unsigned long);

// An access of the guest's own below its stack makes that grow, and so does one through /proc/TID/mem
// (mm/memory.c:__access_remote_vm).
bool GrowStack(Tid tid, uint64_t addr) {
  const UniqueFd memory(open(absl::StrCat("/proc/", tid.value, "/mem").c_str(), O_RDONLY | O_CLOEXEC));
  char byte;
  return memory.ok() && pread(memory.get(), &byte, 1, static_cast<off_t>(addr)) == 1;
}

long TransferAll(Transfer transfer, Tid tid, GuestAddr addr, char* data, size_t size) {
  if (size == 0) return 0;
  const uint64_t begin = static_cast<uint64_t>(addr);
  size_t done = 0;
  for (const bool again : {true, false}) {
    const iovec local = {data + done, size - done};
    const iovec remote = {reinterpret_cast<void*>(begin + done), size - done};
    const ssize_t result = transfer(tid.value, &local, 1, &remote, 1, 0);
    // EINVAL is an address range that wraps around.
    if (result < 0 && errno != EFAULT) return errno == EINVAL ? -EFAULT : -errno;
    if (result > 0) done += static_cast<size_t>(result);
    if (done == size) return 0;
    if (!again || !GrowStack(tid, begin + done)) break;  // it stopped at a page that can't be accessed
  }
  return -EFAULT;
}

}  // namespace

long ReadGuestMemory(Tid tid, GuestAddr addr, absl::Span<char> out) {
  return TransferAll(process_vm_readv, tid, addr, out.data(), out.size());
}

long WriteGuestMemory(Tid tid, GuestAddr addr, absl::Span<const char> in) {
  return TransferAll(process_vm_writev, tid, addr, const_cast<char*>(in.data()), in.size());
}

}  // namespace nestrace
