#include "supervisor/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace nestrace {
namespace {

// Linux 6.6, <linux/seccomp.h>.
constexpr unsigned long kIoctlNotifSetFlags = _IOW('!', 4, uint64_t);
constexpr uint64_t kSyncWakeUp = 1;  // SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP

constexpr int64_t kMaxErrno = 4095;

size_t Words(size_t bytes) { return (bytes + 7) / 8; }

absl::StatusOr<seccomp_notif_sizes> Sizes() {
  seccomp_notif_sizes sizes = {};
  if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) < 0) {
    return absl::ErrnoToStatus(errno,
                               "the kernel has no seccomp user notifications: "
                               "seccomp(SECCOMP_GET_NOTIF_SIZES)");
  }
  return sizes;
}

}  // namespace

absl::Status Listener::Probe() { return Sizes().status(); }

absl::StatusOr<Listener> Listener::Adopt(UniqueFd fd) {
  absl::StatusOr<seccomp_notif_sizes> sizes = Sizes();
  if (!sizes.ok()) return sizes.status();
  ioctl(fd.get(), kIoctlNotifSetFlags, kSyncWakeUp);  // an older kernel: EINVAL, and slower wake-ups
  return Listener(std::move(fd), sizes->seccomp_notif, sizes->seccomp_notif_resp);
}

Listener::Listener(UniqueFd fd, size_t notification_size, size_t response_size)
    : fd_(std::move(fd)),
      notification_(Words(std::max(notification_size, sizeof(seccomp_notif)))),
      response_(Words(std::max(response_size, sizeof(seccomp_notif_resp)))) {}

bool Listener::Receive(Notification* notification) {
  // The kernel refuses a buffer that is not all zero.
  std::fill(notification_.begin(), notification_.end(), 0);
  auto* raw = reinterpret_cast<seccomp_notif*>(notification_.data());
  // ENOENT: interrupted or killed between the notification and now.
  if (ioctl(fd_.get(), SECCOMP_IOCTL_NOTIF_RECV, raw) < 0) return false;
  notification->id = raw->id;
  notification->tid = Tid{static_cast<pid_t>(raw->pid)};
  notification->abi = raw->data.arch == AUDIT_ARCH_I386 ? Abi::kI386 : Abi::kX86_64;
  notification->nr = raw->data.nr;
  notification->instruction_pointer = raw->data.instruction_pointer;
  std::copy(std::begin(raw->data.args), std::end(raw->data.args), std::begin(notification->args));
  if (notification->abi == Abi::kI386) {
    for (uint64_t& arg : notification->args) arg = static_cast<uint32_t>(arg);
  }
  return true;
}

bool Listener::Answer(uint64_t id, int64_t value) {
  if (value < 0 && value >= -kMaxErrno) return Send(id, 0, static_cast<int32_t>(value), 0);
  return Send(id, value, 0, 0);
}

bool Listener::Continue(uint64_t id) { return Send(id, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE); }

long Listener::Give(uint64_t id, int fd, bool close_on_exec) {
  seccomp_notif_addfd give = {};
  give.id = id;
  give.flags = SECCOMP_ADDFD_FLAG_SEND;
  give.srcfd = fd;
  give.newfd_flags = close_on_exec ? O_CLOEXEC : 0;
  for (;;) {
    const int number = ioctl(fd_.get(), SECCOMP_IOCTL_NOTIF_ADDFD, &give);
    if (number >= 0) return number;
    if (errno == EINTR) continue;  // not given: the kernel takes it back then
    // ENOENT, EINPROGRESS: no call waits for an answer under this id any more.
    return errno == ENOENT || errno == EINPROGRESS ? -ESRCH : -errno;
  }
}

bool Listener::Send(uint64_t id, int64_t value, int32_t error, uint32_t flags) {
  auto* response = reinterpret_cast<seccomp_notif_resp*>(response_.data());
  response->id = id;
  response->val = value;
  response->error = error;
  response->flags = flags;
  int result;
  do {
    result = ioctl(fd_.get(), SECCOMP_IOCTL_NOTIF_SEND, response);
  } while (result < 0 && errno == EINTR);  // a signal of our own
  return result == 0;
}

}  // namespace nestrace
