// The listener of the seccomp filter (seccomp_unotify(2)): receives the intercepted calls and answers them.
// All use of the descriptor is here.
//
//   absl::StatusOr<Listener> listener = Listener::Adopt(std::move(fd));
//   ... poll(2) says POLLIN on listener->fd():
//   Notification notification;
//   if (listener->Receive(&notification)) listener->Answer(notification.id, -EPERM);
//
// POLLHUP on fd() says that no task has the filter any more.

#ifndef NESTRACE_SUPERVISOR_LISTENER_H_
#define NESTRACE_SUPERVISOR_LISTENER_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "emu/types.h"
#include "supervisor/unique_fd.h"

namespace nestrace {

class Listener {
 public:
  // Says whether the kernel has user notifications, before anything is started.
  static absl::Status Probe();

  // Takes the descriptor that installing the filter returned. Sets SYNC_WAKE_UP where the kernel has it: the
  // answered guest then starts on the processor of the supervisor, which is about to sleep.
  static absl::StatusOr<Listener> Adopt(UniqueFd fd);

  int fd() const { return fd_.get(); }

  // Takes one notification; false if there is none, because its caller was interrupted since. Never blocks
  // after a POLLIN: the kernel counts the interrupted ones too (seccomp.c:recv_wait_event).
  bool Receive(Notification* notification);

  // The call returns `value`; a value in [-4095, -1] is a negative errno. False if the caller was interrupted
  // or killed, so that nothing was answered.
  bool Answer(uint64_t id, int64_t value);
  // The kernel carries out the call (SECCOMP_USER_NOTIF_FLAG_CONTINUE). False as above.
  bool Continue(uint64_t id);
  // The call returns a new descriptor of the caller, a duplicate of `fd`: its number. -ESRCH: as false above.
  // Another error is of the caller's table, and the call is still to be answered. Waits until the caller has
  // run and taken it.
  long Give(uint64_t id, int fd, bool close_on_exec);

 private:
  Listener(UniqueFd fd, size_t notification_size, size_t response_size);
  bool Send(uint64_t id, int64_t value, int32_t error, uint32_t flags);

  UniqueFd fd_;
  // Of the sizes that the kernel wants, which may exceed those of our headers; words, for alignment.
  std::vector<uint64_t> notification_;
  std::vector<uint64_t> response_;
};

}  // namespace nestrace

#endif  // NESTRACE_SUPERVISOR_LISTENER_H_
